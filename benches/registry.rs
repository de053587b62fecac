//! Claims a second in PostgreSQL, as ratios of one run: see `benches/README.md`.
//!
//! `cargo bench --features postgres --bench registry [seconds for each figure [names …]]`

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench prints, and fails by panicking"
)]

#[allow(dead_code, reason = "this file uses its own part of the module")]
#[path = "../tests/postgres/agent.rs"]
mod agent;
#[allow(dead_code, reason = "this file uses its own part of the module")]
#[path = "../tests/postgres/cluster.rs"]
mod cluster;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use sts_agent_name::registry::PostgresStore;
use tokio::sync::Barrier;
use tokio_postgres::{Client, NoTls};

use self::agent::{Agent, is_granted};
use self::cluster::Cluster;

const CLIENTS: [usize; 3] = [1, 16, 64];
const NAMES: [usize; 3] = [1_000, 100_000, 1_000_000];
/// How often each figure is taken, all of them in turn, so that what else the machine does falls on all.
const ROUNDS: usize = 5;
const SCOPE: &str = "acme";

/// What is measured. All of it claims names that are new, but for `Refused`.
#[derive(Clone, Copy)]
enum Way {
    /// This crate: name, spent signature and, in one of eight, a sweep; one statement.
    Granted,
    /// This crate, asked for a name that somebody has.
    Refused,
    /// One row, one insert.
    Floor,
    /// A lock for each organization, a count, an insert: four round trips in a transaction.
    Reference,
}

const WAYS: [Way; 4] = [Way::Granted, Way::Refused, Way::Floor, Way::Reference];

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|text| !text.starts_with("--"));
    let seconds = arguments.next().map_or(2.0, |text| text.parse().unwrap());
    let mut sizes: Vec<usize> = arguments.map(|text| text.parse().unwrap()).collect();
    if sizes.is_empty() {
        sizes = NAMES.to_vec();
    }
    let cluster = Cluster::start(&["max_connections=200", "shared_buffers=512MB", "max_wal_size=4GB"], &[]);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    println!(
        "names      clients  granted/s  refused/s    floor/s  reference/s  granted:reference  floor:granted  refused:granted"
    );
    for names in sizes {
        runtime.block_on(fill(&cluster, names));
        for clients in CLIENTS {
            let rounds: Vec<[f64; 4]> = (0..ROUNDS)
                .map(|_| WAYS.map(|way| runtime.block_on(measure(&cluster, way, clients, names, seconds))))
                .collect();
            let figure = |of: fn(&[f64; 4]) -> f64| median(rounds.iter().map(of).collect());
            println!(
                "{names:<10} {clients:>7}  {:>9.0}  {:>9.0}  {:>9.0}  {:>11.0}  {:>17.1}  {:>13.2}  {:>15.2}",
                figure(|it| it[0]),
                figure(|it| it[1]),
                figure(|it| it[2]),
                figure(|it| it[3]),
                figure(|it| it[0] / it[3]),
                figure(|it| it[2] / it[0]),
                figure(|it| it[1] / it[0]),
            );
        }
    }
}

/// As many names as asked for, in each of the three tables.
async fn fill(cluster: &Cluster, names: usize) {
    drop(PostgresStore::connect(&url(cluster, 1)).await.unwrap());
    let sql = format!(
        "CREATE TABLE IF NOT EXISTS floor (LIKE registry_name INCLUDING DEFAULTS, PRIMARY KEY (scope, name));
        CREATE TABLE IF NOT EXISTS reference (LIKE registry_name INCLUDING DEFAULTS, PRIMARY KEY (scope, name));
        TRUNCATE registry_name, registry_spent, floor, reference;
        INSERT INTO registry_name
            SELECT '{SCOPE}', 'there-' || lpad(n::text, 7, '0'), 's1-linux', 'somebody', sha256(n::text::bytea), NULL, true, false,
                now() + interval '1 day', now() + interval '1 day'
            FROM generate_series(1, {names}) AS n;
        INSERT INTO floor SELECT * FROM registry_name;
        INSERT INTO reference SELECT * FROM registry_name;"
    );
    let client = client(cluster).await;
    client.batch_execute(&sql).await.unwrap();
    client.batch_execute("VACUUM ANALYZE").await.unwrap();
    client.batch_execute("CHECKPOINT").await.unwrap();
}

/// Operations a second.
#[expect(clippy::disallowed_methods, reason = "a bench reads the clock")]
async fn measure(cluster: &Cluster, way: Way, clients: usize, names: usize, seconds: f64) -> f64 {
    let store = Arc::new(PostgresStore::connect(&url(cluster, clients)).await.unwrap());
    let mut workers = Vec::new();
    for _ in 0..clients {
        workers.push(Worker::new(cluster, way, Arc::clone(&store), names).await);
    }
    // The first ones make the connections and the plans. A claim has two plans, of which one is rarer.
    let first_steps = if matches!(way, Way::Granted | Way::Refused) { 32 } else { 1 };
    let (done, ready) = (Arc::new(AtomicUsize::new(0)), Arc::new(Barrier::new(clients + 1)));
    let tasks: Vec<_> = workers
        .into_iter()
        .map(|worker| {
            let (done, ready) = (Arc::clone(&done), Arc::clone(&ready));
            tokio::spawn(async move {
                for _ in 0..first_steps {
                    worker.step().await;
                }
                ready.wait().await;
                let end = Instant::now() + Duration::from_secs_f64(seconds);
                while Instant::now() < end {
                    worker.step().await;
                    done.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    ready.wait().await;
    let start = Instant::now();
    for task in tasks {
        task.await.unwrap();
    }
    let elapsed = start.elapsed().as_secs_f64();
    // As many names as before, for whatever comes next.
    let sql = "DELETE FROM registry_name WHERE owner <> 'somebody'; DELETE FROM registry_spent;
        DELETE FROM floor WHERE owner <> 'somebody'; DELETE FROM reference WHERE owner <> 'somebody'";
    let client = client(cluster).await;
    client.batch_execute(sql).await.unwrap();
    for table in ["registry_name", "registry_spent", "floor", "reference"] {
        client.batch_execute(&format!("VACUUM {table}")).await.unwrap();
    }
    f64::from(u32::try_from(done.load(Ordering::Relaxed)).unwrap()) / elapsed
}

struct Worker {
    way: Way,
    store: Arc<PostgresStore>,
    names: usize,
    client: Client,
    insert: tokio_postgres::Statement,
}

impl Worker {
    async fn new(cluster: &Cluster, way: Way, store: Arc<PostgresStore>, names: usize) -> Self {
        let client = client(cluster).await;
        let table = if matches!(way, Way::Reference) { "reference" } else { "floor" };
        let insert = format!(
            "INSERT INTO {table} VALUES ('{SCOPE}', $1, 's1-linux', 'me', $2, NULL, false, false, now(), now())"
        );
        let insert = client.prepare(&insert).await.unwrap();
        Self { way, store, names, client, insert }
    }

    async fn step(&self) {
        let agent = Agent::new(SCOPE, "agent-01", "me");
        let name = format!("new-{}", agent.seed);
        let claim_id = agent.claim_id.fingerprint();
        match self.way {
            Way::Granted => {
                let agent = Agent { name: name.parse().unwrap(), ..agent };
                assert!(is_granted(&agent.claim(&*self.store).await.unwrap()));
            }
            Way::Refused => {
                let number = usize::from(claim_id[0]) * 256 + usize::from(claim_id[1]);
                let name = format!("there-{:07}", number % self.names + 1);
                let agent = Agent { name: name.parse().unwrap(), ..agent };
                assert!(!is_granted(&agent.claim(&*self.store).await.unwrap()));
            }
            Way::Floor => {
                self.client.execute(&self.insert, &[&name, &claim_id.as_slice()]).await.unwrap();
            }
            Way::Reference => {
                self.client.batch_execute("BEGIN").await.unwrap();
                let lock = format!("SELECT pg_advisory_xact_lock(hashtext('{SCOPE}'))");
                self.client.batch_execute(&lock).await.unwrap();
                let count = format!("SELECT count(*) FROM reference WHERE scope = '{SCOPE}'");
                self.client.batch_execute(&count).await.unwrap();
                self.client.execute(&self.insert, &[&name, &claim_id.as_slice()]).await.unwrap();
                self.client.batch_execute("COMMIT").await.unwrap();
            }
        }
    }
}

fn url(cluster: &Cluster, pool: usize) -> String {
    format!("{}?sslmode=disable&pool_size={pool}&lookup_pool_size=1&statement_timeout=60000", cluster.url())
}

async fn client(cluster: &Cluster) -> Client {
    let (client, connection) = tokio_postgres::connect(&cluster.url(), NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
