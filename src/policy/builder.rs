//! Building a policy, with every choice checked.

use std::collections::HashSet;

use thiserror::Error;

use super::rule::{InvalidRule, Rule};
use super::template::{InvalidTemplate, NameTemplate, Part};
use super::{CallerKind, Policy};
use crate::account::AccountId;
use crate::instance::InstanceId;
use crate::partition::Partition;

/// Collects the choices of a [`Policy`].
#[derive(Clone, Debug)]
#[must_use]
pub struct PolicyBuilder {
    first: Rule,
    kind: CallerKind,
    rules: Vec<Rule>,
    instance_accounts: Vec<AccountId>,
    partition: Partition,
    any_session: bool,
    denied: HashSet<InstanceId>,
    account_hint: bool,
    template: Box<str>,
    fault: Option<InvalidPolicy>,
}

impl PolicyBuilder {
    pub(super) fn new() -> Self {
        Self {
            first: Rule::new(),
            kind: CallerKind::AssumedRole,
            rules: Vec::new(),
            instance_accounts: Vec::new(),
            partition: Partition::Aws,
            any_session: false,
            denied: HashSet::new(),
            account_hint: true,
            template: "{instance_id}".into(),
            fault: None,
        }
    }

    /// Allows an account: an [`AccountId`], or the text of one. Goes with every [`role`](Self::role) named on
    /// the builder itself; use [`rule`](Self::rule) to pair accounts and roles.
    pub fn account(mut self, account: impl TryInto<AccountId>) -> Self {
        self.first = self.first.account(account);
        self
    }

    /// Allows roles whose name matches the pattern; see [`Rule::role`].
    pub fn role(mut self, pattern: &str) -> Self {
        self.first = self.first.role(pattern);
        self
    }

    /// Allows the roles of a comma-separated list of patterns; see [`Rule::roles`].
    pub fn roles(mut self, list: &str) -> Self {
        self.first = self.first.roles(list);
        self
    }

    /// Allows every role of the accounts; see [`Rule::any_role`].
    pub fn any_role(mut self) -> Self {
        self.first = self.first.any_role();
        self
    }

    /// Pins the role's unique ID; see [`Rule::role_id`].
    pub fn role_id(mut self, role_id: &str) -> Self {
        self.first = self.first.role_id(role_id);
        self
    }

    /// Adds a pairing of accounts with roles.
    pub fn rule(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }

    /// Which kind of caller the builder's own accounts stand for; [`CallerKind::AssumedRole`] unless said
    /// otherwise. With [`CallerKind::InstanceIdentity`] no role may be named.
    pub fn caller(mut self, kind: CallerKind) -> Self {
        self.kind = kind;
        self
    }

    /// Allows every EC2 instance of an account to prove itself by its instance identity role, **whatever its
    /// instance profile**. The instance ID in it cannot be forged.
    pub fn any_instance_of(mut self, account: impl TryInto<AccountId>) -> Self {
        match account.try_into() {
            Ok(account) => self.instance_accounts.push(account),
            Err(_) => self.note(InvalidPolicy::Rule(InvalidRule::Account)),
        }
        self
    }

    /// The partition of all accounts; [`Partition::Aws`] unless said otherwise.
    pub fn partition(mut self, partition: Partition) -> Self {
        self.partition = partition;
        self
    }

    /// Allows sessions of any name, not only instance IDs, for agents that do not run on EC2. **Whoever may
    /// assume the role chooses the name.** The template must then name `{session}`.
    pub fn any_session(mut self) -> Self {
        self.any_session = true;
        self
    }

    /// Shuts one instance out, whatever else would allow it.
    pub fn deny_instance(mut self, instance: InstanceId) -> Self {
        self.denied.insert(instance);
        self
    }

    /// How names are made; `{instance_id}` unless said otherwise. Parts: `{account_id}`, `{instance_id}`,
    /// `{role}`, `{session}`, one in each segment between slashes.
    pub fn name_template(mut self, template: &str) -> Self {
        self.template = template.into();
        self
    }

    /// Leaves out the early look at the account in the access key ID, which AWS does not document.
    pub fn without_account_hint(mut self) -> Self {
        self.account_hint = false;
        self
    }

    fn note(&mut self, fault: InvalidPolicy) {
        self.fault.get_or_insert(fault);
    }

    /// Checks every choice.
    ///
    /// # Errors
    ///
    /// ```
    /// use sts_agent_name::policy::{InvalidPolicy, InvalidRule, InvalidTemplate, Policy};
    ///
    /// let fault = |builder: sts_agent_name::policy::PolicyBuilder| builder.build().unwrap_err();
    /// assert_eq!(fault(Policy::builder()), InvalidPolicy::Rule(InvalidRule::NoAccount));
    /// assert_eq!(
    ///     fault(Policy::builder().account("123456789012")),
    ///     InvalidPolicy::Rule(InvalidRule::NoRole),
    /// );
    /// assert_eq!(
    ///     fault(Policy::builder().account("123456789012").account("210987654321").role("agent")),
    ///     InvalidPolicy::Template(InvalidTemplate::NeedsAccount),
    /// );
    /// ```
    pub fn build(mut self) -> Result<Policy, InvalidPolicy> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let first = core::mem::take(&mut self.first);
        match self.kind {
            CallerKind::AssumedRole => {
                // Said nothing at all is fine only beside rules that say something.
                if !first.is_blank() || (self.rules.is_empty() && self.instance_accounts.is_empty()) {
                    self.rules.insert(0, first);
                }
            }
            CallerKind::InstanceIdentity => {
                if let Some(fault) = first.fault() {
                    return Err(fault.into());
                }
                if !first.names_no_role() || !first.role_ids.is_empty() {
                    return Err(InvalidPolicy::RoleOfInstanceIdentity);
                }
                if first.accounts.is_empty() {
                    return Err(InvalidRule::NoAccount.into());
                }
                self.instance_accounts.extend(first.accounts);
            }
        }
        self.rules.iter().try_for_each(Rule::check)?;
        let template = NameTemplate::parse(&self.template)?;
        self.check_template(&template)?;
        self.rules.iter_mut().for_each(Rule::compile);
        Ok(Policy {
            partition: self.partition,
            rules: self.rules,
            instance_accounts: self.instance_accounts,
            any_session: self.any_session,
            denied: self.denied,
            account_hint: self.account_hint,
            template,
        })
    }

    /// A template must give different agents different names, for every caller that the policy allows.
    fn check_template(&self, template: &NameTemplate) -> Result<(), InvalidTemplate> {
        let mut accounts: Vec<AccountId> = self.instance_accounts.clone();
        accounts.extend(self.rules.iter().flat_map(|rule| &rule.accounts));
        accounts.sort_unstable();
        accounts.dedup();
        let any_session = self.any_session && !self.rules.is_empty();
        let one_role = match self.rules.as_slice() {
            [rule] => !rule.any_role && rule.roles.is_single(),
            rules => rules.is_empty(),
        };
        let by_instances = !self.instance_accounts.is_empty();
        if !template.has(Part::InstanceId) && !template.has(Part::Session) {
            Err(InvalidTemplate::NeedsInstanceOrSession)
        } else if (template.has(Part::InstanceId) && any_session)
            || (by_instances && (template.has(Part::Role) || template.has(Part::Session)))
        {
            Err(InvalidTemplate::PartNotAlwaysThere)
        } else if accounts.len() > 1 && !template.has(Part::AccountId) {
            Err(InvalidTemplate::NeedsAccount)
        } else if any_session && !one_role && !template.has(Part::Role) {
            Err(InvalidTemplate::NeedsRole)
        } else {
            Ok(())
        }
    }
}

/// Why choices do not make a policy.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum InvalidPolicy {
    /// Roles are named for accounts of [`CallerKind::InstanceIdentity`], which says nothing about roles.
    #[error("roles are named, but an instance identity says nothing about roles")]
    RoleOfInstanceIdentity,
    /// A rule allows nobody, or is malformed.
    #[error(transparent)]
    Rule(#[from] InvalidRule),
    /// The name template does not fit.
    #[error(transparent)]
    Template(#[from] InvalidTemplate),
}
