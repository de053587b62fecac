//! An agent as these tests play it.

use std::time::Duration;

use sts_agent_name::AgentName;
use sts_agent_name::policy::SignatureId;
use sts_agent_name::registry::{
    AgentType, ClaimId, ClaimOutcome, ClaimRequest, NameOwner, NameStore, ReleaseOutcome, RenewOutcome,
    Scope, StoreError, conformance,
};

pub(crate) const LEASE: Duration = Duration::from_hours(1);

/// One registration: all that it takes to repeat it.
#[derive(Clone, Debug)]
pub(crate) struct Agent {
    pub(crate) scope: Scope,
    pub(crate) name: AgentName,
    pub(crate) kind: AgentType,
    pub(crate) owner: NameOwner,
    pub(crate) claim_id: ClaimId,
    pub(crate) signature: SignatureId,
    /// The text that the signature was made of.
    pub(crate) seed: String,
}

impl Agent {
    /// With a claim id and a signature of its own.
    pub(crate) fn new(scope: &str, name: &str, owner: &str) -> Self {
        let (claim_id, seed) =
            (ClaimId::generate().unwrap(), ClaimId::generate().unwrap().expose().to_owned());
        Self::with(scope, name, owner, claim_id, seed)
    }

    pub(crate) fn with(scope: &str, name: &str, owner: &str, claim_id: ClaimId, seed: String) -> Self {
        Self {
            scope: Scope::parse(scope).unwrap(),
            name: AgentName::parse(name).unwrap(),
            kind: AgentType::parse("s1-linux").unwrap(),
            owner: NameOwner::parse(owner).unwrap(),
            claim_id,
            signature: conformance::signature(&seed),
            seed,
        }
    }

    pub(crate) async fn claim_for(
        &self,
        store: &dyn NameStore,
        lease: Duration,
    ) -> Result<ClaimOutcome, StoreError> {
        let request =
            ClaimRequest::new(&self.scope, &self.name, &self.kind, &self.owner, &self.claim_id, lease);
        store.claim(request.with_signature(&self.signature)).await
    }

    pub(crate) async fn claim(&self, store: &dyn NameStore) -> Result<ClaimOutcome, StoreError> {
        self.claim_for(store, LEASE).await
    }

    pub(crate) async fn renew(&self, store: &dyn NameStore) -> Result<RenewOutcome, StoreError> {
        store.renew(&self.scope, &self.name, &self.claim_id, LEASE, LEASE).await
    }

    pub(crate) async fn release(
        &self,
        store: &dyn NameStore,
        hold: Duration,
    ) -> Result<ReleaseOutcome, StoreError> {
        store.release(&self.scope, &self.name, &self.claim_id, hold).await
    }
}

pub(crate) fn is_granted(outcome: &ClaimOutcome) -> bool {
    matches!(outcome, ClaimOutcome::Granted { .. })
}
