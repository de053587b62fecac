//! A store in memory, for tests and for single processes that may forget.

use core::time::Duration;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use time::OffsetDateTime;

use super::clock::{Clock, after, moment};
use super::rule::{Micros, Standing, Verdict, Wish};
use super::{
    AgentType, ClaimId, ClaimOutcome, ClaimRequest, ClaimState, EvictOutcome, MAX_PAGE, NameOwner,
    NameRecord, NameStore, ReleaseOutcome, RenewOutcome, SPENT_LIFETIME, SWEEP_NAMES, SWEEP_SPENT, Scope,
    StoreError, StoreFuture,
};
use crate::name::AgentName;
use crate::policy::SignatureId;

/// Names in the memory of one process. All is forgotten when it ends, spent signatures included.
///
/// One lock, held for well under a microsecond, never while waiting. Its clock is monotonic: setting the wall clock
/// changes no lease and no hold.
#[derive(Debug)]
pub struct MemoryStore {
    clock: Clock,
    max_names: usize,
    max_spent: usize,
    tables: Mutex<Tables>,
}

impl MemoryStore {
    /// How many names a store keeps unless told otherwise.
    pub const DEFAULT_MAX_NAMES: usize = 1_000_000;
    /// How many spent signatures a store keeps unless told otherwise.
    pub const DEFAULT_MAX_SPENT: usize = 1_000_000;

    /// An empty store.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "an empty registry is asked for by name")]
    pub fn new() -> Self {
        Self {
            clock: Clock::monotonic(),
            max_names: Self::DEFAULT_MAX_NAMES,
            max_spent: Self::DEFAULT_MAX_SPENT,
            tables: Mutex::default(),
        }
    }

    /// Bounds the number of rows; a claim that finds no room is [`StoreError::Full`] and changes nothing.
    #[must_use]
    pub fn with_bounds(mut self, max_names: usize, max_spent: usize) -> Self {
        self.max_names = max_names;
        self.max_spent = max_spent;
        self
    }

    /// Takes the time from `clock`.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn with_clock(mut self, clock: &super::ManualClock) -> Self {
        self.clock = Clock::Manual(clock.clone());
        self
    }

    /// How many rows there are, alive or not yet swept: names, then spent signatures.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn row_counts(&self) -> (usize, usize) {
        let tables = self.lock();
        (tables.names.len(), tables.spent.len())
    }

    /// No operation can panic half-way through a change, so a poisoned lock guards whole rows.
    fn lock(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn claim_now(&self, wish: Wish) -> Result<ClaimOutcome, StoreError> {
        let mut tables = self.lock();
        let now = self.clock.now();
        let at = (wish.scope.clone(), wish.name.clone());
        let spent_by = wish.signature.and_then(|id| tables.spent.get(&id)).copied();
        match wish.decide(tables.names.get(&at).map(Row::standing).as_ref(), spent_by, now) {
            Verdict::AlreadySpent => return Ok(ClaimOutcome::AlreadySpent),
            Verdict::GrantedBefore { lease_until } => {
                return Ok(ClaimOutcome::Granted { lease_until: shown(lease_until)? });
            }
            Verdict::Taken { free_at } => return Ok(ClaimOutcome::Taken { free_at: shown(free_at)? }),
            Verdict::Grant => {}
        }
        tables.sweep(now);
        let names_full = !tables.names.contains_key(&at) && tables.names.len() >= self.max_names;
        let spent_full = wish.signature.is_some() && tables.spent.len() >= self.max_spent;
        if names_full || spent_full {
            return Err(StoreError::Full);
        }
        if let Some(id) = wish.signature {
            tables.spent.insert(id, wish.claim_id);
            tables.spent_by_expiry.insert((after(now, SPENT_LIFETIME), id));
        }
        let lease_until = after(now, wish.lease);
        let row = Row {
            agent_type: wish.agent_type,
            owner: wish.owner,
            key: wish.key,
            claim_id: wish.claim_id,
            renewed: false,
            released: false,
            lease_until,
            free_at: lease_until,
        };
        tables.put(at, row);
        Ok(ClaimOutcome::Granted { lease_until: shown(lease_until)? })
    }

    /// Changes the row that stands under `claim_id`; `None` if there is none.
    fn change<T>(
        &self,
        scope: &Scope,
        name: &AgentName,
        claim_id: &ClaimId,
        change: impl FnOnce(&mut Row, Micros) -> T,
    ) -> Option<T> {
        let mut tables = self.lock();
        let now = self.clock.now();
        let at = (scope.clone(), name.clone());
        let row = tables.names.get(&at)?;
        if row.claim_id != claim_id.fingerprint() || row.released || row.free_at <= now {
            return None;
        }
        let mut row = row.clone();
        let answer = change(&mut row, now);
        tables.put(at, row);
        Some(answer)
    }
}

impl NameStore for MemoryStore {
    fn claim<'a>(&'a self, request: ClaimRequest<'a>) -> StoreFuture<'a, ClaimOutcome> {
        Box::pin(async move { self.claim_now(Wish::new(&request)) })
    }

    fn is_spent<'a>(&'a self, signature: &'a SignatureId) -> StoreFuture<'a, bool> {
        Box::pin(async move { Ok(self.lock().spent.contains_key(signature.as_bytes())) })
    }

    fn renew<'a>(
        &'a self,
        scope: &'a Scope,
        name: &'a AgentName,
        claim_id: &'a ClaimId,
        lease: Duration,
        hold: Duration,
    ) -> StoreFuture<'a, RenewOutcome> {
        Box::pin(async move {
            let lease_until = self.change(scope, name, claim_id, |row, now| {
                row.renewed = true;
                row.lease_until = after(now, lease);
                row.free_at = after(row.lease_until, hold);
                row.lease_until
            });
            lease_until
                .map_or(Ok(RenewOutcome::Fenced), |at| Ok(RenewOutcome::Renewed { lease_until: shown(at)? }))
        })
    }

    fn release<'a>(
        &'a self,
        scope: &'a Scope,
        name: &'a AgentName,
        claim_id: &'a ClaimId,
        hold: Duration,
    ) -> StoreFuture<'a, ReleaseOutcome> {
        Box::pin(async move {
            let free_at = self.change(scope, name, claim_id, |row, now| {
                row.released = true;
                row.free_at = after(now, hold);
                row.free_at
            });
            free_at
                .map_or(Ok(ReleaseOutcome::Fenced), |at| Ok(ReleaseOutcome::Released { free_at: shown(at)? }))
        })
    }

    fn lookup<'a>(&'a self, scope: &'a Scope, name: &'a AgentName) -> StoreFuture<'a, Option<NameRecord>> {
        Box::pin(async move {
            let tables = self.lock();
            let now = self.clock.now();
            let at = (scope.clone(), name.clone());
            tables.names.get(&at).filter(|row| now < row.free_at).map(|row| row.record(&at)).transpose()
        })
    }

    fn list<'a>(
        &'a self,
        scope: &'a Scope,
        after: Option<&'a AgentName>,
        limit: usize,
    ) -> StoreFuture<'a, Vec<NameRecord>> {
        Box::pin(async move {
            let tables = self.lock();
            let now = self.clock.now();
            let start = match after {
                Some(name) => Bound::Excluded((scope.clone(), name.clone())),
                None => AgentName::parse(FIRST_NAME)
                    .map_or(Bound::Unbounded, |name| Bound::Included((scope.clone(), name))),
            };
            let rows = tables.names.range((start, Bound::Unbounded));
            rows.take_while(|((at, _), _)| at == scope)
                .filter(|(_, row)| now < row.free_at)
                .take(limit.min(MAX_PAGE))
                .map(|(at, row)| row.record(at))
                .collect()
        })
    }

    fn evict<'a>(&'a self, scope: &'a Scope, name: &'a AgentName) -> StoreFuture<'a, EvictOutcome> {
        Box::pin(async move {
            let mut tables = self.lock();
            let now = self.clock.now();
            let row = tables.remove(&(scope.clone(), name.clone()));
            Ok(if row.is_some_and(|row| now < row.free_at) {
                EvictOutcome::Evicted
            } else {
                EvictOutcome::NotHeld
            })
        })
    }
}

/// The first of all names in the order of their bytes.
const FIRST_NAME: &str = "++++++++";

type At = (Scope, AgentName);

/// Each table with the order in which its rows end, so that a sweep looks at nothing else.
#[derive(Debug, Default)]
struct Tables {
    names: BTreeMap<At, Row>,
    names_by_free_at: BTreeSet<(Micros, At)>,
    /// Signature, and the claim id that spent it: fingerprints both.
    spent: HashMap<[u8; 32], [u8; 32]>,
    spent_by_expiry: BTreeSet<(Micros, [u8; 32])>,
}

impl Tables {
    fn put(&mut self, at: At, row: Row) {
        let free_at = row.free_at;
        match self.names.entry(at) {
            Entry::Occupied(mut entry) => {
                let before = entry.insert(row);
                let at = entry.key().clone();
                self.names_by_free_at.remove(&(before.free_at, at.clone()));
                self.names_by_free_at.insert((free_at, at));
            }
            Entry::Vacant(entry) => {
                self.names_by_free_at.insert((free_at, entry.key().clone()));
                entry.insert(row);
            }
        }
    }

    fn remove(&mut self, at: &At) -> Option<Row> {
        let row = self.names.remove(at)?;
        self.names_by_free_at.remove(&(row.free_at, at.clone()));
        Some(row)
    }

    fn sweep(&mut self, now: Micros) {
        for _ in 0..SWEEP_NAMES {
            if self.names_by_free_at.first().is_none_or(|(free_at, _)| now < *free_at) {
                break;
            }
            if let Some((_, at)) = self.names_by_free_at.pop_first() {
                self.names.remove(&at);
            }
        }
        for _ in 0..SWEEP_SPENT {
            if self.spent_by_expiry.first().is_none_or(|(expires_at, _)| now < *expires_at) {
                break;
            }
            if let Some((_, id)) = self.spent_by_expiry.pop_first() {
                self.spent.remove(&id);
            }
        }
    }
}

#[derive(Clone, Debug)]
struct Row {
    agent_type: AgentType,
    owner: NameOwner,
    key: Option<[u8; 32]>,
    claim_id: [u8; 32],
    renewed: bool,
    released: bool,
    lease_until: Micros,
    free_at: Micros,
}

impl Row {
    fn standing(&self) -> Standing<'_> {
        Standing {
            agent_type: self.agent_type.as_str(),
            owner: self.owner.as_str(),
            key: self.key,
            claim_id: self.claim_id,
            renewed: self.renewed,
            released: self.released,
            lease_until: self.lease_until,
            free_at: self.free_at,
        }
    }

    fn record(&self, (scope, name): &At) -> Result<NameRecord, StoreError> {
        Ok(NameRecord {
            scope: scope.clone(),
            name: name.clone(),
            agent_type: self.agent_type.clone(),
            owner: self.owner.clone(),
            state: ClaimState::of(self.renewed, self.released),
            lease_until: shown(self.lease_until)?,
            free_at: shown(self.free_at)?,
        })
    }
}

fn shown(at: Micros) -> Result<OffsetDateTime, StoreError> {
    moment(at).ok_or(StoreError::Corrupt)
}
