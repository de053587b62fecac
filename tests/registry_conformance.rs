//! The contract of a name store, held against the stores of this crate.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sts_agent_name::AgentName;
use sts_agent_name::policy::SignatureId;
use sts_agent_name::registry::{
    AgentType, ClaimId, ClaimOutcome, ClaimRequest, EvictOutcome, ManualClock, MemoryStore, NameOwner,
    NameRecord, NameStore, ReleaseOutcome, RenewOutcome, Scope, SqliteStore, StoreFuture, conformance,
    connect,
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

#[tokio::test]
async fn a_store_is_chosen_by_url() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("names 100%.db");
    assert!(format!("{:?}", connect("memory:").await.unwrap()).starts_with("MemoryStore"));
    let url = format!("sqlite://{}", path.display());
    assert!(format!("{:?}", connect(&url).await.unwrap()).starts_with("SqliteStore"));
    assert!(path.exists(), "the path is taken as it is written");
    for (url, want) in [
        ("", "the URL of a registry starts with memory:, sqlite: or postgres:"),
        ("names.db", "the URL of a registry starts with memory:, sqlite: or postgres:"),
        ("mysql://u:hush@host/db", "the URL of a registry starts with memory:, sqlite: or postgres:"),
        ("MEMORY:", "the URL of a registry starts with memory:, sqlite: or postgres:"),
        ("memory:hush", "not the URL of a registry: memory: has nothing behind the colon"),
        ("sqlite:hush.db", SQLITE_RULE),
        ("sqlite://", SQLITE_RULE),
        ("sqlite://:memory:", SQLITE_RULE),
        ("sqlite://hush.db?mode=ro", SQLITE_RULE),
        ("sqlite://hush.db#a", SQLITE_RULE),
        ("sqlite://hush\0.db", SQLITE_RULE),
        ("sqlite:///hush/does/not/exist.db", "the registry could not be opened"),
    ] {
        let error = connect(url).await.unwrap_err();
        assert_eq!(error.to_string(), want, "{url}");
        assert!(!format!("{error:?}").contains("hush"), "{url}");
    }
}

const SQLITE_RULE: &str =
    "not the URL of a registry: sqlite:// is followed by the path of a file, without ?, # and NUL";

/// A wall clock set back makes nobody lose a name, and nobody have it twice.
#[tokio::test]
async fn a_step_back_of_the_clock_only_lengthens() {
    let folder = TempDir::new().unwrap();
    let clock = ManualClock::new();
    let store = SqliteStore::open_with_clock(&folder.path().join("names.db"), &clock).await.unwrap();
    let (scope, name) = (Scope::parse("acme").unwrap(), AgentName::parse("agent-01").unwrap());
    let (kind, owner) = (AgentType::parse("s1-linux").unwrap(), NameOwner::parse("ann").unwrap());
    let lease = Duration::from_mins(3);
    let claim = async |id: &ClaimId| {
        store.claim(ClaimRequest::new(&scope, &name, &kind, &owner, id, lease)).await.unwrap()
    };
    let (first, second) = (ClaimId::generate().unwrap(), ClaimId::generate().unwrap());
    assert!(matches!(claim(&first).await, ClaimOutcome::Granted { .. }));
    clock.step_back(Duration::from_hours(1));
    clock.advance(lease);
    assert!(matches!(claim(&second).await, ClaimOutcome::Taken { .. }));
    let renewed = store.renew(&scope, &name, &first, lease, Duration::ZERO).await.unwrap();
    assert_eq!(renewed, RenewOutcome::Renewed { lease_until: clock.now() + lease });
    clock.advance(lease);
    assert!(matches!(claim(&second).await, ClaimOutcome::Granted { .. }));
    clock.step_back(lease);
    assert_eq!(store.renew(&scope, &name, &first, lease, lease).await.unwrap(), RenewOutcome::Fenced);
}

/// A store is shared between tasks whatever it is.
#[test]
fn stores_and_futures_can_be_sent() {
    fn sent<T: Send + Sync>() {}
    fn sent_future<T: Send>(_: T) {}
    sent::<std::sync::Arc<dyn NameStore>>();
    sent_future(connect("memory:"));
}
