//! One pairing of accounts with roles.

use thiserror::Error;

use super::pattern::InvalidRolePattern;
use super::pattern_set::RolePatterns;
use crate::access_key::is_unique_id;
use crate::account::AccountId;

/// Roles that may come from some accounts, as one line of a policy.
///
/// ```
/// use sts_agent_name::policy::{Policy, Rule};
///
/// let policy = Policy::builder()
///     .rule(Rule::new().account("123456789012").role("linux-agent-*"))
///     .rule(Rule::new().account("210987654321").role("mac-agent").role("mac-agent-canary"))
///     .name_template("{account_id}/{instance_id}")
///     .build()?;
/// # Ok::<(), sts_agent_name::policy::InvalidPolicy>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Rule {
    pub(super) accounts: Vec<AccountId>,
    pub(super) roles: RolePatterns,
    pub(super) any_role: bool,
    pub(super) role_ids: Vec<Box<str>>,
    fault: Option<InvalidRule>,
}

impl Rule {
    /// A rule that allows nobody yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an account: an [`AccountId`], or the text of one.
    #[must_use]
    pub fn account(mut self, account: impl TryInto<AccountId>) -> Self {
        match account.try_into() {
            Ok(account) if self.accounts.contains(&account) => {}
            Ok(account) => self.accounts.push(account),
            Err(_) => self.note(InvalidRule::Account),
        }
        self
    }

    /// Adds a pattern for the role's name, in which `*` is any run of characters. Case counts.
    #[must_use]
    pub fn role(mut self, pattern: &str) -> Self {
        if let Err(invalid) = self.roles.add(pattern) {
            self.note(invalid.into());
        }
        self
    }

    /// Adds the patterns of a comma-separated list, as Semaphore's settings hold them. Blanks around a pattern
    /// are dropped; an empty pattern is a fault.
    #[must_use]
    pub fn roles(mut self, list: &str) -> Self {
        if let Err(invalid) = self.roles.add_list(list) {
            self.note(invalid.into());
        }
        self
    }

    /// Allows every role of the accounts: **any workload in them can then register.**
    #[must_use]
    pub fn any_role(mut self) -> Self {
        self.any_role = true;
        self
    }

    /// Pins the role's unique ID (`AROA…`): a role that was deleted and made again under its name has another.
    /// Several may be named.
    #[must_use]
    pub fn role_id(mut self, role_id: &str) -> Self {
        if is_unique_id(role_id, "AROA") {
            self.role_ids.push(role_id.into());
        } else {
            self.note(InvalidRule::RoleId);
        }
        self
    }

    fn note(&mut self, fault: InvalidRule) {
        self.fault.get_or_insert(fault);
    }

    /// Whether anything was said at all.
    pub(super) fn is_blank(&self) -> bool {
        self.accounts.is_empty() && self.names_no_role() && self.role_ids.is_empty() && self.fault.is_none()
    }

    pub(super) fn names_no_role(&self) -> bool {
        self.roles.is_empty() && !self.any_role
    }

    /// An empty list must not come to mean everybody.
    pub(super) fn check(&self) -> Result<(), InvalidRule> {
        match self.fault {
            Some(fault) => Err(fault),
            None if self.accounts.is_empty() => Err(InvalidRule::NoAccount),
            None if self.names_no_role() => Err(InvalidRule::NoRole),
            None => Ok(()),
        }
    }

    /// Sets up the search for roles; changes no outcome.
    pub(super) fn compile(&mut self) {
        self.roles.compile();
    }

    pub(super) fn fault(&self) -> Option<InvalidRule> {
        self.fault
    }

    pub(super) fn allows_role(&self, role: &str) -> bool {
        self.any_role || self.roles.matches(role)
    }

    pub(super) fn allows_role_id(&self, role_id: &str) -> bool {
        self.role_ids.is_empty() || self.role_ids.iter().any(|pinned| &**pinned == role_id)
    }
}

/// Why a rule cannot be part of a policy.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum InvalidRule {
    /// An account is not twelve digits.
    #[error("account is not twelve digits")]
    Account,
    /// No account is named.
    #[error("no account is allowed")]
    NoAccount,
    /// No role is named.
    #[error("no role is allowed")]
    NoRole,
    /// A role pattern is not one.
    #[error(transparent)]
    RolePattern(#[from] InvalidRolePattern),
    /// A role's unique ID is not `AROA` and upper-case letters and digits.
    #[error("role ID does not have the form of AROA…")]
    RoleId,
}
