//! Random registrations against a model of the registry that fits on a page.
//!
//! `PROPTEST_CASES` sets how many sequences are tried.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

#[cfg(feature = "postgres")]
#[allow(dead_code, reason = "this file uses its own part of the module")]
#[path = "postgres/schema.rs"]
mod schema;

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use sts_agent_name::AgentName;
use sts_agent_name::registry::conformance::{self, ConformanceClock};
use sts_agent_name::registry::{
    AgentType, ClaimId, ClaimOutcome, ClaimRequest, ClaimState, EvictOutcome, ManualClock, MemoryStore,
    NameOwner, NameRecord, NameStore, Reclaim, RegistrationKey, ReleaseOutcome, RenewOutcome, Scope,
    SqliteStore,
};
use tempfile::TempDir;
use time::OffsetDateTime;
use tokio::runtime::Runtime;

#[test]
fn memory_store_does_as_the_model() {
    let clock = ManualClock::new();
    check(512, &Runtime::new().unwrap(), &MemoryStore::new().with_clock(&clock), &clock);
}

#[test]
fn sqlite_store_does_as_the_model() {
    let (folder, runtime, clock) = (TempDir::new().unwrap(), Runtime::new().unwrap(), ManualClock::new());
    let path = folder.path().join("names.db");
    let store = runtime.block_on(SqliteStore::open_with_clock(&path, &clock)).unwrap();
    check(160, &runtime, &store, &clock);
}

#[cfg(feature = "postgres")]
#[test]
fn postgres_store_does_as_the_model() {
    let runtime = Runtime::new().unwrap();
    let schema = runtime.block_on(schema::Schema::new());
    let (store, clock) = runtime.block_on(schema.store_with_clock());
    check(48, &runtime, &store, &clock);
}

/// What is done, with small numbers for all that takes part: a sequence of these meets itself often.
#[derive(Clone, Debug)]
enum Step {
    Claim(Wish),
    Renew { at: At, id: usize, lease: u64, hold: u64 },
    Release { at: At, id: usize, hold: u64 },
    Evict { at: At },
    Pass { minutes: u64 },
}

/// Scope and name.
type At = (usize, usize);

#[derive(Clone, Debug)]
struct Wish {
    at: At,
    kind: usize,
    owner: usize,
    id: usize,
    key: Option<usize>,
    signature: Option<usize>,
    reclaim: bool,
    lease: u64,
}

/// The registry in minutes. A row that is free stays here; it is as if it were not.
#[derive(Default)]
struct Model {
    now: u64,
    rows: BTreeMap<At, Row>,
    /// Which claim id spent a signature, and until when that is remembered for sure.
    spent: BTreeMap<usize, (usize, u64)>,
}

struct Row {
    wish: Wish,
    state: ClaimState,
    lease_until: u64,
    free_at: u64,
}

#[derive(Debug, PartialEq)]
enum Told {
    Granted(u64),
    Spent,
    Taken(u64),
    Renewed(u64),
    Released(u64),
    Evicted,
    Fenced,
    Nothing,
}

impl Model {
    fn step(&mut self, step: &Step) -> Told {
        let now = self.now;
        match step {
            Step::Pass { minutes } => self.now += minutes,
            Step::Evict { at } => {
                return if self.rows.remove(at).is_some_and(|row| row.free_at > now) {
                    Told::Evicted
                } else {
                    Told::Fenced
                };
            }
            Step::Claim(wish) => return self.claim(wish),
            Step::Renew { at, id, lease, hold } => {
                let Some(row) = self.standing(at, *id) else { return Told::Fenced };
                (row.state, row.lease_until, row.free_at) =
                    (ClaimState::Renewed, now + lease, now + lease + hold);
                return Told::Renewed(row.lease_until);
            }
            Step::Release { at, id, hold } => {
                let Some(row) = self.standing(at, *id) else { return Told::Fenced };
                (row.state, row.free_at) = (ClaimState::Released, now + hold);
                return Told::Released(row.free_at);
            }
        }
        Told::Nothing
    }

    fn standing(&mut self, at: &At, id: usize) -> Option<&mut Row> {
        let now = self.now;
        let row = self.rows.get_mut(at)?;
        (row.wish.id == id && row.state != ClaimState::Released && row.free_at > now).then_some(row)
    }

    fn claim(&mut self, wish: &Wish) -> Told {
        let spender = wish.signature.and_then(|it| self.spent.get(&it)).map(|(id, _)| *id);
        if let Some(row) = self.standing(&wish.at, wish.id)
            && (wish.signature.is_none() || spender == Some(wish.id))
        {
            return Told::Granted(row.lease_until);
        }
        if spender.is_some() {
            return Told::Spent;
        }
        if let Some(row) = self.rows.get(&wish.at).filter(|row| row.free_at > self.now) {
            let same = row.wish.owner == wish.owner && row.wish.kind == wish.kind;
            let takeover = wish.key.is_some() && wish.key == row.wish.key && row.state == ClaimState::Claimed;
            let over = row.state == ClaimState::Released || row.lease_until <= self.now;
            if !(same && (takeover || wish.reclaim && over)) {
                return Told::Taken(row.free_at);
            }
        }
        let until = self.now + wish.lease;
        let row = Row { wish: wish.clone(), state: ClaimState::Claimed, lease_until: until, free_at: until };
        self.rows.insert(wish.at, row);
        wish.signature.map(|it| self.spent.insert(it, (wish.id, self.now + 60)));
        Told::Granted(until)
    }

    /// Whether the contract leaves the answer open: a spent signature past its time may be forgotten or not.
    fn leaves_open(&self, step: &Step) -> bool {
        let Step::Claim(Wish { signature: Some(signature), .. }) = step else { return false };
        self.spent.get(signature).is_some_and(|(_, expires_at)| *expires_at <= self.now)
    }
}

/// The same on a store, in a scope of its own.
struct Real<'s> {
    store: &'s dyn NameStore,
    clock: &'s dyn ConformanceClock,
    scopes: Vec<Scope>,
    ids: Vec<ClaimId>,
    signatures: Vec<sts_agent_name::policy::SignatureId>,
    start: OffsetDateTime,
}

impl<'s> Real<'s> {
    async fn new(store: &'s dyn NameStore, clock: &'s dyn ConformanceClock) -> Self {
        let id = || ClaimId::generate().unwrap();
        let scopes = (0..2).map(|_| Scope::parse(id().expose()).unwrap()).collect();
        let signatures = (0..6).map(|_| conformance::fresh_signature()).collect();
        let ids = (0..4).map(|_| id()).collect();
        let start = OffsetDateTime::UNIX_EPOCH;
        let mut real = Self { store, clock, scopes, ids, signatures, start };
        real.start = real.now().await;
        real
    }

    /// A lease of no length ends now, which tells the time.
    async fn now(&self) -> OffsetDateTime {
        let probe = Wish {
            at: (0, 3),
            kind: 0,
            owner: 0,
            id: 0,
            key: None,
            signature: None,
            reclaim: false,
            lease: 0,
        };
        match self.claim(&probe).await {
            ClaimOutcome::Granted { lease_until } => lease_until,
            other => panic!("no time told: {other:?}"),
        }
    }

    async fn claim(&self, wish: &Wish) -> ClaimOutcome {
        let key = wish.key.map(|it| RegistrationKey::parse(&format!("key-{it:016}")).unwrap());
        let kind = AgentType::parse(&format!("type-{}", wish.kind)).unwrap();
        let owner = NameOwner::parse(&format!("owner-{}", wish.owner)).unwrap();
        let (scope, name) = (&self.scopes[wish.at.0], name(wish.at.1));
        let lease = minutes(wish.lease);
        let mut request = ClaimRequest::new(scope, &name, &kind, &owner, &self.ids[wish.id], lease)
            .with_key(key.as_ref())
            .with_reclaim(if wish.reclaim { Reclaim::DuringHold } else { Reclaim::AfterHold });
        request.signature = wish.signature.map(|it| &self.signatures[it]);
        self.store.claim(request).await.unwrap()
    }

    async fn step(&mut self, step: &Step) -> Told {
        let store = self.store;
        match step {
            Step::Claim(wish) => match self.claim(wish).await {
                ClaimOutcome::Granted { lease_until } => Told::Granted(self.minute(lease_until)),
                ClaimOutcome::Taken { free_at } => Told::Taken(self.minute(free_at)),
                _ => Told::Spent,
            },
            Step::Renew { at, id, lease, hold } => {
                let (scope, name, id) = (&self.scopes[at.0], name(at.1), &self.ids[*id]);
                match store.renew(scope, &name, id, minutes(*lease), minutes(*hold)).await.unwrap() {
                    RenewOutcome::Renewed { lease_until } => Told::Renewed(self.minute(lease_until)),
                    _ => Told::Fenced,
                }
            }
            Step::Release { at, id, hold } => {
                let (scope, name, id) = (&self.scopes[at.0], name(at.1), &self.ids[*id]);
                match store.release(scope, &name, id, minutes(*hold)).await.unwrap() {
                    ReleaseOutcome::Released { free_at } => Told::Released(self.minute(free_at)),
                    _ => Told::Fenced,
                }
            }
            Step::Evict { at } => match store.evict(&self.scopes[at.0], &name(at.1)).await.unwrap() {
                EvictOutcome::Evicted => Told::Evicted,
                _ => Told::Fenced,
            },
            Step::Pass { minutes: span } => {
                let passed = self.now().await - self.start + minutes(*span);
                self.clock.advance(minutes(*span)).await.unwrap();
                // Where the rows are moved instead of the clock, the start moves with them.
                self.start = self.now().await - passed;
                Told::Nothing
            }
        }
    }

    /// The nearest minute since the start: the clock of a store may go on a little by itself.
    fn minute(&self, at: OffsetDateTime) -> u64 {
        let seconds = (at - self.start).whole_seconds();
        u64::try_from((seconds + 30) / 60).unwrap_or_else(|_| panic!("{at} is before the start"))
    }

    /// All that an operator sees, told as the model knows it.
    async fn rows(&self) -> Vec<(At, ClaimState, String, u64)> {
        let mut rows = Vec::new();
        for (number, scope) in self.scopes.iter().enumerate() {
            let list = self.store.list(scope, None, 100).await.unwrap();
            rows.extend(list.iter().map(|record: &NameRecord| {
                let at = (number, usize::from(record.name.as_str().ends_with('1')));
                (at, record.state, record.owner.to_string(), self.minute(record.free_at))
            }));
        }
        rows
    }
}

fn check(cases: u32, runtime: &Runtime, store: &dyn NameStore, clock: &dyn ConformanceClock) {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok());
    let config = Config { cases: asked.unwrap_or(cases), failure_persistence: None, ..Config::default() };
    let steps = proptest::collection::vec(step(), 1..60);
    let result = TestRunner::new(config).run(&steps, |steps| {
        runtime.block_on(async {
            let (mut model, mut real) = (Model::default(), Real::new(store, clock).await);
            for (number, step) in steps.iter().enumerate() {
                if model.leaves_open(step) {
                    continue;
                }
                let told = model.step(step);
                prop_assert_eq!(real.step(step).await, told, "step {} of {:#?}", number, steps);
            }
            let rows = model.rows.iter().filter(|(_, row)| row.free_at > model.now);
            let rows: Vec<_> = rows
                .map(|(at, row)| (*at, row.state, format!("owner-{}", row.wish.owner), row.free_at))
                .collect();
            prop_assert_eq!(real.rows().await, rows, "after {:#?}", steps);
            Ok(())
        })
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}

fn step() -> impl Strategy<Value = Step> {
    // The first of each is the usual one, so that what is done in a row is done to one name by one agent.
    let usually = || prop_oneof![4 => Just(0_usize), 1 => Just(1)];
    let at = move || (usually(), usually());
    let span = || prop_oneof![Just(0_u64), 1..4_u64];
    let key = prop_oneof![1 => Just(None), 4 => usually().prop_map(Some)];
    let signature = prop::option::of(0..6_usize);
    let wish = (at(), usually(), usually(), 0..4_usize, key, signature, any::<bool>(), 1..4_u64).prop_map(
        |(at, kind, owner, id, key, signature, reclaim, lease)| Wish {
            at,
            kind,
            owner,
            id,
            key,
            signature,
            reclaim,
            lease,
        },
    );
    prop_oneof![
        8 => wish.prop_map(Step::Claim),
        4 => (at(), 0..4_usize, span(), span()).prop_map(|(at, id, lease, hold)| Step::Renew { at, id, lease, hold }),
        3 => (at(), 0..4_usize, span()).prop_map(|(at, id, hold)| Step::Release { at, id, hold }),
        1 => at().prop_map(|at| Step::Evict { at }),
        4 => prop_oneof![4 => 1..4_u64, 1 => 50..70_u64].prop_map(|minutes| Step::Pass { minutes }),
    ]
}

fn name(number: usize) -> AgentName {
    AgentName::parse(&format!("agent-{number:02}")).unwrap()
}

fn minutes(count: u64) -> Duration {
    Duration::from_mins(count)
}
