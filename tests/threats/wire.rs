//! The bytes that the built-in client really sends, read behind TLS by a server that understands nothing.

use std::sync::Arc;
use std::time::Duration;

use rcgen::{CertificateParams, KeyPair};
use sts_agent_name::policy::Policy;
use sts_agent_name::server::Verifier;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::setup::good_reply;

/// What was asked by `verify`, and what came of it when the good reply was the answer.
pub(crate) struct Asked {
    pub(crate) request: String,
    pub(crate) outcome: &'static str,
}

impl Asked {
    /// The headers, in lower case, without the request's line.
    pub(crate) fn headers(&self) -> Vec<(String, String)> {
        let lines = self.request.split("\r\n").skip(1).take_while(|line| !line.is_empty());
        let header = |line: &str| {
            let (name, value) = line.split_once(": ").expect("a header");
            (name.to_ascii_lowercase(), value.to_owned())
        };
        lines.map(header).collect()
    }
}

/// Verifies evidence for `host`, and tells what was sent.
pub(crate) async fn asked(host: &str, evidence: &str, policy: &Policy) -> Asked {
    asked_and_answered(host, evidence, policy, "").await
}

/// The same, with one more header line in the answer.
pub(crate) async fn asked_and_answered(
    host: &str,
    evidence: &str,
    policy: &Policy,
    line: &'static str,
) -> Asked {
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new([host.to_owned()]).expect("a name");
    let certificate = params.self_signed(&key).expect("a certificate");
    let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], der)
        .expect("a configuration");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let server = tokio::spawn(async move {
        let (tcp, _) = listener.accept().await.expect("a connection");
        let mut stream = acceptor.accept(tcp).await.expect("TLS");
        let mut request = Vec::new();
        // A client that has no more to say waits for the answer: what comes until then is all.
        while let Ok(Ok(1..)) = timeout(Duration::from_millis(200), stream.read_buf(&mut request)).await {}
        let body = good_reply();
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: {}\r\nConnection: close\r\n{line}\r\n",
            body.len()
        );
        stream.write_all(format!("{head}{body}").as_bytes()).await.expect("written");
        stream.shutdown().await.expect("closed");
        String::from_utf8(request).expect("ASCII")
    });
    let verifier = Verifier::builder().danger_stand_in(address, &certificate.pem()).build();
    let verified = verifier.expect("a verifier").verify(evidence, policy).await;
    let outcome = verified.map_or_else(|error| error.code(), |_| "verified");
    Asked { request: server.await.expect("a request"), outcome }
}
