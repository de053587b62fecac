//! TLS and HTTP/1.1, as little of it as shows every byte.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use sts_agent_name::testing::LocalSts;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

pub(crate) struct Client {
    pub(crate) stream: TlsStream<TcpStream>,
    pub(crate) host: String,
}

impl Client {
    pub(crate) async fn connect(sts: &LocalSts, host: &str) -> io::Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(sts.ca_pem().as_bytes()).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from(host.to_owned()).unwrap();
        let tcp = TcpStream::connect(sts.addr()).await?;
        let stream = TlsConnector::from(Arc::new(config)).connect(name, tcp).await?;
        Ok(Self { stream, host: host.to_owned() })
    }

    pub(crate) async fn get(&mut self, target: &str, accept: &str) -> io::Result<Reply> {
        self.send(target, accept).await?;
        self.reply().await
    }

    pub(crate) async fn send(&mut self, target: &str, accept: &str) -> io::Result<()> {
        let host = &self.host;
        let request = format!("GET {target} HTTP/1.1\r\naccept: {accept}\r\nhost: {host}\r\n\r\n");
        self.write(&request).await
    }

    pub(crate) async fn ask(&mut self, request: &str) -> io::Result<Reply> {
        self.write(request).await?;
        self.reply().await
    }

    pub(crate) async fn write(&mut self, text: &str) -> io::Result<()> {
        self.stream.write_all(text.as_bytes()).await?;
        self.stream.flush().await
    }

    pub(crate) async fn head(&mut self) -> io::Result<String> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.stream.read_u8().await?);
        }
        Ok(String::from_utf8(head).unwrap())
    }

    pub(crate) async fn reply(&mut self) -> io::Result<Reply> {
        let head = self.head().await?;
        let length = header(&head, "Content-Length").unwrap().parse().unwrap();
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await?;
        Ok(Reply { head, body })
    }

    /// What comes before the end of the connection.
    pub(crate) async fn rest(&mut self) -> io::Result<Vec<u8>> {
        let mut rest = Vec::new();
        let end = timeout(Duration::from_secs(10), self.stream.read_to_end(&mut rest));
        end.await.expect("the connection stays open")?;
        Ok(rest)
    }
}

pub(crate) struct Reply {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn status(&self) -> u16 {
        self.head.split(' ').nth(1).unwrap().parse().unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The recorded shape of an error, with this reply's request ID.
    pub(crate) fn error_xml(&self, code: &str, message: &str) -> String {
        let id = self.header("X-Amzn-Requestid").unwrap();
        format!(
            "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  <Error>\n    \
             <Type>Sender</Type>\n    <Code>{code}</Code>\n    <Message>{message}</Message>\n  </Error>\n  \
             <RequestId>{id}</RequestId>\n</ErrorResponse>\n"
        )
    }
}

pub(crate) fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}
