//! The whole road, with the real client against the local STS: sign, send, verify, name.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod common;

use common::local::{
    ACCOUNT, INSTANCE, KEY, ROLE, SECRET, TOKEN, agent, credentials, now, presigned, verifier,
};
use sts_agent_name::agent::Presigner;
use sts_agent_name::policy::{Policy, Refusal, Rule};
use sts_agent_name::server::{Verifier, VerifyError};
use sts_agent_name::testing::{LocalSts, Principal};
use sts_agent_name::{Audience, Endpoint, EndpointSet, InstanceId, Partition, Region};

fn policy() -> Policy {
    Policy::builder().account(ACCOUNT).role(ROLE).build().expect("a policy")
}

async fn sts(principal: Principal) -> LocalSts {
    LocalSts::builder().principal(principal).start().await.expect("a local STS")
}

async fn code(sts: &LocalSts, evidence: &str, policy: &Policy) -> &'static str {
    verifier(sts).verify(evidence, policy).await.map_or_else(|error| error.code(), |_| "verified")
}

#[tokio::test]
async fn an_agent_gets_its_name() {
    let sts = sts(agent()).await;
    let url = presigned(&Endpoint::global());
    let verified = verifier(&sts).verify(url.expose(), &policy()).await.expect("verified");
    assert_eq!(verified.name().as_str(), INSTANCE);
    assert_eq!(verified.instance().map(InstanceId::as_str), Some(INSTANCE));
    assert_eq!(verified.identity().account().as_str(), ACCOUNT);
    let role_id = verified.identity().role_id().expect("a role").to_owned();
    assert_eq!(verified.owner().as_str(), format!("aws/{ACCOUNT}/{role_id}/{INSTANCE}"));
    assert_eq!(verified.region().as_str(), "us-east-1");
    assert_eq!(verified.signature().to_string().len(), 64);
    assert_eq!((sts.requests(), sts.connections()), (1, 1));
}

#[tokio::test]
async fn every_endpoint_of_the_table_signs_parses_and_verifies() {
    for partition in Partition::ALL {
        let sts = sts(agent().with_partition(partition.id())).await;
        let verifier = verifier(&sts);
        let policy =
            Policy::builder().partition(partition).account(ACCOUNT).role(ROLE).build().expect("a policy");
        let ours = EndpointSet::built_in().only_partitions(&[partition]);
        assert!(ours.iter().count() >= 2, "{partition}");
        for endpoint in ours.iter() {
            let url = presigned(endpoint);
            let verified = verifier.verify(url.expose(), &policy).await;
            let verified = verified.unwrap_or_else(|error| panic!("{endpoint:?}: {error:?}"));
            assert_eq!(verified.name().as_str(), INSTANCE, "{endpoint:?}");
            assert_eq!(verified.region(), endpoint.region(), "{endpoint:?}");
        }
    }
}

#[tokio::test]
async fn connections_are_kept_and_used_again() {
    let sts = sts(agent()).await;
    let verifier = verifier(&sts);
    let url = presigned(&Endpoint::global());
    for _ in 0..5 {
        verifier.verify(url.expose(), &policy()).await.expect("verified");
    }
    assert_eq!((sts.requests(), sts.connections()), (5, 1));
}

#[tokio::test]
async fn who_may_not_is_told_so_and_nothing_else() {
    let global = Endpoint::global();
    let url = presigned(&global);
    let sts = sts(agent()).await;
    let other_account = Policy::builder().account("210987654321").any_role().build().expect("a policy");
    let other_role = Policy::builder().account(ACCOUNT).role("other-*").build().expect("a policy");
    let instances = Policy::builder().any_instance_of(ACCOUNT).build().expect("a policy");
    let other_id = Policy::builder().account(ACCOUNT).role(ROLE).role_id("AROAAAAAAAAAAAAAAAAAA").build();
    let denied = Policy::builder().account(ACCOUNT).role(ROLE);
    let denied = denied.deny_instance(InstanceId::parse(INSTANCE).expect("an ID")).build();
    let china = Policy::builder().partition(Partition::AwsCn).account(ACCOUNT).role(ROLE).build();
    for (policy, want) in [
        (other_account, "account_not_allowed"),
        (other_role, "role_not_allowed"),
        (instances, "caller_kind_not_allowed"),
        (other_id.expect("a policy"), "role_id_not_allowed"),
        (denied.expect("a policy"), "instance_denied"),
        (china.expect("a policy"), "partition_not_allowed"),
    ] {
        let error = verifier(&sts).verify(url.expose(), &policy).await.expect_err(want);
        assert_eq!((error.code(), error.http_status()), (want, 403));
        let outward = error.to_string();
        for hidden in [ACCOUNT, ROLE, INSTANCE, "210987654321", TOKEN, KEY] {
            assert!(!outward.contains(hidden), "{outward}");
        }
        let VerifyError::Refused(refusal) = error else { panic!("{error:?}") };
        // The operator sees who it was.
        let detail = std::error::Error::source(&refusal).map(ToString::to_string);
        assert!(want == "partition_not_allowed" || detail.is_some_and(|detail| detail.contains(INSTANCE)));
    }
}

#[tokio::test]
async fn other_kinds_of_caller_are_refused_by_kind() {
    let federated = Principal::federated_user(KEY, SECRET, TOKEN, ACCOUNT, "ci-agent");
    let sts = sts(federated).await;
    let url = presigned(&Endpoint::global());
    assert_eq!(code(&sts, url.expose(), &policy()).await, "caller_kind_not_allowed");
}

#[tokio::test]
async fn a_session_that_is_no_instance_needs_the_operators_word() {
    let person = Principal::assumed_role(KEY, SECRET, TOKEN, ACCOUNT, ROLE, "ann@example.com");
    let builder = || Policy::builder().account(ACCOUNT).role(ROLE);
    let url = presigned(&Endpoint::global());
    let sts = sts(person).await;
    assert_eq!(code(&sts, url.expose(), &policy()).await, "session_not_instance");
    let any = builder().any_session().name_template("{session}").build().expect("a policy");
    assert_eq!(code(&sts, url.expose(), &any).await, "name_not_representable");

    let job = Principal::assumed_role(KEY, SECRET, TOKEN, ACCOUNT, ROLE, "nightly-job-7");
    let sts = LocalSts::builder().principal(job).start().await.expect("a local STS");
    let verified = verifier(&sts).verify(url.expose(), &any).await.expect("verified");
    assert_eq!(verified.name().as_str(), "nightly-job-7");
    assert_eq!(verified.instance(), None);
}

#[tokio::test]
async fn an_instance_identity_is_a_rule_of_its_own() {
    let principal = Principal::instance_identity(KEY, SECRET, TOKEN, ACCOUNT, INSTANCE);
    let sts = sts(principal).await;
    let url = presigned(&Endpoint::global());
    // A role pattern never lets it in, not even one for every role.
    let roles = Policy::builder().account(ACCOUNT).any_role().any_session().name_template("{role}/{session}");
    assert_eq!(code(&sts, url.expose(), &roles.build().expect("a policy")).await, "caller_kind_not_allowed");
    let other = Policy::builder().any_instance_of("210987654321").build().expect("a policy");
    assert_eq!(code(&sts, url.expose(), &other).await, "account_not_allowed");
    let instances = Policy::builder().any_instance_of(ACCOUNT).build().expect("a policy");
    let verified = verifier(&sts).verify(url.expose(), &instances).await.expect("verified");
    assert_eq!(verified.owner().as_str(), format!("aws/{ACCOUNT}/aws:ec2-instance/{INSTANCE}"));
}

#[tokio::test]
async fn accounts_and_roles_go_together_in_rules() {
    let sts = sts(agent()).await;
    let url = presigned(&Endpoint::global());
    let pairs = |first: &str, second: &str| {
        Policy::builder()
            .rule(Rule::new().account(ACCOUNT).role(first))
            .rule(Rule::new().account("210987654321").role(second))
            .name_template("{account_id}/{instance_id}")
            .build()
            .expect("a policy")
    };
    assert_eq!(code(&sts, url.expose(), &pairs("other", ROLE)).await, "role_not_allowed");
    let verified = verifier(&sts).verify(url.expose(), &pairs(ROLE, "other")).await.expect("verified");
    assert_eq!(verified.name().as_str(), format!("{ACCOUNT}/{INSTANCE}"));
}

#[tokio::test]
async fn what_sts_refuses_is_refused_with_its_reason() {
    let global = Endpoint::global();
    let expired = agent().with_expiry(now() - time::Duration::minutes(1));
    let policy = policy();
    let other_secret = |key: &str, token: &str| {
        let secret = "aaaarXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
        let credentials =
            aws_credential_types::Credentials::new(key, secret, Some(token.to_owned()), None, "test");
        Presigner::new(global.clone()).presign(&credentials, now()).expect("signed")
    };
    let good = sts(agent()).await;
    assert_eq!(code(&good, other_secret(KEY, TOKEN).expose(), &policy).await, "signature_rejected");
    assert_eq!(code(&good, other_secret(KEY, "other").expose(), &policy).await, "credentials_unknown");
    assert_eq!(
        code(&good, other_secret("ASIAAAAAAAAAAAAAAAAA", TOKEN).expose(), &policy).await,
        "credentials_unknown"
    );
    let ended = sts(expired).await;
    assert_eq!(code(&ended, presigned(&global).expose(), &policy).await, "credentials_expired");
    // A tampered text: one digit of the signature.
    let text = presigned(&global).expose().to_owned();
    let last = if text.ends_with('0') { "1" } else { "0" };
    let tampered = format!("{}{last}", &text[..text.len() - 1]);
    assert_eq!(code(&good, &tampered, &policy).await, "signature_rejected");
}

#[tokio::test]
async fn an_audience_binds_evidence_to_one_server() {
    let sts = sts(agent()).await;
    let ours = Audience::new("ci.example.com").expect("an audience");
    let theirs = Audience::new("ci.example.org").expect("an audience");
    let other_header = Audience::with_header("x-k8s-aws-id", "ci.example.com").expect("an audience");
    let signed_for = |audience: Option<&Audience>| {
        let presigner = Presigner::new(Endpoint::global());
        let presigner = audience.cloned().into_iter().fold(presigner, Presigner::with_audience);
        presigner.presign(&credentials(), now()).expect("signed").expose().to_owned()
    };
    let server_for = |audience: Option<&Audience>| {
        let builder = Verifier::builder().danger_stand_in(sts.addr(), sts.ca_pem());
        let builder =
            audience.cloned().into_iter().fold(builder, sts_agent_name::server::VerifierBuilder::audience);
        builder.build().expect("a verifier")
    };
    for (signed, wanted, want) in [
        (None, None, "verified"),
        (None, Some(&ours), "audience_not_signed"),
        (Some(&ours), None, "unexpected_signed_header"),
        (Some(&ours), Some(&ours), "verified"),
        (Some(&theirs), Some(&ours), "wrong_audience_or_signature"),
        (Some(&ours), Some(&theirs), "wrong_audience_or_signature"),
        (Some(&other_header), Some(&ours), "unexpected_signed_header"),
        (Some(&other_header), Some(&other_header), "verified"),
    ] {
        let outcome = server_for(wanted).verify(&signed_for(signed), &policy()).await;
        assert_eq!(
            outcome.map_or_else(|error| error.code(), |_| "verified"),
            want,
            "{signed:?} at {wanted:?}"
        );
    }
}

#[tokio::test]
async fn a_custom_endpoint_is_believed_by_its_own_authority_only() {
    let region = Region::parse("eu-central-1").expect("a region");
    let vpce = "vpce-0a1b.sts.eu-central-1.vpce.amazonaws.com";
    let sts = LocalSts::builder().principal(agent()).host("localhost", "eu-central-1");
    let sts = sts.start().await.expect("a local STS");
    let authority = format!("localhost:{}", sts.addr().port());
    let local = Endpoint::custom(&authority, region.clone(), Partition::Aws).expect("an endpoint");
    let other = Endpoint::custom(vpce, region, Partition::Aws).expect("an endpoint");
    let builder =
        || Verifier::builder().endpoints(EndpointSet::built_in().with(local.clone()).with(other.clone()));
    let url = presigned(&local);

    let with_root = builder().root_certificate(&local, sts.ca_pem()).build().expect("a verifier");
    assert_eq!(with_root.verify(url.expose(), &policy()).await.expect("verified").name().as_str(), INSTANCE);

    // Named for another endpoint, the authority says nothing here.
    let elsewhere = builder().root_certificate(&other, sts.ca_pem()).build().expect("a verifier");
    let error = elsewhere.verify(url.expose(), &policy()).await.expect_err("an unknown authority");
    assert_eq!(error.code(), "unavailable");

    // And for a host of AWS it cannot be named at all.
    let aws = builder().root_certificate(&Endpoint::global(), sts.ca_pem()).build();
    assert!(matches!(aws, Err(sts_agent_name::server::InvalidVerifier::RootForBuiltIn)));
}

#[tokio::test]
async fn an_endpoint_that_was_taken_out_is_refused_before_any_call() {
    let sts = sts(agent()).await;
    let ours = EndpointSet::built_in().without_global();
    let builder = Verifier::builder().endpoints(ours).danger_stand_in(sts.addr(), sts.ca_pem());
    let url = presigned(&Endpoint::global());
    let outcome = builder.build().expect("a verifier").verify(url.expose(), &policy()).await;
    assert_eq!(outcome.map_err(|error| error.code()).err(), Some("endpoint_not_allowed"));
    assert_eq!(sts.connections(), 0);
}

#[tokio::test]
async fn the_account_in_the_key_refuses_before_any_call_and_never_grants() {
    let account = "188945769008";
    let key = concat!("ASIA", "SX7QLUIYGDI4QX56");
    let principal = Principal::assumed_role(key, SECRET, TOKEN, ACCOUNT, ROLE, INSTANCE);
    let sts = sts(principal).await;
    let credentials =
        aws_credential_types::Credentials::new(key, SECRET, Some(TOKEN.to_owned()), None, "test");
    let url = Presigner::new(Endpoint::global()).presign(&credentials, now()).expect("signed");
    assert_eq!(code(&sts, url.expose(), &policy()).await, "access_key_account_not_allowed");
    assert_eq!(sts.connections(), 0);
    // The key says the right account, STS says another: what STS says counts.
    let hinted = Policy::builder().account(account).role(ROLE).build().expect("a policy");
    assert_eq!(code(&sts, url.expose(), &hinted).await, "account_not_allowed");
    let unhinted =
        Policy::builder().account(ACCOUNT).role(ROLE).without_account_hint().build().expect("a policy");
    assert_eq!(code(&sts, url.expose(), &unhinted).await, "verified");
}

#[tokio::test]
async fn the_age_is_the_shortest_of_three() {
    let verifier = |max_age| {
        Verifier::builder().max_age(std::time::Duration::from_secs(max_age)).build().expect("a verifier")
    };
    let now = now();
    let text = presigned(&Endpoint::global()).expose().to_owned();
    let with_expires = |expires: &str| text.replace("X-Amz-Expires=900", &format!("X-Amz-Expires={expires}"));
    let signed_at = sts_agent_name::PresignedUrl::parse(&text).expect("good").signed_at();
    assert!((now - signed_at).whole_seconds().abs() < 5);
    for (expires, max_age, life) in
        [("900", 900, 900), ("3600", 900, 900), ("60", 900, 60), ("900", 120, 120)]
    {
        let (text, policy) = (with_expires(expires), policy());
        let at = |age: i64| {
            let outcome = verifier(max_age).begin(&text, &policy, signed_at + time::Duration::seconds(age));
            outcome.map_or_else(|refusal| refusal.code(), |_| "begun")
        };
        assert_eq!((at(life), at(life + 1)), ("begun", "expired"), "{expires} {max_age}");
        assert_eq!((at(-60), at(-61)), ("begun", "not_yet_valid"));
    }
    let policy = policy();
    let refusal =
        verifier(900).begin(&text, &policy, signed_at + time::Duration::hours(1)).expect_err("expired");
    let Refusal::Expired { signed_at: seen, now } = refusal else { panic!("{refusal:?}") };
    assert_eq!(now.since(seen), std::time::Duration::from_hours(1));
}
