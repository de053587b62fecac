//! The tables, and how they come about.

use deadpool_postgres::{GenericClient, Object, Transaction};
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

use super::fault::store_error;
use crate::registry::{ConnectError, StoreError};

/// The steps from nothing to the latest version, one transaction for all that are missing. A step that has been
/// published is never changed. A later step must leave the statements of the version before it working: while
/// servers are replaced one by one, both run.
const MIGRATIONS: [&str; 1] = ["
    CREATE TABLE registry_name (
        scope text COLLATE \"C\" NOT NULL,
        name text COLLATE \"C\" NOT NULL,
        agent_type text COLLATE \"C\" NOT NULL,
        owner text COLLATE \"C\" NOT NULL,
        claim_hash bytea NOT NULL,
        key_hash bytea,
        renewed boolean NOT NULL,
        released boolean NOT NULL,
        lease_until timestamptz NOT NULL,
        free_at timestamptz NOT NULL,
        CONSTRAINT registry_name_pkey PRIMARY KEY (scope, name)
    );
    CREATE INDEX registry_name_free_at ON registry_name (free_at);
    CREATE TABLE registry_spent (
        signature bytea NOT NULL,
        claim_hash bytea NOT NULL,
        expires_at timestamptz NOT NULL,
        CONSTRAINT registry_spent_pkey PRIMARY KEY (signature)
    );
    CREATE INDEX registry_spent_expires_at ON registry_spent (expires_at);
"];

/// Where the number of the steps that have run is kept.
const VERSION_TABLE: &str = "CREATE TABLE registry_schema (version integer NOT NULL);
    INSERT INTO registry_schema VALUES (0)";

/// One migration at a time in each schema, however many servers start. The first number is this crate's, chosen once.
const LOCK: &str = "SET LOCAL lock_timeout = '30s';
    SET LOCAL statement_timeout = '60s';
    SELECT pg_advisory_xact_lock(762538357, hashtext(current_schema()))";

/// Brings the tables to the latest version. Where they are there already nothing is locked, and no right to make
/// tables is needed.
pub(super) async fn migrate(client: &mut Object) -> Result<(), ConnectError> {
    let known = u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX);
    match version(&*client).await? {
        Some(version) if version == known => return Ok(()),
        Some(found) if found > known => return Err(ConnectError::SchemaTooNew { found, known }),
        _ => {}
    }
    let transaction = client.transaction().await.map_err(|error| connect_error(&error))?;
    run(&transaction, LOCK).await?;
    // Somebody else may have done it while this one waited for the lock.
    let from = match version(&transaction).await? {
        Some(found) if found > known => return Err(ConnectError::SchemaTooNew { found, known }),
        Some(version) => version,
        None => {
            run(&transaction, VERSION_TABLE).await?;
            0
        }
    };
    for (number, step) in (1_u32..).zip(MIGRATIONS).filter(|(number, _)| *number > from) {
        run(&transaction, step).await?;
        run(&transaction, &format!("UPDATE registry_schema SET version = {number}")).await?;
    }
    transaction.commit().await.map_err(|error| connect_error(&error))
}

async fn run(transaction: &Transaction<'_>, sql: &str) -> Result<(), ConnectError> {
    transaction.batch_execute(sql).await.map_err(|error| connect_error(&error))
}

/// How many steps have run; nothing where there is no registry.
async fn version(client: &impl GenericClient) -> Result<Option<u32>, ConnectError> {
    // Read as a table. `to_regclass` would do, but for its memory of what was not there before the lock was waited for.
    let sql = "SELECT EXISTS (
        SELECT FROM pg_class WHERE relname = 'registry_schema' AND pg_table_is_visible(oid))";
    let row = client.query_one(sql, &[]).await.map_err(|error| connect_error(&error))?;
    if !row.try_get(0).map_err(|_| StoreError::Corrupt)? {
        return Ok(None);
    }
    let rows = client.query("SELECT version FROM registry_schema", &[]).await;
    match rows.map_err(|error| connect_error(&error))?.as_slice() {
        [row] => {
            let version: i32 = row.try_get(0).map_err(|_| ConnectError::Foreign)?;
            u32::try_from(version).map(Some).map_err(|_| ConnectError::Foreign)
        }
        _ => Err(ConnectError::Foreign),
    }
}

/// Tables that are not what this crate would have made are somebody else's.
fn connect_error(error: &Error) -> ConnectError {
    match error.code() {
        Some(&SqlState::DUPLICATE_TABLE | &SqlState::UNDEFINED_COLUMN | &SqlState::WRONG_OBJECT_TYPE) => {
            ConnectError::Foreign
        }
        _ => ConnectError::Store(store_error(error)),
    }
}
