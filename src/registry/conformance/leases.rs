//! How a claim is kept, and whose it is to keep.

use core::time::Duration;

use super::ConformanceClock;
use super::party::{Agent, HOLD, LEASE, Place, SLACK, released, renewed};
use crate::registry::{ClaimId, ClaimState, EvictOutcome, MAX_SPAN, NameStore, ReleaseOutcome, RenewOutcome};

/// A renewal gives a new lease from now, and a hold behind it.
pub async fn a_renewal_extends_lease_and_hold(store: &dyn NameStore, clock: &dyn ConformanceClock) {
    let place = Place::new(store, clock);
    let ann = Agent::new("agent-01");
    place.granted(place.claim(&ann).await);
    place.pass(LEASE / 2).await;
    let second = renewed(place.renew(&ann).await);
    place.assert_in(LEASE, second).await;
    let record = place.look_up(&ann).await.expect("a record");
    assert_eq!((record.state, record.lease_until), (ClaimState::Renewed, second));
    assert_eq!(record.free_at - record.lease_until, HOLD);
    let longer =
        store.renew(&place.scope, &ann.name, &ann.claim_id, LEASE * 2, Duration::ZERO).await.unwrap();
    place.assert_in(LEASE * 2, renewed(longer)).await;
    let record = place.look_up(&ann).await.expect("a record");
    assert_eq!(record.free_at, record.lease_until, "each renewal brings its own hold");
}

/// A claim whose lease ended lives on in its hold, if nobody else may have the name.
pub async fn an_outage_shorter_than_the_hold_loses_nothing(
    store: &dyn NameStore,
    clock: &dyn ConformanceClock,
) {
    let place = Place::new(store, clock);
    let ann = Agent::new("agent-01");
    place.granted(place.claim(&ann).await);
    renewed(place.renew(&ann).await);
    place.pass(LEASE + HOLD - SLACK).await;
    place.taken(place.claim(&Agent::new("agent-01").owned_by("bob")).await);
    renewed(place.renew(&ann).await);
    place.pass(LEASE + HOLD - SLACK).await;
    released(place.release(&ann).await);
}

/// Past `free_at` a claim is over, though nobody else wanted the name.
pub async fn a_claim_past_its_free_at_is_fenced(store: &dyn NameStore, clock: &dyn ConformanceClock) {
    let place = Place::new(store, clock);
    let (ann, bob) = (Agent::new("agent-01"), Agent::new("agent-02"));
    for agent in [&ann, &bob] {
        place.granted(place.claim(agent).await);
    }
    renewed(place.renew(&ann).await);
    place.pass(LEASE).await;
    assert_eq!(place.renew(&bob).await, RenewOutcome::Fenced, "never renewed, so without a hold");
    assert_eq!(place.release(&bob).await, ReleaseOutcome::Fenced);
    place.pass(HOLD).await;
    assert_eq!(place.renew(&ann).await, RenewOutcome::Fenced);
    assert_eq!(place.release(&ann).await, ReleaseOutcome::Fenced);
    place.granted(place.claim(&ann.again()).await);
}

/// The claim id decides, together with the name and the scope that it was granted for.
pub async fn only_the_claim_itself_renews_and_releases(store: &dyn NameStore, clock: &dyn ConformanceClock) {
    let (here, there) = (Place::new(store, clock), Place::new(store, clock));
    let (ann, bob) = (Agent::new("agent-01"), Agent::new("agent-02"));
    for agent in [&ann, &bob] {
        here.granted(here.claim(agent).await);
    }
    there.granted(there.claim(&Agent::new("agent-01")).await);
    let evicted = Agent::new("agent-03");
    here.granted(here.claim(&evicted).await);
    assert_eq!(store.evict(&here.scope, &evicted.name).await.unwrap(), EvictOutcome::Evicted);
    for (place, impostor, why) in [
        (&here, ann.again(), "a claim id that was never granted"),
        (&here, Agent { claim_id: ann.claim_id.clone(), ..bob.clone() }, "that of another name"),
        (&here, Agent { claim_id: ann.claim_id.clone(), ..Agent::new("agent-99") }, "that of a free name"),
        (&there, ann.clone(), "that of another scope"),
        (&here, evicted, "that of an evicted claim"),
    ] {
        assert_eq!(place.renew(&impostor).await, RenewOutcome::Fenced, "{why}");
        assert_eq!(place.release(&impostor).await, ReleaseOutcome::Fenced, "{why}");
    }
    // What is stored of a claim id is no claim id.
    let stored = u128::from_be_bytes(*ann.claim_id.fingerprint().first_chunk().unwrap());
    let stored = format!("{stored:032x}");
    let impostor = Agent { claim_id: ClaimId::parse(&stored).unwrap(), ..ann.clone() };
    assert_eq!(here.renew(&impostor).await, RenewOutcome::Fenced);
    for agent in [&ann, &bob] {
        renewed(here.renew(agent).await);
    }
}

/// The goodbye of an old session does not end the next one.
pub async fn a_late_release_leaves_the_next_claim_alone(store: &dyn NameStore, clock: &dyn ConformanceClock) {
    let place = Place::new(store, clock);
    let ann = Agent::new("agent-01");
    place.granted(place.claim(&ann).await);
    place.pass(LEASE).await;
    let next = ann.again();
    place.granted(place.claim(&next).await);
    let before = place.look_up(&next).await;
    assert_eq!(place.release(&ann).await, ReleaseOutcome::Fenced);
    assert_eq!(place.renew(&ann).await, RenewOutcome::Fenced);
    assert_eq!(place.look_up(&next).await, before);
    renewed(place.renew(&next).await);
}

/// A claim is given back once.
pub async fn a_second_release_is_fenced(store: &dyn NameStore, clock: &dyn ConformanceClock) {
    let place = Place::new(store, clock);
    let ann = Agent::new("agent-01");
    place.granted(place.claim(&ann).await);
    let free_at = released(place.release(&ann).await);
    assert_eq!(place.release(&ann).await, ReleaseOutcome::Fenced);
    assert_eq!(place.renew(&ann).await, RenewOutcome::Fenced);
    assert_eq!(place.look_up(&ann).await.expect("a record").free_at, free_at, "the hold did not start anew");
}

/// The longest lease and the longest hold that can be asked for overflow nothing.
pub async fn spans_without_end_are_cut(store: &dyn NameStore, clock: &dyn ConformanceClock) {
    let place = Place::new(store, clock);
    let ann = Agent::new("agent-01");
    place.granted(place.claim(&ann).await);
    let (scope, name, id) = (&place.scope, &ann.name, &ann.claim_id);
    let lease_until = renewed(store.renew(scope, name, id, Duration::MAX, Duration::MAX).await.unwrap());
    place.assert_in(MAX_SPAN, lease_until).await;
    place.assert_in(MAX_SPAN * 2, place.look_up(&ann).await.expect("a record").free_at).await;
    let free_at = released(store.release(scope, name, id, Duration::MAX).await.unwrap());
    place.assert_in(MAX_SPAN, free_at).await;
    assert_eq!(store.evict(scope, name).await.unwrap(), EvictOutcome::Evicted);
}
