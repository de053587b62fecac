//! From status, content type and body to a caller identity, or to the reason why not.

use super::CallerIdentity;
use super::document::{self, Identity, Refused};
use super::error::{ReplyError, SignatureHint};
use super::user_id::UserId;
use crate::account::AccountId;
use crate::arn::Arn;
use crate::charset::all_of;

impl CallerIdentity {
    /// Reads the reply to `GetCallerIdentity`: status, content type and body as they came.
    ///
    /// The status is judged first, then the content type, then the body, in which only the document that STS
    /// writes for that status is accepted ([`GetCallerIdentity`]).
    ///
    /// [`GetCallerIdentity`]: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
    ///
    /// # Errors
    ///
    /// ```
    /// use sts_agent_name::{CallerIdentity, ReplyError};
    ///
    /// let reply = |status, content_type, body: &str| {
    ///     CallerIdentity::from_reply(status, Some(content_type), body.as_bytes()).unwrap_err()
    /// };
    /// let throttled = r#"<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
    ///   <Error><Type>Sender</Type><Code>Throttling</Code><Message>Rate exceeded</Message></Error>
    ///   <RequestId>7b86b01a-232e-417b-b8dd-f5f99253957e</RequestId>
    /// </ErrorResponse>"#;
    /// assert_eq!(reply(400, "text/xml", throttled), ReplyError::Throttled);
    /// assert_eq!(reply(200, "text/xml", throttled), ReplyError::Malformed);
    /// assert_eq!(reply(200, "application/json", "{}"), ReplyError::WrongContentType);
    /// assert_eq!(reply(302, "text/xml", ""), ReplyError::Redirected);
    /// assert_eq!(reply(503, "text/html", "<h1>busy</h1>"), ReplyError::Server);
    /// ```
    pub fn from_reply(status: u16, content_type: Option<&str>, body: &[u8]) -> Result<Self, ReplyError> {
        let is_xml = content_type.is_some_and(is_xml);
        let too_large = body.len() > Self::MAX_REPLY;
        match status {
            300..=399 => Err(ReplyError::Redirected),
            500..=599 if too_large => Err(ReplyError::Server),
            _ if too_large => Err(ReplyError::TooLarge),
            200 if is_xml => Self::from_parts(&document::identity(body)?),
            400..=499 if is_xml => Err(refusal(&document::refused(body)?)),
            500..=599 => Err(match document::refused(body).map(|refused| refusal(&refused)) {
                Ok(ReplyError::Throttled) if is_xml => ReplyError::Throttled,
                _ => ReplyError::Server,
            }),
            200 | 400..=499 => Err(ReplyError::WrongContentType),
            _ => Err(ReplyError::Malformed),
        }
    }

    fn from_parts(parts: &Identity<'_>) -> Result<Self, ReplyError> {
        let arn = Arn::parse(&parts.arn).map_err(|_| ReplyError::InvalidIdentity)?;
        let account = AccountId::parse(&parts.account).map_err(|_| ReplyError::InvalidIdentity)?;
        if account != arn.account() {
            return Err(ReplyError::Mismatch);
        }
        let user_id = UserId::parse(&parts.user_id).ok_or(ReplyError::InvalidIdentity)?;
        if !user_id.agrees_with(&arn) {
            return Err(ReplyError::Mismatch);
        }
        Ok(Self { arn, user_id: parts.user_id.as_ref().into() })
    }
}

/// STS names no charset; `utf-8` is what it means.
fn is_xml(content_type: &str) -> bool {
    ["text/xml", "text/xml;charset=utf-8", "text/xml; charset=utf-8"]
        .iter()
        .any(|accepted| accepted.eq_ignore_ascii_case(content_type))
}

/// The code decides, never the status or the message.
fn refusal(refused: &Refused<'_>) -> ReplyError {
    match refused.code.as_ref() {
        "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "RequestLimitExceeded"
        | "RequestThrottled"
        | "TooManyRequestsException" => ReplyError::Throttled,
        "SignatureDoesNotMatch" => {
            ReplyError::SignatureRejected { hint: SignatureHint::of(&refused.message) }
        }
        "InvalidClientTokenId" => ReplyError::InvalidClientToken,
        "ExpiredToken" | "ExpiredTokenException" => ReplyError::TokenExpired,
        "RegionDisabledException" => ReplyError::RegionDisabled,
        // Shorter than a signature, so that nothing in it can be one.
        code if all_of(code.as_bytes(), 1, 48, |b| b.is_ascii_alphanumeric() || b == b'.') => {
            ReplyError::Other { code: code.into() }
        }
        _ => ReplyError::Malformed,
    }
}
