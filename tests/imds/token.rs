//! The session token: when it is asked for, and what is asked with it.

use std::time::Duration;

use sts_agent_name::agent::imds::{ImdsError, ImdsStep};

use super::server::{
    Answer, IDENTITY_PATH, INSTANCE, INSTANCE_PATH, KEY, LocalImds, PROFILE_PATH, REGION_PATH, ROLE_PATH,
    SECRET, SESSION_TOKEN, TOKEN_PATH, TOKEN_START, ok, status, token_reply,
};

#[tokio::test]
async fn each_item_is_fetched_with_one_token() {
    let imds = LocalImds::start().await;
    let client = imds.client();
    assert_eq!(client.region().await.expect("a region").as_str(), "eu-central-1");
    assert_eq!(client.clone().instance_id().await.expect("an ID").as_str(), INSTANCE);
    for credentials in [
        client.instance_identity_credentials().await.expect("credentials"),
        client.instance_profile_credentials().await.expect("credentials"),
    ] {
        assert_eq!(credentials.access_key_id(), KEY);
        assert_eq!(credentials.secret_access_key(), SECRET);
        assert_eq!(credentials.session_token(), Some(SESSION_TOKEN));
        assert!(credentials.expiry().is_some());
    }
    let want = [
        format!("PUT {TOKEN_PATH}"),
        format!("GET {REGION_PATH}"),
        format!("GET {INSTANCE_PATH}"),
        format!("GET {IDENTITY_PATH}"),
        format!("GET {PROFILE_PATH}"),
        format!("GET {ROLE_PATH}"),
    ];
    assert_eq!(imds.lines(), want);
    let host = imds.address();
    assert_eq!(
        imds.seen()[..2],
        [
            format!(
                "PUT {TOKEN_PATH} HTTP/1.1\r\nhost: {host}\r\nx-aws-ec2-metadata-token-ttl-seconds: 21600\r\n\
                 content-length: 0\r\naccept: */*\r\nconnection: close\r\n\r\n"
            ),
            format!(
                "GET {REGION_PATH} HTTP/1.1\r\nhost: {host}\r\nx-aws-ec2-metadata-token: {TOKEN_START}1==\r\n\
                 accept: */*\r\nconnection: close\r\n\r\n"
            ),
        ],
    );
}

#[tokio::test]
async fn those_who_come_together_ask_for_one_token() {
    let imds = LocalImds::start().await;
    let client = imds.client();
    let asking: Vec<_> = (0..20)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.region().await })
        })
        .collect();
    for one in asking {
        one.await.expect("no panic").expect("a region");
    }
    assert_eq!((imds.count(TOKEN_PATH), imds.count(REGION_PATH)), (1, 20));
}

#[tokio::test]
async fn a_token_is_renewed_shortly_before_its_end() {
    let imds = LocalImds::start().await;
    // Half a second is no whole second: one is asked for.
    let client = imds.builder().token_ttl(Duration::from_millis(500)).attempts(1).build();
    client.region().await.expect("a region");
    client.region().await.expect("a region");
    assert_eq!(imds.count(TOKEN_PATH), 1);
    tokio::time::sleep(Duration::from_millis(950)).await;
    client.region().await.expect("a region");
    assert_eq!(imds.count(TOKEN_PATH), 2);
    assert!(imds.seen()[0].contains("ttl-seconds: 1\r\n"), "{}", imds.seen()[0]);
}

#[tokio::test]
async fn the_lifetime_is_what_the_service_says_and_never_more_than_was_asked() {
    let imds = LocalImds::start().await;
    let client = imds.client();
    imds.next(TOKEN_PATH, [token_reply("short", "0")]);
    imds.next(REGION_PATH, [ok("eu-central-1"), ok("eu-central-1")]);
    client.region().await.expect("a region");
    client.region().await.expect("a region");
    assert_eq!(imds.count(TOKEN_PATH), 2);

    let client = imds.builder().token_ttl(Duration::from_secs(1)).build();
    imds.next(TOKEN_PATH, [token_reply("long", "21600")]);
    imds.next(REGION_PATH, [ok("eu-central-1")]);
    client.region().await.expect("a region");
    tokio::time::sleep(Duration::from_millis(950)).await;
    client.region().await.expect("a region");
    assert_eq!(imds.count(TOKEN_PATH), 4);
}

#[tokio::test]
async fn a_token_that_is_refused_is_replaced() {
    let imds = LocalImds::start().await;
    let client = imds.client();
    client.region().await.expect("a region");
    imds.forget_tokens();
    client.region().await.expect("a region");
    assert_eq!((imds.count(TOKEN_PATH), imds.count(REGION_PATH)), (2, 3));

    imds.always(REGION_PATH, status(401));
    let error = client.region().await.expect_err("401");
    assert!(matches!(error, ImdsError::Status { step: ImdsStep::Region, status: 401 }), "{error}");
    assert_eq!((imds.count(TOKEN_PATH), imds.count(REGION_PATH)), (4, 6));
}

#[tokio::test]
async fn without_a_token_nothing_is_asked() {
    for answer in [status(400), status(401), status(403), status(404), status(405), Answer::Silence] {
        let imds = LocalImds::start().await;
        imds.always(TOKEN_PATH, answer);
        imds.client().region().await.expect_err("no token");
        assert!(imds.lines().iter().all(|line| line.starts_with("PUT ")), "{:?}", imds.lines());
    }
}
