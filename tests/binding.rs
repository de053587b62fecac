//! Evidence bound to one server, one attempt, one instance.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod common;

use common::local::{
    ACCOUNT, INSTANCE, KEY, ROLE, SECRET, TOKEN, agent, builder, credentials, now, presigned, verifier,
};
use sts_agent_name::agent::Presigner;
use sts_agent_name::policy::Policy;
use sts_agent_name::server::{
    ChallengeKey, Challenges, InstanceFacts, InstanceVerdict, Verifier, VerifierBuilder,
};
use sts_agent_name::testing::{LocalSts, Principal};
use sts_agent_name::{Audience, Challenge, Endpoint};
use time::Duration;

fn policy() -> Policy {
    Policy::builder().account(ACCOUNT).role(ROLE).build().expect("a policy")
}

async fn sts() -> LocalSts {
    LocalSts::builder().principal(agent()).start().await.expect("a local STS")
}

fn challenges() -> Challenges {
    Challenges::new(ChallengeKey::new("k1", [7; 32]).expect("a key"))
}

fn server(sts: &LocalSts, audience: Option<&Audience>, challenges: Option<&Challenges>) -> Verifier {
    let built = audience.cloned().into_iter().fold(builder(sts), VerifierBuilder::audience);
    challenges.cloned().into_iter().fold(built, VerifierBuilder::challenges).build().expect("a verifier")
}

/// What an agent signs, as the text that it sends.
fn signed(audience: Option<&Audience>, challenge: Option<&Challenge>) -> String {
    let presigner =
        audience.cloned().into_iter().fold(Presigner::new(Endpoint::global()), Presigner::with_audience);
    let presigner = challenge.into_iter().fold(presigner, Presigner::with_challenge);
    presigner.presign(&credentials(), now()).expect("signed").expose().to_owned()
}

async fn verify(verifier: &Verifier, evidence: &str, challenge: Option<&Challenge>) -> &'static str {
    let policy = policy();
    let outcome = match challenge {
        Some(challenge) => verifier.verify_with_challenge(evidence, challenge.expose(), &policy).await,
        None => verifier.verify(evidence, &policy).await,
    };
    outcome.map_or_else(|error| error.code(), |_| "verified")
}

/// The agent signs one of three audiences and one of three challenges; the server wants one of three and one of
/// two. Each of the 54 cells has one outcome.
#[tokio::test]
async fn the_matrix_of_audience_and_challenge() {
    let sts = sts().await;
    let ours = Audience::new("ci.example.com").expect("an audience");
    let theirs = Audience::new("ci.example.org").expect("an audience");
    let challenges = challenges();
    for wanted in [None, Some(&ours), Some(&theirs)] {
        for demands in [None, Some(&challenges)] {
            let server = server(&sts, wanted, demands);
            let issued = demands.map(|it| it.issue(wanted, now()).expect("issued"));
            let another = demands.map(|it| it.issue(wanted, now()).expect("issued"));
            for audience in [None, Some(&ours), Some(&theirs)] {
                // What is signed, and what is sent beside it.
                for (signs, sends) in [
                    (None, None),
                    (issued.as_ref(), issued.as_ref()),
                    (another.as_ref(), issued.as_ref()),
                    (None, issued.as_ref()),
                ] {
                    let got = verify(&server, &signed(audience, signs), sends).await;
                    let want = match (demands.is_some(), sends.is_some()) {
                        (true, false) => "challenge_required",
                        _ if wanted.is_none() && audience.is_some() => "unexpected_signed_header",
                        _ if wanted.is_some() && audience.is_none() => "audience_not_signed",
                        (true, true) if signs.is_none() => "challenge_not_signed",
                        _ if audience.map(Audience::value) != wanted.map(Audience::value) => {
                            "wrong_audience_or_signature"
                        }
                        (true, true) if signs.map(Challenge::expose) != sends.map(Challenge::expose) => {
                            "wrong_audience_or_signature"
                        }
                        _ => "verified",
                    };
                    let (signs, sends) = (signs.is_some(), sends.is_some());
                    assert_eq!(got, want, "{audience:?} {signs} {sends} at {wanted:?} {}", demands.is_some());
                }
            }
        }
    }
}

#[tokio::test]
async fn a_challenge_is_checked_before_any_call() {
    let sts = sts().await;
    let challenges = challenges();
    let demanding = server(&sts, None, Some(&challenges));
    let old = challenges.issue(None, now() - Duration::minutes(2)).expect("issued");
    assert_eq!(verify(&demanding, &signed(None, Some(&old)), Some(&old)).await, "challenge_expired");
    let foreign = Challenges::new(ChallengeKey::new("k1", [8; 32]).expect("a key"));
    let foreign = foreign.issue(None, now()).expect("issued");
    assert_eq!(verify(&demanding, &signed(None, Some(&foreign)), Some(&foreign)).await, "challenge_invalid");
    let plain = verifier(&sts);
    let issued = challenges.issue(None, now()).expect("issued");
    assert_eq!(verify(&plain, &signed(None, Some(&issued)), Some(&issued)).await, "challenge_not_expected");
    // A challenge that is signed and not sent is a header that nobody sends.
    assert_eq!(verify(&plain, &signed(None, Some(&issued)), None).await, "unexpected_signed_header");
    assert_eq!(sts.connections(), 0);
}

#[tokio::test]
async fn a_server_issues_what_it_accepts() {
    let sts = sts().await;
    let audience = Audience::new("ci.example.com").expect("an audience");
    let server = server(&sts, Some(&audience), Some(&challenges()));
    let challenge = server.issue_challenge(now()).expect("it demands one").expect("issued");
    let received = Challenge::parse(challenge.expose()).expect("well-formed");
    assert_eq!(verify(&server, &signed(Some(&audience), Some(&received)), Some(&received)).await, "verified");
    assert!(verifier(&sts).issue_challenge(now()).is_none());
}

#[tokio::test]
async fn the_operators_check_has_the_last_word() {
    let sts = sts().await;
    let evidence = presigned(&Endpoint::global());
    for (verdict, want) in [
        (InstanceVerdict::Good, "verified"),
        (InstanceVerdict::Refused, "instance_check_refused"),
        (InstanceVerdict::Unknown, "unavailable"),
    ] {
        let check = move |facts: InstanceFacts| async move {
            assert_eq!(facts.account.as_str(), ACCOUNT);
            assert_eq!(facts.instance.as_str(), INSTANCE);
            assert_eq!(facts.region.as_str(), "us-east-1");
            verdict
        };
        let verifier = builder(&sts).instance_check(check).build().expect("a verifier");
        assert_eq!(verify(&verifier, evidence.expose(), None).await, want);
    }
    let slow = |_| async {
        tokio::time::sleep(std::time::Duration::from_mins(1)).await;
        InstanceVerdict::Good
    };
    let limit = std::time::Duration::from_millis(500);
    let verifier = builder(&sts).timeout(limit).instance_check(slow).build().expect("a verifier");
    assert_eq!(verify(&verifier, evidence.expose(), None).await, "unavailable");
}

#[tokio::test]
async fn nobody_is_asked_about_what_is_no_instance_or_was_refused() {
    let check = |_| async { panic!("asked") };
    let evidence = presigned(&Endpoint::global());
    let person = Principal::assumed_role(KEY, SECRET, TOKEN, ACCOUNT, ROLE, "nightly-job");
    let sts = LocalSts::builder().principal(person).start().await.expect("a local STS");
    let verifier = builder(&sts).instance_check(check).build().expect("a verifier");
    let any = Policy::builder().account(ACCOUNT).role(ROLE).any_session().name_template("{session}").build();
    assert!(verifier.verify(evidence.expose(), &any.expect("a policy")).await.is_ok());
    assert_eq!(verify(&verifier, evidence.expose(), None).await, "session_not_instance");
}
