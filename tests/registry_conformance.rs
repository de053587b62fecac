//! The contract of a name store, held against the stores of this crate.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sts_agent_name::AgentName;
use sts_agent_name::policy::SignatureId;
use sts_agent_name::registry::{
    ClaimId, ClaimOutcome, ClaimRequest, EvictOutcome, ManualClock, MemoryStore, NameRecord, NameStore,
    ReleaseOutcome, RenewOutcome, Scope, SqliteStore, StoreFuture, conformance,
};
use tempfile::TempDir;

#[tokio::test]
async fn memory_store_keeps_the_contract() {
    let clock = ManualClock::new();
    conformance::all(&MemoryStore::new().with_clock(&clock), &clock).await;
}

#[tokio::test]
async fn sqlite_store_keeps_the_contract() {
    let folder = TempDir::new().unwrap();
    let clock = ManualClock::new();
    let store = SqliteStore::open_with_clock(&folder.path().join("names.db"), &clock).await.unwrap();
    conformance::all(&store, &clock).await;
}

/// Two stores on one file are as one store: what one grants the other knows.
#[tokio::test]
async fn two_sqlite_stores_on_one_file_keep_the_contract() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("names.db");
    let clock = ManualClock::new();
    let (one, two) = tokio::join!(
        SqliteStore::open_with_clock(&path, &clock),
        SqliteStore::open_with_clock(&path, &clock)
    );
    let store = InTurn { one: one.unwrap(), two: two.unwrap(), turns: AtomicUsize::new(0) };
    conformance::all(&store, &clock).await;
}

/// Each operation goes to the other store.
#[derive(Debug)]
struct InTurn {
    one: SqliteStore,
    two: SqliteStore,
    turns: AtomicUsize,
}

impl InTurn {
    fn next(&self) -> &SqliteStore {
        if self.turns.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) { &self.one } else { &self.two }
    }
}

impl NameStore for InTurn {
    fn claim<'a>(&'a self, request: ClaimRequest<'a>) -> StoreFuture<'a, ClaimOutcome> {
        self.next().claim(request)
    }
    fn is_spent<'a>(&'a self, signature: &'a SignatureId) -> StoreFuture<'a, bool> {
        self.next().is_spent(signature)
    }
    fn renew<'a>(
        &'a self,
        scope: &'a Scope,
        name: &'a AgentName,
        claim_id: &'a ClaimId,
        lease: Duration,
        hold: Duration,
    ) -> StoreFuture<'a, RenewOutcome> {
        self.next().renew(scope, name, claim_id, lease, hold)
    }
    fn release<'a>(
        &'a self,
        scope: &'a Scope,
        name: &'a AgentName,
        claim_id: &'a ClaimId,
        hold: Duration,
    ) -> StoreFuture<'a, ReleaseOutcome> {
        self.next().release(scope, name, claim_id, hold)
    }
    fn lookup<'a>(&'a self, scope: &'a Scope, name: &'a AgentName) -> StoreFuture<'a, Option<NameRecord>> {
        self.next().lookup(scope, name)
    }
    fn list<'a>(
        &'a self,
        scope: &'a Scope,
        after: Option<&'a AgentName>,
        limit: usize,
    ) -> StoreFuture<'a, Vec<NameRecord>> {
        self.next().list(scope, after, limit)
    }
    fn evict<'a>(&'a self, scope: &'a Scope, name: &'a AgentName) -> StoreFuture<'a, EvictOutcome> {
        self.next().evict(scope, name)
    }
}
