//! `Debug` and `Display` of every value that holds or meets a secret; what it cannot do; panics.

use std::fmt::{Debug, Display};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use sts_agent_name::agent::Presigner;
use sts_agent_name::policy::VerifiedAgent;
use sts_agent_name::registrar::{Registrar, Registration};
use sts_agent_name::registry::{AgentType, ClaimId, MemoryStore, RegistrationKey, Scope};
use sts_agent_name::server::{ChallengeKey, Exchange, Reply, Verifier};
use sts_agent_name::testing::sigv4::{self, ReceivedRequest};
use sts_agent_name::testing::{LocalSts, LocalStsBuilder, Principal};
use sts_agent_name::{Challenge, Endpoint, PresignedUrl};

use crate::common::local::{INSTANCE, SECRET, TOKEN, agent, credentials, now, presigned};
use crate::setup::{
    CHALLENGE_KEY, PROXY_PASSWORD, REGISTRATION_KEY, Secrets, World, forged, printed, proxied_verifier,
};

#[tokio::test]
async fn no_value_shows_a_secret_of_its_own() {
    printed();
    let world = World::new().await;
    let challenge = world.challenge();
    let presigner = world.bound_presigner(&challenge);
    let url = presigner.presign(&credentials(), now()).expect("signed");
    let mut secrets = Secrets::with(url.expose());
    secrets.add(challenge.expose().rsplit('.').nth(1).expect("a random part"));

    let verifier = world.bound_verifier();
    let exchange: Exchange<'_> = verifier
        .begin_with_challenge(url.expose(), challenge.expose(), &world.policy, now())
        .expect("an exchange");
    let verified: VerifiedAgent = verifier
        .verify_with_challenge(url.expose(), challenge.expose(), &world.policy)
        .await
        .expect("verified");
    assert!(format!("{verified:?}").contains(INSTANCE));

    // A reply that quotes the request.
    let plain = world.verifier();
    let forged = forged();
    let refused = plain.begin(forged.expose(), &world.policy, now()).expect("an exchange");
    let reply: Reply = plain.send(&refused).await.expect("a reply");
    let body = std::str::from_utf8(reply.expose_body()).expect("text");
    assert!(body.contains(&TOKEN[..16]), "the control: {body}");

    let proxy = format!("http://agent:{PROXY_PASSWORD}@127.0.0.1:1");
    let proxied = Verifier::builder().proxy(&proxy);
    let claim_id = ClaimId::generate().expect("random");
    secrets.add(claim_id.expose());
    let (agent_type, scope) =
        (AgentType::parse("s1").expect("a type"), Scope::parse("acme").expect("a scope"));
    let registration = Registration::new(&agent_type, &scope, url.expose())
        .with_challenge(challenge.expose())
        .with_key(REGISTRATION_KEY);
    let registration_key = RegistrationKey::parse(REGISTRATION_KEY).expect("a key");

    let unbound = presigned(&Endpoint::global());
    secrets.0.extend(Secrets::with(unbound.expose()).0);
    let received = ReceivedRequest::from_url("GET", unbound.expose()).expect("a request");
    let stages = sigv4::stages(&received, SECRET).expect("stages");
    assert!(stages.canonical_request().contains(&TOKEN[..16]), "the control");
    let sts_builder: LocalStsBuilder = LocalSts::builder().principal(agent()).echo_canonical_request();
    let principal: Principal = agent();

    let values: [&dyn Debug; 25] = [
        &presigner,
        &url,
        &challenge,
        &exchange,
        &verified,
        &verifier,
        &plain,
        &refused,
        &reply,
        &world.challenges,
        &ChallengeKey::new("k1", CHALLENGE_KEY).expect("a key"),
        &world.audience,
        &world.policy,
        &proxied,
        &proxied_verifier(&proxy),
        &claim_id,
        &registration,
        &registration_key,
        &Registrar::new(Arc::new(MemoryStore::new()), vec![world.bound_verifier()]),
        &received,
        &stages,
        &world.sts,
        &sts_builder,
        &principal,
        &forged,
    ];
    for value in values {
        secrets.hidden_in_debug(value);
    }
    let shown: [&dyn Display; 4] =
        [verified.name(), verified.owner(), verified.signature(), verified.identity().arn()];
    for value in shown {
        secrets.hidden_in("a value", &value.to_string());
    }
}

#[tokio::test]
async fn no_panic_shows_a_secret() {
    printed();
    let world = World::new().await;
    let url = presigned(&Endpoint::global()).expose().to_owned();
    let secrets = Secrets::with(&url);
    let shown = |what: &str, text: String| {
        assert!(!text.is_empty(), "the control: {what}");
        secrets.hidden_in(what, &text);
    };
    let parsed = PresignedUrl::parse(&url);
    shown("unwrap_err of a URL", panic_of(|| _ = parsed.unwrap_err()));
    let signed = Presigner::new(Endpoint::global()).presign(&credentials(), now());
    shown("unwrap_err of a signing", panic_of(|| drop(signed.unwrap_err())));
    let refused = PresignedUrl::parse(&format!("{url}&X=1"));
    shown("unwrap of a refusal", panic_of(|| drop(refused.unwrap())));
    let error = world.verifier().verify(forged().expose(), &world.policy).await.expect_err("forged");
    let text = format!("{error:?}");
    shown("unwrap of an error", panic_of(move || panic!("{text}")));
}

/// The message of the panic that `code` ends in.
fn panic_of(code: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(code)).expect_err("a panic");
    payload.downcast_ref::<String>().cloned().unwrap_or_default()
}

/// Fails to compile if the type has the trait.
macro_rules! has_not {
    ($type:ty: $($trait:path),+) => {$(
        const _: fn() = || {
            trait Ambiguous<T> { fn check() {} }
            impl<T: ?Sized> Ambiguous<()> for T {}
            struct Has;
            impl<T: ?Sized + $trait> Ambiguous<Has> for T {}
            let _ = <$type as Ambiguous<_>>::check;
        };
    )+};
}

has_not!(PresignedUrl: Clone, PartialEq, Display, AsRef<str>, Into<String>, serde::Serialize, std::ops::Deref);
has_not!(Challenge: Clone, PartialEq, Display, AsRef<str>, Into<String>, serde::Serialize, std::ops::Deref);
has_not!(ChallengeKey: PartialEq, Display, serde::Serialize);
has_not!(ClaimId: PartialEq, Display, serde::Serialize, std::ops::Deref);
has_not!(RegistrationKey: Clone, PartialEq, Display, serde::Serialize, std::ops::Deref);
has_not!(Exchange<'static>: Clone, PartialEq, Display, serde::Serialize);
has_not!(Reply: Clone, PartialEq, Display, serde::Serialize);
has_not!(VerifiedAgent: Default, serde::Serialize, serde::de::DeserializeOwned);
has_not!(Principal: PartialEq, Display, serde::Serialize);
has_not!(Presigner: Clone, PartialEq, Display, serde::Serialize);
