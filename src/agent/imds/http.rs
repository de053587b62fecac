//! One HTTP/1.1 request on one connection, and as little of a reply as can be read.
//!
//! No redirects, no proxy, no TLS, no connection that stays. Whatever is answered, it is read into one buffer of
//! fixed size that is wiped afterwards: growth would leave copies of a secret behind.

use core::ops::Range;
use core::time::Duration;
use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use zeroize::Zeroizing;

use super::endpoint::ImdsEndpoint;
use super::error::InvalidImdsReply;
use crate::charset::all_of;
use crate::secret::SecretText;

/// The longest head of a reply; IMDS sends about 300 bytes.
const MAX_HEAD: usize = 8 * 1024;
/// The longest body of a reply; credentials are about 2 KiB.
const MAX_BODY: usize = 64 * 1024;
const MAX_FIELDS: usize = 32;

/// The header that asks for a session token's lifetime, and states it in the reply.
pub(super) const TTL_HEADER: &str = "x-aws-ec2-metadata-token-ttl-seconds";
/// The header that carries the session token.
pub(super) const TOKEN_HEADER: &str = "x-aws-ec2-metadata-token";

pub(super) struct Request<'a> {
    pub(super) method: &'static str,
    pub(super) path: &'a str,
    pub(super) header: (&'static str, &'a str),
}

/// How long one request may take.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub(super) connect: Duration,
    /// From the connection to the end of the reply.
    pub(super) reply: Duration,
    /// The end of it all.
    pub(super) deadline: Instant,
}

impl Limits {
    fn by(&self, limit: Duration) -> Instant {
        Instant::now().checked_add(limit).map_or(self.deadline, |at| at.min(self.deadline))
    }
}

/// A reply. The body is there only with status 200.
pub(super) struct Reply {
    pub(super) status: u16,
    /// The value of [`TTL_HEADER`].
    pub(super) ttl: Option<Box<str>>,
    buffer: Zeroizing<Vec<u8>>,
    body: Range<usize>,
}

impl Reply {
    pub(super) fn body(&self) -> &[u8] {
        self.buffer.get(self.body.clone()).unwrap_or_default()
    }

    /// The body as one line of text: no line end but one at its end.
    pub(super) fn line(&self) -> Option<&str> {
        let text = str::from_utf8(self.body()).ok()?;
        let text = text.strip_suffix('\n').unwrap_or(text);
        (!text.contains(['\n', '\r'])).then_some(text)
    }
}

pub(super) enum Fault {
    Broken(io::Error),
    Invalid(InvalidImdsReply),
    Unanswered,
    Unreachable(io::Error),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Broken(error)
    }
}

impl From<InvalidImdsReply> for Fault {
    fn from(invalid: InvalidImdsReply) -> Self {
        Self::Invalid(invalid)
    }
}

/// Sends `request` and reads the reply.
pub(super) async fn send(
    endpoint: &ImdsEndpoint,
    request: &Request<'_>,
    limits: Limits,
) -> Result<Reply, Fault> {
    let connected = timeout_at(limits.by(limits.connect), TcpStream::connect(endpoint.address())).await;
    let stream = match connected {
        Ok(stream) => stream.map_err(Fault::Unreachable)?,
        Err(_) => return Err(Fault::Unreachable(io::ErrorKind::TimedOut.into())),
    };
    let answered = timeout_at(limits.by(limits.reply), talk(stream, endpoint, request)).await;
    answered.unwrap_or(Err(Fault::Unanswered))
}

async fn talk(mut stream: TcpStream, endpoint: &ImdsEndpoint, request: &Request<'_>) -> Result<Reply, Fault> {
    let (name, value) = request.header;
    let mut text = SecretText::with_capacity(512);
    for part in [request.method, " ", request.path, " HTTP/1.1\r\nhost: ", endpoint.authority(), "\r\n"] {
        text.push_str(part);
    }
    // A PUT has a body, of no bytes.
    let length = if request.method == "PUT" { "content-length: 0\r\n" } else { "" };
    for part in [name, ": ", value, "\r\n", length, "accept: */*\r\nconnection: close\r\n\r\n"] {
        text.push_str(part);
    }
    stream.write_all(text.expose().as_bytes()).await?;
    read(stream).await
}

async fn read(mut stream: TcpStream) -> Result<Reply, Fault> {
    // One byte of room beyond both limits, so that too much is seen without growing.
    let mut buffer = Zeroizing::new(Vec::with_capacity(MAX_HEAD + MAX_BODY + 1));
    let head = loop {
        if let Some(head) = Head::parse(&buffer)? {
            break head;
        }
        if buffer.len() > MAX_HEAD {
            return Err(InvalidImdsReply::HeadTooLong.into());
        }
        if stream.read_buf(&mut *buffer).await? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
    };
    let reply = |buffer, body| Reply { status: head.status, ttl: head.ttl.clone(), buffer, body };
    // What a refusal says is of no interest; its connection is closed.
    if head.status != 200 {
        return Ok(reply(Zeroizing::default(), 0..0));
    }
    if head.encoded {
        return Err(InvalidImdsReply::Encoded.into());
    }
    let limit = head.end + MAX_BODY;
    let end = head.length.map(|length| head.end.saturating_add(length));
    if end.is_some_and(|end| end > limit) {
        return Err(InvalidImdsReply::BodyTooLong.into());
    }
    while end.is_none_or(|end| buffer.len() < end) {
        if buffer.len() > limit {
            return Err(InvalidImdsReply::BodyTooLong.into());
        }
        if stream.read_buf(&mut *buffer).await? == 0 {
            if end.is_some() {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            break;
        }
    }
    let end = end.unwrap_or(buffer.len());
    Ok(reply(buffer, head.end..end))
}

/// What the head of a reply says.
struct Head {
    status: u16,
    /// Where the body begins.
    end: usize,
    length: Option<usize>,
    ttl: Option<Box<str>>,
    encoded: bool,
}

impl Head {
    /// `None` while the head is not complete.
    fn parse(bytes: &[u8]) -> Result<Option<Self>, InvalidImdsReply> {
        let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
        let mut response = httparse::Response::new(&mut fields);
        let end = match response.parse(bytes) {
            Ok(httparse::Status::Complete(end)) if end <= MAX_HEAD => end,
            Ok(httparse::Status::Complete(_)) | Err(httparse::Error::TooManyHeaders) => {
                return Err(InvalidImdsReply::HeadTooLong);
            }
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(_) => return Err(InvalidImdsReply::NotHttp),
        };
        let status = response.code.ok_or(InvalidImdsReply::NotHttp)?;
        let mut head = Self { status, end, length: None, ttl: None, encoded: false };
        for field in &*response.headers {
            if field.name.eq_ignore_ascii_case("content-length") {
                let text = str::from_utf8(field.value).unwrap_or_default();
                let digits = all_of(text.as_bytes(), 1, 19, |b| b.is_ascii_digit());
                let length = text.parse().ok().filter(|_| digits && head.length.is_none());
                head.length = Some(length.ok_or(InvalidImdsReply::NotHttp)?);
            } else if field.name.eq_ignore_ascii_case(TTL_HEADER) {
                head.ttl = Some(str::from_utf8(field.value).unwrap_or_default().into());
            } else if field.name.eq_ignore_ascii_case("transfer-encoding")
                || field.name.eq_ignore_ascii_case("content-encoding")
            {
                head.encoded = true;
            }
        }
        Ok(Some(head))
    }
}

#[cfg(test)]
mod tests {
    use super::{Head, InvalidImdsReply, MAX_HEAD};

    #[test]
    fn a_head_says_how_long_its_body_is() {
        let text =
            b"HTTP/1.1 200 OK\r\nX-Aws-Ec2-Metadata-Token-Ttl-Seconds: 60\r\nContent-Length: 2\r\n\r\nok";
        let head = Head::parse(text).expect("valid").expect("complete");
        assert_eq!((head.status, head.length, head.ttl.as_deref()), (200, Some(2), Some("60")));
        assert_eq!(text.get(head.end..), Some(&b"ok"[..]));
        for end in 0..head.end {
            assert!(Head::parse(&text[..end]).expect("no fault").is_none(), "{end}");
        }
    }

    #[test]
    fn a_head_with_two_readings_is_none() {
        for fields in [
            "content-length: 2\r\ncontent-length: 2\r\n",
            "content-length: +2\r\n",
            "content-length: \r\n",
            "content-length: 2, 2\r\n",
            "content-length: 99999999999999999999\r\n",
            "no colon\r\n",
        ] {
            let text = format!("HTTP/1.1 200 OK\r\n{fields}\r\n");
            assert_eq!(Head::parse(text.as_bytes()).err(), Some(InvalidImdsReply::NotHttp), "{fields:?}");
        }
        assert_eq!(Head::parse(b"SSH-2.0-OpenSSH\r\n").err(), Some(InvalidImdsReply::NotHttp));
        for fields in ["a: b\r\n".repeat(33), format!("a: {}\r\n", "b".repeat(MAX_HEAD))] {
            let text = format!("HTTP/1.1 200 OK\r\n{fields}\r\n");
            assert_eq!(Head::parse(text.as_bytes()).err(), Some(InvalidImdsReply::HeadTooLong));
        }
    }
}
