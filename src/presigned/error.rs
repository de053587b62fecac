//! Why a text is not an acceptable pre-signed URL.

use thiserror::Error;

/// The first rule of form that a text breaks. Never carries any of the text.
///
/// The order of checks: length, scheme, host, path, the query from left to right, then each value.
#[derive(Clone, Copy, Debug, Eq, Error, Hash, PartialEq)]
#[non_exhaustive]
pub enum InvalidUrl {
    /// `X-Amz-Credential` does not begin with an access key ID: `AKIA` or `ASIA`, then upper-case letters and
    /// digits, 16 to 128 in all
    /// ([`Credentials`](https://docs.aws.amazon.com/STS/latest/APIReference/API_Credentials.html)).
    #[error("X-Amz-Credential does not begin with an access key ID")]
    AccessKeyId,
    /// `Action` is not exactly `GetCallerIdentity`.
    #[error("Action is not GetCallerIdentity")]
    Action,
    /// `X-Amz-Algorithm` is not exactly `AWS4-HMAC-SHA256`
    /// ([SigV4 query parameters](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-authentication-methods.html)).
    #[error("X-Amz-Algorithm is not AWS4-HMAC-SHA256")]
    Algorithm,
    /// `X-Amz-Credential` is not five parts of visible ASCII joined by `/`.
    #[error("X-Amz-Credential is not five parts joined by slashes")]
    Credential,
    /// `X-Amz-Date` is not a real date and time of the form `YYYYMMDDTHHMMSSZ`.
    #[error("X-Amz-Date is not a real date of the form YYYYMMDDTHHMMSSZ")]
    Date,
    /// A parameter stands in the query twice; readers disagree on which one counts (CVE-2022-2385).
    #[error("a parameter is given twice")]
    Duplicate,
    /// A percent sign is not followed by two hexadecimal digits
    /// ([RFC 3986, section 2.1](https://www.rfc-editor.org/rfc/rfc3986#section-2.1)).
    #[error("a percent sign is not followed by two hexadecimal digits")]
    Escape,
    /// `X-Amz-Expires` is not a plain decimal number of 1 to 604800 seconds.
    #[error("X-Amz-Expires is not a plain number from 1 to 604800")]
    Expires,
    /// The query holds a byte that signers always escape: anything but `[A-Za-z0-9._~-]` in names and
    /// values. Readers
    /// disagree on `+` and `;`, and on where a `#` ends the query.
    #[error("the query holds a byte that must be percent-encoded")]
    ForbiddenByte,
    /// The host is a host of STS, but the operator took it out of the set.
    #[error("this STS endpoint is not accepted here")]
    HostNotAllowed,
    /// The text is longer than [`PresignedUrl::MAX_LENGTH`](crate::PresignedUrl::MAX_LENGTH).
    #[error("longer than 8192 bytes")]
    Length,
    /// One of the required parameters is not there.
    #[error("a required parameter is missing")]
    MissingParameter,
    /// A URL library reads the rebuilt text differently. No input is known that gets here; the check stands
    /// between us and the HTTP client all the same.
    #[error("a URL library reads the text differently")]
    NotCanonical,
    /// A piece of the query is not `name=value`: an empty piece or one without `=`.
    #[error("a piece of the query is not name=value")]
    Parameter,
    /// The path is neither empty nor `/`.
    #[error("the path is not /")]
    Path,
    /// The text does not begin with exactly `https://`.
    #[error("does not begin with https://")]
    Scheme,
    /// The scope in `X-Amz-Credential` is not the day of `X-Amz-Date`, the host's region, `sts` and
    /// `aws4_request`; the global host is scoped to `us-east-1`.
    #[error(
        "the credential scope is not the signing day, the host's region (us-east-1 for sts.amazonaws.com), sts and aws4_request"
    )]
    Scope,
    /// `X-Amz-Security-Token` is empty, or its decoded text holds a byte that is not visible ASCII or is one
    /// of ``< > " ' ` &``.
    #[error("X-Amz-Security-Token is not a session token")]
    SessionToken,
    /// `X-Amz-Signature` is not 64 lower-case hexadecimal digits.
    #[error("X-Amz-Signature is not 64 lower-case hexadecimal digits")]
    Signature,
    /// `X-Amz-SignedHeaders` is not a sorted list of distinct lower-case header names with `host` among them.
    #[error("X-Amz-SignedHeaders is not a sorted list of distinct lower-case names that holds host")]
    SignedHeaders,
    /// The host is not, byte for byte, a host of the endpoint table.
    #[error("the host is not an STS endpoint")]
    UnknownHost,
    /// The query holds a parameter that is not one of the nine, in their exact spelling. Some signers add
    /// `X-Amz-Content-Sha256` or `x-amz-user-agent`.
    #[error("the query holds a parameter beside the nine of a pre-signed GetCallerIdentity URL")]
    UnknownParameter,
    /// `Version` is not exactly `2011-06-15`.
    #[error("Version is not 2011-06-15")]
    Version,
}

impl InvalidUrl {
    /// A stable word for machines and for operators to search by.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::AccessKeyId => "invalid_access_key",
            Self::Action => "wrong_action",
            Self::Algorithm => "wrong_algorithm",
            Self::Credential => "invalid_credential",
            Self::Date => "invalid_date",
            Self::Duplicate => "duplicate_parameter",
            Self::Escape => "malformed_escape",
            Self::Expires => "invalid_expires",
            Self::ForbiddenByte => "forbidden_byte",
            Self::HostNotAllowed => "endpoint_not_allowed",
            Self::Length => "too_long",
            Self::MissingParameter => "missing_parameter",
            Self::NotCanonical => "not_canonical",
            Self::Parameter => "malformed_parameter",
            Self::Path => "invalid_path",
            Self::Scheme => "not_https",
            Self::Scope => "wrong_scope",
            Self::SessionToken => "invalid_session_token",
            Self::Signature => "invalid_signature",
            Self::SignedHeaders => "invalid_signed_headers",
            Self::UnknownHost => "unknown_host",
            Self::UnknownParameter => "unknown_parameter",
            Self::Version => "wrong_version",
        }
    }
}
