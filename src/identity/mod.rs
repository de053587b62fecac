//! Who STS says the caller is.

#[cfg(feature = "server")]
mod document;
mod error;
#[cfg(feature = "server")]
mod reply;
#[cfg(feature = "server")]
mod user_id;

use core::fmt;

pub use self::error::{ReplyError, SignatureHint};
use crate::account::AccountId;
use crate::arn::{Arn, ArnResource};

/// A caller as STS named it: ARN, user ID and account, checked against each other.
///
/// Holding one proves what a reply said; whether the reply came from STS, and whether this caller may have a
/// name, are the exchange's and the policy's questions.
///
/// ```
/// # #[cfg(feature = "server")] {
/// use sts_agent_name::CallerIdentity;
///
/// let body = br#"<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
///   <GetCallerIdentityResult>
///     <Arn>arn:aws:sts::123456789012:assumed-role/ci-agent/i-0123456789abcdef0</Arn>
///     <UserId>AROAIOSFODNN7EXAMPLE:i-0123456789abcdef0</UserId>
///     <Account>123456789012</Account>
///   </GetCallerIdentityResult>
///   <ResponseMetadata><RequestId>c025e1ba-c36b-4078-9407-fdd02eaee5aa</RequestId></ResponseMetadata>
/// </GetCallerIdentityResponse>
/// "#;
/// let caller = CallerIdentity::from_reply(200, Some("text/xml"), body).unwrap();
/// assert_eq!(caller.account().as_str(), "123456789012");
/// assert_eq!(caller.user_id(), "AROAIOSFODNN7EXAMPLE:i-0123456789abcdef0");
/// # }
/// ```
#[derive(Clone, Eq, Hash, PartialEq)]
pub struct CallerIdentity {
    arn: Arn,
    user_id: Box<str>,
}

impl CallerIdentity {
    /// Longest reply read, in bytes; a real one has about 456.
    pub const MAX_REPLY: usize = 16_384;

    /// The caller's ARN.
    #[must_use]
    pub fn arn(&self) -> &Arn {
        &self.arn
    }

    /// The caller's unique ID, with the session's name where there is one.
    #[must_use]
    pub fn user_id(&self) -> &str {
        &self.user_id
    }

    /// The caller's account.
    #[must_use]
    pub fn account(&self) -> AccountId {
        self.arn.account()
    }

    /// The unique ID (`AROA…`) of the role that was assumed. A role that is deleted and made again under its
    /// old name has another.
    #[must_use]
    pub fn role_id(&self) -> Option<&str> {
        match self.arn.resource() {
            ArnResource::AssumedRole { .. } => self.user_id.split(':').next(),
            _ => None,
        }
    }
}

impl fmt::Debug for CallerIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallerIdentity").field("arn", &self.arn).field("user_id", &self.user_id).finish()
    }
}
