//! Why a reply of STS names nobody.

use thiserror::Error;

/// Why a reply of STS is not a caller identity. Never carries any of the reply but a well-formed error code:
/// bodies of refusals can echo the request, session token included.
#[derive(Clone, Debug, Eq, Error, Hash, PartialEq)]
#[non_exhaustive]
pub enum ReplyError {
    /// The body is compressed, which was not asked for.
    #[error("the reply is compressed")]
    Encoded,
    /// `InvalidClientTokenId`: STS does not know the key or the token, or they are of another partition.
    #[error("STS does not know these credentials")]
    InvalidClientToken,
    /// ARN, user ID or account is out of its grammar.
    #[error("ARN, user ID or account in the reply is out of its grammar")]
    InvalidIdentity,
    /// Account, ARN and user ID do not agree with each other.
    #[error("account, ARN and user ID in the reply do not agree")]
    Mismatch,
    /// The body is not exactly the document that STS writes for this status.
    #[error("the reply is not the document that STS writes")]
    Malformed,
    /// STS refused for a reason that has no variant here ([common errors]).
    ///
    /// [common errors]: https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html
    #[error("STS refused the request: {code}")]
    Other {
        /// The code: 1 to 48 letters, digits and dots.
        code: Box<str>,
    },
    /// A redirect. STS never sends one; following it would send the evidence elsewhere.
    #[error("STS answered with a redirect")]
    Redirected,
    /// `RegionDisabledException`: the caller's account has this region switched off.
    #[error("STS is switched off in this region for the caller's account")]
    RegionDisabled,
    /// A status of 500 or above: STS or something before it is out of order.
    #[error("STS answered with a server error")]
    Server,
    /// `SignatureDoesNotMatch`.
    #[error("STS rejected the signature{hint}")]
    SignatureRejected {
        /// What the message seems to say: for people, not for decisions.
        hint: SignatureHint,
    },
    /// `Throttling` and its kin, sent with status 400: the calling account's budget in this region is used up.
    #[error("STS throttles the caller's account")]
    Throttled,
    /// `ExpiredToken`: the session credentials have ended.
    #[error("the session credentials have expired")]
    TokenExpired,
    /// The body is longer than [`CallerIdentity::MAX_REPLY`](crate::CallerIdentity::MAX_REPLY).
    #[error("the reply is longer than 16384 bytes")]
    TooLarge,
    /// The content type is not `text/xml`.
    #[error("the reply is not text/xml")]
    WrongContentType,
}

impl ReplyError {
    /// A stable word for machines and for operators to search by.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Encoded => "content_encoding",
            Self::InvalidClientToken => "invalid_client_token",
            Self::InvalidIdentity => "invalid_identity",
            Self::Malformed => "malformed_reply",
            Self::Mismatch => "identity_mismatch",
            Self::Other { .. } => "other_refusal",
            Self::Redirected => "redirected",
            Self::RegionDisabled => "region_disabled",
            Self::Server => "server_error",
            Self::SignatureRejected { .. } => "signature_rejected",
            Self::Throttled => "throttled",
            Self::TokenExpired => "token_expired",
            Self::TooLarge => "too_large",
            Self::WrongContentType => "wrong_content_type",
        }
    }
}

/// What STS's message to `SignatureDoesNotMatch` seems to say. One code stands for several causes and only the
/// message tells them apart, so this is a hint for people.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum SignatureHint {
    /// `Signature expired: …`
    Expired,
    /// `The request signature we calculated does not match …`
    Mismatch,
    /// `Signature not yet current: …`
    NotYetCurrent,
    /// `Credential should be scoped to a valid region.`
    Scope,
    /// Any other message.
    Unknown,
}

impl SignatureHint {
    pub(super) fn of(message: &str) -> Self {
        const KNOWN: [(&str, SignatureHint); 4] = [
            ("Credential should be scoped", SignatureHint::Scope),
            ("Signature expired", SignatureHint::Expired),
            ("Signature not yet current", SignatureHint::NotYetCurrent),
            ("The request signature we calculated", SignatureHint::Mismatch),
        ];
        KNOWN.iter().find(|(start, _)| message.starts_with(start)).map_or(Self::Unknown, |(_, hint)| *hint)
    }
}

impl core::fmt::Display for SignatureHint {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Expired => ": it has expired",
            Self::Mismatch => ": it does not match the request",
            Self::NotYetCurrent => ": it is not yet current",
            Self::Scope => ": it is scoped to another region",
            Self::Unknown => "",
        })
    }
}
