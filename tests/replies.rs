//! Recorded and hostile replies of STS through `from_reply`.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod common;

use common::doors::{read_reply as read, reply_verdict};
use common::fixtures;
use sts_agent_name::{ArnResource, ReplyError, SignatureHint};

#[test]
fn each_vector_ends_as_it_says() {
    let mut faults = Vec::new();
    for fixture in fixtures("replies") {
        let got = reply_verdict(&fixture);
        if got != fixture.header("expect") {
            faults.push(format!("{}: got {got}, expected {}", fixture.name, fixture.header("expect")));
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn an_accepted_reply_says_what_a_second_reader_finds() {
    let mut accepted = 0;
    for fixture in fixtures("replies") {
        let Ok(caller) = read(&fixture) else { continue };
        let document = roxmltree::Document::parse(fixture.text()).expect("well-formed XML");
        let only = |name: &str| {
            let mut found = document.descendants().filter(|node| node.tag_name().name() == name);
            let text = found.next().and_then(|node| node.text()).unwrap_or_default().to_owned();
            assert!(found.next().is_none(), "{}: two of {name}", fixture.name);
            text
        };
        assert_eq!(caller.arn().as_str(), only("Arn"), "{}", fixture.name);
        assert_eq!(caller.user_id(), only("UserId"), "{}", fixture.name);
        assert_eq!(caller.account().as_str(), only("Account"), "{}", fixture.name);
        accepted += 1;
    }
    assert!(accepted > 10, "{accepted}");
}

#[test]
fn the_recorded_reply_gives_every_part() {
    let fixture =
        fixtures("replies").into_iter().find(|fixture| fixture.name == "accept-recorded").expect("it");
    assert_eq!(fixture.payload.len(), 456);
    let caller = read(&fixture).expect("accepted");
    assert_eq!(caller.account().as_str(), "188945769008");
    assert_eq!(caller.role_id(), Some("AROASX7QLUIYK4AQBODTV"));
    let want = ArnResource::AssumedRole { role: "conjur-role", session: "i-08241b0e31fe23d20" };
    assert_eq!(caller.arn().resource(), want);
}

#[test]
fn the_message_of_a_rejected_signature_is_a_hint() {
    let mut seen = Vec::new();
    for fixture in fixtures("replies") {
        if let Err(ReplyError::SignatureRejected { hint }) = read(&fixture) {
            seen.push((fixture.name, hint));
        }
    }
    let hint = |name: &str| seen.iter().find(|(fixture, _)| fixture == name).map(|(_, hint)| *hint);
    assert_eq!(hint("signature-rejected-recorded-expired"), Some(SignatureHint::Expired));
    assert_eq!(hint("signature-rejected-mismatch"), Some(SignatureHint::Mismatch));
    assert_eq!(hint("signature-rejected-region"), Some(SignatureHint::Scope));
}
