//! One signature, one claim.

use super::party::{Agent, HOLD, LEASE, Place, SLACK, released};
use super::{ConformanceClock, fresh_signature};
use crate::registry::{ClaimOutcome, EvictOutcome, NameStore, SPENT_LIFETIME};

/// What was granted once is not granted again, whatever the name and the scope.
pub async fn a_grant_spends_the_signature(store: &dyn NameStore, clock: &dyn ConformanceClock) {
    let (here, there) = (Place::new(store, clock), Place::new(store, clock));
    let signature = fresh_signature();
    assert!(!store.is_spent(&signature).await.unwrap());
    here.granted(here.claim(&Agent::new("agent-01").signing(signature)).await);
    assert!(store.is_spent(&signature).await.unwrap());
    for name in ["agent-01", "agent-02"] {
        let again = Agent::new(name).signing(signature);
        assert_eq!(here.claim(&again).await, ClaimOutcome::AlreadySpent);
        assert_eq!(there.claim(&again).await, ClaimOutcome::AlreadySpent);
    }
    assert_eq!(there.look_up(&Agent::new("agent-01")).await, None, "the refused claim left no row");
    there.granted(there.claim(&Agent::new("agent-01").signing(fresh_signature())).await);
}

/// A URL refused because its name is taken is as good as before, until it ages out.
pub async fn a_refusal_spends_nothing(store: &dyn NameStore, clock: &dyn ConformanceClock) {
    let place = Place::new(store, clock);
    place.granted(place.claim(&Agent::new("agent-01")).await);
    let bob = Agent::new("agent-01").owned_by("bob").signing(fresh_signature());
    place.taken(place.claim(&bob).await);
    assert!(!store.is_spent(&bob.signature.unwrap()).await.unwrap());
    place.pass(LEASE).await;
    place.granted(place.claim(&bob).await);
}

/// Of two reasons to refuse, the spent signature is named: waiting would not help.
pub async fn spent_comes_before_taken(store: &dyn NameStore, clock: &dyn ConformanceClock) {
    let place = Place::new(store, clock);
    let signature = fresh_signature();
    place.granted(place.claim(&Agent::new("agent-01").signing(signature)).await);
    place.granted(place.claim(&Agent::new("agent-02")).await);
    let bob = Agent::new("agent-02").owned_by("bob").signing(signature);
    assert_eq!(place.claim(&bob).await, ClaimOutcome::AlreadySpent);
}

/// Neither release nor eviction nor time gives a signature back, nor do the claims of others that sweep.
pub async fn a_spent_signature_stays_spent(store: &dyn NameStore, clock: &dyn ConformanceClock) {
    let place = Place::new(store, clock);
    let ann = Agent::new("agent-01").signing(fresh_signature());
    let bob = Agent::new("agent-02").signing(fresh_signature());
    for agent in [&ann, &bob] {
        place.granted(place.claim(agent).await);
    }
    released(place.release(&ann).await);
    assert_eq!(store.evict(&place.scope, &bob.name).await.unwrap(), EvictOutcome::Evicted);
    place.pass(SPENT_LIFETIME - SLACK).await;
    for number in 0..8 {
        let name = format!("sweeper-{number}");
        place.granted(place.claim(&Agent::new(&name).signing(fresh_signature())).await);
    }
    for agent in [&ann, &bob] {
        assert_eq!(place.claim(&agent.again()).await, ClaimOutcome::AlreadySpent);
        assert!(store.is_spent(&agent.signature.unwrap()).await.unwrap());
    }
    place.pass(HOLD).await;
    place.granted(place.claim(&Agent::new("agent-01")).await);
}

/// Of several claims of one signature at the same moment, in whatever scopes, one is granted.
pub async fn one_signature_at_once_leaves_one_claim(store: &dyn NameStore, clock: &dyn ConformanceClock) {
    let places: [Place<'_>; 4] = core::array::from_fn(|_| Place::new(store, clock));
    let [a, b, c, d] = &places;
    for number in 0..16 {
        let (name, signature) = (format!("agent-{number:02}"), fresh_signature());
        let [ann, bob, cid, dee] =
            ["ann", "bob", "cid", "dee"].map(|owner| Agent::new(&name).owned_by(owner).signing(signature));
        let outcomes = tokio::join!(a.claim(&ann), b.claim(&bob), c.claim(&cid), d.claim(&dee));
        let outcomes = [outcomes.0, outcomes.1, outcomes.2, outcomes.3];
        let granted = outcomes.iter().filter(|it| matches!(it, ClaimOutcome::Granted { .. })).count();
        let spent = outcomes.iter().filter(|it| **it == ClaimOutcome::AlreadySpent).count();
        assert_eq!((granted, spent), (1, 3), "{outcomes:?}");
        let mut rows = 0;
        for place in &places {
            rows += usize::from(place.look_up(&ann).await.is_some());
        }
        assert_eq!(rows, 1, "a refused claim leaves no row");
    }
}

/// A claim sent twice, because the answer took long, is one claim with one lease.
pub async fn one_claim_asked_for_twice_at_once_is_one_claim(
    store: &dyn NameStore,
    clock: &dyn ConformanceClock,
) {
    let place = Place::new(store, clock);
    for number in 0..16 {
        let ann = Agent::new(&format!("agent-{number:02}")).signing(fresh_signature());
        let (one, two) = tokio::join!(place.claim(&ann), place.claim(&ann));
        assert_eq!(place.granted(one), place.granted(two));
    }
}
