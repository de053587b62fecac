//! Evidence that is used twice, or elsewhere.

use sts_agent_name::agent::Presigner;
use sts_agent_name::{Audience, Endpoint};

use crate::common::local::{builder, credentials, now};
use crate::setup::{base, plain_policy, plain_verifier, sts, verify_with, with};

/// A hostile server passes an agent's evidence on to the real one.
#[tokio::test]
async fn t72_replay_at_another_service() {
    let sts = sts().await;
    let hostile = Audience::new("hostile.example.com").expect("an audience");
    let ours = Audience::new("ci.example.com").expect("an audience");
    let presigner = Presigner::new(Endpoint::global()).with_audience(hostile.clone());
    let url = presigner.presign(&credentials(), now()).expect("signed");
    let at = async |audience: &Audience| {
        verify_with(builder(&sts).audience(audience.clone()), url.expose(), &plain_policy()).await
    };
    assert_eq!(at(&hostile).await, "verified");
    assert_eq!(at(&ours).await, "wrong_audience_or_signature");
}

/// The same signature under another spelling of the URL, so that a record by URL misses it.
#[test]
fn t73_replay_with_an_unsigned_part_changed() {
    let (policy, verifier) = (plain_policy(), plain_verifier());
    let (evidence, now) = base();
    let signature = |text: &str| verifier.begin(text, &policy, now).expect("good").signature();
    let (start, query) = evidence.split_once('?').expect("a query");
    let reversed: Vec<&str> = query.split('&').rev().collect();
    for other in [
        with("%2F", "%2f"),
        with("Token=FAKE", "Token=%46AKE"),
        with("amazonaws.com/?", "amazonaws.com?"),
        format!("{start}?{}", reversed.join("&")),
        with("Expires=900", "Expires=899"),
    ] {
        assert_eq!(signature(&other), signature(&evidence), "{other}");
    }
    // Upper case would be another text for the same number; it is refused.
    let (_, digits) = evidence.rsplit_once('=').expect("a signature");
    let shouted = with(digits, &digits.to_ascii_uppercase());
    assert_eq!(crate::setup::begin(&shouted), "invalid_signature");
    assert_ne!(signature(&with(digits, &digits.replace('1', "2"))), signature(&evidence));
}
