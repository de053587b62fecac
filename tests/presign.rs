//! The signer against URLs that botocore wrote.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod common;

use aws_credential_types::Credentials;
use common::{Fixture, fixtures, moment};
use sts_agent_name::agent::Presigner;
use sts_agent_name::{Audience, Endpoint, EndpointSet, PresignedUrl};
use time::Duration;

fn endpoint(host: &str) -> Endpoint {
    EndpointSet::built_in().iter().find(|endpoint| endpoint.host() == host).expect(host).clone()
}

fn credentials(fixture: &Fixture) -> Credentials {
    let token = fixture.optional("session-token").map(str::to_owned);
    Credentials::new(
        fixture.header("access-key-id"),
        fixture.header("secret-access-key"),
        token,
        None,
        "fixture",
    )
}

fn presigner(fixture: &Fixture) -> Presigner {
    let presigner = Presigner::new(endpoint(fixture.header("host")));
    match fixture.optional("audience").and_then(|header| header.split_once('=')) {
        Some((header, value)) => presigner.with_audience(Audience::with_header(header, value).expect(header)),
        None => presigner,
    }
}

#[test]
fn what_we_sign_is_byte_for_byte_what_botocore_signs() {
    let fixtures = fixtures("presign");
    assert!(fixtures.len() >= 12);
    for fixture in fixtures {
        let url = presigner(&fixture).presign(&credentials(&fixture), moment(fixture.header("at")));
        assert_eq!(url.expect("signed").expose(), fixture.text(), "{}", fixture.name);
    }
}

#[test]
fn what_we_sign_we_accept() {
    for fixture in fixtures("presign") {
        let url = PresignedUrl::parse(fixture.text()).expect(&fixture.name);
        assert_eq!(url.expose(), fixture.text(), "{}", fixture.name);
        assert_eq!(url.host(), fixture.header("host"));
        assert_eq!(url.region().as_str(), fixture.header("region"));
        assert_eq!(url.access_key_id(), fixture.header("access-key-id"));
        assert_eq!(url.signed_at(), moment(fixture.header("at")));
        assert_eq!(url.has_session_token(), fixture.optional("session-token").is_some());
    }
}

#[test]
fn a_url_is_good_for_a_quarter_of_an_hour_or_as_long_as_the_credentials() {
    let now = moment("2026-01-01T00:00:00Z");
    let ending = |after: Duration| {
        let token = Some("FAKE".to_owned());
        let (key, secret) = ("ASIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
        Credentials::new(key, secret, token, Some((now + after).into()), "test")
    };
    for (end, good_for) in [(60, 60), (900, 900), (3600, 900)] {
        let presigner = Presigner::new(Endpoint::global());
        let url = presigner.presign(&ending(Duration::seconds(end)), now).expect("signed");
        assert_eq!(url.good_until(), Some(now + Duration::seconds(good_for)));
    }
    let presigner = Presigner::new(Endpoint::global());
    let error = presigner.presign(&ending(Duration::ZERO), now).unwrap_err();
    assert_eq!(error.to_string(), "credentials have expired; fetch new ones");
    assert_eq!(PresignedUrl::parse(fixtures("presign")[0].text()).expect("good").good_until(), None);
}

#[test]
fn one_second_is_never_signed_twice() {
    let presigner = Presigner::new(Endpoint::global());
    let fixture =
        &fixtures("presign").into_iter().find(|it| it.optional("session-token").is_some()).expect("one");
    let now = moment("2026-01-01T00:00:00Z");
    let first = presigner.presign(&credentials(fixture), now).expect("signed");
    let second = presigner.presign(&credentials(fixture), now).expect("signed");
    assert_eq!((first.signed_at(), second.signed_at()), (now, now + Duration::seconds(1)));
}

#[tokio::test]
async fn a_provider_will_do_for_credentials() {
    let fixture = &fixtures("presign")[0];
    let url = presigner(fixture).presign_from(&credentials(fixture), moment(fixture.header("at"))).await;
    assert_eq!(url.expect("signed").expose(), fixture.text());
}
