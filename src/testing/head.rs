//! The head of an HTTP/1.1 request.

use super::sigv4::ReceivedRequest;

/// As much as STS's own front is known to take is far less; a pre-signed URL is under 8 KiB.
pub(super) const MAX_HEAD: usize = 16 * 1024;

const MAX_HEADERS: usize = 64;

/// One whole head at the start of a buffer.
pub(super) struct Head<'a> {
    pub(super) request: ReceivedRequest<'a>,
    /// The bytes it took.
    pub(super) length: usize,
    /// Whether the connection may carry another request behind this one. Never behind a body: it is not read.
    pub(super) keep_alive: bool,
}

/// The bytes are no head that the local STS reads.
pub(super) struct BadHead;

impl<'a> Head<'a> {
    /// Reads the head at the start of `buffer`; `None` if it is not whole yet.
    pub(super) fn read(buffer: &'a [u8]) -> Result<Option<Self>, BadHead> {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut parsed = httparse::Request::new(&mut headers);
        let httparse::Status::Complete(length) = parsed.parse(buffer).map_err(|_| BadHead)? else {
            return Ok(None);
        };
        let (Some(method), Some(target), Some(version)) = (parsed.method, parsed.path, parsed.version) else {
            return Err(BadHead);
        };
        if !target.starts_with('/') {
            return Err(BadHead);
        }
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut request = ReceivedRequest::new(method, path, query);
        for header in parsed.headers.iter() {
            request = request.header(header.name, std::str::from_utf8(header.value).map_err(|_| BadHead)?);
        }
        let has_body = request.values("Transfer-Encoding").next().is_some()
            || request.values("Content-Length").any(|value| value.trim() != "0");
        let closes = request.values("Connection").any(|value| value.to_ascii_lowercase().contains("close"));
        // Replies to other methods have a body, so a HEAD would leave the two sides out of step.
        let keep_alive = method == "GET" && version == 1 && !has_body && !closes;
        Ok(Some(Self { request, length, keep_alive }))
    }
}
