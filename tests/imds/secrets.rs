//! No key, session token or reply in anything that can be printed: errors and their sources, `Debug`, events.

use std::error::Error;
use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_credential_types::provider::ProvideCredentials;
use sts_agent_name::agent::imds::{InstanceIdentity, InstanceProfile};
use tracing_subscriber::fmt::MakeWriter;

use super::server::{
    Answer, IDENTITY_PATH, LocalImds, PROFILE_PATH, ROLE_PATH, SECRET, SESSION_TOKEN, TOKEN_PATH,
    TOKEN_START, document, ok, status, token_reply,
};

#[derive(Clone, Default)]
struct Printed(Arc<Mutex<Vec<u8>>>);

impl io::Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Printed {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        writeln!(text, "{error} {error:?}").unwrap();
        next = error.source();
    }
    text
}

#[tokio::test]
async fn nothing_that_can_be_printed_holds_a_secret() {
    let events = Printed::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_ansi(false)
        .with_writer(events.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let mut said = String::new();

    let secret_head = format!("HTTP/1.1 200 {SECRET}\r\n{SESSION_TOKEN}");
    let long_ago = document(Duration::from_hours(1)).replace("20", "00");
    for (path, answer) in [
        (TOKEN_PATH, token_reply(&format!("{TOKEN_START} {SECRET}"), "60")),
        (TOKEN_PATH, token_reply(TOKEN_START, SECRET)),
        (TOKEN_PATH, status(403)),
        (TOKEN_PATH, status(500)),
        (PROFILE_PATH, ok(SECRET)),
        (PROFILE_PATH, status(401)),
        (ROLE_PATH, ok(&document(Duration::from_hours(1)).replace("Success", SECRET))),
        (ROLE_PATH, ok(&format!("{{\"Code\": \"Success\", \"SecretAccessKey\": [\"{SECRET}\"]}}"))),
        (ROLE_PATH, ok(&format!("{{\"Code\": \"Success\", \"{SECRET}\": \"{SECRET}"))),
        (ROLE_PATH, ok(&long_ago)),
        (ROLE_PATH, Answer::Bytes(secret_head.into())),
        (IDENTITY_PATH, ok(&document(Duration::from_mins(4)))),
    ] {
        let imds = LocalImds::start().await;
        imds.always(path, answer);
        let client = imds.client();
        let profile = InstanceProfile::new(client.clone());
        let identity = InstanceIdentity::new(client.clone());
        for result in [profile.provide_credentials().await, identity.provide_credentials().await] {
            match result {
                Ok(credentials) => write!(said, "{credentials:?}").unwrap(),
                Err(error) => said.push_str(&chain(&error)),
            }
        }
        imds.always(IDENTITY_PATH, status(503));
        let _ = identity.provide_credentials().await;
        write!(said, "{client:?} {profile:?} {identity:?} {:?}", imds.builder()).unwrap();
    }

    let events = String::from_utf8(events.0.lock().unwrap().clone()).expect("text");
    assert!(events.contains("IMDS did not answer; trying again"), "{events}");
    assert!(events.contains("no new credentials; the old ones last a little"), "{events}");
    assert!(said.contains("not a document with credentials"), "{said}");
    for secret in [SECRET, SESSION_TOKEN, TOKEN_START] {
        // A part of one is too much as well.
        let part = &secret[..10];
        assert!(!said.contains(part), "{part} in {said}");
        assert!(!events.contains(part), "{part} in {events}");
    }
}
