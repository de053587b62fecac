//! The main job, on one machine: a local STS, a server, three agents that get their names, and five rogues with
//! a stolen registration token that do not. Nothing leaves the machine.
//!
//! ```text
//! cargo run --example register
//! ```
//!
//! The exit status is 0 only if all went as told.

use std::error::Error;
use std::process::ExitCode;

use aws_credential_types::Credentials;
use sts_agent_name::agent::Presigner;
use sts_agent_name::policy::Policy;
use sts_agent_name::server::{Verifier, VerifyError};
use sts_agent_name::testing::{LocalSts, Principal};
use sts_agent_name::{Audience, Endpoint, PresignedUrl, Region};
use time::OffsetDateTime;
use tokio::sync::{mpsc, oneshot};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const ACCOUNT: &str = "123456789012";
const FOREIGN_ACCOUNT: &str = "210987654321";
const REGISTRATION_TOKEN: &str = "registration-token";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

/// Temporary credentials that STS knows, and whose they are.
struct Machine {
    key_id: String,
    token: String,
    account: &'static str,
    role: &'static str,
    session: &'static str,
}

impl Machine {
    fn new(number: u8, account: &'static str, role: &'static str, session: &'static str) -> Self {
        // AWS's documented example key, with its last letters changed.
        let key_id = format!("ASIAIOSFODNN7EXAMP{number:02}");
        Self { key_id, token: format!("EXAMPLE/session+token=={number}"), account, role, session }
    }

    fn principal(&self) -> Principal {
        Principal::assumed_role(&self.key_id, SECRET, &self.token, self.account, self.role, self.session)
    }

    fn credentials(&self) -> Credentials {
        Credentials::new(&self.key_id, SECRET, Some(self.token.clone()), None, "example")
    }
}

/// What an agent sends, and where the answer goes.
struct Registration {
    token: String,
    evidence: String,
    answer: oneshot::Sender<Answer>,
}

type Answer = std::result::Result<String, (u16, &'static str, String)>;

/// The server: checks the registration token, then the evidence.
async fn serve(verifier: Verifier, policy: Policy, mut requests: mpsc::Receiver<Registration>) {
    while let Some(Registration { token, evidence, answer }) = requests.recv().await {
        let outcome = if token == REGISTRATION_TOKEN {
            register(&verifier, &policy, &evidence).await
        } else {
            Err((401, "unknown_registration_token", "unknown registration token".to_owned()))
        };
        let _agent_gone = answer.send(outcome);
    }
}

/// The three steps of `Verifier::verify`, one by one, to show them.
async fn register(verifier: &Verifier, policy: &Policy, evidence: &str) -> Answer {
    let refuse = |error: VerifyError| (error.http_status(), error.code(), error.to_string());
    let exchange = verifier.begin(evidence, policy, now()).map_err(|refusal| refuse(refusal.into()))?;
    say(
        "server",
        "begin",
        &format!("form, age and audience in order; asking {}", exchange.evidence().host()),
    );
    let reply = verifier.send(&exchange).await.map_err(refuse)?;
    say("sts", "answer", &format!("{} {}", reply.status(), reply.content_type().unwrap_or_default()));
    let agent = exchange.finish(reply.status(), reply.content_type(), reply.expose_body()).map_err(refuse)?;
    say("server", "finish", &format!("allowed: {}", agent.identity().arn()));
    Ok(agent.name().to_string())
}

/// One agent's way to the server and back. `signed` is what it signed; `evidence` is what it sends.
struct Wire(mpsc::Sender<Registration>);

impl Wire {
    async fn send(&self, evidence: String) -> Result<Answer> {
        let (answer, reply) = oneshot::channel();
        let token = REGISTRATION_TOKEN.to_owned();
        self.0.send(Registration { token, evidence, answer }).await.map_err(|_| "server gone")?;
        Ok(reply.await?)
    }
}

fn say(who: &str, what: &str, text: &str) {
    println!("  {who:<8} {what:<8} {text}");
}

fn title(text: &str) {
    println!("\n{text}");
}

/// The part of a URL that may be shown.
fn redacted(url: &PresignedUrl) -> String {
    format!("https://{}/?…  key {}, token and signature not shown", url.host(), url.access_key_id())
}

#[expect(clippy::disallowed_methods, reason = "agents and servers have a clock")]
fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    println!("One server, three agents, five rogues with a stolen registration token; STS is a local one.");
    let frankfurt = Endpoint::regional(&Region::parse("eu-central-1")?)?;
    let audience = Audience::new("ci.example.com")?;
    let agents = [
        Machine::new(1, ACCOUNT, "ci-agent-linux", "i-0123456789abcdef0"),
        Machine::new(2, ACCOUNT, "ci-agent-linux", "i-0fedcba9876543210"),
        Machine::new(3, ACCOUNT, "ci-agent-mac", "i-00112233445566778"),
    ];
    let foreigner = Machine::new(4, FOREIGN_ACCOUNT, "ci-agent-linux", "i-0aaaaaaaaaaaaaaaa");
    let web_server = Machine::new(5, ACCOUNT, "web-server", "i-0bbbbbbbbbbbbbbbb");
    let forger = Machine::new(6, ACCOUNT, "ci-agent-linux", "i-0123456789abcdef0");

    let known = agents.iter().chain([&foreigner, &web_server]).map(Machine::principal);
    let sts =
        known.fold(LocalSts::builder(), sts_agent_name::testing::LocalStsBuilder::principal).start().await?;

    let verifier =
        Verifier::builder().audience(audience.clone()).danger_stand_in(sts.addr(), sts.ca_pem()).build()?;
    let policy = Policy::builder().account(ACCOUNT).role("ci-agent-*").build()?;
    let (requests, inbox) = mpsc::channel(8);
    let server = tokio::spawn(serve(verifier, policy, inbox));
    let wire = Wire(requests);
    let sign = |machine: &Machine, audience: &Audience| {
        let presigner = Presigner::new(frankfurt.clone()).with_audience(audience.clone());
        presigner.presign(&machine.credentials(), now())
    };

    let mut as_told = true;
    for machine in &agents {
        title(&format!("agent on {}", machine.session));
        let url = sign(machine, &audience)?;
        say("agent", "sign", &redacted(&url));
        match wire.send(url.expose().to_owned()).await? {
            Ok(name) => {
                say("agent", "NAMED", &name);
                as_told &= name == machine.session;
            }
            Err((status, code, text)) => {
                say("agent", "REFUSED", &format!("{status} {code}: {text}"));
                as_told = false;
            }
        }
    }

    let good = sign(&agents[0], &audience)?.expose().to_owned();
    let elsewhere = Audience::new("ci.evil.example")?;
    for (who, evidence, want) in [
        (
            "credentials that AWS does not know",
            sign(&forger, &audience)?.expose().to_owned(),
            "credentials_unknown",
        ),
        ("another's URL, with a parameter changed", tampered(&good), "wrong_audience_or_signature"),
        (
            "real credentials of a foreign account",
            sign(&foreigner, &audience)?.expose().to_owned(),
            "account_not_allowed",
        ),
        (
            "a web server of the same account",
            sign(&web_server, &audience)?.expose().to_owned(),
            "role_not_allowed",
        ),
        (
            "a URL signed for another server",
            sign(&agents[1], &elsewhere)?.expose().to_owned(),
            "wrong_audience_or_signature",
        ),
    ] {
        title(&format!("rogue with {who}"));
        match wire.send(evidence).await? {
            Ok(name) => {
                say("rogue", "NAMED", &name);
                as_told = false;
            }
            Err((status, code, text)) => {
                say("rogue", "REFUSED", &format!("{status} {code}: {text}"));
                as_told &= code == want;
            }
        }
    }

    drop(wire);
    server.await?;
    println!("\n{}", if as_told { "All went as told." } else { "NOT all went as told." });
    Ok(if as_told { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The same URL with another `X-Amz-Expires`: in order to look at, but not what was signed.
fn tampered(url: &str) -> String {
    url.replace("X-Amz-Expires=900", "X-Amz-Expires=899")
}
