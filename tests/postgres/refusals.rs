//! A refusal costs less than a grant: it writes nothing, so there is nothing to wait for.

use sts_agent_name::registry::{ClaimOutcome, NameStore, PostgresStore, ReleaseOutcome, RenewOutcome};

use crate::agent::{Agent, is_granted};
use crate::cluster::Cluster;
use crate::schema::Schema;

const REFUSALS: usize = 200;

/// Counts the bytes of the server's log: a grant adds some, refusals of every kind add none at all.
#[tokio::test]
async fn a_refusal_adds_no_byte_to_the_log() {
    // Nothing but the test writes: no cleaner, no standby, no checkpoint before long.
    let quiet = [
        "autovacuum=off",
        "wal_level=minimal",
        "max_wal_senders=0",
        "checkpoint_timeout=1h",
        "bgwriter_lru_maxpages=0",
    ];
    let cluster = Cluster::start(&quiet, &[]);
    let schema = Schema::on(&cluster.url()).await;
    let store = schema.store().await;
    let holder = Agent::new("acme", "agent-01", "ann");
    let before = log_position(&schema).await;
    assert!(is_granted(&holder.claim(&store).await.unwrap()));
    let a_grant = log_position(&schema).await - before;
    assert!(a_grant > 0);
    // Names and signatures that wait to be swept, which a refusal must not do.
    let sql = "INSERT INTO registry_name
            SELECT 'acme', 'over-' || n, 's1', 'old', '', NULL, true, true, past, past
            FROM generate_series(1000, 1999) AS n, (SELECT now() - interval '1 day' AS past) AS past;
        INSERT INTO registry_spent
            SELECT sha256(n::text::bytea), '', now() - interval '1 day' FROM generate_series(0, 999) AS n";
    schema.execute(sql).await;
    // What a first look at a page leaves behind is the page's, not the look's.
    schema.execute("VACUUM").await;
    refuse(&store, &holder).await;
    let before = log_position(&schema).await;
    for _ in 0..REFUSALS {
        refuse(&store, &holder).await;
    }
    assert_eq!(log_position(&schema).await - before, 0, "a grant takes {a_grant} bytes");
    assert_eq!(schema.row_counts().await, (1001, 1001));
}

/// One refusal of each kind.
async fn refuse(store: &PostgresStore, holder: &Agent) {
    let rival = Agent::new("acme", "agent-01", "bob");
    assert!(matches!(rival.claim(store).await.unwrap(), ClaimOutcome::Taken { .. }));
    let replay = Agent { signature: holder.signature, ..Agent::new("acme", "agent-02", "bob") };
    assert_eq!(replay.claim(store).await.unwrap(), ClaimOutcome::AlreadySpent);
    assert_eq!(rival.renew(store).await.unwrap(), RenewOutcome::Fenced);
    assert_eq!(
        store.release(&rival.scope, &rival.name, &rival.claim_id, crate::agent::LEASE).await.unwrap(),
        ReleaseOutcome::Fenced
    );
    assert!(store.is_spent(&holder.signature).await.unwrap());
    // The claim repeated, whose first answer was lost, is no refusal and writes nothing either.
    assert!(is_granted(&holder.claim(store).await.unwrap()));
}

/// Where the server's log ends, in bytes.
async fn log_position(schema: &Schema) -> i64 {
    schema.query_one("SELECT (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::int8").await.get(0)
}
