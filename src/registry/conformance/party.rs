//! What the checks are written in: a place with a store, and agents that come to it.

use core::time::Duration;

use time::OffsetDateTime;

use super::ConformanceClock;
use crate::name::AgentName;
use crate::policy::SignatureId;
use crate::registry::{
    AgentType, ClaimId, ClaimOutcome, ClaimRequest, NameOwner, NameRecord, NameStore, Reclaim,
    RegistrationKey, ReleaseOutcome, RenewOutcome, Scope,
};

pub(super) const LEASE: Duration = Duration::from_mins(3);
/// With the lease well below the life of a spent signature, so that no check loses one by the way.
pub(super) const HOLD: Duration = Duration::from_mins(20);
/// More than a check takes on a slow machine, for stores whose clock goes on by itself.
pub(super) const SLACK: Duration = Duration::from_secs(30);

/// One registration.
#[derive(Clone, Debug)]
pub(super) struct Agent<'k> {
    pub(super) name: AgentName,
    pub(super) kind: AgentType,
    pub(super) owner: NameOwner,
    pub(super) claim_id: ClaimId,
    pub(super) key: Option<&'k RegistrationKey>,
    pub(super) signature: Option<SignatureId>,
    pub(super) reclaim: Reclaim,
}

impl Agent<'_> {
    /// Owner `ann` asks for `name`.
    pub(super) fn new(name: &str) -> Self {
        Agent {
            name: AgentName::parse(name).unwrap(),
            kind: AgentType::parse("s1-linux").unwrap(),
            owner: NameOwner::parse("ann").unwrap(),
            claim_id: ClaimId::generate().unwrap(),
            key: None,
            signature: None,
            reclaim: Reclaim::AfterHold,
        }
    }

    pub(super) fn owned_by(mut self, owner: &str) -> Self {
        self.owner = NameOwner::parse(owner).unwrap();
        self
    }

    pub(super) fn of_type(mut self, agent_type: &str) -> Self {
        self.kind = AgentType::parse(agent_type).unwrap();
        self
    }

    pub(super) fn signing(mut self, signature: SignatureId) -> Self {
        self.signature = Some(signature);
        self
    }

    pub(super) fn reclaiming(mut self) -> Self {
        self.reclaim = Reclaim::DuringHold;
        self
    }

    /// The same agent registers once more.
    pub(super) fn again(&self) -> Self {
        Agent { claim_id: ClaimId::generate().unwrap(), ..self.clone() }
    }
}

impl<'k> Agent<'k> {
    pub(super) fn keyed<'n>(self, key: &'n RegistrationKey) -> Agent<'n>
    where
        'k: 'n,
    {
        Agent { key: Some(key), ..self }
    }
}

/// A store, its clock, and a scope that nothing else uses.
pub(super) struct Place<'s> {
    pub(super) store: &'s dyn NameStore,
    clock: &'s dyn ConformanceClock,
    pub(super) scope: Scope,
}

impl<'s> Place<'s> {
    pub(super) fn new(store: &'s dyn NameStore, clock: &'s dyn ConformanceClock) -> Self {
        let scope = Scope::parse(ClaimId::generate().unwrap().expose()).unwrap();
        Self { store, clock, scope }
    }

    pub(super) async fn pass(&self, by: Duration) {
        self.clock.advance(by).await.unwrap();
    }

    /// The store's clock: a lease of no length ends now.
    pub(super) async fn now(&self) -> OffsetDateTime {
        let Agent { name, kind, owner, claim_id, .. } = &Agent::new("what-time-is-it");
        let request = ClaimRequest::new(&self.scope, name, kind, owner, claim_id, Duration::ZERO);
        self.granted(self.store.claim(request).await.unwrap())
    }

    /// Whether `moment` is `span` from now, give or take what a running clock adds.
    pub(super) async fn assert_in(&self, span: Duration, moment: OffsetDateTime) {
        let now = self.now().await;
        assert!((moment - now - span).abs() <= SLACK, "{moment} is not {span:?} after {now}");
    }

    pub(super) async fn claim(&self, agent: &Agent<'_>) -> ClaimOutcome {
        let Agent { name, kind, owner, claim_id, .. } = agent;
        let mut request = ClaimRequest::new(&self.scope, name, kind, owner, claim_id, LEASE)
            .with_key(agent.key)
            .with_reclaim(agent.reclaim);
        request.signature = agent.signature.as_ref();
        self.store.claim(request).await.unwrap()
    }

    #[track_caller]
    pub(super) fn granted(&self, outcome: ClaimOutcome) -> OffsetDateTime {
        match outcome {
            ClaimOutcome::Granted { lease_until } => lease_until,
            other => panic!("granted was due, not {other:?}, in scope {}", self.scope),
        }
    }

    #[track_caller]
    pub(super) fn taken(&self, outcome: ClaimOutcome) -> OffsetDateTime {
        match outcome {
            ClaimOutcome::Taken { free_at } => free_at,
            other => panic!("taken was due, not {other:?}, in scope {}", self.scope),
        }
    }

    pub(super) async fn renew(&self, agent: &Agent<'_>) -> RenewOutcome {
        self.store.renew(&self.scope, &agent.name, &agent.claim_id, LEASE, HOLD).await.unwrap()
    }

    pub(super) async fn release(&self, agent: &Agent<'_>) -> ReleaseOutcome {
        self.store.release(&self.scope, &agent.name, &agent.claim_id, HOLD).await.unwrap()
    }

    pub(super) async fn look_up(&self, agent: &Agent<'_>) -> Option<NameRecord> {
        self.store.lookup(&self.scope, &agent.name).await.unwrap()
    }
}

#[track_caller]
pub(super) fn renewed(outcome: RenewOutcome) -> OffsetDateTime {
    match outcome {
        RenewOutcome::Renewed { lease_until } => lease_until,
        other => panic!("renewed was due, not {other:?}"),
    }
}

#[track_caller]
pub(super) fn released(outcome: ReleaseOutcome) -> OffsetDateTime {
    match outcome {
        ReleaseOutcome::Released { free_at } => free_at,
        other => panic!("released was due, not {other:?}"),
    }
}

pub(super) fn key(text: &str) -> RegistrationKey {
    RegistrationKey::parse(&format!("{text}-of-at-least-16-bytes")).unwrap()
}
