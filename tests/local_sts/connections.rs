//! Hosts, certificates, connections and their count.

use std::io::ErrorKind;
use std::time::Duration;

use sts_agent_name::testing::{Certificate, Fault};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::client::Client;
use crate::setup::{HOST, Signed, agent_at_noon, started, until};

#[tokio::test]
async fn a_host_has_a_certificate_if_sts_has_the_host() {
    let sts =
        started(agent_at_noon().host("sts.example.internal", "eu-west-1").host("127.0.0.2", "eu-west-1"))
            .await;
    for (host, region) in [
        ("sts.amazonaws.com", "us-east-1"),
        ("sts.eu-central-2.amazonaws.com", "eu-central-2"),
        ("sts-fips.us-west-2.amazonaws.com", "us-west-2"),
        ("sts.eu-west-1.api.aws", "eu-west-1"),
        ("localhost", "us-east-1"),
        ("127.0.0.1", "us-east-1"),
        ("sts.example.internal", "eu-west-1"),
        ("127.0.0.2", "eu-west-1"),
    ] {
        let mut client = Client::connect(&sts, host).await.unwrap_or_else(|error| panic!("{host}: {error}"));
        let reply = client.get(&Signed { host, region, ..Signed::default() }.target(), "*/*").await.unwrap();
        assert_eq!(reply.status(), 200, "{host}: {}", reply.text());
    }
    for host in ["evil.example", "sts.s3.amazonaws.com", "sts.amazonaws.com.evil.example", "127.0.0.3"] {
        assert!(Client::connect(&sts, host).await.is_err(), "{host}");
    }
}

#[tokio::test]
async fn each_bad_certificate_is_bad_in_its_own_way() {
    for (certificate, want) in [
        (Certificate::Trusted, None),
        (Certificate::Expired, Some("invalid peer certificate: certificate expired")),
        (Certificate::OtherName, Some("invalid peer certificate: certificate not valid for name")),
        (Certificate::SelfSigned, Some("invalid peer certificate: UnknownIssuer")),
        (Certificate::OldTls, Some("received fatal alert: ProtocolVersion")),
    ] {
        let sts = started(agent_at_noon().certificate(certificate)).await;
        match (Client::connect(&sts, HOST).await, want) {
            (Ok(_), None) => {}
            (Err(error), Some(want)) => {
                assert!(error.to_string().starts_with(want), "{certificate:?}: {error}");
            }
            (got, _) => panic!("{certificate:?}: {:?}", got.err()),
        }
        assert_eq!((sts.connections(), sts.requests()), (1, 0));
    }
}

#[tokio::test]
async fn a_connection_carries_many_requests() {
    let sts = started(agent_at_noon()).await;
    let mut client = Client::connect(&sts, HOST).await.unwrap();
    let target = Signed::default().target();
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(client.get(&target, "*/*").await.unwrap().header("X-Amzn-Requestid").unwrap().to_owned());
    }
    ids.dedup();
    assert_eq!(ids.len(), 3);
    // Two at once, and one in pieces.
    let request = format!("GET {target} HTTP/1.1\r\nhost: {HOST}\r\n\r\n");
    client.write(&request.repeat(2)).await.unwrap();
    assert_eq!(client.reply().await.unwrap().status(), 200);
    assert_eq!(client.reply().await.unwrap().status(), 200);
    for piece in request.as_bytes().chunks(100) {
        client.write(std::str::from_utf8(piece).unwrap()).await.unwrap();
    }
    assert_eq!(client.reply().await.unwrap().status(), 200);
    assert_eq!((sts.requests(), sts.connections(), sts.open_connections()), (6, 1, 1));

    let _second = Client::connect(&sts, HOST).await.unwrap();
    assert_eq!((sts.connections(), sts.open_connections()), (2, 2));
    drop(client);
    until(|| sts.open_connections() == 1).await;
    assert_eq!((sts.requests(), sts.connections()), (6, 2));
}

#[tokio::test]
async fn a_request_that_is_not_a_plain_get_ends_the_connection() {
    let sts = started(agent_at_noon()).await;
    let target = Signed::default().target();
    let posted = Signed { method: "POST", ..Signed::default() }.target();
    let long = "a".repeat(17 * 1024);
    for (request, status) in [
        (format!("POST {target} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 6\r\n\r\nAction"), 403),
        (format!("POST {posted} HTTP/1.1\r\nHost: {HOST}\r\n\r\n"), 403),
        (format!("GET {target} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 6\r\n\r\nAction"), 200),
        (format!("GET {target} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n"), 200),
        (format!("GET {target} HTTP/1.0\r\nHost: {HOST}\r\n\r\n"), 200),
        (format!("HEAD {target} HTTP/1.1\r\nHost: {HOST}\r\n\r\n"), 403),
        (format!("GET {target} HTTP/1.1\r\nConnection: close\r\n\r\n"), 400),
        (format!("GET {target} HTTP/1.1\r\nHost: {HOST}\r\nHost: {HOST}\r\nConnection: close\r\n\r\n"), 400),
        (format!("GET https://{HOST}{target} HTTP/1.1\r\nHost: {HOST}\r\n\r\n"), 400),
        (format!("GET /?{long} HTTP/1.1\r\nHost: {HOST}\r\n\r\n"), 431),
        ("\u{1}\r\n\r\n".to_owned(), 400),
    ] {
        let mut client = Client::connect(&sts, HOST).await.unwrap();
        let reply = client.ask(&request).await.unwrap();
        assert_eq!(reply.status(), status, "{request:.120}");
        assert_eq!(client.rest().await.unwrap_or_default(), b"", "{request:.120}");
    }
}

#[tokio::test]
async fn dropping_the_handle_closes_everything() {
    let sts = started(agent_at_noon()).await;
    let addr = sts.addr();
    let mut idle = Client::connect(&sts, HOST).await.unwrap();
    sts.play(Fault::NeverAnswer);
    let mut waiting = Client::connect(&sts, HOST).await.unwrap();
    waiting.write(&format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n")).await.unwrap();
    until(|| sts.requests() == 1).await;
    drop(sts);
    for client in [&mut idle, &mut waiting] {
        let closed = timeout(Duration::from_secs(5), client.rest()).await.unwrap();
        assert!(closed.map_or(true, |bytes| bytes.is_empty()));
    }
    assert_eq!(TcpStream::connect(addr).await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
}
