//! How often the pure steps allocate: counts are the same on every machine, where times are not.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod common;

use allocation_counter::measure;
use common::{fixtures, moment};
use sts_agent_name::policy::Policy;
use sts_agent_name::server::Verifier;
use sts_agent_name::{CallerIdentity, PresignedUrl};

fn good() -> (String, time::OffsetDateTime) {
    let fixtures = fixtures("urls");
    let fixture = fixtures.iter().find(|fixture| fixture.name == "good-base").expect("good-base");
    // A token of a real one's length, with the escapes of base64.
    let token = "IQoJb3JpZ2luX2VjEF%2Fa%2BDw%3D".repeat(44);
    (fixture.text().replace("Token=FAKE", &format!("Token={token}")), moment(fixture.header("at")))
}

#[test]
fn evidence_is_parsed_and_begun_in_few_allocations() {
    let (text, at) = good();
    assert!((1600..1800).contains(&text.len()), "{}", text.len());
    let verifier = Verifier::builder().build().expect("a verifier");
    let policy = Policy::builder().account("123456789012").role("ci-agent").build().expect("a policy");
    drop(verifier.begin(&text, &policy, at).expect("begun"));
    let parse = measure(|| drop(PresignedUrl::parse(&text).expect("parsed")));
    let begin = measure(|| drop(verifier.begin(&text, &policy, at).expect("begun")));
    assert!(parse.count_total <= 1, "{parse:?}");
    assert!(begin.count_total <= 4, "{begin:?}");
}

#[test]
fn a_refusal_of_form_allocates_nothing() {
    let (good, at) = good();
    let verifier = Verifier::builder().build().expect("a verifier");
    let policy = Policy::builder().account("123456789012").role("ci-agent").build().expect("a policy");
    let huge = format!("{good}{}", "a".repeat(1 << 20));
    drop(verifier.begin(&good, &policy, at).expect("begun"));
    let mut tried = 0;
    let vectors = fixtures("urls");
    let texts = vectors.iter().map(|fixture| fixture.text()).chain([huge.as_str()]);
    for text in texts.filter(|text| PresignedUrl::parse(text).is_err()) {
        let refusal = measure(|| assert!(verifier.begin(text, &policy, at).is_err()));
        assert_eq!(refusal.count_total, 0, "{text:.200}");
        tried += 1;
    }
    assert!(tried > 200, "{tried}");
}

/// quick-xml keeps the names of open elements, which costs it a few allocations of its own; ours are the two texts of
/// the identity.
#[test]
fn a_reply_is_read_in_two_allocations_beside_the_readers_own() {
    let fixtures = fixtures("replies");
    let recorded = fixtures.iter().find(|fixture| fixture.name == "accept-recorded").expect("it");
    let bare = measure(|| {
        let mut reader = quick_xml::Reader::from_str(recorded.text());
        while !matches!(reader.read_event().expect("an event"), quick_xml::events::Event::Eof) {}
    });
    let read = measure(|| {
        drop(CallerIdentity::from_reply(200, Some("text/xml"), &recorded.payload).expect("accepted"));
    });
    assert!(read.count_total <= bare.count_total + 2, "{read:?} {bare:?}");
}
