//! What ends is swept by the claims themselves: a store stays as large as what is alive.
//!
//! With `REGISTRY_LONG=1` a million registrations pass through each store.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use sts_agent_name::AgentName;
use sts_agent_name::registry::{
    AgentType, ClaimId, ClaimOutcome, ClaimRequest, ManualClock, MemoryStore, NameOwner, NameStore,
    SPENT_LIFETIME, Scope, SqliteStore, StoreError, conformance,
};
use tempfile::TempDir;

const STEP: Duration = Duration::from_secs(30);
const LEASE: Duration = Duration::from_mins(3);
/// Registrations that come in at one moment, and share a sync where there is one.
const AT_ONCE: u64 = 20;
/// As many rows as are alive at one moment, and a batch that has not been made good yet.
const ALIVE_NAMES: u64 = (LEASE.as_secs() / STEP.as_secs() + 2) * AT_ONCE;
const ALIVE_SPENT: u64 = (SPENT_LIFETIME.as_secs() / STEP.as_secs() + 2) * AT_ONCE;

fn registrations(short: u64) -> u64 {
    if std::env::var_os("REGISTRY_LONG").is_some() { 1_000_000 } else { short }
}

#[tokio::test]
async fn memory_store_stays_flat() {
    let clock = ManualClock::new();
    let store = Arc::new(MemoryStore::new().with_clock(&clock));
    let total = registrations(40_000);
    for first in (0..total).step_by(20) {
        come_and_go(Arc::<MemoryStore>::clone(&store), &clock, first).await;
        let (names, spent) = store.row_counts();
        assert_flat(first, names, spent);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_store_stays_flat() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("names.db");
    let clock = ManualClock::new();
    let store = Arc::new(SqliteStore::open_with_clock(&path, &clock).await.unwrap());
    let total = registrations(8_000);
    let mut sizes = Vec::new();
    for first in (0..total).step_by(20) {
        come_and_go(Arc::<SqliteStore>::clone(&store), &clock, first).await;
        if first % (total / 8) == 0 {
            let (names, spent) = store.row_counts().await.unwrap();
            assert_flat(first, names, spent);
            let size = |suffix: &str| {
                std::fs::metadata(folder.path().join(format!("names.db{suffix}"))).unwrap().len()
            };
            eprintln!("{first}: {names} names, {spent} spent, {} + {} bytes", size(""), size("-wal"));
            sizes.push(size(""));
        }
    }
    // Once the first signatures have ended, the file has found its size.
    let (full, end) = (sizes.get(4).copied().unwrap(), sizes.last().copied().unwrap());
    assert!(end <= full + full / 4, "{sizes:?}");
}

fn assert_flat(first: u64, names: usize, spent: usize) {
    let within = |rows: usize, most: u64| u64::try_from(rows).unwrap() <= most;
    assert!(within(names, ALIVE_NAMES), "{names} names after {first} registrations");
    assert!(within(spent, ALIVE_SPENT), "{spent} spent signatures after {first} registrations");
}

/// A few agents register under new names, never to be heard of again; then time passes.
async fn come_and_go(store: Arc<dyn NameStore>, clock: &ManualClock, first: u64) {
    let agents = (first..first + AT_ONCE).map(|number| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { claim(&*store, number).await })
    });
    for agent in agents.collect::<Vec<_>>() {
        let outcome = agent.await.unwrap().unwrap();
        assert!(matches!(outcome, ClaimOutcome::Granted { .. }), "{outcome:?}");
    }
    clock.advance(STEP);
}

async fn claim(store: &dyn NameStore, number: u64) -> Result<ClaimOutcome, StoreError> {
    let (scope, name) =
        (Scope::parse("growth").unwrap(), AgentName::parse(&format!("agent-{number:07}")).unwrap());
    let (kind, owner) = (AgentType::parse("s1-linux").unwrap(), NameOwner::parse("ann").unwrap());
    let (id, signature) = (ClaimId::generate().unwrap(), conformance::signature(name.as_str()));
    store.claim(ClaimRequest::new(&scope, &name, &kind, &owner, &id, LEASE).with_signature(&signature)).await
}

/// What a full store refuses changes nothing, and room comes by itself.
#[tokio::test]
async fn a_full_memory_store_says_so() {
    let clock = ManualClock::new();
    let names_bound = MemoryStore::new().with_bounds(3, 100).with_clock(&clock);
    let spent_bound = MemoryStore::new().with_bounds(100, 3).with_clock(&clock);
    for store in [&names_bound, &spent_bound] {
        for number in 0..3 {
            assert!(matches!(claim(store, number).await, Ok(ClaimOutcome::Granted { .. })));
        }
        let before = store.row_counts();
        assert_eq!(claim(store, 3).await, Err(StoreError::Full));
        assert!(StoreError::Full.is_transient());
        assert_eq!(store.row_counts(), before);
        assert!(!store.is_spent(&conformance::signature("agent-0000003")).await.unwrap());
        assert_eq!(claim(store, 0).await, Ok(ClaimOutcome::AlreadySpent), "refusals need no room");
    }
    clock.advance(SPENT_LIFETIME);
    for store in [&names_bound, &spent_bound] {
        assert!(matches!(claim(store, 3).await, Ok(ClaimOutcome::Granted { .. })));
    }
}
