//! Many at once: in one process, in several, and on one signature.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use sts_agent_name::registry::{
    ClaimOutcome, NameStore, PostgresStore, ReleaseOutcome, RenewOutcome, StoreError,
};

use crate::agent::{Agent, LEASE, is_granted};
use crate::child::{Process, tell};
use crate::schema::Schema;

const PROCESSES: usize = 4;
const TASKS: usize = 64;
const NAMES: usize = 1000;
/// Each task claims every fourth name, for the sake of time.
const SHARE: usize = 4;
const SCOPE: &str = "acme";

/// 64 tasks in each of 4 processes claim the same 1,000 names, each name 64 times: each is granted once, and each
/// refusal names the moment at which the one claim ends.
#[tokio::test]
async fn each_of_a_thousand_names_is_granted_once_to_256_tasks() {
    let schema = Schema::new().await;
    let store = schema.store().await;
    let mut grants: HashMap<String, (String, String)> = HashMap::new();
    let mut refusals: Vec<(String, String)> = Vec::new();
    for line in run_children("claim_all", &schema).await {
        match line.split(' ').collect::<Vec<_>>()[..] {
            ["granted", name, owner, until] => {
                let before = grants.insert(name.to_owned(), (owner.to_owned(), until.to_owned()));
                assert_eq!(before, None, "{name} was granted twice");
            }
            ["taken", name, until] => refusals.push((name.to_owned(), until.to_owned())),
            _ => panic!("{line}"),
        }
    }
    assert_eq!(grants.len(), NAMES);
    assert_eq!(refusals.len(), (PROCESSES * TASKS / SHARE - 1) * NAMES);
    for (name, until) in refusals {
        assert_eq!(grants[&name].1, until, "{name} was refused for another claim than the one that stands");
    }
    let mut after = None;
    let mut rows = 0;
    loop {
        let page =
            store.list(&Agent::new(SCOPE, "any-name", "any").scope, after.as_ref(), 300).await.unwrap();
        for record in &page {
            let (owner, until) = &grants[record.name.as_str()];
            assert_eq!((record.owner.as_str(), &micros(record.free_at)), (owner.as_str(), until));
        }
        rows += page.len();
        let Some(last) = page.last() else { break };
        after = Some(last.name.clone());
    }
    assert_eq!(rows, NAMES);
    let thousand = i64::try_from(NAMES).unwrap();
    assert_eq!(schema.row_counts().await, (thousand, thousand), "a refused claim spends nothing");
}

/// What a child of the test above does.
pub(crate) async fn claim_all(url: &str, process: usize) {
    let store = Arc::new(PostgresStore::connect(url).await.unwrap());
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                // Half of the tasks go through the names together, the others start all over the place.
                let start = if task % (2 * SHARE) < SHARE { 0 } else { task * (NAMES / TASKS) };
                for step in 0..NAMES / SHARE {
                    let number = (start + step) * SHARE % NAMES + task % SHARE;
                    let name = format!("agent-{number:04}");
                    let agent = Agent::new(SCOPE, &name, &format!("{process}/{task}"));
                    match agent.claim(&*store).await.unwrap() {
                        ClaimOutcome::Granted { lease_until } => {
                            tell(&format!("granted {name} {} {}", agent.owner, micros(lease_until)));
                        }
                        ClaimOutcome::Taken { free_at } => tell(&format!("taken {name} {}", micros(free_at))),
                        other => panic!("{other:?}"),
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

/// Names that are claimed, renewed and given back all the time: by the database's clock no two have one at once.
#[tokio::test]
async fn names_that_come_and_go_are_never_held_by_two() {
    let schema = Schema::new().await;
    let _store = schema.store().await;
    let mut history: HashMap<String, Vec<(i128, i128)>> = HashMap::new();
    for line in run_children("come_and_go", &schema).await {
        let [name, from, to] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        history.entry(name.to_owned()).or_default().push((from.parse().unwrap(), to.parse().unwrap()));
    }
    assert_eq!(history.len(), BUSY_NAMES);
    let mut turns = 0;
    for (name, spans) in &mut history {
        spans.sort_unstable();
        turns += spans.len();
        for pair in spans.windows(2) {
            assert!(pair[0].1 <= pair[1].0, "{name} was held by two: {pair:?}");
        }
    }
    assert!(turns > BUSY_NAMES * PROCESSES, "only {turns} turns");
}

const BUSY_NAMES: usize = 8;

/// What a child of the test above does.
pub(crate) async fn come_and_go(url: &str, process: usize) {
    let store = Arc::new(PostgresStore::connect(url).await.unwrap());
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                for turn in 0..40 {
                    let name = format!("busy-name-{}", (task + turn) % BUSY_NAMES);
                    let agent = Agent::new(SCOPE, &name, &format!("{process}/{task}"));
                    let ClaimOutcome::Granted { lease_until } = agent.claim(&*store).await.unwrap() else {
                        continue;
                    };
                    assert!(matches!(agent.renew(&*store).await.unwrap(), RenewOutcome::Renewed { .. }));
                    let released = agent.release(&*store, Duration::ZERO).await.unwrap();
                    let ReleaseOutcome::Released { free_at } = released else { panic!("{released:?}") };
                    tell(&format!("{name} {} {}", micros(lease_until - LEASE), micros(free_at)));
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

async fn run_children(task: &'static str, schema: &Schema) -> Vec<String> {
    let url = schema.url_with("pool_size=6&lookup_pool_size=1&statement_timeout=60000&lock_timeout=60000");
    // The tables are there before the children are, or their first lines would differ from their others.
    let children = (0..PROCESSES).map(|number| {
        let mut child = Process::start(task, &url, number, &[]);
        tokio::task::spawn_blocking(move || {
            let lines: Vec<String> = child.lines().collect();
            child.finish();
            lines
        })
    });
    let mut lines = Vec::new();
    for child in children.collect::<Vec<_>>() {
        lines.append(&mut child.await.unwrap());
    }
    lines
}

/// One URL sent to two servers for two scopes at the same instant leaves one claim.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_signature_in_two_scopes_at_once_leaves_one_claim() {
    let schema = Schema::new().await;
    let (here, there) = (Arc::new(schema.store().await), Arc::new(schema.store().await));
    for round in 0..300 {
        let name = format!("agent-{round:04}");
        let one = Agent::new("acme", &name, "ann");
        let two = Agent { signature: one.signature, ..Agent::new("initech", &name, "ann") };
        let together = Arc::new(tokio::sync::Barrier::new(2));
        let claim = |agent: &Agent, store: &Arc<PostgresStore>| {
            let (agent, store, together) = (agent.clone(), Arc::clone(store), Arc::clone(&together));
            tokio::spawn(async move {
                together.wait().await;
                agent.claim(&*store).await.unwrap()
            })
        };
        let (first, second) = (claim(&one, &here), claim(&two, &there));
        let outcomes = [first.await.unwrap(), second.await.unwrap()];
        let granted = outcomes.iter().filter(|outcome| is_granted(outcome)).count();
        let spent = outcomes.iter().filter(|outcome| **outcome == ClaimOutcome::AlreadySpent).count();
        assert_eq!((granted, spent), (1, 1), "{outcomes:?}");
        let rows = (round + 1, round + 1);
        if round % 50 == 0 {
            assert_eq!(schema.row_counts().await, rows, "a refused claim leaves no row");
        }
    }
    assert_eq!(schema.row_counts().await, (300, 300));
}

/// Claims that sweep one another's names and signatures never wait in a circle: the server would notice within a second,
/// and it would come out as an error.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn claims_that_sweep_the_same_rows_never_deadlock() {
    let schema = Schema::new().await;
    let url = schema.url_with("statement_timeout=60000&lock_timeout=60000");
    let store = async || Arc::new(PostgresStore::connect(&url).await.unwrap());
    let stores = [store().await, store().await];
    let sql = "INSERT INTO registry_name
            SELECT 'acme', 'agent-' || lpad(n::text, 4, '0'), 's1', 'old', '', NULL, true, true, past, past
            FROM generate_series(0, 599) AS n, (SELECT now() - interval '1 day' AS past) AS past;
        INSERT INTO registry_spent
            SELECT sha256(n::text::bytea), '', now() - interval '1 day' FROM generate_series(0, 999) AS n";
    schema.execute(sql).await;
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let store = Arc::clone(&stores[task % 2]);
            tokio::spawn(async move {
                for step in 0..60 {
                    // Names that others sweep right now, and one that all want.
                    let number = if step % 8 == 0 { 5 } else { (step * 7 + task * 3) % 400 };
                    let name = format!("agent-{number:04}");
                    let agent = Agent::new("acme", &name, &format!("{task}"));
                    // A lease that is over soon, so that others sweep what this task has just claimed.
                    let lease = Duration::from_millis(if step % 2 == 0 { 150 } else { 300 });
                    let _ = agent.claim_for(&*store, lease).await?;
                }
                Ok::<(), StoreError>(())
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    let sql = "SELECT count(*) FROM registry_name WHERE owner = 'old'
        UNION ALL SELECT count(*) FROM registry_spent WHERE claim_hash = ''";
    for row in schema.client().await.query(sql, &[]).await.unwrap() {
        assert_eq!(row.get::<_, i64>(0), 0, "what was over before is swept");
    }
}

/// The tables stay as large as what is alive, whatever comes and goes.
#[tokio::test]
async fn the_tables_do_not_grow_with_what_is_over() {
    let schema = Schema::new().await;
    let (store, clock) = schema.store_with_clock().await;
    for round in 0..10 {
        for number in 0..100 {
            let agent = Agent::new("acme", &format!("agent-{round}-{number:03}"), "ann");
            assert!(is_granted(&agent.claim(&store).await.unwrap()));
        }
        let (names, spent) = schema.row_counts().await;
        assert!(names <= 200 && spent <= 200, "{names} names and {spent} signatures after {round} rounds");
        clock.shift(3_700_000_000).await;
    }
}

fn micros(moment: time::OffsetDateTime) -> String {
    (moment.unix_timestamp_nanos() / 1000).to_string()
}
