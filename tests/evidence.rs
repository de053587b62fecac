//! Recorded and hostile evidence through the two public doors that need no network: `parse` and `begin`.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod common;

use common::doors::begin_verdict as verdict;
use common::{fixtures, moment};
use sts_agent_name::policy::Policy;
use sts_agent_name::server::Verifier;
use sts_agent_name::{InvalidUrl, PresignedUrl};

fn policy() -> Policy {
    Policy::builder().account("123456789012").any_role().build().expect("a policy")
}

/// Fails with all faults at once.
fn report(faults: &[String]) {
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn each_vector_ends_as_it_says() {
    let verifier = Verifier::builder().build().expect("a verifier");
    let mut faults = Vec::new();
    for fixture in fixtures("urls") {
        let got = verdict(&verifier, &fixture);
        if got != fixture.header("expect") {
            faults.push(format!("{}: got {got}, expected {}", fixture.name, fixture.header("expect")));
        }
    }
    report(&faults);
}

#[test]
fn what_is_accepted_is_rebuilt_in_one_form_that_url_reads_alike() {
    let folders = ["urls", "real-clients", "presign"];
    let mut accepted = 0;
    for fixture in folders.iter().flat_map(|folder| fixtures(folder)) {
        let Ok(url) = PresignedUrl::parse(fixture.text()) else { continue };
        let again = PresignedUrl::parse(url.expose()).expect("a rebuilt text is a text");
        assert_eq!(again.expose(), url.expose(), "{}", fixture.name);
        let read = url::Url::parse(url.expose()).expect("a URL library reads it");
        assert_eq!(read.as_str(), url.expose(), "{}", fixture.name);
        accepted += 1;
    }
    assert!(accepted > 100, "{accepted}");
}

#[test]
fn real_clients_pass_with_the_clock_at_their_time() {
    let verifier = Verifier::builder().build().expect("a verifier");
    let mut faults = Vec::new();
    for fixture in fixtures("real-clients") {
        let got = verdict(&verifier, &fixture);
        let parsed = PresignedUrl::parse(fixture.text());
        let flags = fixture.optional("flags").unwrap_or_default();
        let want = match fixture.header("expect") {
            // A long-term key is well-formed evidence of a caller that no policy lets in.
            "accept" if fixture.text().contains("Credential=AKIA") => "long_term_credentials",
            "accept" => "accept",
            _ if flags.contains("extra_params") => "unknown_parameter",
            _ if flags.contains("extra_signed_headers") => "unexpected_signed_header",
            // The text is in order and only STS can tell that the signature is not.
            _ => "accept",
        };
        if got != want || (fixture.header("expect") == "accept" && parsed.is_err()) {
            faults.push(format!("{}: got {got}, expected {want}", fixture.name));
        }
    }
    report(&faults);
}

#[test]
fn a_signed_header_that_nobody_configured_is_named() {
    let verifier = Verifier::builder().build().expect("a verifier");
    let policy = policy();
    let mut seen = 0;
    for fixture in fixtures("urls") {
        if fixture.header("expect") == "unexpected_signed_header" {
            let refusal = verifier.begin(fixture.text(), &policy, moment(fixture.header("at"))).unwrap_err();
            let url = PresignedUrl::parse(fixture.text()).expect("well-formed");
            let name = url.signed_headers().find(|name| *name != "host").expect("a second header");
            assert!(refusal.to_string().contains(name), "{}: {refusal}", fixture.name);
            seen += 1;
        }
    }
    assert!(seen > 0);
}

#[test]
fn size_is_bounded_before_any_work() {
    for text in [
        format!("https://sts.amazonaws.com/?{}", "a".repeat(1 << 20)),
        "%".repeat(1 << 20),
        format!("https://{}", "sts.".repeat(1 << 18)),
    ] {
        assert_eq!(PresignedUrl::parse(&text).err(), Some(InvalidUrl::Length));
    }
}

#[test]
fn the_limits_of_a_url_are_exact() {
    let base =
        fixtures("urls").into_iter().find(|fixture| fixture.header("expect") == "accept").expect("one");
    let url = PresignedUrl::parse(base.text()).expect("good");
    let filler = PresignedUrl::MAX_LENGTH - url.expose().len();
    let padded =
        |more: usize| url.expose().replace("Token=", &format!("Token={}", "A".repeat(filler + more)));
    assert!(PresignedUrl::parse(&padded(0)).is_ok());
    assert_eq!(PresignedUrl::parse(&padded(1)).err(), Some(InvalidUrl::Length));
    // A path that is left out is written, which makes the text one byte longer than it came.
    assert_eq!(PresignedUrl::parse(&padded(1).replace(".com/?", ".com?")).err(), Some(InvalidUrl::Length));
}

/// The calendar of the server's clock has an end, and no moment near it may stop the server.
#[test]
fn the_last_minutes_of_the_calendar_are_moments_as_any_other() {
    let verifier = Verifier::builder().build().expect("a verifier");
    let policy = policy();
    let fixtures = fixtures("urls");
    let good = fixtures.iter().find(|fixture| fixture.name == "good-base").expect("good-base").text();
    let signed = |date: &str| {
        good.replace("20260101T000000Z", date).replace("20260101%2F", &format!("{}%2F", &date[..8]))
    };
    let code = |date, now| {
        let begun = verifier.begin(&signed(date), &policy, moment(now));
        begun.map_or_else(|refusal| refusal.code(), |_| "accept")
    };
    assert_eq!(code("99991231T235930Z", "9999-12-31T23:59:59Z"), "accept");
    assert_eq!(code("99991231T235930Z", "9999-12-31T23:58:00Z"), "not_yet_valid");
    assert_eq!(code("99991231T000000Z", "9999-12-31T23:59:59Z"), "expired");
    assert_eq!(code("00000101T000000Z", "9999-12-31T23:59:59Z"), "expired");
    assert_eq!(code("99991231T235930Z", "0000-01-01T00:00:00Z"), "not_yet_valid");
}
