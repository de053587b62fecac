//! What must stay hidden, all that is printed, and a world in which everything happens once.

use std::error::Error;
use std::fmt::Debug;
use std::io;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use aws_credential_types::Credentials;
use sts_agent_name::agent::Presigner;
use sts_agent_name::policy::Policy;
use sts_agent_name::server::{ChallengeKey, Challenges, Verifier};
use sts_agent_name::testing::LocalSts;
use sts_agent_name::{Audience, Challenge, Endpoint, PresignedUrl};

use crate::common::local::{ACCOUNT, KEY, ROLE, SECRET, TOKEN, agent, builder, now};

pub(crate) const CHALLENGE_KEY: [u8; 32] = *b"a challenge key of 32 bytes, ok?";
pub(crate) const REGISTRATION_KEY: &str = "oY3vX0pQm1sT8uKd2wZb4g";
pub(crate) const PROXY_PASSWORD: &str = "hunter2-of-the-proxy";
/// Set for the process that has a logger and no subscriber.
pub(crate) const CHILD: &str = "STS_AGENT_NAME_CHILD";

/// What must not be found anywhere.
pub(crate) struct Secrets(pub(crate) Vec<String>);

impl Secrets {
    /// The secrets of this file, and those of this URL.
    pub(crate) fn with(url: &str) -> Self {
        let signature = &url[url.len() - 64..];
        assert!(signature.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let mut secrets = Self(Vec::new());
        // The start of each will do. That of the token is the same however it is escaped.
        for secret in [&SECRET[..12], &TOKEN[..16], &signature[..16], REGISTRATION_KEY, PROXY_PASSWORD] {
            secrets.add(secret);
        }
        secrets.add(std::str::from_utf8(&CHALLENGE_KEY).expect("text"));
        secrets.add("X-Amz-Signature=");
        secrets.add("Action=GetCallerIdentity");
        secrets
    }

    /// As text, and as `Debug` writes bytes.
    pub(crate) fn add(&mut self, secret: &str) {
        let bytes: Vec<String> = secret.bytes().take(8).map(|byte| byte.to_string()).collect();
        self.0.extend([secret.replace(' ', ""), bytes.join(",")]);
    }

    #[track_caller]
    pub(crate) fn hidden_in(&self, what: &str, text: &str) {
        // Blanks and new lines apart, in which the two forms of `Debug` differ.
        let dense: String = text.chars().filter(|char| !char.is_whitespace()).collect();
        for secret in &self.0 {
            if let Some(at) = dense.find(secret) {
                let start = dense.floor_char_boundary(at.saturating_sub(200));
                let end = dense.floor_char_boundary((at + 100).min(dense.len()));
                panic!("{what} shows {secret}: …{}…", &dense[start..end]);
            }
        }
    }

    #[track_caller]
    pub(crate) fn hidden_in_debug(&self, value: &dyn Debug) {
        let text = format!("{value:?} {value:#?}");
        self.hidden_in(text.split([' ', '(']).next().unwrap_or_default(), &text);
    }

    #[track_caller]
    pub(crate) fn hidden_in_error(&self, error: &(dyn Error + 'static)) {
        let mut next = Some(error);
        while let Some(error) = next {
            self.hidden_in("an error", &format!("{error} {error:#} {error:?} {error:#?}"));
            next = error.source();
        }
    }
}

/// All events and all log records of this process, from the first call on.
pub(crate) fn printed() -> &'static Printed {
    static PRINTED: OnceLock<Printed> = OnceLock::new();
    PRINTED.get_or_init(|| {
        let printed = Printed::default();
        if std::env::var_os(CHILD).is_none() {
            let writer = printed.clone();
            let subscriber = tracing_subscriber::fmt()
                .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
                .with_ansi(false)
                .with_writer(move || writer.clone())
                .finish();
            tracing::subscriber::set_global_default(subscriber).expect("the first");
        }
        log::set_boxed_logger(Box::new(printed.clone())).expect("the first");
        log::set_max_level(log::LevelFilter::Trace);
        printed
    })
}

#[derive(Clone, Default)]
pub(crate) struct Printed(Arc<Mutex<Vec<u8>>>);

impl Printed {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("no panic").clone()).expect("text")
    }
}

impl io::Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl log::Log for Printed {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let line = format!("log {} {}: {}\n", record.level(), record.target(), record.args());
        self.0.lock().expect("no panic").extend_from_slice(line.as_bytes());
    }

    fn flush(&self) {}
}

/// Everything that one agent and one server make of each other.
pub(crate) struct World {
    pub(crate) sts: LocalSts,
    pub(crate) policy: Policy,
    pub(crate) audience: Audience,
    pub(crate) challenges: Challenges,
}

impl World {
    pub(crate) async fn new() -> Self {
        let sts = LocalSts::builder().principal(agent()).echo_canonical_request().start();
        Self {
            sts: sts.await.expect("a local STS"),
            policy: Policy::builder().account(ACCOUNT).role(ROLE).build().expect("a policy"),
            audience: Audience::new("ci.example.com").expect("an audience"),
            challenges: Challenges::new(ChallengeKey::new("k1", CHALLENGE_KEY).expect("a key")).scope("acme"),
        }
    }

    /// A verifier without audience and challenges.
    pub(crate) fn verifier(&self) -> Verifier {
        builder(&self.sts).timeout(Duration::from_secs(10)).build().expect("a verifier")
    }

    pub(crate) fn bound_verifier(&self) -> Verifier {
        let builder = builder(&self.sts).audience(self.audience.clone()).challenges(self.challenges.clone());
        builder.build().expect("a verifier")
    }

    pub(crate) fn challenge(&self) -> Challenge {
        self.challenges.issue(Some(&self.audience), now()).expect("issued")
    }

    pub(crate) fn bound_presigner(&self, challenge: &Challenge) -> Presigner {
        Presigner::new(Endpoint::global()).with_audience(self.audience.clone()).with_challenge(challenge)
    }
}

/// Evidence with the agent's token, signed with another secret: STS quotes what it makes of it.
pub(crate) fn forged() -> PresignedUrl {
    let secret = "wJalrXUtnFEMI/of/somebody/else/EXAMPLEKEY";
    let credentials = Credentials::new(KEY, secret, Some(TOKEN.to_owned()), None, "test");
    Presigner::new(Endpoint::global()).presign(&credentials, now()).expect("signed")
}

pub(crate) fn proxied_verifier(proxy: &str) -> Verifier {
    Verifier::builder().proxy(proxy).build().expect("a verifier")
}
