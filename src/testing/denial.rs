//! The errors of STS, word for word.

use time::{Duration, OffsetDateTime};

use super::sigv4::{Mismatch, amz_date};

/// An error reply: status, code and message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Denial {
    pub(super) status: u16,
    pub(super) code: String,
    pub(super) message: String,
}

/// STS takes a signature for this long, whatever `X-Amz-Expires` says.
const MAX_AGE: Duration = Duration::minutes(15);
/// How far ahead of STS's clock a signature may be.
const MAX_SKEW: Duration = Duration::minutes(5);

const WRONG_SIGNATURE: &str = "The request signature we calculated does not match the signature you provided. \
     Check your AWS Secret Access Key and signing method. Consult the service documentation for details.";

impl Denial {
    pub(super) fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), message: message.into() }
    }

    pub(super) fn wrong_signature() -> Self {
        Self::new(403, "SignatureDoesNotMatch", WRONG_SIGNATURE)
    }

    /// As STS can answer: with the texts that it calculated, the session token in them.
    pub(super) fn wrong_signature_with_echo(canonical_request: &str, string_to_sign: &str) -> Self {
        let message = format!(
            "{WRONG_SIGNATURE}\n\nThe Canonical String for this request should have been\n\
             '{canonical_request}'\n\nThe String-to-Sign should have been\n'{string_to_sign}'\n"
        );
        Self::new(403, "SignatureDoesNotMatch", message)
    }

    /// The trailing blank is STS's.
    pub(super) fn wrong_region() -> Self {
        Self::new(403, "SignatureDoesNotMatch", "Credential should be scoped to a valid region. ")
    }

    pub(super) fn wrong_service() -> Self {
        Self::new(403, "SignatureDoesNotMatch", "Credential should be scoped to correct service: 'sts'. ")
    }

    pub(super) fn unknown_token() -> Self {
        Self::new(403, "InvalidClientTokenId", "The security token included in the request is invalid.")
    }

    pub(super) fn expired_token() -> Self {
        Self::new(403, "ExpiredToken", "The security token included in the request is expired")
    }

    pub(super) fn throttled() -> Self {
        Self::new(400, "Throttling", "Rate exceeded")
    }

    pub(super) fn malformed_query() -> Self {
        Self::new(400, "MalformedQueryString", "The query string contains a syntax error.")
    }

    pub(super) fn missing_action() -> Self {
        Self::new(400, "MissingAction", "The request is missing an action or a required parameter.")
    }

    pub(super) fn invalid_action() -> Self {
        Self::new(400, "InvalidAction", "The action or operation requested is invalid.")
    }

    pub(super) fn not_found() -> Self {
        Self::new(404, "UnknownOperationException", "The requested operation is not recognized.")
    }

    pub(super) fn missing_authentication() -> Self {
        Self::new(403, "MissingAuthenticationToken", "Request is missing Authentication Token")
    }

    /// A request that HTTP itself does not allow.
    pub(super) fn bad_request() -> Self {
        Self::new(400, "BadRequest", "The request is not well formed.")
    }

    /// The error that goes with a status, for a status that is played.
    pub(super) fn of_status(status: u16) -> Self {
        let (code, message) = match status {
            403 => return Self::wrong_signature(),
            500 => ("InternalFailure", "The request processing has failed because of an unknown error."),
            503 => ("ServiceUnavailable", "Service is unavailable. Please try again shortly."),
            501.. => ("InternalError", "The service could not answer the request."),
            _ => ("ValidationError", "The request is not valid."),
        };
        Self::new(status, code, message)
    }

    /// The window around `now` in which a signature counts.
    pub(super) fn check_age(signed_at: OffsetDateTime, now: OffsetDateTime) -> Result<(), Self> {
        let (oldest, newest) = (now.saturating_sub(MAX_AGE), now.saturating_add(MAX_SKEW));
        // STS compares and prints whole seconds.
        let [signed, now, oldest, newest] = [signed_at, now, oldest, newest].map(amz_date);
        let message = if signed < oldest {
            format!("Signature expired: {signed} is now earlier than {oldest} ({now} - 15 min.)")
        } else if signed > newest {
            format!("Signature not yet current: {signed} is still later than {newest} ({now} + 5 min.)")
        } else {
            return Ok(());
        };
        Err(Self::new(403, "SignatureDoesNotMatch", message))
    }
}

impl From<Mismatch> for Denial {
    fn from(mismatch: Mismatch) -> Self {
        match mismatch {
            Mismatch::DuplicateParameter(_) | Mismatch::Escape => Self::malformed_query(),
            Mismatch::MissingParameter("X-Amz-Algorithm") => Self::missing_authentication(),
            Mismatch::MissingParameter(_) | Mismatch::Algorithm | Mismatch::Credential | Mismatch::Date => {
                Self::new(
                    400,
                    "IncompleteSignature",
                    "The request signature does not conform to AWS standards.",
                )
            }
            Mismatch::SignedHeaders => Self::new(
                403,
                "SignatureDoesNotMatch",
                "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
            ),
            _ => Self::wrong_signature(),
        }
    }
}
