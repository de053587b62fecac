//! Many tasks in several processes on one SQLite file: at once, and killed in the middle.
//!
//! The processes are this very test binary, told by a variable to be one. Each writes down what it was answered,
//! and the test reads the histories. With `REGISTRY_LONG=1` they take the full measure: 4 processes of 64 tasks on
//! 1,000 names, and 50 kills.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sts_agent_name::AgentName;
use sts_agent_name::registry::{
    AgentType, ClaimId, ClaimOutcome, ClaimRequest, ClaimState, NameOwner, NameStore, ReleaseOutcome,
    RenewOutcome, Scope, SqliteStore, StoreError, conformance,
};
use tempfile::TempDir;

/// Longer than any of this takes: no claim ends by itself, so no name may be granted twice.
const HOUR: Duration = Duration::from_hours(1);

fn long() -> bool {
    std::env::var_os("REGISTRY_LONG").is_some()
}

#[test]
fn each_name_is_granted_once_among_all_processes() {
    let (processes, tasks, names) = if long() { (4, 64, 1000) } else { (3, 16, 100) };
    let folder = TempDir::new().unwrap();
    // They start together, on a file that none of them has made yet.
    let began = now();
    let children: Vec<Child> = (0..processes)
        .map(|number| spawn(&format!("race {number} {tasks} {names}"), folder.path()))
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let took = now() - began;
    let histories: Vec<String> =
        (0..processes).map(|number| read(&folder.path().join(format!("{number}.log")))).collect();
    let events: Vec<Vec<&str>> =
        histories.iter().flat_map(|text| text.lines()).map(|it| it.split(' ').collect()).collect();
    assert_eq!(events.len(), processes * tasks * names, "every claim was answered");

    let mut holders = BTreeMap::new();
    for event in events.iter().filter(|event| event[1] == "granted") {
        let before = holders.insert(event[0], (event[2], micros(event[3])));
        assert_eq!(before, None, "{} was granted twice", event[0]);
    }
    assert_eq!(holders.len(), names, "every name was granted");
    for event in &events {
        let (holder, asked_at) = holders[event[0]];
        let shared = number_of(event[0]).is_multiple_of(8);
        match event[1] {
            "granted" => {}
            // Not before its holder had asked for it, and not to the holder itself.
            "taken" => assert!(!shared && holder != event[2] && asked_at <= micros(event[4]), "{event:?}"),
            "spent" => assert!(shared && holder != event[2] && asked_at <= micros(event[4]), "{event:?}"),
            other => panic!("{other}"),
        }
    }
    block_on(async {
        let store = SqliteStore::open(&folder.path().join("names.db")).await.unwrap();
        for (name, (holder, _)) in holders {
            let record = store.lookup(&scope(), &AgentName::parse(name).unwrap()).await.unwrap().unwrap();
            assert_eq!(record.owner.as_str(), holder);
        }
    });
    eprintln!("{} claims in {} ms", events.len(), took / 1000);
}

#[test]
fn a_killed_process_loses_nothing_that_it_was_answered() {
    let rounds: u64 = if long() { 50 } else { 3 };
    let folder = TempDir::new().unwrap();
    let mut held: BTreeMap<String, String> = BTreeMap::new();
    let mut renewals = 0;
    let mut releases = 0;
    for round in 0..rounds {
        let logs = [format!("{round}-a"), format!("{round}-b")];
        let mut children: Vec<Child> =
            logs.iter().map(|log| spawn(&format!("storm {log}"), folder.path())).collect();
        for (child, log) in children.iter_mut().zip(&logs) {
            let log = folder.path().join(format!("{log}.log"));
            while fs::metadata(&log).map_or(0, |it| it.len()) < 20_000 {
                assert_eq!(child.try_wait().unwrap(), None, "the storm ended by itself");
                std::thread::sleep(Duration::from_millis(1));
            }
            // Somewhere in the middle, a little elsewhere each time.
            std::thread::sleep(Duration::from_millis(round * 37 % 101));
            child.kill().unwrap();
            child.wait().unwrap();
        }
        for log in &logs {
            let history = History::read(&folder.path().join(format!("{log}.log")));
            renewals += history.renewed.len();
            releases += history.released.len();
            block_on(history.check(&folder.path().join("names.db")));
            for (owner, attempt) in history.granted {
                let before = held.insert(attempt.name.clone(), owner);
                assert_eq!(before, None, "{} was granted twice", attempt.name);
            }
        }
    }
    block_on(async {
        let store = SqliteStore::open(&folder.path().join("names.db")).await.unwrap();
        for (name, owner) in &held {
            let record = store.lookup(&scope(), &AgentName::parse(name).unwrap()).await.unwrap();
            assert_eq!(record.expect("a record of each claim").owner.as_str(), owner);
        }
    });
    eprintln!("{rounds} rounds: {} claims, {renewals} renewals, {releases} releases", held.len());
}

/// What one process of the storm wrote down before it was killed.
#[derive(Default)]
struct History {
    /// By owner, which is another for each attempt.
    tried: BTreeMap<String, Attempt>,
    granted: BTreeMap<String, Attempt>,
    renewed: BTreeSet<String>,
    releasing: BTreeSet<String>,
    released: BTreeSet<String>,
}

#[derive(Clone)]
struct Attempt {
    name: String,
    claim_id: ClaimId,
}

impl History {
    fn read(path: &Path) -> Self {
        let mut history = Self::default();
        let text = read(path);
        // The last line may be torn.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        for line in whole.lines() {
            match line.split(' ').collect::<Vec<_>>()[..] {
                ["try", owner, name, id] => {
                    let attempt = Attempt { name: name.to_owned(), claim_id: ClaimId::parse(id).unwrap() };
                    history.tried.insert(owner.to_owned(), attempt);
                }
                ["granted", owner] => {
                    let attempt = history.tried.remove(owner).unwrap();
                    history.granted.insert(owner.to_owned(), attempt);
                }
                ["refused", owner] => drop(history.tried.remove(owner).unwrap()),
                ["renewed", owner] => drop(history.renewed.insert(owner.to_owned())),
                ["releasing", owner] => drop(history.releasing.insert(owner.to_owned())),
                ["released", owner] => drop(history.released.insert(owner.to_owned())),
                _ => panic!("{line}"),
            }
        }
        assert!(!history.granted.is_empty());
        history
    }

    async fn check(&self, path: &Path) {
        let store = SqliteStore::open(path).await.unwrap();
        let free = AgentName::parse("nobody-asks-for-this").unwrap();
        for (owner, attempt) in &self.granted {
            let name = AgentName::parse(&attempt.name).unwrap();
            let record = store.lookup(&scope(), &name).await.unwrap().expect("a record of each claim");
            assert_eq!(record.owner.as_str(), owner);
            if self.released.contains(owner) {
                assert_eq!(record.state, ClaimState::Released);
            } else if self.renewed.contains(owner) {
                assert_ne!(record.state, ClaimState::Claimed);
            }
            assert_eq!(
                claim(&store, owner, &free, &ClaimId::generate().unwrap()).await,
                ClaimOutcome::AlreadySpent
            );
            let again = claim(&store, owner, &name, &attempt.claim_id).await;
            if record.state == ClaimState::Released {
                assert!(self.releasing.contains(owner));
                assert_eq!(again, ClaimOutcome::AlreadySpent);
            } else {
                assert!(matches!(again, ClaimOutcome::Granted { .. }), "{again:?}");
            }
        }
        // What was under way is done wholly or not at all.
        for (owner, attempt) in &self.tried {
            let name = AgentName::parse(&attempt.name).unwrap();
            let record = store.lookup(&scope(), &name).await.unwrap();
            let holds = record.is_some_and(|record| record.owner.as_str() == owner);
            assert_eq!(store.is_spent(&conformance::signature(owner)).await.unwrap(), holds);
        }
    }
}

/// One process of the two tests above. Without the variable this is no test.
#[test]
fn process() {
    let Ok(task) = std::env::var("REGISTRY_PROCESS") else { return };
    let folder = std::env::var("REGISTRY_FOLDER").unwrap();
    let words: Vec<&str> = task.split(' ').collect();
    let log = Path::new(&folder).join(format!("{}.log", words[1]));
    let log = Arc::new(File::options().create(true).append(true).open(log).unwrap());
    block_on(async {
        let store = Arc::new(SqliteStore::open(&Path::new(&folder).join("names.db")).await.unwrap());
        match words[..] {
            ["race", process, tasks, names] => {
                let names: usize = names.parse().unwrap();
                let tasks = (0..tasks.parse().unwrap()).map(|task: usize| {
                    let owner = format!("p{process}t{task}");
                    tokio::spawn(race(Arc::clone(&store), Arc::clone(&log), owner, task, names))
                });
                for task in tasks.collect::<Vec<_>>() {
                    task.await.unwrap();
                }
            }
            ["storm", process] => {
                let tasks = (0..8_u64).map(|task| {
                    let owner = format!("{process}t{task}");
                    tokio::spawn(storm(Arc::clone(&store), Arc::clone(&log), owner, task))
                });
                for task in tasks.collect::<Vec<_>>() {
                    task.await.unwrap();
                }
            }
            _ => panic!("{task}"),
        }
    });
}

/// Asks for each name once, in an order of its own.
async fn race(store: Arc<SqliteStore>, log: Arc<File>, owner: String, task: usize, names: usize) {
    for step in 0..names {
        let number = (step * 7919 + task * 131) % names;
        let name = AgentName::parse(&format!("agent-{number:04}")).unwrap();
        // All come with the same evidence for some names, each with its own for the others.
        let evidence = if number.is_multiple_of(8) { name.to_string() } else { format!("{owner}/{number}") };
        let id = ClaimId::generate().unwrap();
        let asked = now();
        let outcome = claim_as(&store, &owner, &evidence, &name, &id).await;
        let word = match outcome {
            ClaimOutcome::Granted { .. } => "granted",
            ClaimOutcome::Taken { .. } => "taken",
            _ => "spent",
        };
        (&*log).write_all(format!("{name} {word} {owner} {asked} {}\n", now()).as_bytes()).unwrap();
    }
}

/// Claims, renews and releases until it is killed.
async fn storm(store: Arc<SqliteStore>, log: Arc<File>, who: String, task: u64) {
    // Each line is one write, so a kill loses no line of what was answered before it.
    let note = |line: String| (&*log).write_all(line.as_bytes()).unwrap();
    let mut random = now() ^ (task << 32);
    for number in 0_u64.. {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let pick = random >> 33;
        let name = if pick & 0b1 == 0 { pick % 400 } else { pick % 1_000_000 };
        let (owner, name) =
            (format!("{who}n{number}"), AgentName::parse(&format!("agent-{name:06}")).unwrap());
        let id = ClaimId::generate().unwrap();
        note(format!("try {owner} {name} {}\n", id.expose()));
        let ClaimOutcome::Granted { .. } = claim(&store, &owner, &name, &id).await else {
            note(format!("refused {owner}\n"));
            continue;
        };
        note(format!("granted {owner}\n"));
        if pick & 0b110 != 0 {
            let renewed = again(|| store.renew(&SCOPE, &name, &id, HOUR, HOUR)).await;
            assert!(matches!(renewed, RenewOutcome::Renewed { .. }), "{renewed:?}");
            note(format!("renewed {owner}\n"));
        }
        if pick & 0b1_1000 == 0 {
            note(format!("releasing {owner}\n"));
            // Asked again after an error, it may find its own first attempt.
            let released = store.release(&SCOPE, &name, &id, HOUR).await;
            if let Ok(ReleaseOutcome::Released { .. }) = released {
                note(format!("released {owner}\n"));
            }
        }
    }
}

static SCOPE: std::sync::LazyLock<Scope> = std::sync::LazyLock::new(scope);

fn scope() -> Scope {
    Scope::parse("storm").unwrap()
}

async fn claim(store: &SqliteStore, owner: &str, name: &AgentName, id: &ClaimId) -> ClaimOutcome {
    claim_as(store, owner, owner, name, id).await
}

async fn claim_as(
    store: &SqliteStore,
    owner: &str,
    evidence: &str,
    name: &AgentName,
    id: &ClaimId,
) -> ClaimOutcome {
    let (owner, kind) = (NameOwner::parse(owner).unwrap(), AgentType::parse("s1-linux").unwrap());
    let signature = conformance::signature(evidence);
    let request = ClaimRequest::new(&SCOPE, name, &kind, &owner, id, HOUR).with_signature(&signature);
    again(|| store.claim(request)).await
}

/// Asks again while the store is busy, as a server would.
async fn again<T, F: Future<Output = Result<T, StoreError>>>(ask: impl Fn() -> F) -> T {
    for _ in 0..20 {
        match ask().await {
            Err(error) if error.is_transient() => tokio::time::sleep(Duration::from_millis(20)).await,
            other => return other.unwrap(),
        }
    }
    panic!("busy for too long");
}

fn spawn(task: &str, folder: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "process", "--nocapture"]).stdin(Stdio::null()).stdout(Stdio::null());
    command.env("REGISTRY_PROCESS", task).env("REGISTRY_FOLDER", folder).spawn().unwrap()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Microseconds on the clock that the processes share.
#[expect(clippy::disallowed_methods, reason = "the histories of several processes are put in order")]
fn now() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros()).unwrap()
}

fn micros(text: &str) -> u64 {
    text.parse().unwrap()
}

fn number_of(name: &str) -> usize {
    name.rsplit('-').next().unwrap().parse().unwrap()
}
