//! How a store comes about: URLs, tables, several servers at once, and what goes wrong.

use std::sync::Arc;
use std::time::Duration;

use sts_agent_name::registry::{ConnectError, NameStore, PostgresStore, StoreError, connect};

use crate::agent::{Agent, is_granted};
use crate::schema::Schema;

const PASSWORD: &str = "correct-horse";

/// A URL that is not understood is refused before anything is dialled, and is not in the error.
#[tokio::test]
async fn a_url_is_understood_or_refused() {
    let here = "postgres://ann:correct-horse@127.0.0.1:1/test";
    let there = "postgres://ann:correct-horse@db.example.com/test";
    for (url, why) in [
        (there.to_owned(), "sslmode"),
        (format!("{there}?pool_size=4"), "sslmode"),
        (format!("{there}?sslmode=verify-full"), "sslrootcert"),
        (format!("{there}?sslmode=verify-full&sslrootcert=/nonexistent"), "sslrootcert"),
        (format!("{there}?sslmode=verify-full&sslrootcert=Cargo.toml"), "sslrootcert"),
        (format!("{there}?sslmode=require&sslrootcert=Cargo.toml"), "verify-full"),
        (format!("{there}?sslmode=verify-ca"), "sslmode"),
        (format!("{there}?sslmode="), "sslmode"),
        (format!("{there}?sslmode=disable&sslmode=require"), "once"),
        (format!("{here}?pool_size=0"), "pool"),
        (format!("{here}?pool_size=1001"), "pool"),
        (format!("{here}?lookup_pool_size=many"), "pool"),
        (format!("{here}?statement_timeout=0"), "milliseconds"),
        (format!("{here}?lock_timeout=-1"), "milliseconds"),
        (format!("{here}?lock_timeout=600001"), "milliseconds"),
        (format!("{here}?application_nom=x"), "postgres://"),
        (format!("{here}?pool_size=%ff"), "postgres://"),
        ("postgres://ann:correct-horse@127.0.0.1:port/test".to_owned(), "postgres://"),
        ("postgres:ann:correct-horse".to_owned(), "postgres"),
        ("postgres:///test".to_owned(), "host"),
    ] {
        let error = connect(&url).await.unwrap_err();
        assert!(matches!(error, ConnectError::InvalidUrl { .. }), "{url}: {error:?}");
        let text = format!("{error} {error:?}");
        assert!(text.contains(why), "{url}: {text}");
        assert!(!text.contains(PASSWORD) && !text.contains("ann:") && !text.contains("example"), "{text}");
    }
}

/// What a server answers, or that there is none, comes out as a code and nothing else.
#[tokio::test]
async fn failures_to_connect_say_whether_waiting_helps() {
    let schema = Schema::new().await;
    let error = |url: String| async move {
        match PostgresStore::connect(&url).await.unwrap_err() {
            ConnectError::Store(error) => error,
            other => panic!("{other:?}"),
        }
    };
    let gone = error("postgres://ann:correct-horse@127.0.0.1:1/test".to_owned()).await;
    assert_eq!(gone, StoreError::Disconnected);
    let unknown = error("postgres://postgres:correct-horse@127.0.0.1:5432/no_such_database".to_owned()).await;
    assert_eq!(unknown, StoreError::Failed { code: "3D000".into() });
    assert!(!unknown.is_transient());
    let no_schema = error(schema.url().replace("registry_test", "no_such_schema")).await;
    assert_eq!(no_schema, StoreError::Failed { code: "3F000".into() });
}

#[tokio::test]
async fn a_store_shows_nothing_of_its_url() {
    let schema = Schema::new().await;
    let url = schema.url().replace("postgres@", "postgres:correct-horse@");
    assert_eq!(format!("{:?}", connect(&url).await.unwrap()), "PostgresStore { .. }");
}

/// Many servers that start at once, on a database without tables: one makes them, all find them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_may_start_at_once() {
    for _ in 0..5 {
        let schema = Arc::new(Schema::new().await);
        let tasks: Vec<_> = (0..12)
            .map(|number| {
                let schema = Arc::clone(&schema);
                tokio::spawn(async move {
                    let store = schema.store().await;
                    let agent = Agent::new("acme", &format!("agent-{number:02}"), "ann");
                    assert!(is_granted(&agent.claim(&store).await.unwrap()));
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(schema.row_counts().await, (12, 12));
        let versions = schema.query_one("SELECT count(*), max(version) FROM registry_schema").await;
        assert_eq!((versions.get(0), versions.get(1)), (1_i64, 1_i32));
    }
}

#[tokio::test]
async fn tables_of_somebody_else_are_left_alone() {
    for sql in [
        "CREATE TABLE registry_name (id integer)",
        "CREATE TABLE registry_schema (id integer)",
        "CREATE TABLE registry_schema (version text); INSERT INTO registry_schema VALUES ('1')",
        "CREATE TABLE registry_schema (version integer)",
        "CREATE TABLE registry_schema (version integer); INSERT INTO registry_schema VALUES (1), (1)",
        "CREATE TABLE registry_schema (version integer); INSERT INTO registry_schema VALUES (-1)",
    ] {
        let schema = Schema::new().await;
        schema.execute(sql).await;
        let error = PostgresStore::connect(&schema.url()).await.unwrap_err();
        assert_eq!(error, ConnectError::Foreign, "{sql}");
        let spent = schema.query_one("SELECT to_regclass('registry_spent') IS NULL").await;
        assert!(spent.get::<_, bool>(0), "{sql}: something was made");
    }
}

#[tokio::test]
async fn tables_of_a_later_version_are_left_alone() {
    let schema = Schema::new().await;
    drop(schema.store().await);
    schema.execute("UPDATE registry_schema SET version = 9").await;
    let error = PostgresStore::connect(&schema.url()).await.unwrap_err();
    assert_eq!(error, ConnectError::SchemaTooNew { found: 9, known: 1 });
}

/// A user who may not make tables can use those that are there.
#[tokio::test]
async fn a_user_without_the_right_to_make_tables_will_do() {
    let schema = Schema::new().await;
    drop(schema.store().await);
    let (name, role) = (schema.name(), schema.name());
    let grant = format!(
        "CREATE ROLE {role} LOGIN; GRANT USAGE ON SCHEMA {name} TO {role};
        GRANT SELECT ON registry_schema TO {role};
        GRANT SELECT, INSERT, UPDATE, DELETE ON registry_name, registry_spent TO {role}"
    );
    schema.execute(&grant).await;
    let url = schema.url().replace("postgres@", &format!("{role}@"));
    let agent = Agent::new("acme", "agent-01", "ann");
    let outcome = match PostgresStore::connect(&url).await {
        Ok(store) => agent.claim(&store).await,
        Err(error) => panic!("{error:?}"),
    };
    schema.execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await;
    assert!(is_granted(&outcome.unwrap()));
}

/// A lock that somebody holds too long, and a statement that takes too long, are transient, and the connection
/// survives them.
#[tokio::test]
async fn waiting_has_an_end() {
    let schema = Schema::new().await;
    let url = schema.url_with("pool_size=1&lock_timeout=100&statement_timeout=1000");
    let store = PostgresStore::connect(&url).await.unwrap();
    let agent = Agent::new("acme", "agent-01", "ann");
    assert!(is_granted(&agent.claim(&store).await.unwrap()));
    let mut other = schema.client().await;
    let lock = other.transaction().await.unwrap();
    lock.batch_execute("SELECT FROM registry_name FOR UPDATE").await.unwrap();
    assert_eq!(agent.renew(&store).await, Err(StoreError::Busy));
    // Refusals and looks wait for nobody's lock.
    assert!(!is_granted(&Agent::new("acme", "agent-01", "bob").claim(&store).await.unwrap()));
    assert!(store.lookup(&agent.scope, &agent.name).await.unwrap().is_some());
    lock.batch_execute("LOCK TABLE registry_spent").await.unwrap();
    let slow = PostgresStore::connect(&schema.url_with("lock_timeout=5000&statement_timeout=200")).await;
    assert_eq!(slow.unwrap().is_spent(&agent.signature).await, Err(StoreError::Timeout));
    lock.rollback().await.unwrap();
    assert!(agent.renew(&store).await.is_ok());
}

/// Looks at spent signatures have connections of their own: however many wait, a renewal does not.
#[tokio::test]
async fn looks_before_trust_do_not_hold_up_renewals() {
    let schema = Schema::new().await;
    let url = schema.url_with("pool_size=1&lookup_pool_size=1&lock_timeout=20000&statement_timeout=20000");
    let store = Arc::new(PostgresStore::connect(&url).await.unwrap());
    let agent = Agent::new("acme", "agent-01", "ann");
    assert!(is_granted(&agent.claim(&*store).await.unwrap()));
    let mut other = schema.client().await;
    let lock = other.transaction().await.unwrap();
    lock.batch_execute("LOCK TABLE registry_spent").await.unwrap();
    let looks: Vec<_> = (0..20)
        .map(|_| {
            let (store, signature) = (Arc::clone(&store), agent.signature);
            tokio::spawn(async move { store.is_spent(&signature).await })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let renewed = tokio::time::timeout(Duration::from_secs(10), agent.renew(&*store)).await;
    assert!(renewed.unwrap().is_ok());
    lock.rollback().await.unwrap();
    for look in looks {
        assert_eq!(look.await.unwrap(), Ok(true));
    }
}

/// Connections that the server ended are replaced: what fails is at most what was under way, and it is transient.
#[tokio::test]
async fn broken_connections_are_replaced() {
    let schema = Schema::new().await;
    let url = schema.url_with(&format!("application_name={}", schema.name()));
    let store = PostgresStore::connect(&url).await.unwrap();
    let agent = Agent::new("acme", "agent-01", "ann");
    assert!(is_granted(&agent.claim(&store).await.unwrap()));
    for _ in 0..5 {
        let sql = format!(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = '{}'",
            schema.name()
        );
        assert!(schema.query_one(&sql).await.get::<_, i64>(0) > 0);
        let mut answers = Vec::new();
        for _ in 0..3 {
            answers.push(agent.renew(&store).await);
        }
        let failed: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().err()).collect();
        assert!(failed.len() <= 1 && failed.iter().all(|error| error.is_transient()), "{answers:?}");
    }
}

/// A dropped operation is done wholly or not at all, and leaves a connection that works.
#[tokio::test]
async fn a_dropped_operation_leaves_a_store_that_works() {
    let schema = Schema::new().await;
    let store = PostgresStore::connect(&schema.url_with("pool_size=1")).await.unwrap();
    for number in 0..100_u64 {
        let agent = Agent::new("acme", &format!("agent-{number:03}"), "ann");
        let _ = tokio::time::timeout(Duration::from_micros(number * 20), agent.claim(&store)).await;
        assert!(is_granted(&agent.claim(&store).await.unwrap()), "the same claim, asked for again");
    }
    assert_eq!(schema.row_counts().await, (100, 100));
}

/// A row that nobody could have written through this crate is reported, not repaired.
#[tokio::test]
async fn a_row_that_is_not_well_formed_is_corrupt() {
    let schema = Schema::new().await;
    let store = schema.store().await;
    let agent = Agent::new("acme", "agent-01", "ann");
    for change in ["owner = 'has blank'", "free_at = 'infinity'", "agent_type = ''"] {
        let again = Agent::new("acme", "agent-01", "ann");
        assert!(is_granted(&again.claim(&store).await.unwrap()));
        schema.execute(&format!("UPDATE registry_name SET {change}")).await;
        let error = store.lookup(&agent.scope, &agent.name).await.unwrap_err();
        assert_eq!(error, StoreError::Corrupt, "{change}");
        let _ = store.evict(&agent.scope, &agent.name).await.unwrap();
    }
}

/// Each session has what the contract needs, whatever the server's configuration says.
#[tokio::test]
async fn a_lax_server_is_made_strict() {
    let schema = Schema::new().await;
    let url = schema.url().replace(
        "options=",
        "options=-csynchronous_commit%3Doff%20-cdefault_transaction_isolation%3Dserializable%20",
    );
    let store = PostgresStore::connect(&url).await.unwrap();
    // The statement's own transaction tells what it ran under.
    let sql = "CREATE TABLE seen (isolation text, commit text);
        CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            INSERT INTO seen VALUES
                (current_setting('transaction_isolation'), current_setting('synchronous_commit'));
            RETURN NULL;
        END $$;
        CREATE TRIGGER see AFTER INSERT ON registry_name EXECUTE FUNCTION see()";
    schema.execute(sql).await;
    assert!(is_granted(&Agent::new("acme", "agent-01", "ann").claim(&store).await.unwrap()));
    let row = schema.query_one("SELECT isolation, commit FROM seen").await;
    assert_eq!((row.get(0), row.get(1)), ("read committed", "on"));
}
