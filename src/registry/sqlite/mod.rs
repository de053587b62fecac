//! A store in one SQLite file, for the processes of one machine.

mod operation;
mod schema;
mod worker;

use core::time::Duration;
use std::path::Path;

use rusqlite::{Connection, ErrorCode};

use self::operation::Held;
use self::worker::Workers;
use super::clock::Clock;
use super::rule::{Micros, Verdict, Wish};
use super::{
    ClaimId, ClaimOutcome, ClaimRequest, ConnectError, EvictOutcome, MAX_PAGE, NameRecord, NameStore,
    ReleaseOutcome, RenewOutcome, Scope, StoreError, StoreFuture,
};
use crate::name::AgentName;
use crate::policy::SignatureId;

/// Names in one SQLite file, which several processes of one machine may share. Never put it on a network file
/// system: SQLite's locks and its shared memory do not work there.
///
/// **Durability.** The journal is a write-ahead log with `synchronous=FULL`: each commit is synced before it is
/// answered, so a granted claim survives `kill -9` and the loss of power. `NORMAL` would survive the first alone,
/// since it syncs at checkpoints only: a machine that lost its power could come back with a claim forgotten, and
/// its signature good for a second use.
///
/// **Threads.** One thread writes and two read, whatever runtime the caller has. Operations that wait for the
/// writer together share one transaction and one sync; a claim that is going to be refused is answered by a reader
/// and waits for no writer.
///
/// **Clock.** The wall clock of the machine, which is all that the processes have in common and all that survives
/// a restart. Setting it moves the end of leases and holds by as much.
#[derive(Debug)]
pub struct SqliteStore {
    workers: Workers,
}

impl SqliteStore {
    /// Opens the registry in the file at `path`, which is made if it is missing. Any number of processes may do so
    /// at once.
    ///
    /// # Errors
    ///
    /// The file cannot be opened, or holds something else than a registry that this build knows.
    pub async fn open(path: &Path) -> Result<Self, ConnectError> {
        Ok(Self { workers: Workers::start(path, Clock::Wall).await? })
    }

    /// As [`open`](Self::open), with the time taken from `clock`.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open).
    #[cfg(feature = "testing")]
    pub async fn open_with_clock(path: &Path, clock: &super::ManualClock) -> Result<Self, ConnectError> {
        Ok(Self { workers: Workers::start(path, Clock::Manual(clock.clone())).await? })
    }

    /// How many rows there are, alive or not yet swept: names, then spent signatures.
    ///
    /// # Errors
    ///
    /// The store cannot answer.
    #[cfg(feature = "testing")]
    pub async fn row_counts(&self) -> Result<(usize, usize), StoreError> {
        self.workers.read(|connection, _| operation::row_counts(connection)).await
    }
}

impl NameStore for SqliteStore {
    fn claim<'a>(&'a self, request: ClaimRequest<'a>) -> StoreFuture<'a, ClaimOutcome> {
        Box::pin(async move {
            // A refusal is decided on one snapshot and costs neither a lock nor a sync. A grant is decided again
            // below, inside the transaction that writes it.
            let wish = Wish::new(&request);
            let (wish, verdict) = self
                .workers
                .read(move |connection, now| {
                    let verdict = operation::verdict(connection, &wish, now)?;
                    Ok((wish, verdict))
                })
                .await?;
            if verdict != Verdict::Grant {
                return operation::refused_or_before(verdict);
            }
            self.workers.write(move |connection, now| operation::claim(connection, now, &wish)).await
        })
    }

    fn is_spent<'a>(&'a self, signature: &'a SignatureId) -> StoreFuture<'a, bool> {
        let id = *signature.as_bytes();
        Box::pin(self.workers.read(move |connection, _| operation::is_spent(connection, &id)))
    }

    fn renew<'a>(
        &'a self,
        scope: &'a Scope,
        name: &'a AgentName,
        claim_id: &'a ClaimId,
        lease: Duration,
        hold: Duration,
    ) -> StoreFuture<'a, RenewOutcome> {
        let held = Held { scope: scope.clone(), name: name.clone(), claim_id: claim_id.fingerprint() };
        Box::pin(
            self.workers.write(move |connection, now| operation::renew(connection, now, &held, lease, hold)),
        )
    }

    fn release<'a>(
        &'a self,
        scope: &'a Scope,
        name: &'a AgentName,
        claim_id: &'a ClaimId,
        hold: Duration,
    ) -> StoreFuture<'a, ReleaseOutcome> {
        let held = Held { scope: scope.clone(), name: name.clone(), claim_id: claim_id.fingerprint() };
        Box::pin(self.workers.write(move |connection, now| operation::release(connection, now, &held, hold)))
    }

    fn lookup<'a>(&'a self, scope: &'a Scope, name: &'a AgentName) -> StoreFuture<'a, Option<NameRecord>> {
        let (scope, name) = (scope.clone(), name.clone());
        Box::pin(self.workers.read(move |connection, now| operation::lookup(connection, now, &scope, &name)))
    }

    fn list<'a>(
        &'a self,
        scope: &'a Scope,
        after: Option<&'a AgentName>,
        limit: usize,
    ) -> StoreFuture<'a, Vec<NameRecord>> {
        let (scope, after, limit) = (scope.clone(), after.cloned(), limit.min(MAX_PAGE));
        Box::pin(
            self.workers
                .read(move |connection, now| operation::list(connection, now, &scope, after.as_ref(), limit)),
        )
    }

    fn evict<'a>(&'a self, scope: &'a Scope, name: &'a AgentName) -> StoreFuture<'a, EvictOutcome> {
        let (scope, name) = (scope.clone(), name.clone());
        Box::pin(self.workers.write(move |connection, now| operation::evict(connection, now, &scope, &name)))
    }
}

/// What an operation does with a connection at a moment of the store's clock.
trait Operation<T>: FnOnce(&Connection, Micros) -> Result<T, StoreError> + Send + 'static {}

impl<T, F> Operation<T> for F where F: FnOnce(&Connection, Micros) -> Result<T, StoreError> + Send + 'static {}

/// Keeps the code of a failure and drops its text, which may quote SQL or a path.
fn store_error(error: &rusqlite::Error) -> StoreError {
    match error {
        rusqlite::Error::SqliteFailure(failure, _) => match failure.code {
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => StoreError::Busy,
            _ => StoreError::Failed { code: failure.extended_code.to_string().into() },
        },
        _ => StoreError::Corrupt,
    }
}
