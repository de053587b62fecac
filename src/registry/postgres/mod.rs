//! A store in PostgreSQL, for any number of servers.

mod fault;
mod lane;
mod row;
mod schema;
mod settings;
mod statement;
mod tls;

use core::fmt;
use core::time::Duration;

use self::fault::Fault;
use self::lane::Lane;
use self::settings::Settings;
use self::statement::verdict;
use super::clock::after;
use super::rule::Micros;
use super::{
    ClaimId, ClaimOutcome, ClaimRequest, ConnectError, EvictOutcome, MAX_PAGE, NameRecord, NameStore,
    Reclaim, RegistrationKey, ReleaseOutcome, RenewOutcome, Scope, StoreError, StoreFuture,
};
use crate::name::AgentName;
use crate::policy::SignatureId;

/// How often a claim is tried whose race was lost. The first loss means that somebody else just won the name, and the
/// second attempt sees that. A third needs a name that is claimed and freed again between two snapshots.
const ATTEMPTS: usize = 8;

/// Names in PostgreSQL (14 or later), shared by all servers that have its URL.
///
/// ```text
/// postgres://user:password@host:port/database?parameter=value&…
/// ```
///
/// | parameter | meaning |
/// |---|---|
/// | `sslmode` | `disable`; `prefer` and `require`: encrypted if the server can, or always, **whoever answers**; `verify-full`: encrypted, and the certificate must be for the host. A database on another machine needs one of them said, one on this machine gets `prefer` |
/// | `sslrootcert` | with `verify-full`: the PEM file of the authorities that may vouch for the database, and no others |
/// | `pool_size`, `lookup_pool_size` | how many connections there may be: for everything (8), and apart from these for [`is_spent`](NameStore::is_spent) (2), so that looks before trust never hold up a renewal |
/// | `statement_timeout`, `lock_timeout` | in milliseconds: 5000, 2000 |
/// | `options` | `-csearch_path=…`: the schema of the tables; by default the first of the user's search path |
///
/// The others are those of [libpq] that the driver knows, `target_session_attrs` and several hosts among them. No
/// environment variable is read. A pooler between must pool sessions, not transactions.
///
/// **Clock.** The database's. Nothing that this process knows of the time is sent.
///
/// **Durability.** That of the server: with `fsync` on, a claim that was granted is on its disk. A session that finds
/// `synchronous_commit` off turns it on. After a failover to a standby that was not synchronous, the last claims, and
/// the signatures they spent, are forgotten.
///
/// **Failures.** A server that goes away is [`StoreError::Disconnected`] until it is back; connections are made anew
/// by themselves.
///
/// [libpq]: https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
pub struct PostgresStore {
    operations: Lane,
    lookups: Lane,
}

impl PostgresStore {
    /// Connects to the database of `url` and makes the tables if they are missing. Any number of servers may do so at
    /// once.
    ///
    /// ```no_run
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// use sts_agent_name::registry::PostgresStore;
    ///
    /// let url = "postgres://agents@db.internal/agents?sslmode=verify-full&sslrootcert=/etc/ssl/db.pem";
    /// let store = PostgresStore::connect(url).await?;
    /// # let _ = store;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The URL is not understood, the server is not there or refuses, or the tables are not those of a registry that
    /// this build knows. None of the errors holds the URL.
    pub async fn connect(url: &str) -> Result<Self, ConnectError> {
        let (settings, trust) = Settings::parse(url)?;
        let connector = trust.connector()?;
        let operations = Lane::new(&settings, connector.clone(), settings.pool_size)?;
        let lookups = Lane::new(&settings, connector, settings.lookup_pool_size)?;
        schema::migrate(&mut operations.connection().await?).await?;
        Ok(Self { operations, lookups })
    }

    async fn claim_once(&self, request: &ClaimRequest<'_>) -> Result<Option<ClaimOutcome>, Fault> {
        let claim_id = request.claim_id.fingerprint();
        let key = request.key.map(RegistrationKey::fingerprint);
        let rows = self
            .operations
            .run(
                statement::claim(&claim_id),
                &[
                    &request.scope.as_str(),
                    &request.name.as_str(),
                    &request.agent_type.as_str(),
                    &request.owner.as_str(),
                    &claim_id.as_slice(),
                    &key.as_ref().map(<[u8; 32]>::as_slice),
                    &request.signature.map(|id| id.as_bytes().as_slice()),
                    &(request.reclaim == Reclaim::DuringHold),
                    &micros(request.lease),
                ],
            )
            .await?;
        let row = rows.first().ok_or(StoreError::Corrupt)?;
        let at = || row::moment_at(row, 1);
        Ok(match row::get(row, 0)? {
            verdict::RACE_LOST => None,
            verdict::GRANTED => Some(ClaimOutcome::Granted { lease_until: at()? }),
            verdict::ALREADY_SPENT => Some(ClaimOutcome::AlreadySpent),
            verdict::TAKEN => Some(ClaimOutcome::Taken { free_at: at()? }),
            _ => return Err(StoreError::Corrupt.into()),
        })
    }
}

impl NameStore for PostgresStore {
    fn claim<'a>(&'a self, request: ClaimRequest<'a>) -> StoreFuture<'a, ClaimOutcome> {
        Box::pin(async move {
            for _ in 0..ATTEMPTS {
                match self.claim_once(&request).await {
                    Ok(Some(outcome)) => return Ok(outcome),
                    // The next snapshot has the name, and the claim that spent the signature, which may be this one.
                    Ok(None) | Err(Fault::SpentTwice) => {}
                    Err(Fault::Store(error)) => return Err(error),
                }
            }
            Err(StoreError::Busy)
        })
    }

    fn is_spent<'a>(&'a self, signature: &'a SignatureId) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let rows = self.lookups.run(statement::IS_SPENT, &[&signature.as_bytes().as_slice()]).await?;
            row::get(rows.first().ok_or(StoreError::Corrupt)?, 0)
        })
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
            let rows = self
                .operations
                .run(
                    statement::RENEW,
                    &[
                        &scope.as_str(),
                        &name.as_str(),
                        &claim_id.fingerprint().as_slice(),
                        &micros(lease),
                        &micros(hold),
                    ],
                )
                .await?;
            match rows.first() {
                Some(row) => Ok(RenewOutcome::Renewed { lease_until: row::moment_at(row, 0)? }),
                None => Ok(RenewOutcome::Fenced),
            }
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
            let rows = self
                .operations
                .run(
                    statement::RELEASE,
                    &[&scope.as_str(), &name.as_str(), &claim_id.fingerprint().as_slice(), &micros(hold)],
                )
                .await?;
            match rows.first() {
                Some(row) => Ok(ReleaseOutcome::Released { free_at: row::moment_at(row, 0)? }),
                None => Ok(ReleaseOutcome::Fenced),
            }
        })
    }

    fn lookup<'a>(&'a self, scope: &'a Scope, name: &'a AgentName) -> StoreFuture<'a, Option<NameRecord>> {
        Box::pin(async move {
            let rows = self.operations.run(statement::LOOKUP, &[&scope.as_str(), &name.as_str()]).await?;
            rows.first().map(row::record).transpose()
        })
    }

    fn list<'a>(
        &'a self,
        scope: &'a Scope,
        after: Option<&'a AgentName>,
        limit: usize,
    ) -> StoreFuture<'a, Vec<NameRecord>> {
        Box::pin(async move {
            let limit = i64::try_from(limit.min(MAX_PAGE)).unwrap_or(i64::MAX);
            let after = after.map_or("", AgentName::as_str);
            let rows = self.operations.run(statement::LIST, &[&scope.as_str(), &after, &limit]).await?;
            rows.iter().map(row::record).collect()
        })
    }

    fn evict<'a>(&'a self, scope: &'a Scope, name: &'a AgentName) -> StoreFuture<'a, EvictOutcome> {
        Box::pin(async move {
            let rows = self.operations.run(statement::EVICT, &[&scope.as_str(), &name.as_str()]).await?;
            Ok(if rows.is_empty() { EvictOutcome::NotHeld } else { EvictOutcome::Evicted })
        })
    }
}

/// Without the URL, which may hold a password.
impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").finish_non_exhaustive()
    }
}

/// A span as the statements take it, cut as the contract says.
fn micros(span: Duration) -> Micros {
    after(0, span)
}
