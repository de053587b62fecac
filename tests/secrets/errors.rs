//! Every error, and all that stands behind it.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use sts_agent_name::agent::{PresignError, Presigner};
use sts_agent_name::policy::Policy;
use sts_agent_name::registry::{ClaimId, RegistrationKey};
use sts_agent_name::server::{ChallengeKey, Verifier, VerifyError};
use sts_agent_name::testing::{Certificate, Fault, LocalSts};
use sts_agent_name::{Audience, Challenge, Endpoint, Region};
use time::OffsetDateTime;

use crate::common::local::{KEY, SECRET, TOKEN, agent, builder, credentials, now, presigned};
use crate::setup::{CHALLENGE_KEY, PROXY_PASSWORD, Secrets, World, forged, printed, proxied_verifier};

/// Every way for a text to be refused: each parameter left out, given twice, emptied, spoilt; cut, and rebuilt.
fn spoilt(url: &str) -> Vec<String> {
    let (start, query) = url.split_once('?').expect("a query");
    let pairs: Vec<&str> = query.split('&').collect();
    let joined = |pairs: &[&str]| format!("{start}?{}", pairs.join("&"));
    let mut texts = vec![
        String::new(),
        query.to_owned(),
        url.replacen("https", "http", 1),
        url.replacen("sts.", "sts.evil.", 1),
        url.replacen("://", "://agent@", 1),
        format!("{url}#"),
        format!("{url}\n"),
        format!("{url}&{}", "x".repeat(10_000)),
        url.replace("SignedHeaders=host", "SignedHeaders=host%3Bx-amz-security-token"),
        url.replace("ASIA", "AKIA"),
        url.replace("X-Amz-Date=2", "X-Amz-Date=1"),
    ];
    for at in 0..pairs.len() {
        let (name, value) = pairs[at].split_once('=').expect("a pair");
        let with = |pair: String| {
            let mut pairs = pairs.clone();
            pairs[at] = &pair;
            joined(&pairs)
        };
        texts.extend([
            with(format!("{name}=")),
            with(format!("{name}={value}%")),
            with(format!("{name}={value}\u{e9}")),
            with(format!("{name}={value}'")),
            with(format!("{value}={name}")),
            with(value.to_owned()),
            joined(&[&pairs[..at], &pairs[at + 1..]].concat()),
            joined(&[&pairs[..], &pairs[at..=at]].concat()),
        ]);
    }
    texts
}

fn faults() -> Vec<Fault> {
    let echo = |status: u16, text: &str| Fault::body(status, "text/xml", text);
    vec![
        Fault::CloseAtOnce,
        Fault::CloseInsteadOfReply,
        Fault::ResetMidReply,
        Fault::WrongContentLength,
        Fault::EndlessBody,
        Fault::GzipBomb,
        Fault::Redirect {
            status: 307,
            location: format!("https://127.0.0.1:1/?X-Amz-Security-Token={TOKEN}"),
        },
        Fault::ErrorWith200,
        Fault::SuccessWith403,
        Fault::Html,
        Fault::Json,
        Fault::Empty,
        Fault::Status(503),
        Fault::Throttle { retry_after: Some(60) },
        Fault::Error { status: 403, code: TOKEN.to_owned(), message: TOKEN.to_owned() },
        Fault::Error { status: 400, code: "Unheard".to_owned(), message: TOKEN.to_owned() },
        echo(200, TOKEN),
        echo(403, TOKEN),
        echo(503, TOKEN),
        Fault::body(200, Some(TOKEN), TOKEN),
        Fault::body(200, Some(&*format!("text/xml\r\n{TOKEN}")), TOKEN),
        Fault::NeverAnswer,
    ]
}

/// Every error that the server's half can come to, with the code of each.
pub(crate) async fn errors(world: &World, url: &str) -> Vec<VerifyError> {
    let mut errors = Vec::new();
    let verifier = world.verifier();
    for text in spoilt(url) {
        errors.extend(verifier.verify(&text, &world.policy).await.err());
    }
    let other = Policy::builder().account("210987654321").any_role().build().expect("a policy");
    errors.extend(verifier.verify(url, &other).await.err());
    errors.extend(verifier.verify(forged().expose(), &world.policy).await.err());
    let later = now() + time::Duration::hours(1);
    errors.extend(verifier.begin(url, &world.policy, later).err().map(VerifyError::from));
    errors.extend(
        verifier.begin(url, &world.policy, now() - time::Duration::hours(1)).err().map(VerifyError::from),
    );
    let challenge = world.challenge();
    let bound = world.bound_verifier();
    errors.extend(bound.verify(url, &world.policy).await.err());
    errors.extend(bound.verify_with_challenge(url, challenge.expose(), &world.policy).await.err());
    errors.extend(bound.verify_with_challenge(url, SECRET, &world.policy).await.err());
    errors.extend(
        bound
            .begin_with_challenge(url, challenge.expose(), &world.policy, later)
            .err()
            .map(VerifyError::from),
    );
    let short = builder(&world.sts).timeout(Duration::from_millis(700)).build().expect("a verifier");
    for fault in faults() {
        world.sts.play(fault.clone());
        errors.push(short.verify(url, &world.policy).await.expect_err(&format!("{fault:?}")));
    }
    world.sts.behave();
    for certificate in
        [Certificate::OtherName, Certificate::Expired, Certificate::SelfSigned, Certificate::OldTls]
    {
        let sts = LocalSts::builder().principal(agent()).certificate(certificate).start().await;
        let sts = sts.expect("a local STS");
        errors.push(
            builder(&sts).build().expect("a verifier").verify(url, &world.policy).await.expect_err("no TLS"),
        );
    }
    let proxy = format!("http://agent:{PROXY_PASSWORD}@127.0.0.1:1");
    errors.push(proxied_verifier(&proxy).verify(url, &world.policy).await.expect_err("no proxy"));
    let full = builder(&world.sts).concurrency(1, 0).build().expect("a verifier");
    let (one, two) = tokio::join!(full.verify(url, &world.policy), full.verify(url, &world.policy));
    errors.extend(one.err().into_iter().chain(two.err()));
    errors
}

#[tokio::test]
async fn no_error_and_nothing_behind_it_shows_a_secret() {
    printed();
    let world = World::new().await;
    let url = presigned(&Endpoint::global());
    let mut secrets = Secrets::with(url.expose());
    // Its name is no secret, and stands in one text.
    secrets.0.retain(|secret| secret != "X-Amz-Signature=");
    let errors = errors(&world, url.expose()).await;
    let mut codes: Vec<&str> = errors.iter().map(VerifyError::code).collect();
    codes.sort_unstable();
    codes.dedup();
    for code in [
        "busy",
        "duplicate_parameter",
        "expired",
        "invalid_reply",
        "signature_rejected",
        "throttled",
        "unavailable",
    ] {
        assert!(codes.contains(&code), "the control: {code} not in {codes:?}");
    }
    assert!(codes.len() >= 25, "the control: {codes:?}");
    for error in &errors {
        secrets.hidden_in_error(error);
    }
}

/// A provider that has no credentials to give.
#[derive(Debug)]
struct Empty;

impl ProvideCredentials for Empty {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::ready(Err(CredentialsError::not_loaded("nothing there")))
    }
}

#[tokio::test]
async fn no_error_of_the_agent_or_of_a_builder_shows_a_secret() {
    printed();
    let secrets = Secrets::with(presigned(&Endpoint::global()).expose());
    let presigner = Presigner::new(Endpoint::global());
    let at = |credentials: &Credentials, now: OffsetDateTime| {
        presigner.presign(credentials, now).expect_err("no URL")
    };
    let with = |key: &str, token: Option<&str>| {
        Credentials::new(key, SECRET, token.map(str::to_owned), None, "test")
    };
    let ended = Credentials::new(KEY, SECRET, Some(TOKEN.to_owned()), Some(std::time::UNIX_EPOCH), "test");
    let mut errors: Vec<PresignError> = vec![
        at(&with(TOKEN, Some(TOKEN)), now()),
        at(&with(KEY, None), now()),
        at(&with(KEY, Some(&format!("{TOKEN} {TOKEN}"))), now()),
        at(&with(KEY, Some(&TOKEN.repeat(300))), now()),
        at(&ended, now()),
        at(&credentials(), OffsetDateTime::UNIX_EPOCH - time::Duration::days(1)),
        presigner.presign_from(&Empty, now()).await.expect_err("no credentials"),
    ];
    let often = OffsetDateTime::UNIX_EPOCH;
    errors.extend((0..100).find_map(|_| presigner.presign(&credentials(), often).err()));
    let mut kinds: Vec<String> = errors.iter().map(ToString::to_string).collect();
    kinds.sort();
    kinds.dedup();
    assert_eq!(kinds.len(), 8, "the control: {kinds:?}");
    for error in &errors {
        secrets.hidden_in_error(error);
    }

    for proxy in [
        format!("http://agent:{PROXY_PASSWORD}@["),
        format!("nothing://agent:{PROXY_PASSWORD}@host"),
        format!("agent:{PROXY_PASSWORD}@:::"),
    ] {
        let builder = Verifier::builder().proxy(&proxy);
        secrets.hidden_in_debug(&builder);
        match builder.build() {
            Ok(verifier) => secrets.hidden_in_debug(&verifier),
            Err(error) => secrets.hidden_in_error(&error),
        }
    }
    for text in [TOKEN, SECRET] {
        secrets.hidden_in_error(&Challenge::parse(&format!("{text} ")).expect_err("no challenge"));
        secrets.hidden_in_error(&Audience::new(&format!("{text}\n")).expect_err("no audience"));
        secrets.hidden_in_error(&RegistrationKey::parse(&format!("{text}\n")).expect_err("no key"));
        secrets.hidden_in_error(&ClaimId::parse(text).expect_err("no claim id"));
        secrets.hidden_in_error(&ChallengeKey::new(text, CHALLENGE_KEY).expect_err("no key"));
        secrets.hidden_in_error(&Region::parse(text).expect_err("no region"));
    }
}
