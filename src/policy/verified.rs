//! What a whole check yields: a named agent, who owns the name, and which signature proved it.

use core::fmt;

use sha2::{Digest, Sha256};

use crate::account::AccountId;
use crate::arn::INSTANCE_IDENTITY_ROLE;
use crate::endpoint::Region;
use crate::identity::CallerIdentity;
use crate::instance::InstanceId;
use crate::name::AgentName;
use crate::partition::Partition;

/// An agent whose evidence STS confirmed and whose identity the policy allowed.
///
/// Only the whole check makes one: there is no constructor, no `Default` and no serde, and no other name can be
/// put into one.
///
/// ```compile_fail,E0451
/// use sts_agent_name::AgentName;
/// use sts_agent_name::policy::VerifiedAgent;
///
/// fn rename(agent: VerifiedAgent, name: AgentName) -> VerifiedAgent {
///     VerifiedAgent { name, ..agent }
/// }
/// ```
#[derive(Clone, Debug)]
pub struct VerifiedAgent {
    pub(super) name: AgentName,
    pub(super) identity: CallerIdentity,
    pub(super) owner: Owner,
    pub(super) signature: SignatureId,
    pub(super) instance: Option<InstanceId>,
    pub(super) region: Region,
}

impl VerifiedAgent {
    /// The name that the policy's template gives this agent.
    #[must_use]
    pub fn name(&self) -> &AgentName {
        &self.name
    }

    /// Who STS says the agent is.
    #[must_use]
    pub fn identity(&self) -> &CallerIdentity {
        &self.identity
    }

    /// Whose the name is: the same for each registration of one agent, different for any two agents.
    #[must_use]
    pub fn owner(&self) -> &Owner {
        &self.owner
    }

    /// The fingerprint of the signature that proved it, by which a second use is noticed.
    #[must_use]
    pub fn signature(&self) -> &SignatureId {
        &self.signature
    }

    /// The EC2 instance, where the policy asked for one.
    #[must_use]
    pub fn instance(&self) -> Option<&InstanceId> {
        self.instance.as_ref()
    }

    /// The region of the endpoint that was asked: a hint at where the agent runs, chosen by the agent.
    #[must_use]
    pub fn region(&self) -> &Region {
        &self.region
    }
}

/// The owner of a name: partition, account, role ID (or `aws:ec2-instance`) and instance (or session).
///
/// ```text
/// aws/123456789012/AROAIOSFODNN7EXAMPLE/i-0123456789abcdef0
/// aws/123456789012/aws:ec2-instance/i-0123456789abcdef0
/// ```
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Owner(Box<str>);

impl Owner {
    pub(super) fn of_role_session(
        partition: Partition,
        account: AccountId,
        role_id: &str,
        session: &str,
    ) -> Self {
        Self([partition.id(), "/", account.as_str(), "/", role_id, "/", session].concat().into())
    }

    pub(super) fn of_instance(partition: Partition, account: AccountId, instance: &str) -> Self {
        Self::of_role_session(partition, account, INSTANCE_IDENTITY_ROLE, instance)
    }

    /// The owner as one text, without secrets.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The fingerprint of a signature: SHA-256 of its 64 hexadecimal digits. It proves nothing and may be logged.
///
/// The signature alone is the key. Everything else about a URL can be written in another way without breaking
/// it, so a record by URL would be dodged by changing one letter's encoding.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct SignatureId([u8; 32]);

impl SignatureId {
    pub(crate) fn of(signature: &str) -> Self {
        Self(Sha256::digest(signature.as_bytes()).into())
    }

    /// The 32 bytes of the fingerprint.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for SignatureId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignatureId({self})")
    }
}

impl fmt::Display for SignatureId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
