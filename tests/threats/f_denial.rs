//! Denial of service, and what leaks.

use std::error::Error;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use sts_agent_name::policy::{Policy, Refusal};
use sts_agent_name::server::{Verifier, VerifyError};
use sts_agent_name::testing::{Certificate, Fault, LocalSts};
use sts_agent_name::{Audience, CallerIdentity, Endpoint, InstanceId};

use crate::common::local::{
    ACCOUNT, INSTANCE, KEY, ROLE, SECRET, TOKEN, agent, builder, presigned, verifier,
};
use crate::common::moment;
use crate::setup::{
    XML, base, begin, everything, finish_as, from_reply, of_row, plain_policy, plain_verifier, refusal,
    replies, role_arn, sts, urls, verify, with,
};

/// Junk that is well-formed makes the server call STS.
#[tokio::test]
async fn t80_quota_burn() {
    let sts = sts().await;
    // A key of another account costs no call.
    let foreign = with("ASIAIOSFODNN7EXAMPLE", concat!("ASIA", "SX7QLUIYGDI4QX56"));
    let (_, at) = base();
    let code = |evidence: &str| refusal(&plain_verifier(), evidence, at).map(|it| it.code());
    assert_eq!(code(&foreign), Some("access_key_account_not_allowed"));
    // Evidence of another day costs none either, nor does what is no evidence.
    for (evidence, want) in [(base().0, "expired"), (with("Action", "action"), "unknown_parameter")] {
        assert_eq!(verify(&sts, &evidence, &plain_policy()).await, want);
    }
    assert_eq!(sts.connections(), 0);
    // What is left is bounded: one runs, one waits, the third is turned away at once.
    sts.play(Fault::NeverAnswer);
    let bounded = builder(&sts).concurrency(1, 1).timeout(Duration::from_secs(2)).build();
    let bounded = bounded.expect("a verifier");
    let url = presigned(&Endpoint::global());
    let policy = plain_policy();
    let one = || async { bounded.verify(url.expose(), &policy).await.expect_err("no answer").code() };
    let (first, second, third) = tokio::join!(one(), one(), one());
    assert_eq!((first, second, third), ("unavailable", "unavailable", "busy"));
    assert!(sts.connections() <= 2);
}

/// The quota belongs to the signer's account: throttling is neither a refusal nor ours.
#[tokio::test]
async fn t81_throttled_by_the_victims_account() {
    let sts = sts().await;
    let url = presigned(&Endpoint::global());
    sts.play(Fault::Throttle { retry_after: Some(120) });
    let error = verifier(&sts).verify(url.expose(), &plain_policy()).await.expect_err("throttled");
    assert_eq!((error.code(), error.http_status()), ("throttled", 503));
    let VerifyError::Throttled { retry_after } = error else { panic!("{error:?}") };
    assert_eq!(retry_after, Some(Duration::from_mins(2)));
    // Once the account has calls left, the same evidence is good.
    sts.behave();
    sts.play_once(Fault::Throttle { retry_after: None });
    assert_eq!(verify(&sts, url.expose(), &plain_policy()).await, "verified");
}

/// Throttling comes as status 400 and is read as a bad request.
#[tokio::test]
async fn t82_throttle_read_as_refusal() {
    replies(82);
    let body = |code: &str, message: &str| {
        format!(
            "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
             <Code>{code}</Code><Message>{message}</Message></Error><RequestId>x</RequestId></ErrorResponse>"
        )
    };
    for status in [400, 403, 429, 503] {
        assert_eq!(from_reply(status, XML, body("Throttling", "Rate exceeded")), "throttled", "{status}");
    }
    // Without the document there is no code to go by.
    assert_eq!(from_reply(503, Some("text/html"), body("Throttling", "Rate exceeded")), "server_error");
    assert_eq!(from_reply(400, Some("text/html"), body("Throttling", "Rate exceeded")), "wrong_content_type");
    // A code that is none is not passed on.
    for (code, want) in [
        ("AccessDenied", "other_refusal"),
        ("Client.Denied", "other_refusal"),
        (".", "other_refusal"),
        ("Access Denied", "malformed_reply"),
        ("Access-Denied", "malformed_reply"),
        ("", "malformed_reply"),
        (&"A".repeat(65), "malformed_reply"),
    ] {
        assert_eq!(from_reply(400, XML, body(code, "")), want, "{code}");
    }
    // The code decides, not the message.
    assert_eq!(from_reply(400, XML, body("AccessDenied", "Throttling: Rate exceeded")), "other_refusal");
    let sts = sts().await;
    sts.play(Fault::Throttle { retry_after: None });
    let url = presigned(&Endpoint::global());
    assert_eq!(verify(&sts, url.expose(), &plain_policy()).await, "throttled");
}

/// The URL stands in the text of an error.
#[tokio::test]
async fn t83_url_in_error_text() {
    replies(83);
    let url = presigned(&Endpoint::global());
    let signature = url.expose().rsplit_once('=').expect("a signature").1.to_owned();
    let escaped = TOKEN.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    let hidden = [signature.as_str(), TOKEN, &escaped, "X-Amz-", "Action=", SECRET];
    let check = |what: &str, text: &str| {
        for secret in hidden {
            assert!(!text.contains(secret), "{what}: {secret} in {text}");
        }
    };
    let policy = plain_policy();
    let mut codes = Vec::new();
    for certificate in
        [Certificate::Trusted, Certificate::OtherName, Certificate::Expired, Certificate::OldTls]
    {
        let sts = LocalSts::builder().principal(agent()).certificate(certificate).echo_canonical_request();
        let sts = sts.start().await.expect("a local STS");
        let verifier = builder(&sts).timeout(Duration::from_millis(400)).build().expect("a verifier");
        for fault in [
            Fault::CloseAtOnce,
            Fault::CloseInsteadOfReply,
            Fault::ResetMidReply,
            Fault::WrongContentLength,
            Fault::NeverAnswer,
            Fault::Html,
            Fault::Redirect { status: 302, location: url.expose().to_owned() },
            Fault::body(200, "text/xml", url.expose()),
            Fault::Error {
                status: 403,
                code: "AccessDenied".to_owned(),
                message: url.expose().replace('&', "_"),
            },
        ] {
            sts.play(fault.clone());
            let error = verifier.verify(url.expose(), &policy).await.expect_err("a fault");
            check(&format!("{fault:?}"), &everything(&error));
            codes.push(error.code());
        }
        if certificate == Certificate::Trusted {
            // A reply that quotes the whole request, as STS's own can.
            sts.behave();
            let tampered = url.expose().replace("X-Amz-Expires=900", "X-Amz-Expires=899");
            let error = verifier.verify(&tampered, &policy).await.expect_err("not what was signed");
            assert_eq!(error.code(), "signature_rejected");
            check("an echo", &everything(&error));
        }
        check("a verifier", &format!("{verifier:?}"));
    }
    for code in ["unavailable", "invalid_reply", "rejected_by_sts"] {
        assert!(codes.contains(&code), "{codes:?}");
    }
    // Values that hold the URL do not show it either.
    let verifier = plain_verifier();
    let exchange = verifier.begin(url.expose(), &policy, url.signed_at()).expect("good");
    let debug = format!("{exchange:?} {url:?}");
    assert!([&signature, TOKEN, &escaped].iter().all(|secret| !debug.contains(*secret)), "{debug}");
    for fixture in of_row(83, "replies") {
        let status = fixture.header("status").parse().expect("a status");
        let error = CallerIdentity::from_reply(status, fixture.optional("content-type"), &fixture.payload);
        check(&fixture.name, &everything(&error.expect_err("refused")));
    }
}

/// The refusal tells the caller who is allowed, or who somebody is.
#[tokio::test]
async fn t84_identity_in_refusal() {
    let sts = sts().await;
    let url = presigned(&Endpoint::global());
    let other = "210987654321";
    let denied = Policy::builder().account(ACCOUNT).role(ROLE);
    for (policy, want) in [
        (Policy::builder().account(other).role("secret-role"), "account_not_allowed"),
        (Policy::builder().account(ACCOUNT).role("secret-role-*"), "role_not_allowed"),
        (
            Policy::builder().account(ACCOUNT).role(ROLE).role_id("AROASECRETSECRETSECRE"),
            "role_id_not_allowed",
        ),
        (Policy::builder().any_instance_of(other), "caller_kind_not_allowed"),
        (denied.deny_instance(InstanceId::parse(INSTANCE).expect("an ID")), "instance_denied"),
    ] {
        let policy = policy.build().expect("a policy");
        let error = verifier(&sts).verify(url.expose(), &policy).await.expect_err(want);
        assert_eq!(error.code(), want);
        let outward = format!("{error} {}", error.code());
        for hidden in [ACCOUNT, other, ROLE, "secret", "SECRET", INSTANCE, TOKEN, KEY, "arn:"] {
            assert!(!outward.contains(hidden), "{outward}");
        }
        // The operator is told.
        let VerifyError::Refused(refusal) = error else { panic!("{error:?}") };
        assert!(refusal.source().is_some_and(|seen| seen.to_string().contains(ACCOUNT)), "{want}");
    }
    let foreign = with("ASIAIOSFODNN7EXAMPLE", concat!("ASIA", "SX7QLUIYGDI4QX56"));
    let refused = refusal(&plain_verifier(), &foreign, base().1).expect("refused");
    assert!(!refused.to_string().contains("188945769008"));
}

/// Patterns from the configuration blow up, or are compiled for each call.
#[test]
#[expect(clippy::disallowed_methods, reason = "a deadline that any other matcher misses by years")]
fn t85_pattern_blow_up() {
    // Thirty stars and no match: a matcher that goes back tries some 10^17 ways.
    let evil = format!("{}b", "a*".repeat(30));
    let list = (0..1000).fold(evil, |mut list, number| {
        write!(list, ",{}{number}", "a*".repeat(20)).expect("text");
        list
    });
    let policy = Policy::builder().account(ACCOUNT).roles(&list).build().expect("a policy");
    let arn = role_arn(ACCOUNT, &"a".repeat(64), INSTANCE);
    let began = Instant::now();
    assert_eq!(finish_as(&policy, &arn, &format!("AROADBQP57FF2AEXAMPLE:{INSTANCE}")), "role_not_allowed");
    assert!(began.elapsed() < Duration::from_secs(5));
    // A pattern that does not compile is told when the policy is built, not when somebody registers.
    for pattern in ["(a+)+$", "a[", "a{1000}", "\\"] {
        assert!(Policy::builder().account(ACCOUNT).role(pattern).build().is_err(), "{pattern}");
    }
    let long = "a".repeat(129);
    assert!(Policy::builder().account(ACCOUNT).role(&long).build().is_err());
}

/// A new SDK signs one header more.
#[test]
fn t86_new_sdk_signs_more() {
    urls(86);
    let evidence = with("SignedHeaders=host", "SignedHeaders=amz-sdk-request%3Bhost");
    let refused = refusal(&plain_verifier(), &evidence, base().1).expect("refused");
    assert!(matches!(&refused, Refusal::UnexpectedSignedHeader { header } if &**header == "amz-sdk-request"));
    assert!(refused.to_string().contains("the header amz-sdk-request is signed"));
    // The agent's own signer signs `host` and what it was told, however new the SDK is.
    assert_eq!(presigned(&Endpoint::global()).signed_headers().collect::<Vec<_>>(), ["host"]);
}

/// A strict list of headers that cannot be extended locks honest agents out.
#[test]
fn t87_header_list_can_be_extended() {
    urls(87);
    for fixture in of_row(87, "urls") {
        let now = moment(fixture.header("at"));
        let refused = refusal(&plain_verifier(), fixture.text(), now).expect("refused");
        let Refusal::UnexpectedSignedHeader { header } = &refused else { panic!("{refused:?}") };
        assert!(refused.to_string().contains(&**header), "{refused}");
    }
    let cluster = with("SignedHeaders=host", "SignedHeaders=host%3Bx-k8s-aws-id");
    assert_eq!(begin(&cluster), "unexpected_signed_header");
    let audience = Audience::with_header("x-k8s-aws-id", "cluster-1").expect("an audience");
    let told = Verifier::builder().audience(audience).build().expect("a verifier");
    assert_eq!(refusal(&told, &cluster, base().1), None);
}
