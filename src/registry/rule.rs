//! The one decision of a claim, for the stores that take it in Rust.

use super::claim::{ClaimRequest, Reclaim};

/// Microseconds since 1970-01-01T00:00:00Z, the unit of every moment that a store writes down.
pub(super) type Micros = i64;

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
    GrantedBefore { lease_until: Micros },
    AlreadySpent,
    Grant,
    Taken { free_at: Micros },
}

/// Decides by the row of the name, if there is one, and by the claim that spent the signature, if one did.
///
/// The order of the four is the order in the contract of [`NameStore::claim`](super::NameStore::claim).
pub(super) fn decide(
    request: &ClaimRequest<'_>,
    standing: Option<&Standing<'_>>,
    spent_by: Option<[u8; 32]>,
    now: Micros,
) -> Verdict {
    let standing = standing.filter(|row| now < row.free_at);
    let claim_id = request.claim_id.fingerprint();
    let spent_by_this = request.signature.is_none() || spent_by == Some(claim_id);
    match standing {
        Some(row) if row.claim_id == claim_id && !row.released && spent_by_this => {
            Verdict::GrantedBefore { lease_until: row.lease_until }
        }
        _ if spent_by.is_some() => Verdict::AlreadySpent,
        Some(row) if !(takes_over(request, row) || reclaims(request, row, now)) => {
            Verdict::Taken { free_at: row.free_at }
        }
        _ => Verdict::Grant,
    }
}

/// Whether it is the agent whose reply was lost.
fn takes_over(request: &ClaimRequest<'_>, row: &Standing<'_>) -> bool {
    let same_key = request.key.is_some_and(|key| row.key == Some(key.fingerprint()));
    same_key && is_same_agent(request, row) && !row.renewed && !row.released
}

/// Whether it is the last owner in its own hold, and may.
fn reclaims(request: &ClaimRequest<'_>, row: &Standing<'_>, now: Micros) -> bool {
    let in_hold = row.released || row.lease_until <= now;
    request.reclaim == Reclaim::DuringHold && in_hold && is_same_agent(request, row)
}

fn is_same_agent(request: &ClaimRequest<'_>, row: &Standing<'_>) -> bool {
    row.owner == request.owner.as_str() && row.agent_type == request.agent_type.as_str()
}
