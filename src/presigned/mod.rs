//! Pre-signed `GetCallerIdentity` URLs: parsed in one strict pass, then rebuilt.
//!
//! ```text
//! https://sts.us-east-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15
//!     &X-Amz-Algorithm=AWS4-HMAC-SHA256
//!     &X-Amz-Credential=<access key ID>%2F<day>%2F<region>%2Fsts%2Faws4_request
//!     &X-Amz-Date=<date>  [&X-Amz-Expires=<seconds>]  &X-Amz-SignedHeaders=host
//!     [&X-Amz-Security-Token=<token>]  &X-Amz-Signature=<64 hexadecimal digits>
//! ```
//!
//! Nothing of the input survives but the values, each checked and written again in one encoding and one order
//! ([SigV4 query parameters]).
//!
//! [SigV4 query parameters]: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-authentication-methods.html

mod error;
mod escape;
mod query;
mod value;
mod write;

use core::fmt;
use core::ops::Range;
use core::time::Duration;

use time::OffsetDateTime;

pub use self::error::InvalidUrl;
use self::query::Query;
use self::value::SigningDate;
pub(crate) use self::write::{Parts, Token};
use crate::access_key::AccessKeyKind;
use crate::endpoint::{BUILT_IN, Endpoint, EndpointSet, Lookup, Region};
use crate::secret::SecretText;

pub(crate) const ACTION: &str = "GetCallerIdentity";
pub(crate) const VERSION: &str = "2011-06-15";
pub(crate) const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// A well-formed pre-signed `GetCallerIdentity` URL, in canonical form.
///
/// Holding one proves form only: no clock, no policy and no STS was asked. It is **a secret**: whoever has the
/// text can act as the signer towards a server like this one for 15 minutes. So there is no `Display`, no
/// equality and no serde, `Debug` leaves token and signature out, and the text is wiped on drop. Copies that the
/// signer, the HTTP client and TLS make while they work are theirs, and are not wiped.
///
/// ```
/// use sts_agent_name::PresignedUrl;
///
/// let url = PresignedUrl::parse(concat!(
///     "https://sts.eu-central-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15",
///     "&X-Amz-Algorithm=AWS4-HMAC-SHA256",
///     "&X-Amz-Credential=ASIAIOSFODNN7EXAMPLE%2F20260101%2Feu-central-1%2Fsts%2Faws4_request",
///     "&X-Amz-Date=20260101T000000Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host",
///     "&X-Amz-Security-Token=FAKE",
///     "&X-Amz-Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
/// ))?;
/// assert_eq!(url.host(), "sts.eu-central-1.amazonaws.com");
/// assert_eq!(url.region().as_str(), "eu-central-1");
/// assert_eq!(url.access_key_id(), "ASIAIOSFODNN7EXAMPLE");
/// assert_eq!(url.signed_headers().collect::<Vec<_>>(), ["host"]);
/// # Ok::<(), sts_agent_name::InvalidUrl>(())
/// ```
///
/// It does not get into a log by the way:
///
/// ```compile_fail,E0277
/// fn log(url: &sts_agent_name::PresignedUrl) {
///     println!("{url}");
/// }
/// ```
pub struct PresignedUrl {
    text: SecretText,
    endpoint: Endpoint,
    key_kind: AccessKeyKind,
    signed_at: OffsetDateTime,
    expires: Option<u32>,
    good_until: Option<OffsetDateTime>,
    layout: Layout,
}

/// Where the parts stand in the text.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layout {
    access_key_id: Range<usize>,
    signed_headers: Range<usize>,
    token: Option<Range<usize>>,
    signature: Range<usize>,
}

impl PresignedUrl {
    /// Longest text accepted, in bytes. Session tokens are "typically less than 4096 bytes"
    /// ([`Credentials`](https://docs.aws.amazon.com/STS/latest/APIReference/API_Credentials.html)).
    pub const MAX_LENGTH: usize = 8192;

    /// Parses `text` against the built-in endpoint table.
    ///
    /// # Errors
    ///
    /// The first broken rule, see [`InvalidUrl`]:
    ///
    /// ```
    /// use sts_agent_name::{InvalidUrl, PresignedUrl};
    ///
    /// for (text, want) in [
    ///     ("http://sts.amazonaws.com/?Action=GetCallerIdentity", InvalidUrl::Scheme),
    ///     ("https://sts.amazonaws.com.evil.org/?Action=GetCallerIdentity", InvalidUrl::UnknownHost),
    ///     ("https://sts.amazonaws.com:443/?Action=GetCallerIdentity", InvalidUrl::UnknownHost),
    ///     ("https://sts.amazonaws.com/x?Action=GetCallerIdentity", InvalidUrl::Path),
    ///     ("https://sts.amazonaws.com/?Action=GetCallerIdentity&Action=GetSessionToken", InvalidUrl::Duplicate),
    ///     ("https://sts.amazonaws.com/?action=GetCallerIdentity", InvalidUrl::UnknownParameter),
    ///     ("https://sts.amazonaws.com/?Action=GetCallerIdentity", InvalidUrl::MissingParameter),
    /// ] {
    ///     assert_eq!(PresignedUrl::parse(text).err(), Some(want), "{text}");
    /// }
    /// ```
    pub fn parse(text: &str) -> Result<Self, InvalidUrl> {
        Self::parse_with(text, &BUILT_IN)
    }

    /// Parses `text` against the operator's endpoints.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse), and [`InvalidUrl::HostNotAllowed`] for a host of STS outside the set.
    pub fn parse_with(text: &str, endpoints: &EndpointSet) -> Result<Self, InvalidUrl> {
        // Bounded before any work: a megabyte costs what eight kilobytes do.
        if text.len() > Self::MAX_LENGTH {
            return Err(InvalidUrl::Length);
        }
        let after_scheme = text.strip_prefix("https://").ok_or(InvalidUrl::Scheme)?;
        let (endpoint, after_host) = host(after_scheme, endpoints)?;
        let query = after_host.strip_prefix('/').unwrap_or(after_host);
        let query = match query.strip_prefix('?') {
            Some(query) => query,
            None if query.is_empty() => return Err(InvalidUrl::MissingParameter),
            None => return Err(InvalidUrl::Path),
        };
        Self::rebuild(endpoint, &Query::split(query)?)
    }

    /// Checks each value and writes the URL again.
    fn rebuild(endpoint: &Endpoint, query: &Query<'_>) -> Result<Self, InvalidUrl> {
        let required = (query.action, query.version, query.algorithm, query.credential, query.date);
        let (Some(action), Some(version), Some(algorithm), Some(credential), Some(date)) = required else {
            return Err(InvalidUrl::MissingParameter);
        };
        let (Some(signed_headers), Some(signature)) = (query.signed_headers, query.signature) else {
            return Err(InvalidUrl::MissingParameter);
        };
        value::exactly(action, ACTION, InvalidUrl::Action)?;
        value::exactly(version, VERSION, InvalidUrl::Version)?;
        value::exactly(algorithm, ALGORITHM, InvalidUrl::Algorithm)?;
        let date = SigningDate::parse(date)?;
        let mut credential_buffer = value::credential_buffer();
        let (access_key_id, key_kind) =
            value::credential(credential, date.day(), endpoint.region(), &mut credential_buffer)?;
        let expires = query.expires.map(value::expires).transpose()?;
        let mut headers_buffer = value::headers_buffer();
        let signed_headers = value::signed_headers(signed_headers, &mut headers_buffer)?;
        let token = query.token.map(value::token).transpose()?;
        let mut signature_buffer = value::signature_buffer();
        let signature = value::signature(signature, &mut signature_buffer)?;
        let parts =
            Parts { endpoint, access_key_id, date: date.as_str(), expires, signed_headers, token, signature };
        Self::assemble(&parts, key_kind, date.moment)
    }

    /// Writes parts that have been checked.
    pub(crate) fn assemble(
        parts: &Parts<'_>,
        key_kind: AccessKeyKind,
        signed_at: OffsetDateTime,
    ) -> Result<Self, InvalidUrl> {
        let (text, layout) = parts.write();
        // What is written must be a text that is read again; a path that was left out adds one byte.
        if text.expose().len() > Self::MAX_LENGTH {
            return Err(InvalidUrl::Length);
        }
        let endpoint = parts.endpoint.clone();
        Ok(Self { text, endpoint, key_kind, signed_at, expires: parts.expires, good_until: None, layout })
    }

    /// Notes until when the signer expects the URL to be good.
    #[cfg(feature = "agent")]
    pub(crate) fn with_good_until(mut self, moment: OffsetDateTime) -> Self {
        self.good_until = Some(moment);
        self
    }

    /// The whole URL in canonical form, to be sent to one server and nowhere else.
    ///
    /// # Security warning
    ///
    /// For 15 minutes this text is as good as the agent's identity. It belongs in no log, no error, no file and
    /// no process list.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.text.expose()
    }

    /// The STS host, as it stands in the URL.
    #[must_use]
    pub fn host(&self) -> &str {
        self.endpoint.host()
    }

    /// The endpoint that the host is.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The region that the signature is scoped to.
    #[must_use]
    pub fn region(&self) -> &Region {
        self.endpoint.region()
    }

    /// The access key ID that the URL names. **A claim of the sender's**: only STS can say whether it signed.
    #[must_use]
    pub fn access_key_id(&self) -> &str {
        self.part(&self.layout.access_key_id)
    }

    /// Whether the key is a long-term or a temporary one, by its ID.
    #[must_use]
    pub fn access_key_kind(&self) -> AccessKeyKind {
        self.key_kind
    }

    /// The moment that the signer wrote into `X-Amz-Date`.
    #[must_use]
    pub fn signed_at(&self) -> OffsetDateTime {
        self.signed_at
    }

    /// `X-Amz-Expires`, where the signer wrote one. STS ignores it; the verifier does not.
    #[must_use]
    pub fn expires_in(&self) -> Option<Duration> {
        self.expires.map(|seconds| Duration::from_secs(u64::from(seconds)))
    }

    /// Until when the signer expects the URL to be good: the earlier of 15 minutes and the credentials' own
    /// end. Known only to the agent that signed it.
    #[must_use]
    pub fn good_until(&self) -> Option<OffsetDateTime> {
        self.good_until
    }

    /// The names of the headers that are signed, sorted; `host` is always among them.
    pub fn signed_headers(&self) -> impl Iterator<Item = &str> {
        self.part(&self.layout.signed_headers).split(write::HEADER_SEPARATOR)
    }

    /// Whether the URL carries a session token, as that of temporary credentials must.
    #[must_use]
    pub fn has_session_token(&self) -> bool {
        self.layout.token.is_some()
    }

    /// The signature's 64 hexadecimal digits.
    #[cfg(feature = "server")]
    pub(crate) fn signature(&self) -> &str {
        self.part(&self.layout.signature)
    }

    fn part(&self, range: &Range<usize>) -> &str {
        self.text.expose().get(range.clone()).unwrap_or_default()
    }
}

/// The endpoint whose host the text begins with, and the rest. Everything up to the first `/`, `?` or `#` is
/// compared as it stands: user, port, upper case, a trailing dot or an escape make it another text, and no URL
/// library gets to repair it first.
fn host<'t, 'e>(text: &'t str, endpoints: &'e EndpointSet) -> Result<(&'e Endpoint, &'t str), InvalidUrl> {
    let end = text.bytes().position(|b| matches!(b, b'/' | b'?' | b'#')).unwrap_or(text.len());
    let (host, rest) = text.split_at_checked(end).ok_or(InvalidUrl::UnknownHost)?;
    match endpoints.lookup(host.as_bytes()) {
        Lookup::Allowed(endpoint) => Ok((endpoint, rest)),
        Lookup::NotAllowed => Err(InvalidUrl::HostNotAllowed),
        Lookup::Unknown => Err(InvalidUrl::UnknownHost),
    }
}

impl fmt::Debug for PresignedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PresignedUrl")
            .field("host", &self.host())
            .field("access_key_id", &self.access_key_id())
            .field("signed_at", &self.signed_at)
            .field("expires_in", &self.expires_in())
            .field("signed_headers", &self.part(&self.layout.signed_headers))
            .field("session_token", &self.layout.token.as_ref().map(|_| "** redacted **"))
            .field("signature", &"** redacted **")
            .finish_non_exhaustive()
    }
}
