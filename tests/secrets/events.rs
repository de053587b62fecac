//! Events and log records, of this crate and of all that it uses.

use std::process::{Command, Stdio};
use std::sync::Arc;

use sts_agent_name::Endpoint;
use sts_agent_name::agent::Presigner;
use sts_agent_name::registrar::{NameAssignment, NameRelease, NameSettings, Registrar, Registration};
use sts_agent_name::registry::{AgentType, MemoryStore, Scope};

use crate::common::local::{ACCOUNT, ROLE, SECRET, TOKEN, credentials, now, presigned};
use crate::errors::errors;
use crate::setup::{CHILD, REGISTRATION_KEY, Secrets, World, forged, printed};

#[tokio::test]
async fn no_event_and_no_log_record_shows_a_secret() {
    let printed = printed();
    let world = World::new().await;
    let challenge = world.challenge();
    let url = world.bound_presigner(&challenge).presign(&credentials(), now()).expect("signed");
    let plain = presigned(&Endpoint::global());
    let mut secrets = Secrets::with(url.expose());
    secrets.0.extend(Secrets::with(plain.expose()).0);
    secrets.0.extend(Secrets::with(forged().expose()).0);
    secrets.add(challenge.expose().rsplit('.').nth(1).expect("a random part"));

    let verifier = world.bound_verifier();
    let verified = verifier.verify_with_challenge(url.expose(), challenge.expose(), &world.policy).await;
    verified.expect("verified");
    errors(&world, plain.expose()).await;
    registrations(&world, &mut secrets).await;

    let text = printed.text();
    for control in [
        // This crate: both outcomes, the local STS.
        "agent verified",
        "agent not verified",
        "asking STS again",
        "sts_agent_name::testing",
        // What it uses: pool and connector, client, TLS of both sides.
        "TRACE hyper_util::client",
        "log DEBUG reqwest::connect",
        "log DEBUG rustls::client",
        "log TRACE rustls::server",
    ] {
        assert!(text.contains(control), "the control: no {control}");
    }
    assert!(!text.contains("aws_sigv4"), "the signer's events hold the token");
    secrets.hidden_in("an event", &text);
}

/// A registration that succeeds, one with a used URL, one with the wrong kind of name; then the claim's whole life.
async fn registrations(world: &World, secrets: &mut Secrets) {
    let registrar = Registrar::new(Arc::new(MemoryStore::new()), vec![world.verifier()]);
    let (proven, plain) =
        (AgentType::parse("s1-proven").expect("a type"), AgentType::parse("s1-plain").expect("a type"));
    let assignment = NameAssignment::AwsSts {
        accounts: vec![ACCOUNT.parse().expect("an account")],
        roles: vec![ROLE.to_owned()],
        name_template: None,
    };
    for (agent_type, assignment) in [(&proven, assignment), (&plain, NameAssignment::Agent)] {
        let settings = NameSettings::new(assignment, NameRelease::Immediately).expect("settings");
        registrar.set_agent_type(agent_type.clone(), settings).expect("settings");
    }
    let scope = Scope::parse("acme").expect("a scope");
    let url = Presigner::new(Endpoint::global()).presign(&credentials(), now() - time::Duration::seconds(30));
    let url = url.expect("signed");
    secrets.0.extend(Secrets::with(url.expose()).0);
    let registration = Registration::new(&proven, &scope, url.expose()).with_key(REGISTRATION_KEY);
    let registered = registrar.register(registration).await.expect("registered");
    secrets.add(registered.claim_id.expose());
    secrets.hidden_in_debug(&registered);
    let [again, old] = [60, 3600].map(|seconds| {
        let signed_at = now() - time::Duration::seconds(seconds);
        Presigner::new(Endpoint::global()).presign(&credentials(), signed_at).expect("signed")
    });
    secrets.0.extend([&again, &old].into_iter().flat_map(|url| Secrets::with(url.expose()).0));
    for (registration, code) in [
        (registration, "already_spent"),
        (Registration::new(&proven, &scope, again.expose()), "name_taken"),
        (Registration::new(&proven, &scope, old.expose()), "expired"),
        (Registration::new(&plain, &scope, url.expose()), "url_not_expected"),
        (Registration::new(&plain, &scope, TOKEN), "invalid_name"),
        (Registration::new(&proven, &scope, SECRET), "url_expected"),
        (
            Registration::new(&plain, &scope, "worker-123").with_key(REGISTRATION_KEY).with_challenge(TOKEN),
            "registered",
        ),
    ] {
        match registrar.register(registration).await {
            Ok(registered) => {
                assert_eq!(code, "registered");
                secrets.add(registered.claim_id.expose());
                secrets.hidden_in_debug(&registered);
            }
            Err(error) => {
                assert_eq!(error.code(), code);
                secrets.hidden_in_error(&error);
            }
        }
    }
    let (name, claim_id) = (&registered.name, &registered.claim_id);
    registrar.renew(&proven, &scope, name, claim_id).await.expect("renewed");
    registrar.release(&proven, &scope, name, claim_id).await.expect("released");
    let error = registrar.renew(&proven, &scope, name, claim_id).await.expect_err("fenced");
    secrets.hidden_in_error(&error);
}

/// `tracing` with its feature `log`, which another crate may switch on, writes events as log records where there
/// is no subscriber. A process that has had one is another process, so this one starts one.
#[test]
fn no_log_record_shows_a_secret_where_there_is_no_subscriber() {
    let mut child = Command::new(std::env::current_exe().expect("a path"));
    child.args(["--exact", "events::in_a_process_without_a_subscriber", "--nocapture"]).env(CHILD, "1");
    let output = child.stdin(Stdio::null()).output().expect("a process");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out.contains("1 passed"), "{out}\n{err}");
}

#[tokio::test]
async fn in_a_process_without_a_subscriber() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let printed = printed();
    let world = World::new().await;
    let verifier = world.verifier();
    verifier.verify("https://sts.amazonaws.com/", &world.policy).await.expect_err("no evidence");
    let url = presigned(&Endpoint::global());
    verifier.verify(url.expose(), &world.policy).await.expect("verified");
    verifier.verify(forged().expose(), &world.policy).await.expect_err("forged");
    let text = printed.text();
    for control in ["log WARN sts_agent_name::server: agent not verified", "log DEBUG rustls::client"] {
        assert!(text.contains(control), "the control: no {control} in {text}");
    }
    Secrets::with(url.expose()).hidden_in("a log record", &text);
}
