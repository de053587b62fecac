//! One connection: TLS, then requests and replies until either side is done.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::HandshakeKind;

use super::Fault;
use super::decision::Rules;
use super::denial::Denial;
use super::head::{Head, MAX_HEAD};
use super::play::{self, After, Answers, Stream};
use super::reply::{Format, Reply};
use super::script::Script;

/// What every connection of one server shares.
pub(super) struct Shared {
    pub(super) rules: Rules,
    pub(super) script: Script,
    pub(super) clock: Box<dyn Fn() -> OffsetDateTime + Send + Sync>,
    pub(super) acceptor: Option<TlsAcceptor>,
    pub(super) requests: AtomicUsize,
    pub(super) connections: AtomicUsize,
    pub(super) resumed: AtomicUsize,
    pub(super) open: AtomicUsize,
}

/// Counts a connection as open for as long as it lives, however it ends.
pub(super) struct Open(Arc<Shared>);

impl Open {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        shared.connections.fetch_add(1, Ordering::Relaxed);
        shared.open.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(shared))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Serves one connection. Errors are the client's going away, so they end it and are not told.
pub(super) async fn serve(mut tcp: TcpStream, open: Open) {
    let shared = &open.0;
    match shared.script.for_connection() {
        Some(Fault::CloseAtOnce) => return,
        Some(_) => return until_gone(&mut tcp).await,
        None => {}
    }
    let ended = match &shared.acceptor {
        Some(acceptor) => match acceptor.accept(tcp).await {
            Ok(tls) => {
                if tls.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed) {
                    shared.resumed.fetch_add(1, Ordering::Relaxed);
                }
                exchange(tls, shared).await
            }
            Err(error) => Err(error),
        },
        None => refuse_version(tcp).await,
    };
    tracing::trace!(
        error = ended.err().map(|error| tracing::field::display(error.kind())),
        "connection ended"
    );
}

async fn exchange(mut stream: Stream, shared: &Shared) -> io::Result<()> {
    let mut buffer = Vec::new();
    loop {
        let Some((answers, length, keep_alive)) = next_request(&mut stream, &mut buffer, shared).await?
        else {
            return stream.shutdown().await;
        };
        let fault = shared.script.for_request();
        let status = answers.right.status;
        tracing::debug!(status, fault = fault.is_some(), "answering a request");
        let after = play::play(&mut stream, fault, answers).await?;
        match after {
            After::Keep if keep_alive => drop(buffer.drain(..length)),
            After::Keep | After::Close => return stream.shutdown().await,
            After::Drop => return Ok(()),
        }
    }
}

/// Waits for a whole head; `None` when the client has no more to say, or what it says is not HTTP.
async fn next_request(
    stream: &mut Stream,
    buffer: &mut Vec<u8>,
    shared: &Shared,
) -> io::Result<Option<(Answers, usize, bool)>> {
    loop {
        match Head::read(buffer) {
            Ok(Some(head)) => {
                let sequence = shared.requests.fetch_add(1, Ordering::Relaxed);
                return Ok(Some((answer(shared, &head, sequence), head.length, head.keep_alive)));
            }
            Ok(None) if buffer.len() < MAX_HEAD => {
                let room = u64::try_from(MAX_HEAD - buffer.len()).unwrap_or(u64::MAX);
                if (&mut *stream).take(room).read_buf(buffer).await? == 0 {
                    return Ok(None);
                }
            }
            Ok(None) => return refuse(stream, Denial::new(431, "RequestHeaderTooLarge", "Too large.")).await,
            Err(_) => return refuse(stream, Denial::bad_request()).await,
        }
    }
}

async fn refuse<T>(stream: &mut Stream, denial: Denial) -> io::Result<Option<T>> {
    let reply = Reply::error(&denial, &request_id(0), Format::Xml);
    stream.write_all(&reply.bytes()).await?;
    stream.flush().await?;
    Ok(None)
}

fn answer(shared: &Shared, head: &Head<'_>, sequence: usize) -> Answers {
    let request_id = request_id(sequence);
    let format = Format::of_accept(head.request.values("Accept"));
    let decided = shared.rules.decide(&head.request, (shared.clock)());
    let right = match &decided {
        Ok(principal) => Reply::identity(principal, &request_id, format),
        Err(denial) => Reply::error(denial, &request_id, format),
    };
    let caller = decided.ok().or(shared.rules.principals.first());
    let success = |format| caller.map(|caller| Reply::identity(caller, &request_id, format));
    Answers {
        success: success(format).unwrap_or_else(|| right.clone()),
        json: success(Format::Json).unwrap_or_else(|| right.clone()),
        right,
        format,
        request_id,
    }
}

/// A version 4 UUID, the same in each run.
fn request_id(sequence: usize) -> String {
    let hash = Sha256::digest(sequence.to_string());
    let bits = hash.iter().take(16).fold(0_u128, |bits, &byte| (bits << 8) | u128::from(byte));
    let bits = bits & !(0xf << 76) & !(0b11 << 62) | (0x4 << 76) | (0b10 << 62);
    let digits = format!("{bits:032x}");
    let lengths = [8, 4, 4, 4, 12];
    let mut rest = digits.as_str();
    let groups = lengths.map(|length| {
        let (group, tail) = rest.split_at_checked(length).unwrap_or((rest, ""));
        rest = tail;
        group
    });
    groups.join("-")
}

/// Reads and forgets until the other side has closed.
pub(super) async fn until_gone(stream: &mut (impl AsyncRead + Unpin)) {
    let mut scrap = [0; 1024];
    while stream.read(&mut scrap).await.is_ok_and(|count| count > 0) {}
}

/// Answers the `ClientHello` with a fatal alert `protocol_version`, in a record of TLS 1.1.
async fn refuse_version(mut tcp: TcpStream) -> io::Result<()> {
    const ALERT: [u8; 7] = [0x15, 0x03, 0x02, 0x00, 0x02, 0x02, 0x46];
    let mut scrap = [0; 4096];
    if tcp.read(&mut scrap).await? > 0 {
        tcp.write_all(&ALERT).await?;
        tcp.shutdown().await?;
        until_gone(&mut tcp).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::request_id;

    #[test]
    fn a_request_id_is_a_uuid() {
        let id = request_id(7);
        let groups: Vec<_> = id.split('-').map(str::len).collect();
        assert_eq!(groups, [8, 4, 4, 4, 12]);
        assert_eq!(id.as_bytes()[14], b'4');
        assert!(b"89ab".contains(&id.as_bytes()[19]));
        assert_ne!(id, request_id(8));
    }
}
