//! The one decision of a claim, for the stores that take it in Rust.

use core::time::Duration;

use super::claim::{ClaimRequest, Reclaim};
use super::key::RegistrationKey;
use super::text::{AgentType, NameOwner, Scope};
use crate::name::AgentName;

/// Microseconds since 1970-01-01T00:00:00Z, the unit of every moment that a store writes down.
pub(super) type Micros = i64;

/// A claim request as a store keeps it: it outlives the caller's future, and of the secrets it has fingerprints.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    pub(super) scope: Scope,
    pub(super) name: AgentName,
    pub(super) agent_type: AgentType,
    pub(super) owner: NameOwner,
    pub(super) claim_id: [u8; 32],
    pub(super) lease: Duration,
    pub(super) key: Option<[u8; 32]>,
    pub(super) signature: Option<[u8; 32]>,
    pub(super) reclaim: Reclaim,
}

/// What decides about a claim in the row of its name.
#[derive(Debug)]
pub(super) struct Standing<'a> {
    pub(super) agent_type: &'a str,
    pub(super) owner: &'a str,
    pub(super) key: Option<[u8; 32]>,
    pub(super) claim_id: [u8; 32],
    pub(super) renewed: bool,
    pub(super) released: bool,
    pub(super) lease_until: Micros,
    pub(super) free_at: Micros,
}

/// What is to be done about a claim.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    AlreadySpent,
    Grant,
    GrantedBefore { lease_until: Micros },
    Taken { free_at: Micros },
}

impl Wish {
    pub(super) fn new(request: &ClaimRequest<'_>) -> Self {
        Self {
            scope: request.scope.clone(),
            name: request.name.clone(),
            agent_type: request.agent_type.clone(),
            owner: request.owner.clone(),
            claim_id: request.claim_id.fingerprint(),
            lease: request.lease,
            key: request.key.map(RegistrationKey::fingerprint),
            signature: request.signature.map(|id| *id.as_bytes()),
            reclaim: request.reclaim,
        }
    }

    /// Decides by the row of the name, if there is one, and by the claim that spent the signature, if one did.
    ///
    /// The order is the one in the contract of [`NameStore::claim`](super::NameStore::claim).
    pub(super) fn decide(
        &self,
        standing: Option<&Standing<'_>>,
        spent_by: Option<[u8; 32]>,
        now: Micros,
    ) -> Verdict {
        let standing = standing.filter(|row| now < row.free_at);
        let spent_by_this = self.signature.is_none() || spent_by == Some(self.claim_id);
        match standing {
            Some(row) if row.claim_id == self.claim_id && !row.released && spent_by_this => {
                Verdict::GrantedBefore { lease_until: row.lease_until }
            }
            _ if spent_by.is_some() => Verdict::AlreadySpent,
            Some(row) if !(self.takes_over(row) || self.reclaims(row, now)) => {
                Verdict::Taken { free_at: row.free_at }
            }
            _ => Verdict::Grant,
        }
    }

    /// Whether it is the agent whose reply was lost.
    fn takes_over(&self, row: &Standing<'_>) -> bool {
        let same_key = self.key.is_some() && self.key == row.key;
        same_key && self.is_of_agent(row) && !row.renewed && !row.released
    }

    /// Whether it is the last owner in its own hold, and may.
    fn reclaims(&self, row: &Standing<'_>, now: Micros) -> bool {
        let in_hold = row.released || row.lease_until <= now;
        self.reclaim == Reclaim::DuringHold && in_hold && self.is_of_agent(row)
    }

    fn is_of_agent(&self, row: &Standing<'_>) -> bool {
        row.owner == self.owner.as_str() && row.agent_type == self.agent_type.as_str()
    }
}
