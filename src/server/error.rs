//! Why a verification did not come to a verified agent, and whose fault that is.

use core::time::Duration;

use thiserror::Error;

use crate::identity::ReplyError;
use crate::policy::Refusal;

/// Why there is no verified agent.
///
/// | variant | whose fault | HTTP status | try again |
/// |---|---|---|---|
/// | `Refused` | the agent's | 400, 401 or 403 | not with this evidence |
/// | `InvalidReply` | whoever answers in STS's place | 502 | after a look at the network |
/// | `Throttled` | the calling account's budget | 503 | later |
/// | `Unavailable` | STS, the network, or this server's load | 503 | later |
///
/// What to answer is the same for all; whether to wait is not:
///
/// ```
/// use sts_agent_name::server::VerifyError;
///
/// /// HTTP status, a text that is safe to send, and for how long to wait.
/// fn answer(error: &VerifyError) -> (u16, String, Option<u64>) {
///     let wait = match error {
///         VerifyError::Throttled { retry_after } => Some(retry_after.map_or(5, |wait| wait.as_secs())),
///         VerifyError::Unavailable(_) => Some(5),
///         _ => None,
///     };
///     (error.http_status(), format!("{}: {error}", error.code()), wait)
/// }
/// # let (status, text, wait) = answer(&VerifyError::Throttled { retry_after: None });
/// # assert_eq!((status, text.as_str(), wait), (503, "throttled: AWS STS throttles the caller's account", Some(5)));
/// ```
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// What came back is not a reply of STS.
    #[error("what came back is not a reply of AWS STS")]
    InvalidReply(#[source] ReplyError),
    /// The evidence or the caller was refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// STS throttles the account that signed. Other accounts are not affected, nor are other regions.
    #[error("AWS STS throttles the caller's account")]
    Throttled {
        /// How long STS asks to wait, where it says so.
        retry_after: Option<Duration>,
    },
    /// Nothing could be decided.
    #[error("verification is not available")]
    Unavailable(#[source] Unavailable),
}

impl VerifyError {
    /// A stable word for machines and for operators to search by.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::InvalidReply(_) => "invalid_reply",
            Self::Refused(refusal) => refusal.code(),
            Self::Throttled { .. } => "throttled",
            Self::Unavailable(Unavailable::Busy) => "busy",
            Self::Unavailable(_) => "unavailable",
        }
    }

    /// The HTTP status that fits.
    #[must_use]
    pub const fn http_status(&self) -> u16 {
        match self {
            Self::InvalidReply(_) => 502,
            Self::Refused(refusal) => refusal.http_status(),
            Self::Throttled { .. } | Self::Unavailable(_) => 503,
        }
    }
}

/// What kept STS from being asked, or from answering. Never carries a URL.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Unavailable {
    /// As many verifications as this server carries are under way or waiting.
    #[error("too many verifications are under way")]
    Busy,
    /// No connection: name look-up, TCP or TLS failed.
    #[error("no connection to AWS STS")]
    Connect(#[source] Transport),
    /// The operator's own check of the instance could not be made.
    #[error("the instance could not be checked")]
    InstanceCheck,
    /// The connection broke in the middle of the reply, or what came was not HTTP.
    #[error("the connection to AWS STS broke")]
    Interrupted(#[source] Transport),
    /// STS answered with a server error.
    #[error("AWS STS answered with a server error")]
    ServerError,
    /// The deadline passed.
    #[error("no answer in time")]
    Timeout,
    /// The connection ended before an answer began, as one does that was kept alive and closed just as it was used.
    #[error("the connection to AWS STS ended without an answer")]
    Unanswered(#[source] Transport),
}

/// What the HTTP client says of a failure, with its URL taken out.
#[derive(Debug, Error)]
#[error(transparent)]
pub struct Transport(reqwest::Error);

impl Transport {
    /// The one way to keep an error of the HTTP client: its URL, token and signature included, is dropped.
    pub(super) fn new(error: reqwest::Error) -> Self {
        Self(error.without_url())
    }
}
