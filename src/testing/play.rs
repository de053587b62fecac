//! Faults, byte for byte.

use std::io;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::Fault;
use super::connection::until_gone;
use super::denial::Denial;
use super::reply::{Format, Reply};

pub(super) type Stream = tokio_rustls::server::TlsStream<TcpStream>;

/// The replies that a fault may start from.
pub(super) struct Answers {
    pub(super) right: Reply,
    pub(super) success: Reply,
    pub(super) json: Reply,
    pub(super) format: Format,
    pub(super) request_id: String,
}

/// What becomes of the connection.
pub(super) enum After {
    /// It carries the next request.
    Keep,
    /// It is closed as TLS closes.
    Close,
    /// It is dropped.
    Drop,
}

/// Large enough to be quick, small enough to leave a measurement of the process's memory alone.
const BLANKS: [u8; 8192] = [b' '; 8192];

const GIBIBYTE: usize = 1 << 30;

impl Answers {
    fn error(&self, denial: &Denial) -> Reply {
        Reply::error(denial, &self.request_id, self.format)
    }

    fn text(&self, status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Reply {
        Reply::new(status, &self.request_id, content_type, body)
    }
}

/// Answers one request: with `fault`, or as is right.
pub(super) async fn play(stream: &mut Stream, fault: Option<Fault>, answers: Answers) -> io::Result<After> {
    let Some(fault) = fault else { return send(stream, &answers.right).await };
    match fault {
        Fault::Body { status, content_type, bytes } => {
            let mut reply = answers.text(status, content_type.as_deref().unwrap_or(""), bytes);
            if content_type.is_none() {
                reply.headers.retain(|(name, _)| *name != "Content-Type");
            }
            send(stream, &reply).await
        }
        Fault::CloseAtOnce | Fault::CloseInsteadOfReply => Ok(After::Close),
        Fault::Delay(duration) => {
            pause(stream, duration).await?;
            send(stream, &answers.right).await
        }
        Fault::Drip => {
            write(stream, answers.right.head(Some(answers.right.body.len())).as_bytes()).await?;
            drip(stream, &answers.right.body).await
        }
        Fault::DripHead => drip(stream, &answers.right.bytes()).await,
        Fault::Empty => send(stream, &answers.text(200, "text/xml", [])).await,
        Fault::EndlessBody => endless(stream, &answers.success).await,
        Fault::Error { status, code, message } => {
            send(stream, &answers.error(&Denial::new(status, &code, message))).await
        }
        Fault::ErrorWith200 => {
            let mut reply = answers.error(&Denial::wrong_signature());
            reply.status = 200;
            send(stream, &reply).await
        }
        Fault::ExtraReply => {
            let mut bytes = answers.right.bytes();
            bytes.extend(answers.success.bytes());
            write(stream, &bytes).await?;
            Ok(After::Keep)
        }
        Fault::GzipBomb => gzip_bomb(stream, answers.success).await,
        Fault::Html => send(stream, &answers.text(200, "text/html", PORTAL)).await,
        Fault::HugeBody => huge(stream, &answers.success).await,
        Fault::Json => send(stream, &answers.json).await,
        Fault::NeverAnswer | Fault::NeverHandshake => {
            until_gone(stream).await;
            Ok(After::Drop)
        }
        Fault::Redirect { status, location } => {
            let mut reply = answers.text(status, "text/html", []);
            reply.headers.push(("Location", location));
            send(stream, &reply).await
        }
        Fault::ResetMidReply => reset(stream, &answers.right).await,
        Fault::Status(status) => send(stream, &answers.error(&Denial::of_status(status))).await,
        Fault::SuccessWith403 => {
            let mut reply = answers.success;
            reply.status = 403;
            send(stream, &reply).await
        }
        Fault::Throttle { retry_after } => {
            let mut reply = answers.error(&Denial::throttled());
            reply.headers.extend(retry_after.map(|seconds| ("Retry-After", seconds.to_string())));
            send(stream, &reply).await
        }
        Fault::WrongContentLength => {
            write(stream, answers.right.head(Some(answers.right.body.len() + 100)).as_bytes()).await?;
            write(stream, &answers.right.body).await?;
            Ok(After::Close)
        }
    }
}

async fn write(stream: &mut Stream, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes).await?;
    stream.flush().await
}

async fn send(stream: &mut Stream, reply: &Reply) -> io::Result<After> {
    write(stream, &reply.bytes()).await?;
    Ok(After::Keep)
}

/// Waits, and gives up as soon as the client does.
async fn pause(stream: &mut Stream, duration: Duration) -> io::Result<()> {
    tokio::select! {
        () = tokio::time::sleep(duration) => Ok(()),
        () = until_gone(stream) => Err(io::ErrorKind::ConnectionAborted.into()),
    }
}

async fn drip(stream: &mut Stream, bytes: &[u8]) -> io::Result<After> {
    for byte in bytes {
        write(stream, &[*byte]).await?;
        pause(stream, Duration::from_secs(1)).await?;
    }
    Ok(After::Keep)
}

async fn endless(stream: &mut Stream, start: &Reply) -> io::Result<After> {
    write(stream, start.head(None).as_bytes()).await?;
    let mut chunk: &[u8] = &start.body;
    loop {
        write(stream, format!("{:x}\r\n", chunk.len()).as_bytes()).await?;
        write(stream, chunk).await?;
        write(stream, b"\r\n").await?;
        chunk = &BLANKS;
    }
}

async fn huge(stream: &mut Stream, start: &Reply) -> io::Result<After> {
    write(stream, start.head(Some(GIBIBYTE)).as_bytes()).await?;
    write(stream, &start.body).await?;
    let mut rest = GIBIBYTE.saturating_sub(start.body.len());
    while rest > 0 {
        let blanks = BLANKS.get(..rest).unwrap_or(&BLANKS);
        write(stream, blanks).await?;
        rest -= blanks.len();
    }
    Ok(After::Keep)
}

async fn reset(stream: &mut Stream, reply: &Reply) -> io::Result<After> {
    write(stream, reply.head(Some(reply.body.len())).as_bytes()).await?;
    let (half, _) = reply.body.split_at(reply.body.len() / 2);
    write(stream, half).await?;
    // Time for the client to be in the middle of the body.
    pause(stream, Duration::from_millis(50)).await?;
    stream.get_ref().0.set_zero_linger()?;
    Ok(After::Drop)
}

/// One gzip member of NULs: a fixed Huffman block (RFC 1951, 3.2.6) of one literal and then runs of the longest
/// match, 258 bytes at distance 1 in 13 bits, so that eight of them fill 13 bytes exactly.
async fn gzip_bomb(stream: &mut Stream, mut reply: Reply) -> io::Result<After> {
    const RUNS: usize = 520_000;
    const START: [u8; 11] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff, 0x63];
    const RUN: [u8; 13] = [0x18, 0x05, 0xa3, 0x60, 0x14, 0x8c, 0x82, 0x51, 0x30, 0x0a, 0x46, 0xc1, 0x28];
    // The end-of-block code, then CRC-32 and length of 1 + 520,000 * 8 * 258 NULs.
    const END: [u8; 10] = [0x00, 0x00, 0xe2, 0xee, 0x6e, 0x00, 0x01, 0xf4, 0xf8, 0x3f];
    reply.headers.push(("Content-Encoding", "gzip".to_owned()));
    let length = START.len() + RUNS * RUN.len() + END.len();
    write(stream, reply.head(Some(length)).as_bytes()).await?;
    write(stream, &START).await?;
    let block = RUN.repeat(500);
    for _ in 0..RUNS / 500 {
        write(stream, &block).await?;
    }
    write(stream, &END).await?;
    Ok(After::Keep)
}

const PORTAL: &str =
    "<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body>Sign in to go on.</body></html>\n";
