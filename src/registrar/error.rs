//! Why a registration did not come to a name.

use thiserror::Error;

use crate::name::InvalidAgentName;
use crate::policy::{Moment, Refusal};
use crate::registry::StoreError;
use crate::server::{Unavailable, VerifyError};

/// Why there is no name, or no more of it. `Display` is safe to send to the agent.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// The signature has been granted a claim before. Sign again and come back.
    #[error("this URL has been used; sign again for each attempt")]
    AlreadySpent,
    /// The claim is over: released, taken over, evicted, or not renewed for too long. Register anew.
    #[error("this claim is over; register anew")]
    Fenced,
    /// The claim id is not one.
    #[error("not a claim id")]
    InvalidClaimId,
    /// The registration key is not 16 to 128 visible ASCII characters.
    #[error("registration key is not 16 to 128 visible ASCII characters")]
    InvalidKey,
    /// The name is out of the grammar of names.
    #[error(transparent)]
    InvalidName(#[from] InvalidAgentName),
    /// The system gave no random bytes.
    #[error("registration is not available")]
    NoRandomness,
    /// A plain name that looks like an EC2 instance ID: names of that form belong to machines that prove theirs.
    #[error("names that look like instance IDs are for agents that prove theirs")]
    ReservedName,
    /// The store failed.
    #[error("registration is not available")]
    Store(#[from] StoreError),
    /// The name is another's, or held.
    #[error("this name is taken")]
    Taken {
        /// From when it can be had if nobody renews it, on the store's clock.
        free_at: Moment,
    },
    /// No such agent type is set up.
    #[error("unknown agent type")]
    UnknownAgentType,
    /// This agent type wants a pre-signed URL for a name.
    #[error("this agent type wants a pre-signed URL, not a name")]
    UrlExpected,
    /// This agent type wants a plain name.
    #[error("this agent type wants a name, not a URL")]
    UrlNotExpected,
    /// The evidence was not verified.
    #[error(transparent)]
    Verify(#[from] VerifyError),
}

impl RegisterError {
    /// A stable word for machines and for operators to search by.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::AlreadySpent => "already_spent",
            Self::Fenced => "fenced",
            Self::InvalidClaimId => "invalid_claim_id",
            Self::InvalidKey => "invalid_registration_key",
            Self::InvalidName(_) => "invalid_name",
            Self::NoRandomness | Self::Store(_) => "registry_unavailable",
            Self::ReservedName => "reserved_name",
            Self::Taken { .. } => "name_taken",
            Self::UnknownAgentType => "unknown_agent_type",
            Self::UrlExpected => "url_expected",
            Self::UrlNotExpected => "url_not_expected",
            Self::Verify(error) => error.code(),
        }
    }

    /// The HTTP status that fits.
    #[must_use]
    pub const fn http_status(&self) -> u16 {
        match self {
            Self::InvalidClaimId
            | Self::InvalidKey
            | Self::InvalidName(_)
            | Self::UrlExpected
            | Self::UrlNotExpected => 400,
            Self::ReservedName => 403,
            Self::UnknownAgentType => 404,
            Self::AlreadySpent | Self::Fenced | Self::Taken { .. } => 409,
            Self::NoRandomness | Self::Store(_) => 503,
            Self::Verify(error) => error.http_status(),
        }
    }
}

impl From<Refusal> for RegisterError {
    fn from(refusal: Refusal) -> Self {
        Self::Verify(VerifyError::Refused(refusal))
    }
}

impl From<Unavailable> for RegisterError {
    fn from(unavailable: Unavailable) -> Self {
        Self::Verify(VerifyError::Unavailable(unavailable))
    }
}
