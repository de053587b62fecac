//! The statements: one for each operation, each one round trip and one transaction of its own.
//!
//! `now()` is the start of the transaction, hence one moment for a whole statement, by the database's clock. A
//! statement that then waits for a row judges it by a moment slightly past, to which a name can only look less free.
//!
//! No statement waits in a circle with another. A claim locks its name, then its signature, then what it sweeps, and
//! of the last it skips whatever is locked; everything else locks one row. So whoever waits for a name holds
//! nothing, whoever waits for a signature holds a name, and whoever holds a signature waits for nothing.

/// Whether the request may have the row `n` that stands: takeover or reclaim.
///
/// It is asked twice, of the statement's snapshot and, under the lock, of the latest row.
macro_rules! gives_way {
    () => {
        "(n.owner = $4 AND n.agent_type = $3 AND (
            (n.key_hash = $6 AND NOT n.renewed AND NOT n.released)
            OR ($8 AND (n.released OR n.lease_until <= now()))
        ))"
    };
}

/// What [`claim`] answers: a verdict in the first column, its moment in the second.
pub(super) mod verdict {
    /// The name looked free and was not by the time its row was locked; or the other way about. Nothing is written.
    pub(in crate::registry::postgres) const RACE_LOST: i32 = 0;
    /// Granted now or before, until the moment.
    pub(in crate::registry::postgres) const GRANTED: i32 = 1;
    pub(in crate::registry::postgres) const ALREADY_SPENT: i32 = 2;
    /// Somebody else's until the moment.
    pub(in crate::registry::postgres) const TAKEN: i32 = 3;
}

/// The constraint that keeps a signature from being spent twice.
pub(super) const SPENT_ONCE: &str = "registry_spent_pkey";

/// A claim, and what else is done if it is granted.
macro_rules! claim {
    ($sweep:literal) => {
        concat!(
            "WITH verdict AS MATERIALIZED (
                SELECT CASE
                    WHEN n.claim_hash = $5 AND NOT n.released AND ($7 IS NULL OR s.claim_hash = $5) THEN 1
                    WHEN s.claim_hash IS NOT NULL THEN 2
                    WHEN n.free_at IS NULL OR ",
            gives_way!(),
            "       THEN 0
                    ELSE 3
                END AS verdict, n.lease_until, n.free_at
                FROM (VALUES (1)) AS one
                LEFT JOIN registry_name AS n ON n.scope = $1 AND n.name = $2 AND now() < n.free_at
                LEFT JOIN registry_spent AS s ON s.signature = $7
            ), claimed AS (
                INSERT INTO registry_name AS n
                    (scope, name, agent_type, owner, claim_hash, key_hash, renewed, released, lease_until, free_at)
                SELECT $1, $2, $3, $4, $5, $6, false, false,
                    now() + $9::int8 * interval '1 microsecond', now() + $9::int8 * interval '1 microsecond'
                FROM verdict WHERE verdict.verdict = 0
                ON CONFLICT (scope, name) DO UPDATE SET
                    agent_type = excluded.agent_type, owner = excluded.owner,
                    claim_hash = excluded.claim_hash, key_hash = excluded.key_hash,
                    renewed = false, released = false,
                    lease_until = excluded.lease_until, free_at = excluded.free_at
                WHERE n.free_at <= now() OR ",
            gives_way!(),
            "   RETURNING n.lease_until
            ), spend AS (
                INSERT INTO registry_spent (signature, claim_hash, expires_at)
                SELECT $7, $5, now() + interval '1 hour' FROM claimed WHERE $7 IS NOT NULL
            )",
            $sweep,
            " SELECT
                CASE WHEN claimed.lease_until IS NULL THEN verdict.verdict ELSE 1 END,
                CASE WHEN verdict.verdict = 3 THEN verdict.free_at
                    ELSE coalesce(claimed.lease_until, verdict.lease_until) END
            FROM verdict LEFT JOIN claimed ON true"
        )
    };
}

/// Claims a name: scope, name, agent type, owner, claim id, key, signature, reclaim, lease in microseconds.
///
/// `verdict` decides by the snapshot, so a refusal has written and locked nothing. `claimed` decides once more by the
/// latest row; where that differs nothing is written either. `spend` is a plain insert: a signature spent since the
/// snapshot fails the whole statement.
const CLAIM: &str = claim!("");

/// The same, and if it is granted it sweeps for [`SWEEP_EVERY`] of them. The sweeps come last.
const CLAIM_AND_SWEEP: &str = claim!(
    ", swept_names AS (
        DELETE FROM registry_name WHERE ctid = ANY (ARRAY(
            SELECT n.ctid FROM registry_name AS n
            WHERE n.free_at <= now() AND (n.scope, n.name) <> ($1, $2) AND EXISTS (SELECT FROM claimed)
            ORDER BY n.free_at LIMIT 16 FOR UPDATE SKIP LOCKED
        ))
    ), swept_spent AS (
        DELETE FROM registry_spent WHERE ctid = ANY (ARRAY(
            SELECT s.ctid FROM registry_spent AS s
            WHERE s.expires_at <= now() AND EXISTS (SELECT FROM claimed)
            ORDER BY s.expires_at LIMIT 32 FOR UPDATE SKIP LOCKED
        ))
    )"
);

/// One claim in so many sweeps. The server sets up all of a statement before it runs any of it, so that a sweep costs
/// a refusal too, and a grant that finds nothing to sweep. And claims that sweep at once go over the same rows.
const SWEEP_EVERY: u8 = 8;

/// The statement for a claim. The fingerprint of its claim id is as good as random, so a byte of it draws lots.
pub(super) fn claim(fingerprint: &[u8; 32]) -> &'static str {
    if fingerprint[0].is_multiple_of(SWEEP_EVERY) { CLAIM_AND_SWEEP } else { CLAIM }
}

/// Whether a signature has been spent: signature.
pub(super) const IS_SPENT: &str = "SELECT EXISTS (SELECT FROM registry_spent WHERE signature = $1)";

/// Renews a claim: scope, name, claim id, lease and hold in microseconds.
pub(super) const RENEW: &str = "UPDATE registry_name SET
        renewed = true,
        lease_until = now() + $4::int8 * interval '1 microsecond',
        free_at = now() + ($4::int8 + $5::int8) * interval '1 microsecond'
    WHERE scope = $1 AND name = $2 AND claim_hash = $3 AND NOT released AND now() < free_at
    RETURNING lease_until";

/// Releases a claim: scope, name, claim id, hold in microseconds.
pub(super) const RELEASE: &str = "UPDATE registry_name SET
        released = true,
        free_at = now() + $4::int8 * interval '1 microsecond'
    WHERE scope = $1 AND name = $2 AND claim_hash = $3 AND NOT released AND now() < free_at
    RETURNING free_at";

/// Frees a name: scope, name.
pub(super) const EVICT: &str = "DELETE FROM registry_name
    WHERE scope = $1 AND name = $2 AND now() < free_at
    RETURNING true";

/// Shows a name: scope, name.
pub(super) const LOOKUP: &str =
    "SELECT scope, name, agent_type, owner, renewed, released, lease_until, free_at FROM registry_name
    WHERE scope = $1 AND name = $2 AND now() < free_at";

/// Shows the names of a scope: scope, the name that they come behind (the empty text is before all), how many.
pub(super) const LIST: &str =
    "SELECT scope, name, agent_type, owner, renewed, released, lease_until, free_at FROM registry_name
    WHERE scope = $1 AND name > $2 AND now() < free_at
    ORDER BY name LIMIT $3";

#[cfg(test)]
mod tests {
    use super::{CLAIM, CLAIM_AND_SWEEP, SWEEP_EVERY, claim};
    use crate::registry::{SPENT_LIFETIME, SWEEP_NAMES, SWEEP_SPENT};

    #[test]
    fn the_literals_are_those_of_the_contract() {
        assert_eq!(SPENT_LIFETIME.as_secs(), 60 * 60);
        for sql in [CLAIM, CLAIM_AND_SWEEP] {
            assert!(sql.contains("SELECT $7, $5, now() + interval '1 hour' FROM claimed"));
        }
        let at_once = |each: usize| each * usize::from(SWEEP_EVERY);
        let (names, spent) = (at_once(SWEEP_NAMES), at_once(SWEEP_SPENT));
        assert!(
            CLAIM_AND_SWEEP.contains(&format!("ORDER BY n.free_at LIMIT {names} FOR UPDATE SKIP LOCKED"))
        );
        assert!(
            CLAIM_AND_SWEEP.contains(&format!("ORDER BY s.expires_at LIMIT {spent} FOR UPDATE SKIP LOCKED"))
        );
    }

    #[test]
    fn one_fingerprint_in_so_many_sweeps() {
        let sweeping = (0..=u8::MAX).filter(|first| {
            let mut fingerprint = [1; 32];
            fingerprint[0] = *first;
            claim(&fingerprint) == CLAIM_AND_SWEEP
        });
        assert_eq!(sweeping.count() * usize::from(SWEEP_EVERY), 256);
    }

    #[test]
    fn the_guard_of_the_snapshot_is_the_guard_of_the_latest_row() {
        for sql in [CLAIM, CLAIM_AND_SWEEP] {
            assert_eq!(sql.matches(gives_way!()).count(), 2);
        }
    }
}
