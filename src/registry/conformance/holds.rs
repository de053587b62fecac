//! The time in which nobody has a name.

use core::time::Duration;

use super::ConformanceClock;
use super::party::{Agent, HOLD, LEASE, Place, SLACK, released, renewed};
use crate::registry::{ClaimState, NameStore, RenewOutcome};

/// Between a release and `free_at` the name is nobody's, its last owner's included.
pub async fn a_release_starts_the_hold(store: &dyn NameStore, clock: &dyn ConformanceClock) {
    let place = Place::new(store, clock);
    for (name, renewals) in [("agent-01", 0), ("agent-02", 2)] {
        let ann = Agent::new(name);
        place.granted(place.claim(&ann).await);
        for _ in 0..renewals {
            renewed(place.renew(&ann).await);
        }
        let free_at = released(place.release(&ann).await);
        let record = place.look_up(&ann).await.expect("a record");
        assert_eq!((record.state, record.free_at), (ClaimState::Released, free_at));
        for other in [ann.again(), Agent::new(name).owned_by("bob")] {
            assert_eq!(place.taken(place.claim(&other).await), free_at);
        }
        place.pass(HOLD - SLACK).await;
        place.taken(place.claim(&ann.again()).await);
        place.pass(SLACK).await;
        assert_eq!(place.look_up(&ann).await, None);
        place.granted(place.claim(&Agent::new(name).owned_by("bob")).await);
    }
}

/// A release without a hold gives the name to whoever comes next.
pub async fn a_release_without_hold_frees_at_once(store: &dyn NameStore, clock: &dyn ConformanceClock) {
    let place = Place::new(store, clock);
    let ann = Agent::new("agent-01");
    place.granted(place.claim(&ann).await);
    renewed(place.renew(&ann).await);
    released(store.release(&place.scope, &ann.name, &ann.claim_id, Duration::ZERO).await.unwrap());
    assert_eq!(place.look_up(&ann).await, None);
    place.granted(place.claim(&Agent::new("agent-01").owned_by("bob")).await);
}

/// An agent that was heard of and then no more leaves a hold behind its lease.
pub async fn a_lost_lease_starts_the_hold(store: &dyn NameStore, clock: &dyn ConformanceClock) {
    let place = Place::new(store, clock);
    let ann = Agent::new("agent-01");
    place.granted(place.claim(&ann).await);
    renewed(place.renew(&ann).await);
    for step in [LEASE, HOLD - SLACK] {
        place.pass(step).await;
        place.taken(place.claim(&ann.again()).await);
        place.taken(place.claim(&Agent::new("agent-01").owned_by("bob")).await);
    }
    place.pass(SLACK).await;
    place.granted(place.claim(&Agent::new("agent-01").owned_by("bob")).await);
}

/// Where it is asked for, the last owner in the same agent type may have the name back; nobody else may.
pub async fn the_last_owner_may_reclaim_where_it_is_allowed(
    store: &dyn NameStore,
    clock: &dyn ConformanceClock,
) {
    let place = Place::new(store, clock);
    let ann = Agent::new("agent-01");
    place.granted(place.claim(&ann).await);
    released(place.release(&ann).await);
    place.taken(place.claim(&ann.again()).await);
    place.taken(place.claim(&ann.again().reclaiming().owned_by("bob")).await);
    place.taken(place.claim(&ann.again().reclaiming().of_type("s1-arm")).await);
    place.granted(place.claim(&ann.again().reclaiming()).await);
}

/// A lost lease can be reclaimed as a release can, a running one cannot; the claim before is fenced.
pub async fn a_reclaim_waits_for_the_end_of_the_lease(store: &dyn NameStore, clock: &dyn ConformanceClock) {
    let place = Place::new(store, clock);
    let ann = Agent::new("agent-01");
    place.granted(place.claim(&ann).await);
    renewed(place.renew(&ann).await);
    place.pass(LEASE - SLACK).await;
    place.taken(place.claim(&ann.again().reclaiming()).await);
    place.pass(SLACK).await;
    place.granted(place.claim(&ann.again().reclaiming()).await);
    assert_eq!(place.renew(&ann).await, RenewOutcome::Fenced);
}
