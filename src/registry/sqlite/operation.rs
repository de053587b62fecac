//! The operations as SQL. Every text goes in as a parameter.

use core::time::Duration;

use rusqlite::{CachedStatement, Connection, ErrorCode, OptionalExtension, Params, Row, params};
use time::OffsetDateTime;

use super::store_error;
use crate::name::AgentName;
use crate::registry::clock::{after, moment};
use crate::registry::rule::{Micros, Standing, Verdict, Wish};
use crate::registry::{
    AgentType, ClaimOutcome, ClaimState, EvictOutcome, NameOwner, NameRecord, ReleaseOutcome, RenewOutcome,
    SPENT_LIFETIME, SWEEP_NAMES, SWEEP_SPENT, Scope, StoreError,
};

/// All that decides about a claim, in one statement and so on one snapshot.
pub(super) fn verdict(connection: &Connection, wish: &Wish, now: Micros) -> Result<Verdict, StoreError> {
    let mut statement = prepare(
        connection,
        "SELECT n.agent_type, n.owner, n.key_hash, n.claim_hash, n.renewed, n.released, n.lease_until, n.free_at,
                s.claim_hash
         FROM (SELECT 1)
         LEFT JOIN names n ON n.scope = ?1 AND n.name = ?2
         LEFT JOIN spent s ON s.signature = ?3",
    )?;
    let key =
        params![wish.scope.as_str(), wish.name.as_str(), wish.signature.as_ref().map(<[u8; 32]>::as_slice)];
    let decided = statement.query_row(key, |row| {
        let spent_by: Option<[u8; 32]> = row.get(8)?;
        let Some(agent_type) = row.get_ref(0)?.as_str_or_null()? else {
            return Ok(wish.decide(None, spent_by, now));
        };
        let standing = Standing {
            agent_type,
            owner: row.get_ref(1)?.as_str()?,
            key: row.get(2)?,
            claim_id: row.get(3)?,
            renewed: row.get(4)?,
            released: row.get(5)?,
            lease_until: row.get(6)?,
            free_at: row.get(7)?,
        };
        Ok(wish.decide(Some(&standing), spent_by, now))
    });
    decided.map_err(|error| store_error(&error))
}

/// A claim, inside a transaction.
pub(super) fn claim(connection: &Connection, now: Micros, wish: &Wish) -> Result<ClaimOutcome, StoreError> {
    let verdict = verdict(connection, wish, now)?;
    if verdict != Verdict::Grant {
        return refused_or_before(verdict);
    }
    if let Some(signature) = &wish.signature {
        // Plain, never `ON CONFLICT`: should anything spend the signature beside us, this fails and the claim with it.
        let spent =
            prepare(connection, "INSERT INTO spent (signature, claim_hash, expires_at) VALUES (?1, ?2, ?3)")?
                .execute(params![signature.as_slice(), wish.claim_id.as_slice(), after(now, SPENT_LIFETIME)]);
        match spent {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {
                return Ok(ClaimOutcome::AlreadySpent);
            }
            other => other.map_err(|error| store_error(&error))?,
        };
    }
    let lease_until = after(now, wish.lease);
    execute(
        connection,
        "INSERT OR REPLACE INTO names
            (scope, name, agent_type, owner, key_hash, claim_hash, renewed, released, lease_until, free_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, 0, ?7, ?7)",
        params![
            wish.scope.as_str(),
            wish.name.as_str(),
            wish.agent_type.as_str(),
            wish.owner.as_str(),
            wish.key.as_ref().map(<[u8; 32]>::as_slice),
            wish.claim_id.as_slice(),
            lease_until,
        ],
    )?;
    sweep(connection, now)?;
    Ok(ClaimOutcome::Granted { lease_until: shown(lease_until)? })
}

/// The outcome of a claim that writes nothing.
pub(super) fn refused_or_before(verdict: Verdict) -> Result<ClaimOutcome, StoreError> {
    match verdict {
        Verdict::AlreadySpent => Ok(ClaimOutcome::AlreadySpent),
        Verdict::GrantedBefore { lease_until } => {
            Ok(ClaimOutcome::Granted { lease_until: shown(lease_until)? })
        }
        Verdict::Taken { free_at } => Ok(ClaimOutcome::Taken { free_at: shown(free_at)? }),
        Verdict::Grant => Err(StoreError::Corrupt),
    }
}

/// Removes a few rows that no answer depends on, oldest first, so that none is left behind for ever.
fn sweep(connection: &Connection, now: Micros) -> Result<(), StoreError> {
    execute(
        connection,
        "DELETE FROM names WHERE (scope, name) IN
            (SELECT scope, name FROM names WHERE free_at <= ?1 ORDER BY free_at LIMIT ?2)",
        params![now, count(SWEEP_NAMES)],
    )?;
    execute(
        connection,
        "DELETE FROM spent WHERE signature IN
            (SELECT signature FROM spent WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)",
        params![now, count(SWEEP_SPENT)],
    )?;
    Ok(())
}

pub(super) fn is_spent(connection: &Connection, signature: &[u8; 32]) -> Result<bool, StoreError> {
    let mut statement = prepare(connection, "SELECT 1 FROM spent WHERE signature = ?1")?;
    statement.exists(params![signature.as_slice()]).map_err(|error| store_error(&error))
}

/// A claim that stands: the name and the fingerprint of the claim id.
pub(super) struct Held {
    pub(super) scope: Scope,
    pub(super) name: AgentName,
    pub(super) claim_id: [u8; 32],
}

pub(super) fn renew(
    connection: &Connection,
    now: Micros,
    held: &Held,
    lease: Duration,
    hold: Duration,
) -> Result<RenewOutcome, StoreError> {
    let lease_until = after(now, lease);
    let changed = execute(
        connection,
        "UPDATE names SET renewed = 1, lease_until = ?5, free_at = ?6
         WHERE scope = ?1 AND name = ?2 AND claim_hash = ?3 AND released = 0 AND free_at > ?4",
        params![
            held.scope.as_str(),
            held.name.as_str(),
            held.claim_id.as_slice(),
            now,
            lease_until,
            after(lease_until, hold),
        ],
    )?;
    match changed {
        0 => Ok(RenewOutcome::Fenced),
        _ => Ok(RenewOutcome::Renewed { lease_until: shown(lease_until)? }),
    }
}

pub(super) fn release(
    connection: &Connection,
    now: Micros,
    held: &Held,
    hold: Duration,
) -> Result<ReleaseOutcome, StoreError> {
    let free_at = after(now, hold);
    let changed = execute(
        connection,
        "UPDATE names SET released = 1, free_at = ?5
         WHERE scope = ?1 AND name = ?2 AND claim_hash = ?3 AND released = 0 AND free_at > ?4",
        params![held.scope.as_str(), held.name.as_str(), held.claim_id.as_slice(), now, free_at],
    )?;
    match changed {
        0 => Ok(ReleaseOutcome::Fenced),
        _ => Ok(ReleaseOutcome::Released { free_at: shown(free_at)? }),
    }
}

pub(super) fn evict(
    connection: &Connection,
    now: Micros,
    scope: &Scope,
    name: &AgentName,
) -> Result<EvictOutcome, StoreError> {
    let changed = execute(
        connection,
        "DELETE FROM names WHERE scope = ?1 AND name = ?2 AND free_at > ?3",
        params![scope.as_str(), name.as_str(), now],
    )?;
    Ok(if changed == 0 { EvictOutcome::NotHeld } else { EvictOutcome::Evicted })
}

pub(super) fn lookup(
    connection: &Connection,
    now: Micros,
    scope: &Scope,
    name: &AgentName,
) -> Result<Option<NameRecord>, StoreError> {
    let mut statement = prepare(
        connection,
        "SELECT name, agent_type, owner, renewed, released, lease_until, free_at FROM names
         WHERE scope = ?1 AND name = ?2 AND free_at > ?3",
    )?;
    let found =
        statement.query_row(params![scope.as_str(), name.as_str(), now], |row| Ok(record(scope, row)));
    found.optional().map_err(|error| store_error(&error))?.transpose()
}

pub(super) fn list(
    connection: &Connection,
    now: Micros,
    scope: &Scope,
    after: Option<&AgentName>,
    limit: usize,
) -> Result<Vec<NameRecord>, StoreError> {
    let mut statement = prepare(
        connection,
        "SELECT name, agent_type, owner, renewed, released, lease_until, free_at FROM names
         WHERE scope = ?1 AND name > ?2 AND free_at > ?3 ORDER BY name LIMIT ?4",
    )?;
    let after = after.map_or("", AgentName::as_str);
    let rows = statement
        .query_map(params![scope.as_str(), after, now, count(limit)], |row| Ok(record(scope, row)))
        .map_err(|error| store_error(&error))?;
    rows.map(|row| row.map_err(|error| store_error(&error))?).collect()
}

#[cfg(feature = "testing")]
pub(super) fn row_counts(connection: &Connection) -> Result<(usize, usize), StoreError> {
    let mut statement =
        prepare(connection, "SELECT (SELECT count(*) FROM names), (SELECT count(*) FROM spent)")?;
    let counts = statement.query_row((), |row| Ok((row.get(0)?, row.get(1)?)));
    let (names, spent): (u32, u32) = counts.map_err(|error| store_error(&error))?;
    usize::try_from(names).ok().zip(usize::try_from(spent).ok()).ok_or(StoreError::Corrupt)
}

fn record(scope: &Scope, row: &Row<'_>) -> Result<NameRecord, StoreError> {
    let text =
        |index| row.get_ref(index).ok().and_then(|value| value.as_str().ok()).ok_or(StoreError::Corrupt);
    let flag = |index| row.get(index).map_err(|error| store_error(&error));
    let at = |index| row.get(index).map_err(|error| store_error(&error)).and_then(shown);
    Ok(NameRecord {
        scope: scope.clone(),
        name: AgentName::parse(text(0)?).map_err(|_| StoreError::Corrupt)?,
        agent_type: AgentType::parse(text(1)?).map_err(|_| StoreError::Corrupt)?,
        owner: NameOwner::parse(text(2)?).map_err(|_| StoreError::Corrupt)?,
        state: ClaimState::of(flag(3)?, flag(4)?),
        lease_until: at(5)?,
        free_at: at(6)?,
    })
}

fn prepare<'c>(connection: &'c Connection, sql: &'static str) -> Result<CachedStatement<'c>, StoreError> {
    connection.prepare_cached(sql).map_err(|error| store_error(&error))
}

fn execute(connection: &Connection, sql: &'static str, parameters: impl Params) -> Result<usize, StoreError> {
    prepare(connection, sql)?.execute(parameters).map_err(|error| store_error(&error))
}

fn count(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

fn shown(at: Micros) -> Result<OffsetDateTime, StoreError> {
    moment(at).ok_or(StoreError::Corrupt)
}
