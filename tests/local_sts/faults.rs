//! Each misbehaviour, as the client sees it.

use std::io::ErrorKind;
use std::time::Duration;

use sts_agent_name::testing::Fault;
use tokio::io::AsyncReadExt as _;
use tokio::time::timeout;

use crate::client::{Client, header};
use crate::setup::{HOST, Signed, agent_at_noon, started, until};

#[tokio::test]
async fn a_script_is_played_once_and_a_fault_until_told_otherwise() {
    let sts = started(agent_at_noon()).await;
    let mut client = Client::connect(&sts, HOST).await.unwrap();
    let target = Signed::default().target();
    sts.play_script([Fault::Status(503), Fault::Status(500)]);
    sts.play_once(Fault::Throttle { retry_after: None });
    for status in [503, 500, 400, 200, 200] {
        assert_eq!(client.get(&target, "*/*").await.unwrap().status(), status);
    }
    sts.play(Fault::Status(504));
    sts.play_once(Fault::Empty);
    for status in [200, 504, 504] {
        assert_eq!(client.get(&target, "*/*").await.unwrap().status(), status);
    }
    sts.behave();
    assert_eq!(client.get(&target, "*/*").await.unwrap().status(), 200);
    assert_eq!(sts.connections(), 1);
}

#[tokio::test]
async fn each_false_reply_has_its_bytes() {
    let sts = started(agent_at_noon()).await;
    let mut client = Client::connect(&sts, HOST).await.unwrap();
    let target = Signed::default().target();
    let success = client.get(&target, "*/*").await.unwrap();
    let location = || "https://127.0.0.1:1/".to_owned();
    for (fault, status, header, start) in [
        (Fault::Status(503), 503, ("Content-Type", Some("text/xml")), "<ErrorResponse xmlns="),
        (Fault::Throttle { retry_after: None }, 400, ("Retry-After", None), "<ErrorResponse xmlns="),
        (Fault::Throttle { retry_after: Some(7) }, 400, ("Retry-After", Some("7")), "<ErrorResponse xmlns="),
        (
            Fault::Redirect { status: 301, location: location() },
            301,
            ("Location", Some("https://127.0.0.1:1/")),
            "",
        ),
        (
            Fault::Redirect { status: 308, location: location() },
            308,
            ("Location", Some("https://127.0.0.1:1/")),
            "",
        ),
        (Fault::ErrorWith200, 200, ("Content-Type", Some("text/xml")), "<ErrorResponse xmlns="),
        (Fault::SuccessWith403, 403, ("Content-Type", Some("text/xml")), "<GetCallerIdentityResponse xmlns="),
        (Fault::Html, 200, ("Content-Type", Some("text/html")), "<!DOCTYPE html>"),
        (Fault::Json, 200, ("Content-Type", Some("application/json")), "{\"GetCallerIdentityResponse\":{"),
        (Fault::Empty, 200, ("Content-Length", Some("0")), ""),
        (Fault::body(418, "text/plain", "tea"), 418, ("Content-Type", Some("text/plain")), "tea"),
        (Fault::body(200, None, "tea"), 200, ("Content-Type", None), "tea"),
        (Fault::Delay(Duration::from_millis(10)), 200, ("Content-Type", Some("text/xml")), "<GetCaller"),
    ] {
        sts.play_once(fault.clone());
        let reply = client.get(&target, "*/*").await.unwrap();
        assert_eq!(reply.status(), status, "{fault:?}");
        assert_eq!(reply.header(header.0), header.1, "{fault:?}");
        assert!(reply.text().starts_with(start), "{fault:?}: {}", reply.text());
        assert_eq!(reply.header("X-Amzn-Requestid").map(str::len), Some(36), "{fault:?}");
    }
    sts.play_once(Fault::Throttle { retry_after: None });
    let reply = client.get(&target, "*/*").await.unwrap();
    assert_eq!(reply.text(), reply.error_xml("Throttling", "Rate exceeded"));
    let code = "RegionDisabledException";
    sts.play_once(Fault::Error { status: 403, code: code.to_owned(), message: "a < b".to_owned() });
    let reply = client.get(&target, "*/*").await.unwrap();
    assert_eq!(reply.text(), reply.error_xml(code, "a &lt; b"));
    sts.play_once(Fault::ExtraReply);
    let first = client.get(&target, "*/*").await.unwrap();
    let second = client.reply().await.unwrap();
    assert_eq!((first.body.len(), second.body), (success.body.len(), first.body));
    assert_eq!(sts.connections(), 1);
}

#[tokio::test]
async fn faults_before_tls_meet_a_new_connection() {
    let sts = started(agent_at_noon()).await;
    sts.play_script([Fault::CloseAtOnce, Fault::Status(503)]);
    assert!(Client::connect(&sts, HOST).await.is_err());
    let target = Signed::default().target();
    let mut client = Client::connect(&sts, HOST).await.unwrap();
    assert_eq!(client.get(&target, "*/*").await.unwrap().status(), 503);

    sts.play_once(Fault::NeverHandshake);
    let waiting = timeout(Duration::from_millis(200), Client::connect(&sts, HOST)).await;
    assert!(waiting.is_err(), "a handshake was done");
    until(|| sts.open_connections() == 1).await;

    // An open connection is past its handshake: the request meets the fault.
    for fault in [Fault::CloseAtOnce, Fault::CloseInsteadOfReply] {
        let mut client = Client::connect(&sts, HOST).await.unwrap();
        until(|| sts.open_connections() == 2).await;
        client.get(&target, "*/*").await.unwrap();
        sts.play_once(fault);
        client.send(&target, "*/*").await.unwrap();
        assert_eq!(client.rest().await.unwrap_or_default(), b"");
    }
    assert_eq!(sts.connections(), 5);
}

#[tokio::test]
async fn a_client_that_waits_in_vain_is_let_go() {
    let sts = started(agent_at_noon()).await;
    for fault in [Fault::NeverAnswer, Fault::Delay(Duration::from_hours(1)), Fault::DripHead] {
        sts.play_once(fault.clone());
        let mut client = Client::connect(&sts, HOST).await.unwrap();
        client.send(&Signed::default().target(), "*/*").await.unwrap();
        let got = timeout(Duration::from_millis(200), client.reply()).await;
        assert!(got.is_err(), "{fault:?}");
        drop(client);
        until(|| sts.open_connections() == 0).await;
    }
}

#[tokio::test]
async fn a_drip_is_one_byte_a_second() {
    let sts = started(agent_at_noon()).await;
    sts.play_once(Fault::Drip);
    let mut client = Client::connect(&sts, HOST).await.unwrap();
    client.send(&Signed::default().target(), "*/*").await.unwrap();
    assert!(client.head().await.unwrap().contains("Content-Length: "));
    let mut bytes = [0; 100];
    let mut got = Vec::new();
    let read = async {
        while let Ok(count @ 1..) = client.stream.read(&mut bytes).await {
            assert_eq!(count, 1);
            got.extend_from_slice(&bytes[..count]);
        }
    };
    assert!(timeout(Duration::from_millis(1500), read).await.is_err());
    assert!(got.len() <= 2 && b"<G".starts_with(&got), "{got:?}");
    drop(client);
    until(|| sts.open_connections() == 0).await;
}

#[tokio::test]
async fn a_cut_reply_ends_early() {
    let sts = started(agent_at_noon()).await;
    for (fault, reset) in [(Fault::WrongContentLength, false), (Fault::ResetMidReply, true)] {
        sts.play_once(fault.clone());
        let mut client = Client::connect(&sts, HOST).await.unwrap();
        client.send(&Signed::default().target(), "*/*").await.unwrap();
        let head = client.head().await.unwrap();
        let length: usize = header(&head, "Content-Length").unwrap().parse().unwrap();
        let mut body = Vec::new();
        let ended = client.stream.read_to_end(&mut body).await;
        assert!(!body.is_empty() && body.len() < length, "{fault:?}: {} of {length}", body.len());
        assert_eq!(ended.map_err(|error| error.kind()).err(), reset.then_some(ErrorKind::ConnectionReset));
        assert!(body.starts_with(b"<GetCallerIdentityResponse"), "{fault:?}");
        assert_eq!(body.ends_with(b"</GetCallerIdentityResponse>\n"), !reset, "{fault:?}");
        drop(client);
        until(|| sts.open_connections() == 0).await;
    }
}

#[tokio::test]
async fn a_flood_has_no_end_and_stops_with_the_client() {
    let sts = started(agent_at_noon()).await;
    for (fault, framing, start) in [
        (Fault::EndlessBody, ("Transfer-Encoding", "chunked"), &b"1c5\r\n<GetCallerIdentityResponse"[..]),
        (Fault::HugeBody, ("Content-Length", "1073741824"), b"<GetCallerIdentityResponse"),
        (Fault::GzipBomb, ("Content-Length", "6760021"), b"\x1f\x8b\x08\0"),
    ] {
        sts.play_once(fault.clone());
        let mut client = Client::connect(&sts, HOST).await.unwrap();
        client.send(&Signed::default().target(), "*/*").await.unwrap();
        let head = client.head().await.unwrap();
        assert_eq!(header(&head, framing.0), Some(framing.1), "{fault:?}");
        let encoding = (fault == Fault::GzipBomb).then_some("gzip");
        assert_eq!(header(&head, "Content-Encoding"), encoding);
        let mut body = vec![0; 4 << 20];
        client.stream.read_exact(&mut body).await.unwrap();
        assert!(body.starts_with(start), "{fault:?}: {:?}", String::from_utf8_lossy(&body[..80]));
        drop(client);
        until(|| sts.open_connections() == 0).await;
    }
}

/// Fixed Huffman by hand: the start of the bomb unpacks to NULs, 258 for each 13 bits.
#[tokio::test]
async fn the_bomb_is_a_bomb() {
    let sts = started(agent_at_noon()).await;
    sts.play_once(Fault::GzipBomb);
    let mut client = Client::connect(&sts, HOST).await.unwrap();
    client.send(&Signed::default().target(), "*/*").await.unwrap();
    client.head().await.unwrap();
    let mut bomb = vec![0; 6_760_021];
    client.stream.read_exact(&mut bomb).await.unwrap();
    let mut bits = bomb[10..].iter().flat_map(|byte| (0..8).map(move |bit| (byte >> bit) & 1));
    let mut code =
        |length: usize| bits.by_ref().take(length).fold(0_u32, |code, bit| (code << 1) | u32::from(bit));
    assert_eq!((code(1), code(2)), (1, 0b10), "the last block, of fixed codes");
    assert_eq!(code(8), 0b0011_0000, "the literal 0");
    let mut unpacked = 1_u32;
    while code(7) != 0 {
        assert_eq!((code(1), code(5)), (1, 0), "length 258 at distance 1");
        unpacked += 258;
    }
    assert_eq!(unpacked, 1_073_280_001);
    assert_eq!(bomb[bomb.len() - 4..], unpacked.to_le_bytes());
}
