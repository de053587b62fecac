//! What is asked of a store for one registration.

use core::time::Duration;

use super::claim_id::ClaimId;
use super::key::RegistrationKey;
use super::text::{AgentType, NameOwner, Scope};
use crate::name::AgentName;
use crate::policy::SignatureId;

/// One registration's wish for a name.
///
/// ```
/// use std::time::Duration;
/// use sts_agent_name::AgentName;
/// use sts_agent_name::registry::{AgentType, ClaimId, ClaimRequest, NameOwner, Scope};
///
/// let (scope, name) = (Scope::parse("acme")?, AgentName::parse("i-0123456789abcdef0")?);
/// let (agent_type, owner) = (AgentType::parse("s1-linux")?, NameOwner::parse("token/s1-linux")?);
/// let claim_id = ClaimId::generate()?;
/// let request =
///     ClaimRequest::new(&scope, &name, &agent_type, &owner, &claim_id, Duration::from_secs(180));
/// # let _ = request;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ClaimRequest<'a> {
    /// Where the name must be unique.
    pub scope: &'a Scope,
    /// The name.
    pub name: &'a AgentName,
    /// The group of agents that the registration belongs to.
    pub agent_type: &'a AgentType,
    /// Whose the name is to be.
    pub owner: &'a NameOwner,
    /// The fresh secret of this registration.
    pub claim_id: &'a ClaimId,
    /// How long the claim lives without being renewed. At most [`MAX_SPAN`](super::MAX_SPAN); longer is cut to it.
    pub lease: Duration,
    /// The agent's key, without which there is no takeover.
    pub key: Option<&'a RegistrationKey>,
    /// The signature that the claim spends, for evidence that may be used once.
    pub signature: Option<&'a SignatureId>,
    /// Whether the last owner may have the name back during the hold.
    pub reclaim: Reclaim,
}

impl<'a> ClaimRequest<'a> {
    /// A wish without key and signature, which nobody's hold gives way to.
    #[must_use]
    pub const fn new(
        scope: &'a Scope,
        name: &'a AgentName,
        agent_type: &'a AgentType,
        owner: &'a NameOwner,
        claim_id: &'a ClaimId,
        lease: Duration,
    ) -> Self {
        let reclaim = Reclaim::AfterHold;
        Self { scope, name, agent_type, owner, claim_id, lease, key: None, signature: None, reclaim }
    }

    /// With the agent's registration key, if it sent one.
    #[must_use]
    pub const fn with_key(mut self, key: Option<&'a RegistrationKey>) -> Self {
        self.key = key;
        self
    }

    /// Spends `signature`.
    #[must_use]
    pub const fn with_signature(mut self, signature: &'a SignatureId) -> Self {
        self.signature = Some(signature);
        self
    }

    /// Whether the last owner may have the name back during the hold.
    #[must_use]
    pub const fn with_reclaim(mut self, reclaim: Reclaim) -> Self {
        self.reclaim = reclaim;
        self
    }
}

/// Who may have a name during its hold, which is the time after its release or the end of its lease.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Reclaim {
    /// Nobody, its last owner included.
    #[default]
    AfterHold,
    /// Its last owner, in the same agent type.
    DuringHold,
}
