//! Why an agent does not get a name.

use core::fmt;
use core::time::Duration;

use thiserror::Error;
use time::OffsetDateTime;

use crate::account::AccountId;
use crate::identity::{ReplyError, SignatureHint};
use crate::presigned::InvalidUrl;

/// Why evidence was refused: the agent's fault, or its operator's.
///
/// `Display` is safe to send to the agent: it holds no account, role or session that the agent did not write,
/// and never a URL, token or signature. What the operator needs beyond that is in
/// [`source`](std::error::Error::source). [`code`](Self::code) is stable.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum Refusal {
    /// The access key ID belongs to an account that the policy does not allow. Decided without STS; only
    /// refuses, never grants.
    #[error("the access key is of an account that is not allowed here")]
    AccessKeyAccount(#[source] Seen),
    /// The caller's account is in no rule of the policy.
    #[error("the caller's account is not allowed here")]
    Account(#[source] Seen),
    /// The URL does not sign the header by which this server knows evidence meant for it.
    #[error("the header {header} is not signed: sign for this server's audience")]
    AudienceNotSigned {
        /// The configured header's name.
        header: Box<str>,
    },
    /// The caller is of a kind that the policy does not allow: a user, the root user, a federated user, or one
    /// of the two kinds of role where only the other is allowed.
    #[error("a caller of this kind is not allowed here")]
    CallerKind(#[source] Seen),
    /// The challenge is older than this server lets it be.
    #[error("the challenge has expired; the server's time is {now}: ask for another")]
    ChallengeExpired {
        /// The server's clock.
        now: Moment,
    },
    /// The challenge was not issued by this server, or not for this audience and scope.
    #[error("the challenge was not issued here")]
    ChallengeInvalid,
    /// A challenge came beside the evidence, but this server issues none.
    #[error("this server issues no challenges; send the URL alone")]
    ChallengeNotExpected,
    /// The URL does not sign the header of the challenge.
    #[error("the header {header} is not signed: sign the challenge that this server issued")]
    ChallengeNotSigned {
        /// The header's name.
        header: &'static str,
    },
    /// This server wants a challenge to be signed, and none came.
    #[error("this server wants a challenge to be signed: ask for one")]
    ChallengeRequired,
    /// The session credentials have ended. The agent must fetch new ones.
    #[error("the session credentials have expired; sign with fresh ones")]
    CredentialsExpired,
    /// STS does not know the credentials.
    #[error("AWS does not know these credentials")]
    CredentialsUnknown,
    /// The URL is older than 15 minutes, its own `X-Amz-Expires` or the server's limit.
    #[error(
        "the URL was signed at {signed_at} and is no longer good; the server's time is {now}: sign for each attempt"
    )]
    Expired {
        /// `X-Amz-Date`.
        signed_at: Moment,
        /// The server's clock.
        now: Moment,
    },
    /// The text breaks a rule of form.
    #[error("not an acceptable pre-signed URL: {0}")]
    Form(#[source] InvalidUrl),
    /// The operator's own check of the instance said no.
    #[error("this instance is not allowed here")]
    InstanceCheck(#[source] Seen),
    /// The operator shut this instance out.
    #[error("this instance is not allowed here")]
    InstanceDenied(#[source] Seen),
    /// The key is a long-term one (`AKIA…`). Only temporary credentials of a role are accepted.
    #[error("long-term access keys are not accepted; sign with the credentials of a role")]
    LongTermCredentials,
    /// The key is a temporary one (`ASIA…`), and there is no session token.
    #[error("temporary credentials need X-Amz-Security-Token, and it must be signed")]
    MissingSessionToken,
    /// The name that the template gives is out of the grammar of names.
    #[error("the caller's parts do not make a valid agent name")]
    NameNotRepresentable(#[source] Seen),
    /// The URL was signed in the future, beyond the allowed skew.
    #[error("the URL is signed for {signed_at}, but the server's time is {now}: the agent's clock is ahead")]
    NotYetValid {
        /// `X-Amz-Date`.
        signed_at: Moment,
        /// The server's clock.
        now: Moment,
    },
    /// The endpoint or the caller is of another partition than the policy.
    #[error("callers of this partition are not allowed here")]
    Partition,
    /// The caller's account has STS switched off in the region of the URL.
    #[error("STS is switched off in this region for the caller's account; sign for another region")]
    RegionDisabled,
    /// STS refused with a code of no other variant.
    #[error("AWS refused the request")]
    RejectedBySts(#[source] ReplyError),
    /// The caller's role matches no pattern that goes with its account.
    #[error("the caller's role is not allowed here")]
    Role(#[source] Seen),
    /// The role's unique ID is not the one that the policy pins: the role was deleted and made again.
    #[error("the caller's role is not the one that is expected here")]
    RoleId(#[source] Seen),
    /// The session's name is not an EC2 instance ID.
    #[error("the caller's session is not an EC2 instance")]
    SessionNotInstance(#[source] Seen),
    /// STS rejected the signature.
    #[error(
        "AWS rejected the signature: sign a GET (upper case) with an empty body that is hashed, with the token \
         among the signed parameters, for the host's own region, with a right clock"
    )]
    SignatureRejected(#[source] SeenSignature),
    /// A header is signed that this server does not send.
    #[error(
        "the header {header} is signed, but this server does not send it: sign host only, or the configured headers"
    )]
    UnexpectedSignedHeader {
        /// The header's name: lower-case letters, digits, `_` and `-`.
        header: Box<str>,
    },
    /// STS rejected the signature over this server's own audience or challenge. It cannot say whether one of
    /// them or the signature is wrong.
    #[error("AWS rejected the signature: it is for another server or challenge, or wrong")]
    WrongAudienceOrSignature(#[source] SeenSignature),
}

impl Refusal {
    /// A stable word for machines and for operators to search by; see the table in the crate's documentation.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::AccessKeyAccount(_) => "access_key_account_not_allowed",
            Self::Account(_) => "account_not_allowed",
            Self::AudienceNotSigned { .. } => "audience_not_signed",
            Self::CallerKind(_) => "caller_kind_not_allowed",
            Self::ChallengeExpired { .. } => "challenge_expired",
            Self::ChallengeInvalid => "challenge_invalid",
            Self::ChallengeNotExpected => "challenge_not_expected",
            Self::ChallengeNotSigned { .. } => "challenge_not_signed",
            Self::ChallengeRequired => "challenge_required",
            Self::CredentialsExpired => "credentials_expired",
            Self::CredentialsUnknown => "credentials_unknown",
            Self::Expired { .. } => "expired",
            Self::Form(invalid) => invalid.code(),
            Self::InstanceCheck(_) => "instance_check_refused",
            Self::InstanceDenied(_) => "instance_denied",
            Self::LongTermCredentials => "long_term_credentials",
            Self::MissingSessionToken => "missing_session_token",
            Self::NameNotRepresentable(_) => "name_not_representable",
            Self::NotYetValid { .. } => "not_yet_valid",
            Self::Partition => "partition_not_allowed",
            Self::RegionDisabled => "region_disabled",
            Self::RejectedBySts(_) => "rejected_by_sts",
            Self::Role(_) => "role_not_allowed",
            Self::RoleId(_) => "role_id_not_allowed",
            Self::SessionNotInstance(_) => "session_not_instance",
            Self::SignatureRejected(_) => "signature_rejected",
            Self::UnexpectedSignedHeader { .. } => "unexpected_signed_header",
            Self::WrongAudienceOrSignature(_) => "wrong_audience_or_signature",
        }
    }

    /// The HTTP status that fits: 400 for a text that cannot be evidence, 401 for evidence that proves nothing
    /// (or no longer), 403 for a proven caller who may not.
    #[must_use]
    pub const fn http_status(&self) -> u16 {
        match self {
            Self::Form(_) => 400,
            Self::AudienceNotSigned { .. }
            | Self::ChallengeExpired { .. }
            | Self::ChallengeInvalid
            | Self::ChallengeNotExpected
            | Self::ChallengeNotSigned { .. }
            | Self::ChallengeRequired
            | Self::CredentialsExpired
            | Self::CredentialsUnknown
            | Self::Expired { .. }
            | Self::LongTermCredentials
            | Self::MissingSessionToken
            | Self::NotYetValid { .. }
            | Self::RegionDisabled
            | Self::RejectedBySts(_)
            | Self::SignatureRejected(_)
            | Self::UnexpectedSignedHeader { .. }
            | Self::WrongAudienceOrSignature(_) => 401,
            Self::AccessKeyAccount(_)
            | Self::Account(_)
            | Self::CallerKind(_)
            | Self::InstanceCheck(_)
            | Self::InstanceDenied(_)
            | Self::NameNotRepresentable(_)
            | Self::Partition
            | Self::Role(_)
            | Self::RoleId(_)
            | Self::SessionNotInstance(_) => 403,
        }
    }
}

impl From<InvalidUrl> for Refusal {
    fn from(invalid: InvalidUrl) -> Self {
        Self::Form(invalid)
    }
}

/// What the policy saw when it refused: for the operator's log, not for the agent.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("caller {caller}")]
pub struct Seen {
    caller: Box<str>,
}

impl Seen {
    pub(crate) fn caller(arn: &dyn fmt::Display) -> Self {
        Self { caller: arn.to_string().into() }
    }

    pub(super) fn account(account: AccountId) -> Self {
        Self { caller: format!("of account {account}, by its access key ID").into() }
    }
}

/// What STS's message about a signature seems to say: for people, not for decisions.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("signature rejected by STS{0}")]
pub struct SeenSignature(pub(crate) SignatureHint);

impl SeenSignature {
    /// The hint itself.
    #[must_use]
    pub const fn hint(self) -> SignatureHint {
        self.0
    }
}

/// A moment, shown as `2026-01-01T00:00:00Z`.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Moment(OffsetDateTime);

impl Moment {
    pub(crate) const fn new(moment: OffsetDateTime) -> Self {
        Self(moment)
    }

    /// The moment itself.
    #[must_use]
    pub const fn get(self) -> OffsetDateTime {
        self.0
    }

    /// How far `self` lies after `earlier`; zero if it does not.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        (self.0 - earlier.0).try_into().unwrap_or_default()
    }
}

impl fmt::Debug for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let utc = self.0.to_utc();
        let (date, time) = (utc.date(), utc.time());
        let (year, month, day) = (date.year(), u8::from(date.month()), date.day());
        let (hour, minute, second) = (time.hour(), time.minute(), time.second());
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}
