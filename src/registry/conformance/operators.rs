//! What operators see and do.

use core::time::Duration;

use super::ConformanceClock;
use super::party::{Agent, LEASE, Place, released, renewed};
use crate::name::AgentName;
use crate::registry::{EvictOutcome, NameStore, RenewOutcome};

/// A look-up tells all of a claim but its secrets, and nothing of a free name.
pub async fn a_look_up_shows_what_is_not_free(store: &dyn NameStore, clock: &dyn ConformanceClock) {
    let (here, there) = (Place::new(store, clock), Place::new(store, clock));
    let ann = Agent::new("agent-01").owned_by("ann/1").of_type("s1-arm");
    assert_eq!(here.look_up(&ann).await, None);
    here.granted(here.claim(&ann).await);
    let record = here.look_up(&ann).await.expect("a record");
    assert_eq!(
        (&record.scope, &record.name, &record.agent_type, &record.owner),
        (&here.scope, &ann.name, &ann.kind, &ann.owner)
    );
    assert!(!format!("{record:?}").contains(ann.claim_id.expose()));
    assert_eq!(there.look_up(&ann).await, None);
    here.pass(LEASE).await;
    assert_eq!(here.look_up(&ann).await, None);
}

/// A list is in the order of bytes, starts behind `after`, and is as long as it may be.
pub async fn a_list_is_in_order_and_in_pages(store: &dyn NameStore, clock: &dyn ConformanceClock) {
    let (here, there) = (Place::new(store, clock), Place::new(store, clock));
    // Byte order is not the order of a dictionary: + - / 0 A _ a.
    let ordered = [
        "+++++++++",
        "--------a",
        "////////a",
        "00000000a",
        "AGENT-01",
        "ZZZZZZZZZ",
        "_________",
        "agent-01",
    ];
    for name in ordered.iter().rev() {
        here.granted(here.claim(&Agent::new(name)).await);
        there.granted(there.claim(&Agent::new(&format!("{name}-there"))).await);
    }
    let names = async |after: Option<&str>, limit: usize| -> Vec<String> {
        let after = after.map(|name| AgentName::parse(name).unwrap());
        let page = store.list(&here.scope, after.as_ref(), limit).await.unwrap();
        page.iter().map(|record| record.name.as_str().to_owned()).collect()
    };
    assert_eq!(names(None, 100).await, ordered);
    assert_eq!(names(None, usize::MAX).await, ordered);
    assert_eq!(names(None, 0).await, [""; 0]);
    let mut paged: Vec<String> = Vec::new();
    loop {
        let page = names(paged.last().map(String::as_str), 3).await;
        let last = page.len() < 3;
        paged.extend(page);
        if last {
            break;
        }
    }
    assert_eq!(paged, ordered);
    assert_eq!(names(Some("AGENT-00"), 1).await, ["AGENT-01"], "`after` need not exist");
    assert_eq!(names(Some("zzzzzzzz"), 9).await, [""; 0]);
}

/// A list has what a look-up has: running claims and holds.
pub async fn a_list_leaves_out_what_is_free(store: &dyn NameStore, clock: &dyn ConformanceClock) {
    let place = Place::new(store, clock);
    let [gone, held, alive, freed] = ["gone-0001", "held-0001", "alive-001", "freed-001"].map(Agent::new);
    for agent in [&gone, &held, &alive, &freed] {
        place.granted(place.claim(agent).await);
    }
    released(place.release(&held).await);
    renewed(place.renew(&alive).await);
    released(store.release(&place.scope, &freed.name, &freed.claim_id, Duration::ZERO).await.unwrap());
    place.pass(LEASE).await;
    let list = store.list(&place.scope, None, 10).await.unwrap();
    assert_eq!(
        list.iter().map(|record| record.name.as_str()).collect::<Vec<_>>(),
        ["alive-001", "held-0001"]
    );
    for record in list {
        assert_eq!(store.lookup(&place.scope, &record.name).await.unwrap(), Some(record));
    }
}

/// An eviction ends claims and holds, and says when there was none.
pub async fn an_eviction_frees_and_fences(store: &dyn NameStore, clock: &dyn ConformanceClock) {
    let (here, there) = (Place::new(store, clock), Place::new(store, clock));
    let ann = Agent::new("agent-01");
    assert_eq!(store.evict(&here.scope, &ann.name).await.unwrap(), EvictOutcome::NotHeld);
    here.granted(here.claim(&ann).await);
    there.granted(there.claim(&ann.again()).await);
    renewed(here.renew(&ann).await);
    assert_eq!(store.evict(&here.scope, &ann.name).await.unwrap(), EvictOutcome::Evicted);
    assert_eq!(store.evict(&here.scope, &ann.name).await.unwrap(), EvictOutcome::NotHeld);
    assert_eq!(here.renew(&ann).await, RenewOutcome::Fenced);
    assert!(there.look_up(&ann).await.is_some(), "other scopes are left alone");
    let bob = Agent::new("agent-01").owned_by("bob");
    here.granted(here.claim(&bob).await);
    released(here.release(&bob).await);
    assert_eq!(store.evict(&here.scope, &bob.name).await.unwrap(), EvictOutcome::Evicted, "a hold too");
    here.granted(here.claim(&ann.again()).await);
    here.pass(LEASE).await;
    assert_eq!(store.evict(&here.scope, &ann.name).await.unwrap(), EvictOutcome::NotHeld, "free by itself");
}
