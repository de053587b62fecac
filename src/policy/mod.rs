//! Which callers may have a name, and which name.
//!
//! A [`Policy`] is pure: a caller identity goes in, a [`VerifiedAgent`] or a [`Refusal`] comes out. It is built
//! once, checked when it is built, and passed by reference to each check, so a server can replace it while it
//! runs.

mod builder;
mod pattern;
mod pattern_set;
mod refusal;
mod rule;
mod template;
mod verified;

use std::collections::HashSet;

pub use self::builder::{InvalidPolicy, PolicyBuilder};
pub use self::pattern::InvalidRolePattern;
pub use self::refusal::{Moment, Refusal, Seen, SeenSignature};
pub use self::rule::{InvalidRule, Rule};
pub use self::template::InvalidTemplate;
use self::template::{NameTemplate, Parts};
pub use self::verified::{Owner, SignatureId, VerifiedAgent};
use crate::access_key;
use crate::account::AccountId;
use crate::arn::ArnResource;
use crate::identity::CallerIdentity;
use crate::instance::InstanceId;
use crate::partition::Partition;
use crate::presigned::PresignedUrl;

/// Which callers may have a name, and which name they get.
///
/// ```
/// use sts_agent_name::policy::Policy;
///
/// let policy = Policy::builder().account("123456789012").role("semaphore-agent-*").build()?;
/// # Ok::<(), sts_agent_name::policy::InvalidPolicy>(())
/// ```
#[derive(Clone, Debug)]
pub struct Policy {
    partition: Partition,
    rules: Vec<Rule>,
    instance_accounts: Vec<AccountId>,
    any_session: bool,
    denied: HashSet<InstanceId>,
    account_hint: bool,
    template: NameTemplate,
}

/// The kinds of caller that can be allowed. Users, root and federated users never are.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum CallerKind {
    /// A session of a role. **Anyone whom the role's trust policy lets assume it can choose the session's name**,
    /// an instance ID included: trust `ec2.amazonaws.com` only.
    AssumedRole,
    /// The instance identity role of an EC2 instance, which nobody can assume.
    InstanceIdentity,
}

impl Policy {
    /// Starts a policy that allows nobody.
    pub fn builder() -> PolicyBuilder {
        PolicyBuilder::new()
    }

    /// What can be decided before STS is asked: the partition of the endpoint, and the account that the access
    /// key ID names.
    ///
    /// The account is a hint: AWS does not document it, an attacker can write any key ID, and instance identity
    /// credentials are not known to follow it. So it refuses early and never grants.
    pub(crate) fn foresee(&self, url: &PresignedUrl) -> Result<(), Refusal> {
        if url.endpoint().partition() != self.partition {
            return Err(Refusal::Partition);
        }
        if !self.account_hint || self.partition != Partition::Aws || !self.instance_accounts.is_empty() {
            return Ok(());
        }
        match access_key::account_hint(url.access_key_id()) {
            Some(account) if !self.rules.iter().any(|rule| rule.accounts.contains(&account)) => {
                Err(Refusal::AccessKeyAccount(Seen::account(account)))
            }
            _ => Ok(()),
        }
    }

    /// Decides on a caller that STS confirmed. `url` is the evidence that it was confirmed by.
    pub(crate) fn admit(
        &self,
        url: &PresignedUrl,
        identity: CallerIdentity,
    ) -> Result<VerifiedAgent, Refusal> {
        let arn = identity.arn();
        let seen = || Seen::caller(arn);
        if arn.partition() != self.partition || arn.partition() != url.endpoint().partition() {
            return Err(Refusal::Partition);
        }
        let account = identity.account();
        let (role, session, owner) = match arn.resource() {
            ArnResource::AssumedRole { role, session } => {
                let role_id = identity.role_id().unwrap_or_default();
                self.check_role(&identity, role, role_id)?;
                (role, session, Owner::of_role_session(self.partition, account, role_id, session))
            }
            ArnResource::InstanceIdentity { instance } => {
                self.check_instance_account(&identity)?;
                ("", instance, Owner::of_instance(self.partition, account, instance))
            }
            _ => return Err(Refusal::CallerKind(seen())),
        };
        let instance = InstanceId::parse(session).ok();
        if instance.is_none() && !self.any_session {
            return Err(Refusal::SessionNotInstance(seen()));
        }
        if instance.as_ref().is_some_and(|instance| self.denied.contains(instance)) {
            return Err(Refusal::InstanceDenied(seen()));
        }
        let parts = Parts { account_id: account.as_str(), instance_id: session, role, session };
        let name = self.template.render(&parts).ok_or_else(|| Refusal::NameNotRepresentable(seen()))?;
        let signature = SignatureId::of(url.signature());
        let region = url.region().clone();
        Ok(VerifiedAgent { name, identity, owner, signature, instance, region })
    }

    fn check_role(&self, identity: &CallerIdentity, role: &str, role_id: &str) -> Result<(), Refusal> {
        let seen = || Seen::caller(identity.arn());
        if self.rules.is_empty() {
            return Err(Refusal::CallerKind(seen()));
        }
        // How far the caller came with the rule that it came farthest with.
        let (mut of_account, mut of_role) = (false, false);
        for rule in self.rules.iter().filter(|rule| rule.accounts.contains(&identity.account())) {
            of_account = true;
            if rule.allows_role(role) {
                of_role = true;
                if rule.allows_role_id(role_id) {
                    return Ok(());
                }
            }
        }
        Err(if of_role {
            Refusal::RoleId(Seen::caller(&format_args!("{} with role ID {role_id}", identity.arn())))
        } else if of_account {
            Refusal::Role(seen())
        } else {
            Refusal::Account(seen())
        })
    }

    fn check_instance_account(&self, identity: &CallerIdentity) -> Result<(), Refusal> {
        if self.instance_accounts.is_empty() {
            Err(Refusal::CallerKind(Seen::caller(identity.arn())))
        } else if self.instance_accounts.contains(&identity.account()) {
            Ok(())
        } else {
            Err(Refusal::Account(Seen::caller(identity.arn())))
        }
    }
}
