//! The settings of an agent type: where its names come from, and when they are free again.

use core::time::Duration;

use thiserror::Error;

use crate::account::AccountId;
use crate::policy::{InvalidPolicy, Policy};

/// Where the names of an agent type come from, and when a name is free again.
///
/// Checked when it is built; reads and writes two forms. Our own, in JSON, TOML or whatever serde speaks:
///
/// ```
/// use sts_agent_name::registrar::NameSettings;
///
/// let settings: NameSettings = serde_json::from_str(r#"{
///     "assignment": "aws_sts",
///     "accounts": ["123456789012"],
///     "roles": ["ci-agent-*"],
///     "release_after_seconds": 3600
/// }"#)?;
/// let plain: NameSettings = serde_json::from_str(r#"{ "assignment": "agent" }"#)?;
/// # let _ = (settings, plain);
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// and Semaphore's, by way of [`SemaphoreSettings`](super::SemaphoreSettings).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NameSettings {
    pub(super) assignment: NameAssignment,
    pub(super) release: NameRelease,
}

/// Where a name comes from.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum NameAssignment {
    /// The agent sends a name, or none and gets a random one.
    Agent,
    /// The agent sends a pre-signed URL as its name.
    AwsSts {
        /// The accounts that agents may come from.
        accounts: Vec<AccountId>,
        /// Patterns for the names of their roles.
        roles: Vec<String>,
        /// How names are made; `{instance_id}` if it is left out.
        name_template: Option<String>,
    },
}

/// When a name is free again after its agent has gone.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum NameRelease {
    /// At once.
    #[default]
    Immediately,
    /// After this long, in which nobody may have it: whole seconds, at least [`NameRelease::MIN_HOLD`].
    After(Duration),
}

impl NameRelease {
    /// The shortest hold.
    pub const MIN_HOLD: Duration = Duration::from_mins(1);
    /// The longest hold: 365 days.
    pub const MAX_HOLD: Duration = Duration::from_hours(365 * 24);

    /// How long a name is held.
    #[must_use]
    pub const fn hold(self) -> Duration {
        match self {
            Self::Immediately => Duration::ZERO,
            Self::After(hold) => hold,
        }
    }

    /// Whole seconds within the limits, or nothing.
    pub(super) fn check(self) -> Result<(), InvalidSettings> {
        match self {
            Self::After(hold) if hold.subsec_nanos() != 0 => Err(InvalidSettings::ReleaseAfter),
            Self::After(hold) if !(Self::MIN_HOLD..=Self::MAX_HOLD).contains(&hold) => {
                Err(InvalidSettings::ReleaseAfter)
            }
            _ => Ok(()),
        }
    }

    /// Zero seconds mean at once.
    pub(super) fn of_seconds(seconds: u64) -> Self {
        if seconds == 0 { Self::Immediately } else { Self::After(Duration::from_secs(seconds)) }
    }

    pub(super) fn seconds(self) -> u64 {
        self.hold().as_secs()
    }
}

impl NameSettings {
    /// Checks both choices.
    ///
    /// # Errors
    ///
    /// ```
    /// use std::time::Duration;
    /// use sts_agent_name::registrar::{InvalidSettings, NameAssignment, NameRelease, NameSettings};
    ///
    /// let release = NameRelease::After(Duration::from_secs(59));
    /// assert_eq!(NameSettings::new(NameAssignment::Agent, release).unwrap_err(), InvalidSettings::ReleaseAfter);
    /// ```
    pub fn new(assignment: NameAssignment, release: NameRelease) -> Result<Self, InvalidSettings> {
        release.check()?;
        let settings = Self { assignment, release };
        settings.policy()?;
        Ok(settings)
    }

    /// Where a name comes from.
    #[must_use]
    pub fn assignment(&self) -> &NameAssignment {
        &self.assignment
    }

    /// When a name is free again.
    #[must_use]
    pub fn release(&self) -> NameRelease {
        self.release
    }

    /// The policy that the settings stand for; none where agents send their own names.
    pub(super) fn policy(&self) -> Result<Option<Policy>, InvalidPolicy> {
        let NameAssignment::AwsSts { accounts, roles, name_template } = &self.assignment else {
            return Ok(None);
        };
        let builder = accounts.iter().fold(Policy::builder(), |builder, account| builder.account(*account));
        let builder = roles.iter().fold(builder, |builder, pattern| builder.role(pattern));
        let builder = match name_template {
            Some(template) => builder.name_template(template),
            None => builder,
        };
        builder.build().map(Some)
    }
}

/// Which field of the settings is wrong.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum InvalidSettings {
    /// `accounts` (Semaphore: `aws.account_id`): an account is not twelve digits.
    #[error("accounts: an account is not twelve digits")]
    Accounts,
    /// `accounts`, `roles` or `name_template`, whichever the policy complains about.
    #[error("accounts, roles or name_template: {0}")]
    Policy(#[from] InvalidPolicy),
    /// `release_after_seconds` (Semaphore: `release_after`): neither zero nor 60 seconds to 365 days.
    #[error("release_after_seconds: neither 0 nor from 60 to 31536000")]
    ReleaseAfter,
    /// A field of the other assignment is given, or one of this is missing.
    #[error("assignment: accounts and roles go with aws_sts, and only with it")]
    Assignment,
    /// More than one account or a name template, which Semaphore's form cannot say.
    #[error("accounts, name_template: Semaphore's form holds one account and no template")]
    NotSemaphore,
}
