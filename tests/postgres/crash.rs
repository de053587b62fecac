//! What is left when something is killed in the middle of a storm of claims.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sts_agent_name::registry::{ClaimId, ClaimOutcome, NameStore, PostgresStore, RenewOutcome};

use crate::agent::{Agent, is_granted};
use crate::child::{Process, tell};
use crate::cluster::Cluster;
use crate::crash_rounds;
use crate::schema::Schema;

const TASKS: usize = 16;
const SCOPE: &str = "acme";

/// Two servers claim the same names and one of them is killed: whatever it was told stands, no name went to both, and
/// no signature that was spent is good for another claim.
#[tokio::test]
async fn a_server_killed_in_a_storm_of_claims_loses_none() {
    let schema = Schema::new().await;
    let store = schema.store().await;
    for round in 0..crash_rounds() {
        let environment = [("REGISTRY_TEST_ROUND", &*round.to_string())];
        let mut children = [0, 1].map(|number| Process::start("storm", &schema.url(), number, &environment));
        let [victim, survivor] = &mut children;
        let heard = [read_grants(victim), read_grants(survivor)];
        // Some way into the storm, at another moment in each round.
        let granted = || heard.iter().map(|(_, count)| count.load(Ordering::Relaxed)).sum::<usize>();
        wait_for(|| granted() > 50 + 11 * (round % 10)).await;
        victim.kill();
        tokio::time::sleep(Duration::from_millis(20)).await;
        survivor.kill();
        let mut grants = Vec::new();
        for (reader, _) in heard {
            grants.append(&mut reader.await.unwrap());
        }
        assert!(grants.len() > 50, "only {} grants", grants.len());
        check(&store, &grants).await;
    }
}

/// What a child of the test above does, until it is killed.
pub(crate) async fn storm(url: &str, number: usize) {
    let store = Arc::new(PostgresStore::connect(url).await.unwrap());
    let round = std::env::var("REGISTRY_TEST_ROUND").unwrap();
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let (store, round) = (Arc::clone(&store), round.clone());
            tokio::spawn(async move {
                for step in 0_usize.. {
                    let name = format!("agent-{round}-{task}-{step}");
                    let agent = Agent::new(SCOPE, &name, &number.to_string());
                    if is_granted(&agent.claim(&*store).await.unwrap()) {
                        tell(&format!("{name} {number} {} {}", agent.claim_id.expose(), agent.seed));
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

type Grants = tokio::task::JoinHandle<Vec<Agent>>;

/// Reads what a child was granted, and counts it while it runs.
fn read_grants(child: &mut Process) -> (Grants, Arc<AtomicUsize>) {
    let lines = child.lines();
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    let reader = tokio::task::spawn_blocking(move || {
        let grants = lines.map(|line| {
            counter.fetch_add(1, Ordering::Relaxed);
            let [name, owner, claim_id, seed] = line.split(' ').collect::<Vec<_>>()[..] else {
                panic!("{line}")
            };
            Agent::with(SCOPE, name, owner, ClaimId::parse(claim_id).unwrap(), seed.to_owned())
        });
        grants.collect()
    });
    (reader, count)
}

/// The server itself is killed under a storm, with all of its processes, and started again: no claim that was answered
/// is lost, none is doubled, no signature comes back, and the clients go on by themselves.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_killed_in_a_storm_of_claims_loses_none() {
    let mut cluster = Cluster::start(&["shared_buffers=16MB"], &[]);
    let url = format!("{}?sslmode=disable&pool_size=4&statement_timeout=2000", cluster.url());
    // Two servers, with pools of their own, that stay as they are through every crash.
    let client = async || Arc::new(PostgresStore::connect(&url).await.unwrap());
    let clients = [client().await, client().await];
    for round in 0..crash_rounds() {
        let storm = Storm::start(&clients, round);
        wait_for(|| storm.granted() > 50 + 11 * (round % 10)).await;
        cluster.kill();
        let at_the_crash = storm.granted();
        tokio::time::sleep(Duration::from_millis(30)).await;
        cluster.restart();
        wait_for(|| storm.granted() > at_the_crash + 50).await;
        let grants = storm.stop().await;
        check(&clients[0], &grants).await;
        // The look-ups have connections of their own, which broke as well.
        let mut spent = Err(sts_agent_name::registry::StoreError::Busy);
        for _ in 0..5 {
            spent = clients[1].is_spent(&grants[0].signature).await;
            if spent.is_ok() {
                break;
            }
        }
        assert_eq!(spent, Ok(true));
    }
}

/// Tasks that claim one name after the other, through whatever happens.
struct Storm {
    tasks: Vec<tokio::task::JoinHandle<()>>,
    ended: Arc<AtomicBool>,
    grants: Arc<Mutex<Vec<Agent>>>,
}

impl Storm {
    fn start(clients: &[Arc<PostgresStore>], round: usize) -> Self {
        let (ended, grants) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let tasks = (0..TASKS).map(|task| {
            let store = Arc::clone(&clients[task % clients.len()]);
            let (ended, grants) = (Arc::clone(&ended), Arc::clone(&grants));
            tokio::spawn(async move {
                for step in 0_usize.. {
                    // Each name is wanted by two tasks, one at each server.
                    let name = format!("agent-{round}-{}-{step}", task / 2);
                    let agent = Agent::new(SCOPE, &name, &format!("{task}"));
                    // An error says nothing about the claim: it is asked again under the same claim id.
                    let outcome = loop {
                        match agent.claim(&*store).await {
                            Ok(outcome) => break outcome,
                            Err(error) => assert!(error.is_transient(), "{error:?}"),
                        }
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    };
                    if is_granted(&outcome) {
                        grants.lock().unwrap().push(agent);
                    } else {
                        assert!(matches!(outcome, ClaimOutcome::Taken { .. }), "{outcome:?}");
                    }
                    if ended.load(Ordering::Relaxed) {
                        return;
                    }
                }
            })
        });
        Self { tasks: tasks.collect(), ended, grants: Arc::clone(&grants) }
    }

    fn granted(&self) -> usize {
        self.grants.lock().unwrap().len()
    }

    async fn stop(self) -> Vec<Agent> {
        self.ended.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.unwrap();
        }
        std::mem::take(&mut self.grants.lock().unwrap())
    }
}

/// Whether all that was granted stands, once, with its signature spent.
async fn check(store: &PostgresStore, grants: &[Agent]) {
    let mut holders: HashMap<&str, &Agent> = HashMap::new();
    let signatures: HashSet<&str> = grants.iter().map(|agent| &*agent.seed).collect();
    assert_eq!(signatures.len(), grants.len());
    for agent in grants {
        let other = holders.insert(agent.name.as_str(), agent);
        assert!(other.is_none(), "{} has two holders: {} and {other:?}", agent.name, agent.owner);
    }
    for agent in grants {
        let elsewhere = Agent { signature: agent.signature, ..Agent::new("initech", "agent-01", "eve") };
        let again = elsewhere.claim(store).await.unwrap();
        assert_eq!(again, ClaimOutcome::AlreadySpent, "the signature of {} is good again", agent.name);
        let renewed = agent.renew(store).await.unwrap();
        assert!(matches!(renewed, RenewOutcome::Renewed { .. }), "the claim of {} is lost", agent.name);
    }
}

/// Waits, with a deadline, for something that happens elsewhere.
async fn wait_for(mut happened: impl FnMut() -> bool) {
    for _ in 0..6000 {
        if happened() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it did not happen within 30 seconds");
}
