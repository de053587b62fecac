//! A small pool of connections, and one statement on one of them.

use core::time::Duration;

use deadpool_postgres::{
    Hook, HookError, Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime, Timeouts,
};
use tokio::time::timeout;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::fault::{Fault, breaks_connection, pool_error, statement_fault};
use super::settings::Settings;
use crate::registry::StoreError;

/// What the server may take beyond its own limit before the connection counts as dead.
const GRACE: Duration = Duration::from_secs(2);
/// How long making a connection may take in all.
const CREATE: Duration = Duration::from_secs(10);

/// Connections for one kind of work, which wait for no other kind.
pub(super) struct Lane {
    pool: Pool,
    deadline: Duration,
}

impl Lane {
    pub(super) fn new(
        settings: &Settings,
        connector: MakeRustlsConnect,
        size: usize,
    ) -> Result<Self, StoreError> {
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(settings.config.clone(), connector, recycling);
        let session = session(settings);
        let pool = Pool::builder(manager)
            .max_size(size)
            .runtime(Runtime::Tokio1)
            .timeouts(Timeouts {
                wait: Some(settings.statement_timeout),
                create: Some(CREATE),
                recycle: None,
            })
            .post_create(Hook::async_fn(move |client, _| {
                let session = session.clone();
                Box::pin(async move { client.batch_execute(&session).await.map_err(HookError::Backend) })
            }))
            .build();
        let pool = pool.map_err(|_| StoreError::Failed { code: "pool".into() })?;
        Ok(Self { pool, deadline: settings.statement_timeout.saturating_add(GRACE) })
    }

    pub(super) async fn connection(&self) -> Result<Object, StoreError> {
        self.pool.get().await.map_err(|error| pool_error(&error))
    }

    /// Runs one prepared statement in a transaction of its own. The rows are given out once it has committed.
    pub(super) async fn run(
        &self,
        sql: &'static str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Fault> {
        let client = self.connection().await?;
        let answer = timeout(self.deadline, async {
            let statement = client.prepare_cached(sql).await?;
            client.query(&statement, parameters).await
        });
        match answer.await {
            Ok(Ok(rows)) => Ok(rows),
            Ok(Err(error)) => {
                if breaks_connection(&error) {
                    discard(client);
                }
                Err(statement_fault(&error))
            }
            Err(_) => {
                discard(client);
                Err(StoreError::Timeout.into())
            }
        }
    }
}

/// Keeps a connection from going back to its pool.
fn discard(client: Object) {
    drop(Object::take(client));
}

/// What each connection is told first. Plans are made once and always use an index: every statement is a look at a
/// few rows, and statistics of a table that has just grown say otherwise. A server that answers before its disk has
/// would break the contract, so `synchronous_commit=off` is not taken over from its configuration.
fn session(settings: &Settings) -> String {
    format!(
        "SET default_transaction_isolation = 'read committed';
        SET statement_timeout = {};
        SET lock_timeout = {};
        SET plan_cache_mode = force_generic_plan;
        SET enable_seqscan = off;
        SET jit = off;
        SELECT set_config('synchronous_commit', 'on', false)
            WHERE current_setting('synchronous_commit') = 'off'",
        settings.statement_timeout.as_millis(),
        settings.lock_timeout.as_millis(),
    )
}
