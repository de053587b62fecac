//! Every way in which STS, the network or an impostor can misbehave, met by the built-in client.
//!
//! [`meet`] holds for all of them: the deadline is kept, memory stays small, no connection is left behind, and the
//! next verification is answered right.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

#[path = "common/apart.rs"]
mod apart;
mod common;

use std::io::ErrorKind;
use std::net::TcpListener;
use std::time::Duration;

use apart::{Apart, Took, client, until, verify};
use common::local::{INSTANCE, agent, builder, chain, presigned};
use sts_agent_name::Endpoint;
use sts_agent_name::server::{Unavailable, VerifyError};
use sts_agent_name::testing::{Certificate, Fault, LocalSts};

/// For faults that are over when the deadline is: time enough for a handshake on a busy machine.
const SHORT: Duration = Duration::from_secs(2);
/// For faults that are seen at once.
const AMPLE: Duration = Duration::from_secs(8);
/// The most that one verification may hold, whatever it is sent.
const MEMORY: u64 = 2 << 20;

/// How a fault was met.
#[derive(Debug, Eq, PartialEq)]
struct Met {
    /// The variant of the error.
    kind: &'static str,
    code: &'static str,
    /// How often STS was asked.
    requests: usize,
    /// How many connections that took.
    connections: usize,
    /// Whether the connection carried the next request.
    reused: bool,
}

const fn met(kind: &'static str, code: &'static str, requests: usize, connections: usize) -> Met {
    Met { kind, code, requests, connections, reused: false }
}

impl Met {
    const fn reused(self) -> Self {
        Self { reused: true, ..self }
    }
}

/// Verifies once while STS plays `script` (the last fault for ever), and once more when it behaves again.
fn meet<const N: usize>(timeout: Duration, mut script: [Fault; N]) -> Met {
    let apart = Apart::start(LocalSts::builder().principal(agent()));
    let sts = &apart.sts;
    let last = std::mem::replace(&mut script[N - 1], Fault::Empty);
    sts.play(last);
    sts.play_script(script.into_iter().take(N - 1));
    let client = client();
    // No deadline but the one that is looked at.
    let builder = builder(sts).timeout(timeout).connect_timeout(AMPLE);
    let verifier = builder.build().expect("a verifier");
    let url = presigned(&Endpoint::global());

    let took = verify(&client, &verifier, url.expose());
    check_cost(&took, timeout);
    let (kind, code) = kind(&took);
    let (requests, connections) = (sts.requests(), sts.connections());

    sts.behave();
    let next = verify(&client, &verifier, url.expose());
    assert_eq!(next.outcome.expect("verified").name().as_str(), INSTANCE);
    assert_eq!(sts.requests(), requests + 1);
    let reused = sts.connections() == connections;
    // What is not used again is closed, though the verifier lives.
    client.block_on(until("one connection is left", || sts.open_connections() == 1));
    drop(verifier);
    client.block_on(until("no connection is left", || sts.open_connections() == 0));
    Met { kind, code, requests, connections, reused }
}

/// Verifies once against an STS with such a certificate: requests, connections, and what went wrong.
fn meet_certificate(certificate: Certificate) -> (Met, String) {
    let apart = Apart::start(LocalSts::builder().principal(agent()).certificate(certificate));
    let sts = &apart.sts;
    let client = client();
    let verifier = builder(sts).timeout(AMPLE).build().expect("a verifier");
    let took = verify(&client, &verifier, presigned(&Endpoint::global()).expose());
    check_cost(&took, AMPLE);
    let (kind, code) = kind(&took);
    // With the verifier alive.
    client.block_on(until("no connection is left", || sts.open_connections() == 0));
    let error = took.outcome.expect_err("no verification");
    let met = Met { kind, code, requests: sts.requests(), connections: sts.connections(), reused: false };
    (met, chain(&error).join(": "))
}

fn check_cost(took: &Took, timeout: Duration) {
    let most = timeout.mul_f64(1.5) + Duration::from_secs(1);
    assert!(took.time <= most, "{:?} for a deadline of {timeout:?}", took.time);
    assert!(took.peak < MEMORY, "{} bytes", took.peak);
}

/// The error's variant, told apart more finely than by its code, and its code.
fn kind(took: &Took) -> (&'static str, &'static str) {
    let error = match &took.outcome {
        Ok(agent) => {
            assert_eq!(agent.name().as_str(), INSTANCE);
            return ("verified", "verified");
        }
        Err(error) => error,
    };
    let kind = match error {
        VerifyError::InvalidReply(reply) => reply.code(),
        VerifyError::Refused(_) => "refused",
        VerifyError::Throttled { .. } => "throttled",
        VerifyError::Unavailable(Unavailable::Connect(_)) => "connect",
        VerifyError::Unavailable(Unavailable::Interrupted(_)) => "interrupted",
        VerifyError::Unavailable(Unavailable::ServerError) => "server error",
        VerifyError::Unavailable(Unavailable::Timeout) => "timeout",
        VerifyError::Unavailable(Unavailable::Unanswered(_)) => "unanswered",
        other => panic!("{other:?}"),
    };
    assert_eq!(error.http_status(), if matches!(error, VerifyError::InvalidReply(_)) { 502 } else { 503 });
    (kind, error.code())
}

/// A listener that nobody must ever connect to.
struct Trap(TcpListener);

impl Trap {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("a listener that does not wait");
        Self(listener)
    }

    fn authority(&self) -> String {
        self.0.local_addr().expect("an address").to_string()
    }

    fn was_connected_to(&self) -> bool {
        match self.0.accept() {
            Ok(_) => true,
            Err(error) if error.kind() == ErrorKind::WouldBlock => false,
            Err(error) => panic!("{error}"),
        }
    }
}

// Nothing comes, or too slowly.

#[test]
fn an_sts_that_never_answers() {
    assert_eq!(meet(SHORT, [Fault::NeverAnswer]), met("timeout", "unavailable", 1, 1));
}

#[test]
fn an_sts_that_never_shakes_hands() {
    assert_eq!(meet(SHORT, [Fault::NeverHandshake]), met("timeout", "unavailable", 0, 1));
}

#[test]
fn a_body_of_one_byte_a_second() {
    assert_eq!(meet(SHORT, [Fault::Drip]), met("timeout", "unavailable", 1, 1));
}

#[test]
fn a_head_of_one_byte_a_second() {
    assert_eq!(meet(SHORT, [Fault::DripHead]), met("timeout", "unavailable", 1, 1));
}

// The connection breaks.

#[test]
fn a_connection_that_is_closed_at_once_is_tried_again() {
    assert_eq!(meet(AMPLE, [Fault::CloseAtOnce]), met("connect", "unavailable", 0, 3));
    let twice = [Fault::CloseAtOnce, Fault::CloseAtOnce, Fault::Delay(Duration::ZERO)];
    assert_eq!(meet(AMPLE, twice), met("verified", "verified", 1, 3).reused());
}

#[test]
fn a_connection_that_is_closed_in_place_of_a_reply_is_tried_again() {
    assert_eq!(meet(AMPLE, [Fault::CloseInsteadOfReply]), met("unanswered", "unavailable", 3, 3));
    let once = [Fault::CloseInsteadOfReply, Fault::Delay(Duration::ZERO)];
    assert_eq!(meet(AMPLE, once), met("verified", "verified", 2, 2).reused());
}

#[test]
fn a_kept_connection_that_is_closed_as_it_is_used_is_tried_again() {
    let apart = Apart::start(LocalSts::builder().principal(agent()));
    let sts = &apart.sts;
    let client = client();
    let verifier = builder(sts).timeout(AMPLE).build().expect("a verifier");
    let url = presigned(&Endpoint::global());
    verify(&client, &verifier, url.expose()).outcome.expect("verified");
    sts.play_once(Fault::CloseInsteadOfReply);
    verify(&client, &verifier, url.expose()).outcome.expect("verified");
    assert_eq!((sts.requests(), sts.connections()), (3, 2));
}

#[test]
fn a_reset_in_the_middle_of_the_reply() {
    assert_eq!(meet(AMPLE, [Fault::ResetMidReply]), met("interrupted", "unavailable", 1, 1));
}

#[test]
fn a_reply_shorter_than_it_says() {
    assert_eq!(meet(AMPLE, [Fault::WrongContentLength]), met("interrupted", "unavailable", 1, 1));
}

// Too much comes.

#[test]
fn a_body_without_end() {
    assert_eq!(meet(AMPLE, [Fault::EndlessBody]), met("too_large", "invalid_reply", 1, 1));
}

#[test]
fn a_body_of_a_gibibyte() {
    assert_eq!(meet(AMPLE, [Fault::HugeBody]), met("too_large", "invalid_reply", 1, 1));
}

#[test]
fn a_gzip_bomb_is_not_unpacked() {
    assert_eq!(meet(AMPLE, [Fault::GzipBomb]), met("content_encoding", "invalid_reply", 1, 1));
}

#[test]
fn a_header_of_a_mebibyte() {
    let fault = Fault::body(200, Some(&*"x".repeat(1 << 20)), "");
    assert_eq!(meet(AMPLE, [fault]), met("interrupted", "unavailable", 1, 1));
}

#[test]
fn a_thousand_headers() {
    let headers = format!("text/xml{}", "\r\nX-A: b".repeat(1000));
    let fault = Fault::body(200, Some(&*headers), "");
    assert_eq!(meet(AMPLE, [fault]), met("interrupted", "unavailable", 1, 1));
}

#[test]
fn a_chunk_extension_of_a_mebibyte() {
    let body = format!("1;{}\r\na\r\n0\r\n\r\n", "x".repeat(1 << 20));
    let fault = Fault::body(200, "text/xml\r\nTransfer-Encoding: chunked", body);
    assert_eq!(meet(AMPLE, [fault]), met("interrupted", "unavailable", 1, 1));
}

// Something else comes.

#[test]
fn a_redirect_is_an_error_and_its_target_sees_nothing() {
    let trap = Trap::new();
    for status in [301, 302, 303, 307, 308] {
        for scheme in ["http", "https"] {
            let location = format!("{scheme}://{}/", trap.authority());
            let redirect = Fault::Redirect { status, location };
            assert_eq!(
                meet(AMPLE, [redirect]),
                met("redirected", "invalid_reply", 1, 1).reused(),
                "{status} {scheme}"
            );
        }
    }
    assert!(!trap.was_connected_to());
    // An unread body is not what the next reply begins with.
    let long = Fault::body(302, "text/html", "x".repeat(1 << 20));
    assert_eq!(meet(AMPLE, [long]), met("redirected", "invalid_reply", 1, 1));
}

#[test]
fn an_error_under_200() {
    assert_eq!(meet(AMPLE, [Fault::ErrorWith200]), met("malformed_reply", "invalid_reply", 1, 1).reused());
}

#[test]
fn a_success_under_403() {
    assert_eq!(meet(AMPLE, [Fault::SuccessWith403]), met("malformed_reply", "invalid_reply", 1, 1).reused());
}

#[test]
fn a_page_of_html() {
    assert_eq!(meet(AMPLE, [Fault::Html]), met("wrong_content_type", "invalid_reply", 1, 1).reused());
}

#[test]
fn a_success_in_json() {
    assert_eq!(meet(AMPLE, [Fault::Json]), met("wrong_content_type", "invalid_reply", 1, 1).reused());
}

#[test]
fn nothing_at_all() {
    assert_eq!(meet(AMPLE, [Fault::Empty]), met("malformed_reply", "invalid_reply", 1, 1).reused());
}

#[test]
fn a_status_that_sts_never_sends() {
    for (status, kind) in [(204, "malformed_reply"), (206, "malformed_reply"), (304, "redirected")] {
        let fault = Fault::body(status, "text/xml", "");
        assert_eq!(meet(AMPLE, [fault]), met(kind, "invalid_reply", 1, 1).reused(), "{status}");
    }
    // What switches protocols is no HTTP connection any more.
    let fault = Fault::body(101, "text/xml", "");
    assert_eq!(meet(AMPLE, [fault]), met("malformed_reply", "invalid_reply", 1, 1));
}

#[test]
fn a_reply_framed_in_two_ways() {
    for head in ["text/xml\r\nContent-Length: 5", "text/xml\r\nTransfer-Encoding: chunked"] {
        let fault = Fault::body(200, head, "abcdefgh");
        assert_eq!(meet(AMPLE, [fault]), met("interrupted", "unavailable", 1, 1), "{head}");
    }
}

#[test]
fn a_second_reply_answers_nobody() {
    let apart = Apart::start(LocalSts::builder().principal(agent()));
    apart.sts.play(Fault::ExtraReply);
    let client = client();
    let verifier = builder(&apart.sts).timeout(AMPLE).build().expect("a verifier");
    let text = presigned(&Endpoint::global()).expose().to_owned();
    let forged = format!("{}{}", &text[..text.len() - 64], "0".repeat(64));
    // Each refusal has a success of the agent behind it, unasked.
    for round in 1..=20 {
        let took = verify(&client, &verifier, &forged);
        let error = took.outcome.expect_err("a signature of zeros");
        assert_eq!(error.code(), "signature_rejected");
        assert_eq!(apart.sts.requests(), round);
    }
    assert_eq!(apart.sts.connections(), 20);
}

// The other side is not who it should be.

#[test]
fn a_certificate_of_another_name() {
    let (met_, text) = meet_certificate(Certificate::OtherName);
    assert_eq!(met_, met("connect", "unavailable", 0, 3));
    assert!(text.contains("not valid for name"), "{text}");
}

#[test]
fn a_certificate_that_has_ended() {
    let (met_, text) = meet_certificate(Certificate::Expired);
    assert_eq!(met_, met("connect", "unavailable", 0, 3));
    assert!(text.contains("certificate expired"), "{text}");
}

#[test]
fn a_certificate_that_nobody_signed() {
    let (met_, text) = meet_certificate(Certificate::SelfSigned);
    assert_eq!(met_, met("connect", "unavailable", 0, 3));
    assert!(text.contains("UnknownIssuer"), "{text}");
}

#[test]
fn a_tls_that_is_too_old() {
    let (met_, text) = meet_certificate(Certificate::OldTls);
    assert_eq!(met_, met("connect", "unavailable", 0, 3));
    assert!(text.contains("ProtocolVersion"), "{text}");
}

// STS is out of order, or says that it is asked too much.

#[test]
fn a_server_error_is_asked_about_again() {
    assert_eq!(meet(AMPLE, [Fault::Status(503)]), met("server error", "unavailable", 3, 1).reused());
    assert_eq!(meet(AMPLE, [Fault::Status(500)]), met("server error", "unavailable", 3, 1).reused());
    let twice = [Fault::Status(503), Fault::Status(503), Fault::Delay(Duration::ZERO)];
    assert_eq!(meet(AMPLE, twice), met("verified", "verified", 3, 1).reused());
}

/// The status says enough: what its body is like does not matter, and does not cost more than it may.
#[test]
fn a_server_error_with_any_body_is_a_server_error() {
    for content_type in ["text/html", "text/xml\r\nContent-Encoding: gzip"] {
        let fault = || Fault::body(503, content_type, "x".repeat(1 << 20));
        assert_eq!(meet(AMPLE, [fault()]), met("server error", "unavailable", 3, 3));
        let twice = [fault(), fault(), Fault::Delay(Duration::ZERO)];
        assert_eq!(meet(AMPLE, twice), met("verified", "verified", 3, 3).reused());
    }
    for (content_type, length) in [("text/xml", 20_000), ("text/xml\r\nContent-Encoding: gzip", 100)] {
        let fault = Fault::body(503, content_type, "x".repeat(length));
        assert_eq!(meet(AMPLE, [fault]).kind, "server error");
    }
}

#[test]
fn a_refusal_is_not_asked_about_again() {
    let code = "RegionDisabledException".to_owned();
    let apart = Apart::start(LocalSts::builder().principal(agent()));
    apart.sts.play(Fault::Error { status: 403, code, message: String::new() });
    let verifier = builder(&apart.sts).build().expect("a verifier");
    let took = verify(&client(), &verifier, presigned(&Endpoint::global()).expose());
    assert_eq!(took.outcome.expect_err("refused").code(), "region_disabled");
    assert_eq!(apart.sts.requests(), 1);
}

#[test]
fn throttling_is_its_own_error() {
    let throttle = |retry_after| Fault::Throttle { retry_after };
    assert_eq!(meet(AMPLE, [throttle(None)]), met("throttled", "throttled", 3, 1).reused());
    // A wait that does not fit is not begun.
    assert_eq!(meet(AMPLE, [throttle(Some(60))]), met("throttled", "throttled", 1, 1).reused());
    let twice = [throttle(None), throttle(Some(0)), Fault::Delay(Duration::ZERO)];
    assert_eq!(meet(AMPLE, twice), met("verified", "verified", 3, 1).reused());
}

#[test]
fn a_wait_that_sts_asks_for_is_kept_and_told() {
    let apart = Apart::start(LocalSts::builder().principal(agent()));
    let client = client();
    let verifier = builder(&apart.sts).timeout(AMPLE).build().expect("a verifier");
    let url = presigned(&Endpoint::global());
    apart.sts.play_once(Fault::Throttle { retry_after: Some(1) });
    let took = verify(&client, &verifier, url.expose());
    assert!(took.outcome.is_ok() && took.time >= Duration::from_secs(1), "{took:?}");
    for (asked, told) in [(Some(60), Some(60)), (Some(u32::MAX), Some(300))] {
        apart.sts.play_once(Fault::Throttle { retry_after: asked });
        let took = verify(&client, &verifier, url.expose());
        let Err(VerifyError::Throttled { retry_after }) = took.outcome else { panic!("{took:?}") };
        assert_eq!(retry_after, told.map(Duration::from_secs));
    }
}

#[test]
fn a_connection_that_does_not_come_about_in_time_is_tried_again() {
    let apart = Apart::start(LocalSts::builder().principal(agent()));
    let sts = &apart.sts;
    let builder = builder(sts).timeout(AMPLE).connect_timeout(Duration::from_millis(500));
    let verifier = builder.build().expect("a verifier");
    let url = presigned(&Endpoint::global());
    let client = client();
    sts.play_once(Fault::NeverHandshake);
    let took = verify(&client, &verifier, url.expose());
    assert_eq!(took.outcome.expect("verified").name().as_str(), INSTANCE);
    assert_eq!((sts.requests(), sts.connections()), (1, 2));
    client.block_on(until("one connection is left", || sts.open_connections() == 1));
}

#[test]
fn the_deadline_is_one_for_all_attempts() {
    let apart = Apart::start(LocalSts::builder().principal(agent()));
    apart.sts.play(Fault::NeverHandshake);
    let timeout = Duration::from_millis(1200);
    let builder = builder(&apart.sts).timeout(timeout).connect_timeout(Duration::from_millis(500));
    let verifier = builder.build().expect("a verifier");
    let took = verify(&client(), &verifier, presigned(&Endpoint::global()).expose());
    check_cost(&took, timeout);
    assert!(["connect", "timeout"].contains(&kind(&took).0), "{took:?}");
    assert!((2..=3).contains(&apart.sts.connections()));
}
