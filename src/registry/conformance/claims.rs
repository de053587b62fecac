//! Who gets a name.

use super::party::{Agent, HOLD, LEASE, Place, SLACK, key, released, renewed};
use super::{ConformanceClock, fresh_signature};
use crate::registry::{ClaimOutcome, ClaimState, NameStore, ReleaseOutcome, RenewOutcome, Scope};

/// A name that nobody has is granted, for the lease.
pub async fn a_free_name_is_granted(store: &dyn NameStore, clock: &dyn ConformanceClock) {
    let place = Place::new(store, clock);
    let ann = Agent::new("agent-01");
    let lease_until = place.granted(place.claim(&ann).await);
    let record = place.look_up(&ann).await.expect("a record of what was granted");
    assert_eq!(record.state, ClaimState::Claimed);
    assert_eq!(record.lease_until, lease_until);
    assert_eq!(record.free_at, lease_until, "a claim never renewed has no hold");
    place.assert_in(LEASE, lease_until).await;
}

/// A name is nobody else's while its claim runs, and its own owner's no more than others'.
pub async fn a_running_claim_is_taken(store: &dyn NameStore, clock: &dyn ConformanceClock) {
    let place = Place::new(store, clock);
    let ann = Agent::new("agent-01");
    let lease_until = place.granted(place.claim(&ann).await);
    let others = [
        Agent::new("agent-01"),
        Agent::new("agent-01").owned_by("bob"),
        Agent::new("agent-01").reclaiming(),
        Agent::new("agent-01").signing(fresh_signature()),
    ];
    for other in &others {
        assert_eq!(place.taken(place.claim(other).await), lease_until, "{other:?}");
    }
    renewed(place.renew(&ann).await);
    let free_at = place.look_up(&ann).await.expect("a record").free_at;
    for other in &others {
        assert_eq!(place.taken(place.claim(other).await), free_at, "{other:?}");
    }
}

/// Names and scopes are compared byte by byte: no case is folded, nothing is trimmed.
pub async fn names_and_scopes_differ_by_every_byte(store: &dyn NameStore, clock: &dyn ConformanceClock) {
    let mut place = Place::new(store, clock);
    for name in ["agent-01", "Agent-01", "agent_01", "agent-01/", "agent-0", "/agent-01", "agent+01"] {
        if let Ok(name) = crate::name::AgentName::parse(name) {
            place.granted(place.claim(&Agent::new(name.as_str())).await);
        }
    }
    for ending in ["a", "A", "_", "%", "a/agent-01"] {
        place.scope = Scope::parse(&format!("{}{ending}", place.scope)).unwrap();
        place.granted(place.claim(&Agent::new("agent-01")).await);
    }
}

/// Whoever claims and never renews keeps nobody waiting longer than the lease.
pub async fn a_claim_never_renewed_leaves_no_hold(store: &dyn NameStore, clock: &dyn ConformanceClock) {
    let place = Place::new(store, clock);
    let ann = Agent::new("agent-01");
    place.granted(place.claim(&ann).await);
    place.pass(LEASE - SLACK).await;
    place.taken(place.claim(&Agent::new("agent-01").owned_by("bob")).await);
    place.pass(SLACK).await;
    assert_eq!(place.look_up(&ann).await, None);
    place.granted(place.claim(&Agent::new("agent-01").owned_by("bob")).await);
    assert_eq!(place.renew(&ann).await, RenewOutcome::Fenced);
}

/// A claim repeated under its own id stands as it was: the first answer was lost.
pub async fn a_repeated_claim_id_is_granted_again(store: &dyn NameStore, clock: &dyn ConformanceClock) {
    let place = Place::new(store, clock);
    for ann in [Agent::new("agent-01").signing(fresh_signature()), Agent::new("agent-02")] {
        let lease_until = place.granted(place.claim(&ann).await);
        let record = place.look_up(&ann).await;
        assert_eq!(place.granted(place.claim(&ann).await), lease_until, "nothing is extended");
        assert_eq!(place.look_up(&ann).await, record);
        place.pass(LEASE / 2).await;
        let lease_until = place.granted(place.claim(&ann).await);
        place.assert_in(LEASE / 2, lease_until).await;
        let lease_until = renewed(place.renew(&ann).await);
        assert_eq!(place.granted(place.claim(&ann).await), lease_until, "a renewed claim is no less its own");
    }
}

/// What is over is not given back by repeating the claim, and never under another name.
pub async fn a_claim_id_that_is_over_is_not_granted_again(
    store: &dyn NameStore,
    clock: &dyn ConformanceClock,
) {
    let place = Place::new(store, clock);
    let ann = Agent::new("agent-01").signing(fresh_signature());
    place.granted(place.claim(&ann).await);
    let elsewhere = Agent { name: Agent::new("agent-02").name, ..ann.clone() };
    assert_eq!(place.claim(&elsewhere).await, ClaimOutcome::AlreadySpent);
    released(place.release(&ann).await);
    assert_eq!(place.claim(&ann).await, ClaimOutcome::AlreadySpent, "released");
    place.taken(place.claim(&Agent { signature: None, ..ann.clone() }).await);
    place.pass(HOLD).await;
    assert_eq!(place.claim(&ann).await, ClaimOutcome::AlreadySpent, "free");
    place.granted(place.claim(&Agent::new("agent-01").owned_by("bob")).await);
    assert_eq!(place.claim(&ann).await, ClaimOutcome::AlreadySpent, "another's");
}

/// Of several claims of one name at the same moment one is granted.
pub async fn one_name_at_once_is_granted_once(store: &dyn NameStore, clock: &dyn ConformanceClock) {
    let place = Place::new(store, clock);
    let names = (0..16).map(|number| format!("agent-{number:02}"));
    for name in names {
        let [a, b, c, d] = ["ann", "bob", "cid", "dee"].map(|owner| Agent::new(&name).owned_by(owner));
        let outcomes = tokio::join!(place.claim(&a), place.claim(&b), place.claim(&c), place.claim(&d));
        let outcomes = [outcomes.0, outcomes.1, outcomes.2, outcomes.3];
        let granted = outcomes.iter().filter(|it| matches!(it, ClaimOutcome::Granted { .. })).count();
        let taken = outcomes.iter().filter(|it| matches!(it, ClaimOutcome::Taken { .. })).count();
        assert_eq!((granted, taken), (1, 3), "{outcomes:?}");
    }
}

/// A takeover needs the same owner, the same agent type and the same key, and both must have a key.
pub async fn a_takeover_needs_owner_type_and_key(store: &dyn NameStore, clock: &dyn ConformanceClock) {
    let place = Place::new(store, clock);
    let (key_a, key_b) = (key("a"), key("b"));
    let ann = || Agent::new("agent-01");
    let keyed = ann().keyed(&key_a);
    place.granted(place.claim(&keyed).await);
    for (other, why) in [
        (ann(), "no key"),
        (ann().keyed(&key_b), "another key"),
        (ann().keyed(&key_a).owned_by("bob"), "another owner"),
        (ann().keyed(&key_a).owned_by("Ann"), "another case"),
        (ann().keyed(&key_a).of_type("s1-arm"), "another agent type"),
    ] {
        assert!(matches!(place.claim(&other).await, ClaimOutcome::Taken { .. }), "{why}");
    }
    place.granted(place.claim(&keyed.again()).await);
    let bare = Agent::new("agent-02");
    place.granted(place.claim(&bare).await);
    place.taken(place.claim(&bare.again()).await);
    place.taken(place.claim(&bare.again().keyed(&key_a)).await);
}

/// The claim taken over can do nothing any more, and neither can its evidence.
pub async fn a_takeover_fences_the_claim_before(store: &dyn NameStore, clock: &dyn ConformanceClock) {
    let place = Place::new(store, clock);
    let key = key("a");
    let lost = Agent::new("agent-01").keyed(&key).signing(fresh_signature());
    place.granted(place.claim(&lost).await);
    place.pass(LEASE / 2).await;
    let ann = lost.again().signing(fresh_signature());
    let lease_until = place.granted(place.claim(&ann).await);
    place.assert_in(LEASE, lease_until).await;
    assert_eq!(place.renew(&lost).await, RenewOutcome::Fenced);
    assert_eq!(place.release(&lost).await, ReleaseOutcome::Fenced);
    assert_eq!(place.claim(&lost).await, ClaimOutcome::AlreadySpent);
    let repeat = lost.again();
    assert_eq!(place.claim(&repeat).await, ClaimOutcome::AlreadySpent, "a takeover needs new evidence");
    renewed(place.renew(&ann).await);
}

/// An agent that was heard of once, or left, is not taken over.
pub async fn no_takeover_once_renewed_or_released(store: &dyn NameStore, clock: &dyn ConformanceClock) {
    let place = Place::new(store, clock);
    let key = key("a");
    let ann = Agent::new("agent-01").keyed(&key);
    place.granted(place.claim(&ann).await);
    renewed(place.renew(&ann).await);
    place.taken(place.claim(&ann.again()).await);
    place.pass(LEASE).await;
    place.taken(place.claim(&ann.again()).await);
    let bob = Agent::new("agent-02").keyed(&key);
    place.granted(place.claim(&bob).await);
    released(place.release(&bob).await);
    place.taken(place.claim(&bob.again()).await);
}

/// Whatever is refused leaves the row as it was.
pub async fn a_refusal_writes_nothing(store: &dyn NameStore, clock: &dyn ConformanceClock) {
    let place = Place::new(store, clock);
    let spent = fresh_signature();
    let ann = Agent::new("agent-01").signing(spent);
    place.granted(place.claim(&ann).await);
    let before = place.look_up(&ann).await;
    let stranger = Agent::new("agent-01").owned_by("bob").of_type("s1-arm");
    place.taken(place.claim(&stranger).await);
    assert_eq!(place.claim(&stranger.clone().signing(spent)).await, ClaimOutcome::AlreadySpent);
    assert_eq!(place.renew(&stranger).await, RenewOutcome::Fenced);
    assert_eq!(place.release(&stranger).await, ReleaseOutcome::Fenced);
    assert_eq!(place.look_up(&ann).await, before);
}
