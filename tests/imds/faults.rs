//! What goes wrong, and what the error says about it.

use std::error::Error as _;
use std::time::Duration;

use sts_agent_name::agent::imds::{Imds, ImdsEndpoint, ImdsError, ImdsStep, InvalidImdsReply};
use tokio::time::Instant;

use super::server::{
    Answer, IDENTITY_PATH, INSTANCE_PATH, LocalImds, PROFILE_PATH, REGION_PATH, ROLE_PATH, TOKEN_PATH, ok,
    status, token_reply,
};

fn bytes(text: impl Into<String>) -> Answer {
    Answer::Bytes(text.into().into())
}

#[tokio::test]
async fn nobody_there() {
    let imds = LocalImds::start().await;
    let endpoint = imds.endpoint();
    drop(imds);
    tokio::task::yield_now().await;
    let error = Imds::new(endpoint).region().await.expect_err("nobody");
    assert!(matches!(error, ImdsError::Unreachable { step: ImdsStep::Token, .. }), "{error:?}");
    assert_eq!(
        error.to_string(),
        "session token: IMDS cannot be reached; is this an EC2 instance, and does its firewall let you?",
    );
    assert!(error.source().is_some());
}

#[tokio::test]
async fn a_hop_limit_of_one() {
    let imds = LocalImds::start().await;
    imds.always(TOKEN_PATH, Answer::Silence);
    let began = Instant::now();
    let client = imds.builder().reply_timeout(Duration::from_millis(100)).build();
    let error = client.instance_identity_credentials().await.expect_err("silence");
    assert!(matches!(error, ImdsError::TokenUnanswered), "{error:?}");
    assert_eq!(
        error.to_string(),
        "session token: no answer from IMDS; in a container, set the instance's HttpPutResponseHopLimit to 2",
    );
    assert_eq!(imds.count(TOKEN_PATH), 3);
    assert!(began.elapsed() < Duration::from_secs(3 * 3 / 2 + 1), "{:?}", began.elapsed());
}

#[tokio::test]
async fn the_whole_takes_no_longer_than_its_limit() {
    let imds = LocalImds::start().await;
    imds.always(
        REGION_PATH,
        Answer::Drip(format!("HTTP/1.1 200 OK\r\na: {}", "b".repeat(999)).into(), Duration::from_millis(20)),
    );
    let limit = Duration::from_millis(500);
    let client = imds.builder().reply_timeout(Duration::from_mins(1)).timeout(limit).attempts(99).build();
    let began = Instant::now();
    let error = client.region().await.expect_err("slow");
    assert!(matches!(error, ImdsError::Timeout { step: ImdsStep::Region }), "{error:?}");
    assert_eq!(error.to_string(), "region: no answer from IMDS in time; is it overloaded?");
    assert!(began.elapsed() < limit * 3 / 2 + Duration::from_secs(1), "{:?}", began.elapsed());
    // Limits that no clock can count to are as good as none.
    let client = imds
        .builder()
        .connect_timeout(Duration::MAX)
        .reply_timeout(Duration::MAX)
        .timeout(Duration::MAX)
        .token_ttl(Duration::MAX)
        .attempts(0)
        .build();
    client.instance_id().await.expect("an ID");
}

#[tokio::test]
async fn slow_is_not_too_slow() {
    let imds = LocalImds::start().await;
    let reply = "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\neu-central-1";
    imds.next(REGION_PATH, [Answer::Drip(reply.into(), Duration::from_millis(1))]);
    let client = imds.builder().reply_timeout(Duration::from_secs(3)).build();
    assert_eq!(client.region().await.expect("a region").as_str(), "eu-central-1");
}

#[tokio::test]
async fn what_may_pass_is_tried_again() {
    let cut = || bytes("HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\neu-central-1");
    for faults in [[status(503), status(429)], [bytes(""), cut()], [Answer::Silence, status(500)]] {
        let imds = LocalImds::start().await;
        imds.next(REGION_PATH, faults.clone());
        imds.next(TOKEN_PATH, faults);
        let client = imds.builder().attempts(5).build();
        client.region().await.expect("a region");
        assert_eq!((imds.count(TOKEN_PATH), imds.count(REGION_PATH)), (3, 3));
    }
    let imds = LocalImds::start().await;
    imds.always(REGION_PATH, status(503));
    let error = imds.builder().attempts(2).build().region().await.expect_err("503");
    assert_eq!(
        error.to_string(),
        "region: unexpected status 503; is something else than IMDS at its address?",
    );
    assert_eq!(imds.count(REGION_PATH), 2);
    imds.always(REGION_PATH, cut());
    let error = imds.builder().attempts(1).build().region().await.expect_err("cut");
    assert!(matches!(error, ImdsError::Interrupted { step: ImdsStep::Region, .. }), "{error:?}");
    assert_eq!(imds.count(REGION_PATH), 3);
}

#[tokio::test]
async fn switched_off_for_the_instance() {
    let imds = LocalImds::start().await;
    imds.always(TOKEN_PATH, status(403));
    let error = imds.client().instance_profile_credentials().await.expect_err("403");
    assert!(matches!(error, ImdsError::TokenRefused), "{error:?}");
    assert_eq!(
        error.to_string(),
        "session token: refused (403); is IMDS switched off for this instance (HttpEndpoint)?",
    );
    assert_eq!(imds.count(TOKEN_PATH), 1, "tried again");
}

#[tokio::test]
async fn no_instance_profile() {
    let want =
        "no instance profile with a role is attached to this instance; attach one, or use its identity role";
    for (path, answer) in [(PROFILE_PATH, status(404)), (PROFILE_PATH, ok("")), (ROLE_PATH, status(404))] {
        let imds = LocalImds::start().await;
        imds.always(path, answer);
        let error = imds.client().instance_profile_credentials().await.expect_err("no profile");
        assert!(matches!(error, ImdsError::NoInstanceProfile), "{error:?}");
        assert_eq!(error.to_string(), want);
        imds.client().instance_identity_credentials().await.expect("it needs no profile");
    }
}

#[tokio::test]
async fn no_identity_role() {
    let imds = LocalImds::start().await;
    imds.always(IDENTITY_PATH, status(404));
    let error = imds.client().instance_identity_credentials().await.expect_err("404");
    assert_eq!(
        error.to_string(),
        "instance identity credentials: not offered by this IMDS (404); is it a stand-in for the real one?",
    );
}

#[tokio::test]
async fn a_role_that_ec2_may_not_assume() {
    let imds = LocalImds::start().await;
    let refusal = r#"{"Code" : "AssumeRoleUnauthorizedAccess", "Message" : "EC2 cannot assume the role ci-agent.", "LastUpdated" : "2026-01-01T00:00:00Z"}"#;
    imds.always(ROLE_PATH, ok(refusal));
    let error = imds.client().instance_profile_credentials().await.expect_err("not issued");
    assert_eq!(
        error.to_string(),
        "instance profile credentials: IMDS has none, code AssumeRoleUnauthorizedAccess; \
         does the role exist, and does it trust ec2.amazonaws.com?",
    );
}

#[tokio::test]
async fn an_answer_of_another_form_is_named_and_not_tried_again() {
    use InvalidImdsReply::{
        BodyTooLong, Encoded, HeadTooLong, NotCredentials, NotHttp, NotInstanceId, NotRegion, NotRole,
        NotToken,
    };
    let body = |length: usize| "a".repeat(length);
    for (path, answer, want) in [
        (TOKEN_PATH, token_reply("", "60"), NotToken),
        (TOKEN_PATH, token_reply("a b", "60"), NotToken),
        (TOKEN_PATH, token_reply("a\r\nx-forwarded-for: b", "60"), NotToken),
        (TOKEN_PATH, token_reply("ä", "60"), NotToken),
        (TOKEN_PATH, token_reply(&body(1025), "60"), NotToken),
        (TOKEN_PATH, token_reply("token", "soon"), NotToken),
        (TOKEN_PATH, token_reply("token", "-1"), NotToken),
        (PROFILE_PATH, ok("../../dynamic"), NotRole),
        (PROFILE_PATH, ok("a role"), NotRole),
        (PROFILE_PATH, ok("one\ntwo"), NotRole),
        (PROFILE_PATH, ok(&body(65)), NotRole),
        (PROFILE_PATH, ok("<html>sign in</html>"), NotRole),
        (ROLE_PATH, ok("{"), NotCredentials),
        (ROLE_PATH, ok("[]"), NotCredentials),
        (ROLE_PATH, ok(&"[".repeat(60_000)), NotCredentials),
        (ROLE_PATH, ok(r#"{"Code": "Success"}"#), NotCredentials),
        (REGION_PATH, ok("eu-central-1a"), NotRegion),
        (REGION_PATH, ok(""), NotRegion),
        (REGION_PATH, bytes("HTTP/1.1 200 OK\r\n\r\n\u{fffd}"), NotRegion),
        (INSTANCE_PATH, ok("i-1"), NotInstanceId),
        (REGION_PATH, bytes("SSH-2.0-OpenSSH_10.0\r\n\r\n"), NotHttp),
        (REGION_PATH, bytes("HTTP/2 200\r\n\r\n"), NotHttp),
        (REGION_PATH, bytes("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), Encoded),
        (REGION_PATH, bytes("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"), Encoded),
        (REGION_PATH, bytes(format!("HTTP/1.1 200 OK\r\na: {}\r\n\r\n", body(8192))), HeadTooLong),
        (REGION_PATH, Answer::Endless("HTTP/1.1 200 OK\r\na: ".into(), b"a".repeat(99)), HeadTooLong),
        (REGION_PATH, Answer::Endless("HTTP/1.1 200 OK\r\n".into(), b"a: b\r\n".repeat(9)), HeadTooLong),
        (REGION_PATH, ok(&body(65_537)), BodyTooLong),
        (REGION_PATH, Answer::Endless("HTTP/1.1 200 OK\r\n\r\n".into(), b"a".repeat(999)), BodyTooLong),
        (
            REGION_PATH,
            bytes(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", u64::MAX / 10)),
            BodyTooLong,
        ),
        // At the limit it is only no region.
        (REGION_PATH, ok(&body(65_536)), NotRegion),
    ] {
        let imds = LocalImds::start().await;
        imds.always(path, answer);
        // A debug build and a busy machine read one endless answer slowly.
        let client = imds.builder().reply_timeout(Duration::from_secs(3)).build();
        let error = match path {
            INSTANCE_PATH => client.instance_id().await.map(drop),
            PROFILE_PATH | ROLE_PATH => client.instance_profile_credentials().await.map(drop),
            _ => client.region().await.map(drop),
        };
        match error.expect_err(path) {
            ImdsError::InvalidReply { source, .. } => assert_eq!(source, want, "{path}"),
            other => panic!("{path}, {want}: {other:?}"),
        }
        assert_eq!(imds.count(path), 1, "{path}, {want}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let imds = LocalImds::start().await;
    let target = LocalImds::start().await;
    for status in [301, 302, 303, 307, 308] {
        let location = format!("http://{}{IDENTITY_PATH}", target.address());
        imds.always(
            IDENTITY_PATH,
            bytes(format!("HTTP/1.1 {status} Moved\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n")),
        );
        let error = imds.client().instance_identity_credentials().await.expect_err("moved");
        assert!(matches!(error, ImdsError::Status { status: it, .. } if it == status), "{error:?}");
    }
    assert!(target.seen().is_empty());
}

#[tokio::test]
async fn a_line_may_end_and_a_length_may_be_missing() {
    let imds = LocalImds::start().await;
    imds.next(REGION_PATH, [ok("eu-central-1\n"), bytes("HTTP/1.0 200 OK\r\n\r\neu-central-1")]);
    for _ in 0..2 {
        assert_eq!(imds.client().region().await.expect("a region").as_str(), "eu-central-1");
    }
}

#[tokio::test]
async fn ipv6() {
    // Not every machine has it.
    let Ok(imds) = LocalImds::start_at("[::1]:0").await else { return };
    let endpoint =
        ImdsEndpoint::parse(&format!("http://[::1]:{}", imds.address().port())).expect("an endpoint");
    Imds::new(endpoint).instance_identity_credentials().await.expect("credentials");
    assert!(imds.seen()[0].contains(&format!("host: [::1]:{}\r\n", imds.address().port())));
}

#[tokio::test]
async fn a_name_for_an_address() {
    let imds = LocalImds::start().await;
    let endpoint =
        ImdsEndpoint::parse(&format!("http://localhost:{}", imds.address().port())).expect("an endpoint");
    Imds::new(endpoint).region().await.expect("a region");
}
