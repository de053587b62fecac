//! What an agent signs besides the request itself: the server it means, and the server's challenge.

use core::fmt;

use thiserror::Error;

use crate::charset::{all_of, is_header_name_byte};
use crate::secret::SecretText;

/// The server that evidence is meant for, as a header that the agent signs.
///
/// The text of a pre-signed URL names its signed headers, not their values. The verifier sends **its own**
/// value to STS, so only evidence signed for this server comes back as good: a hostile server cannot pass on
/// what agents send it.
///
/// ```
/// use sts_agent_name::Audience;
///
/// let audience = Audience::new("ci.example.com")?;
/// assert_eq!((audience.header(), audience.value()), ("x-sts-agent-name-audience", "ci.example.com"));
/// # Ok::<(), sts_agent_name::InvalidAudience>(())
/// ```
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Audience {
    header: Box<str>,
    value: Box<str>,
}

impl Audience {
    /// The header's name unless another is chosen.
    pub const DEFAULT_HEADER: &'static str = "x-sts-agent-name-audience";
    /// Longest header name accepted, in bytes.
    pub const MAX_HEADER: usize = 64;
    /// Longest value accepted, in bytes.
    pub const MAX_VALUE: usize = 255;

    /// An audience in the header [`DEFAULT_HEADER`](Self::DEFAULT_HEADER).
    ///
    /// # Errors
    ///
    /// [`InvalidAudience::Value`] unless `value` is 1 to 255 visible ASCII characters without blanks.
    pub fn new(value: &str) -> Result<Self, InvalidAudience> {
        Self::with_header(Self::DEFAULT_HEADER, value)
    }

    /// An audience in a header of another name, for fleets that speak `x-k8s-aws-id` or the like.
    ///
    /// # Errors
    ///
    /// ```
    /// use sts_agent_name::{Audience, InvalidAudience};
    ///
    /// for header in ["", "X-Audience", "host", "authorization", "user-agent", "x-amz-date", "connection"] {
    ///     assert_eq!(Audience::with_header(header, "ci"), Err(InvalidAudience::Header));
    /// }
    /// for value in ["", "a b", "ci\r\nhost: evil", "ünïcode"] {
    ///     assert_eq!(Audience::with_header("x-audience", value), Err(InvalidAudience::Value));
    /// }
    /// ```
    pub fn with_header(header: &str, value: &str) -> Result<Self, InvalidAudience> {
        if !all_of(header.as_bytes(), 1, Self::MAX_HEADER, is_header_name_byte) || is_reserved(header) {
            return Err(InvalidAudience::Header);
        }
        if !all_of(value.as_bytes(), 1, Self::MAX_VALUE, |b| b.is_ascii_graphic()) {
            return Err(InvalidAudience::Value);
        }
        Ok(Self { header: header.into(), value: value.into() })
    }

    /// The header's name, in lower case.
    #[must_use]
    pub fn header(&self) -> &str {
        &self.header
    }

    /// The header's value.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }
}

/// Headers that HTTP, its proxies or SigV4 give a meaning of their own, or that signers silently leave unsigned.
fn is_reserved(header: &str) -> bool {
    const NAMES: [&str; 22] = [
        "accept",
        "accept-encoding",
        "authorization",
        "connection",
        "content-length",
        "content-type",
        "cookie",
        "date",
        "expect",
        "forwarded",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "range",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "via",
    ];
    NAMES.contains(&header)
        || ["x-amz-", "x-amzn-", "x-forwarded-"].iter().any(|prefix| header.starts_with(prefix))
        || header == Challenge::HEADER
}

/// Why an audience cannot be signed.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum InvalidAudience {
    /// Not 1 to 64 of `[a-z0-9_-]`, or a name that already has a meaning.
    #[error("audience header is not a free lower-case header name")]
    Header,
    /// Not 1 to 255 visible ASCII characters.
    #[error("audience is not 1 to 255 visible ASCII characters")]
    Value,
}

/// A text that a server issued and an agent signs: proof that the evidence was made for this one attempt.
///
/// To the agent it is opaque; it is sent back beside the URL, whose text cannot hold it. It is redacted in
/// `Debug` and wiped on drop.
pub struct Challenge(SecretText);

impl Challenge {
    /// The header that the agent signs it in.
    pub const HEADER: &'static str = "x-sts-agent-name-challenge";
    /// Longest challenge accepted, in bytes.
    pub const MAX_LENGTH: usize = 512;

    /// Takes the text that the server sent.
    ///
    /// # Errors
    ///
    /// [`InvalidChallenge`] unless it is 1 to 512 of `[A-Za-z0-9._~-]`:
    ///
    /// ```
    /// use sts_agent_name::Challenge;
    ///
    /// assert!(Challenge::parse("1.k1.c2VydmVyLWlzc3VlZA").is_ok());
    /// assert!(Challenge::parse("").is_err());
    /// assert!(Challenge::parse("two words").is_err());
    /// ```
    pub fn parse(text: &str) -> Result<Self, InvalidChallenge> {
        if !all_of(text.as_bytes(), 1, Self::MAX_LENGTH, crate::charset::is_unreserved) {
            return Err(InvalidChallenge);
        }
        let mut secret = SecretText::with_capacity(text.len());
        secret.push_str(text);
        Ok(Self(secret))
    }

    #[cfg(feature = "agent")]
    pub(crate) fn duplicate(&self) -> Self {
        let mut secret = SecretText::with_capacity(self.expose().len());
        secret.push_str(self.expose());
        Self(secret)
    }

    /// The text, to be sent beside the URL and nowhere else.
    ///
    /// # Security warning
    ///
    /// Together with the URL this is what registers an agent: it belongs in no log and no error.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl fmt::Debug for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Challenge(** redacted **)")
    }
}

/// The text cannot be a challenge.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("not a challenge")]
#[non_exhaustive]
pub struct InvalidChallenge;
