//! The ways in which an STS, or whoever stands in its place, can misbehave.

use std::time::Duration;

/// One misbehaviour, played in place of the right answer.
///
/// "The right answer" is what the request would have got; a fault that needs a success uses the first principal if
/// the request deserved none.
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Fault {
    /// A reply of one's own; see [`Fault::body`].
    Body {
        /// The status code.
        status: u16,
        /// The `Content-Type` header; `None` leaves it out.
        content_type: Option<String>,
        /// The body, with a true `Content-Length`.
        bytes: Vec<u8>,
    },
    /// Accepts the connection and closes it before TLS. Where a connection is open already, closes it in place of
    /// a reply.
    CloseAtOnce,
    /// Reads the request and closes the connection without a byte of reply.
    CloseInsteadOfReply,
    /// The right answer, this much later.
    Delay(Duration),
    /// The head at once, then the body one byte a second.
    Drip,
    /// Head and body one byte a second.
    DripHead,
    /// 200 with an empty body.
    Empty,
    /// A success whose chunked body goes on in blanks and never ends.
    EndlessBody,
    /// An error with a code of one's own, in the shape of STS.
    Error {
        /// The status code.
        status: u16,
        /// The code, such as `RegionDisabledException`.
        code: String,
        /// The message.
        message: String,
    },
    /// STS's error body for a wrong signature, under 200.
    ErrorWith200,
    /// The right answer, and behind it, unasked, another success on the same connection.
    ExtraReply,
    /// A `Content-Encoding: gzip` body of 6.5 MiB that unpacks to 1 GiB.
    GzipBomb,
    /// 200 with `text/html`, as a captive portal answers.
    Html,
    /// A success that claims 1 GiB and streams it.
    HugeBody,
    /// STS's own JSON success, whatever the request accepts.
    Json,
    /// Reads the request and never answers, until the client goes.
    NeverAnswer,
    /// Accepts the connection and never does TLS, until the client goes. Where a connection is open already, as
    /// [`Fault::NeverAnswer`].
    NeverHandshake,
    /// A redirect.
    Redirect {
        /// 301, 302, 303, 307 or 308.
        status: u16,
        /// The `Location` header.
        location: String,
    },
    /// Half of the right answer's body, then a TCP reset.
    ResetMidReply,
    /// STS's error body for this status: `ServiceUnavailable` for 503, `InternalFailure` for 500.
    Status(u16),
    /// STS's success body, under 403.
    SuccessWith403,
    /// 400 `Throttling`, as STS throttles.
    Throttle {
        /// The seconds of a `Retry-After` header; STS sends none.
        retry_after: Option<u32>,
    },
    /// The right answer with a `Content-Length` 100 too high, then a clean end of the connection.
    WrongContentLength,
}

impl Fault {
    /// A reply of one's own.
    ///
    /// ```
    /// # use sts_agent_name::testing::Fault;
    /// let teapot = Fault::body(418, "text/plain", "short and stout");
    /// let nameless = Fault::body(200, None, *b"<GetCallerIdentityResponse/>");
    /// # assert_ne!(teapot, nameless);
    /// ```
    #[must_use]
    pub fn body<'a>(
        status: u16,
        content_type: impl Into<Option<&'a str>>,
        bytes: impl Into<Vec<u8>>,
    ) -> Self {
        let content_type = content_type.into().map(str::to_owned);
        Self::Body { status, content_type, bytes: bytes.into() }
    }

    /// Whether the fault comes before the first byte of TLS.
    pub(super) fn is_before_tls(&self) -> bool {
        matches!(self, Self::CloseAtOnce | Self::NeverHandshake)
    }
}
