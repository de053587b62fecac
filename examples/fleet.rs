//! A fleet on one machine: agents that register, renew and leave through four servers on one store and one local STS.
//! Nothing leaves the machine.
//!
//! ```text
//! cargo run --example fleet
//! cargo run --release --example fleet -- --agents 10000 --rate 300
//! cargo run --release --example fleet --features postgres -- --agents 10000 --rate 300 --store postgres://…
//! ```
//!
//! Every tenth instance has a second agent, such as a job that signs with the machine's credentials, which comes at any
//! moment: one of the two gets the name. Each agent registers at one server, renews at another and releases at a third.
//! The exit status is 0 only if no name was ever two agents' and each instance got its name.
//!
//! The local STS does TLS and checks each signature in this same process, so the figures are those of one machine that
//! is agents, servers and AWS at once: a floor for what servers alone can do.

use std::collections::{BTreeMap, HashSet};
use std::error::Error;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_credential_types::Credentials;
use sts_agent_name::agent::Presigner;
use sts_agent_name::registrar::{
    NameAssignment, NameRelease, NameSettings, RegisterError, Registered, Registrar, Registration,
};
use sts_agent_name::registry::{self, AgentType, Scope};
use sts_agent_name::server::Verifier;
use sts_agent_name::testing::{LocalSts, Principal};
use sts_agent_name::{AccountId, AgentName, Endpoint};
use time::OffsetDateTime;
use tokio::task::JoinSet;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

const SERVERS: usize = 4;
const ACCOUNT: &str = "123456789012";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
/// How long a name that was released is nobody's.
const HOLD: Duration = Duration::from_hours(1);
/// How often an agent tries to register before it gives up.
const ATTEMPTS: u32 = 20;

struct Options {
    agents: usize,
    /// Arrivals a second.
    rate: f64,
    store: Option<String>,
}

impl Options {
    fn read() -> Result<Self> {
        let mut options = Self { agents: 500, rate: 500.0, store: None };
        let mut arguments = std::env::args().skip(1);
        while let Some(name) = arguments.next() {
            let value = arguments.next().unwrap_or_default();
            match name.as_str() {
                "--agents" => options.agents = value.parse()?,
                "--rate" => options.rate = value.parse()?,
                "--store" => options.store = Some(value),
                _ => return Err("usage: fleet [--agents N] [--rate ARRIVALS_A_SECOND] [--store URL]".into()),
            }
        }
        Ok(options)
    }
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let options = Options::read()?;
    let folder = tempfile::tempdir()?;
    let store = match options.store {
        Some(url) => url,
        None => format!("sqlite://{}", folder.path().join("names.db").display()),
    };
    let sts = (0..options.agents).fold(LocalSts::builder(), |sts, number| sts.principal(principal(number)));
    let sts = sts.start().await?;
    let fleet = Arc::new(Fleet::new(servers(&sts, &store).await?, &store)?);

    let twins = options.agents / 10;
    println!("{} agents and {twins} twins, {SERVERS} servers, {}", options.agents, scheme(&store));
    let start = now();
    let mut random = fastrand::Rng::with_seed(6);
    let mut arrival = Duration::ZERO;
    let mut agents = JoinSet::new();
    for number in 0..options.agents {
        // Poisson: the time between two arrivals is distributed exponentially.
        arrival += Duration::from_secs_f64(-(1.0 - random.f64()).ln() / options.rate);
        agents.spawn(live(Arc::clone(&fleet), number, number, arrival));
        if number % 10 == 0 {
            let later = arrival + Duration::from_millis(random.u64(0..100));
            agents.spawn(live(Arc::clone(&fleet), number, number + 1, later));
        }
    }
    while let Some(ended) = agents.join_next().await {
        ended??;
    }
    Ok(fleet.report(start.elapsed(), options.agents))
}

/// One instance, as STS knows it. It has a key and a token of its own.
fn principal(number: usize) -> Principal {
    let (key, token, instance) = identity(number);
    Principal::assumed_role(&key, SECRET, &token, ACCOUNT, "ci-agent", &instance)
}

fn identity(number: usize) -> (String, String, String) {
    // Digits that a key ID has.
    let digits = format!("{number:o}").replace('0', "A").replace('1', "B");
    (
        format!("ASIAIOSFODNN{digits:A>8}"),
        format!("IQoJb3JpZ2luX2VjEXAMPLE{number}"),
        format!("i-0{number:016x}"),
    )
}

/// Each server has a verifier and connections to the store of its own; what is in memory alone has to be shared.
async fn servers(sts: &LocalSts, store: &str) -> Result<Vec<Registrar>> {
    let shared = if store == "memory:" { Some(registry::connect(store).await?) } else { None };
    let mut servers = Vec::new();
    for _ in 0..SERVERS {
        let names = match &shared {
            Some(names) => Arc::clone(names),
            None => registry::connect(store).await?,
        };
        let verifier = Verifier::builder().danger_stand_in(sts.addr(), sts.ca_pem()).build()?;
        // Before the first agent comes.
        verifier.warm_up(&Endpoint::global(), 16).await?;
        let server = Registrar::new(names, vec![verifier]);
        let accounts = vec![AccountId::parse(ACCOUNT)?];
        let roles = vec!["ci-agent".to_owned()];
        let assignment = NameAssignment::AwsSts { accounts, roles, name_template: None };
        server.set_agent_type(agent_type()?, NameSettings::new(assignment, NameRelease::After(HOLD))?)?;
        servers.push(server);
    }
    Ok(servers)
}

fn agent_type() -> Result<AgentType> {
    Ok(AgentType::parse("s1-linux")?)
}

/// What all agents share, and what is counted.
struct Fleet {
    servers: Vec<Registrar>,
    agent_type: AgentType,
    scope: Scope,
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    /// Milliseconds of each operation.
    times: BTreeMap<&'static str, Vec<f64>>,
    /// The codes that an agent gave up at, and those that it tried again after.
    refused: BTreeMap<&'static str, usize>,
    tried_again: BTreeMap<&'static str, usize>,
    working: HashSet<AgentName>,
    named: HashSet<AgentName>,
    duplicates: usize,
}

impl Fleet {
    fn new(servers: Vec<Registrar>, store: &str) -> Result<Self> {
        // A database that lives on has the names of an earlier run.
        let run = if store.starts_with("postgres") { now_utc().unix_timestamp_nanos() } else { 0 };
        let scope = Scope::parse(&format!("fleet-{run}"))?;
        Ok(Self { servers, agent_type: agent_type()?, scope, counts: Mutex::default() })
    }

    fn server(&self, number: usize) -> Result<&Registrar> {
        Ok(self.servers.get(number % SERVERS).ok_or("no such server")?)
    }

    fn count(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn took(&self, what: &'static str, since: Instant) {
        let took = since.elapsed().as_secs_f64() * 1e3;
        self.count(|counts| counts.times.entry(what).or_default().push(took));
    }

    /// Longer after each attempt, and never as long as the others.
    async fn pause(&self, error: &RegisterError, attempt: u32) {
        self.count(|counts| *counts.tried_again.entry(error.code()).or_default() += 1);
        let longest = Duration::from_millis(100 << attempt.min(5));
        tokio::time::sleep(longest.mul_f64(fastrand::f64())).await;
    }

    fn report(&self, took: Duration, instances: usize) -> ExitCode {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        for (what, times) in &mut counts.times {
            times.sort_by(f64::total_cmp);
            let at =
                |percent: usize| times.get((times.len() - 1) * percent / 100).copied().unwrap_or_default();
            let number = times.len();
            println!("{what:<16} {number:>6}   p50 {:>8.1} ms   p99 {:>8.1} ms", at(50), at(99));
        }
        let named = counts.named.len();
        println!("all of it        {:.1} s, {:.0} registrations a second", took.as_secs_f64(), {
            f64::from(u32::try_from(named).unwrap_or(u32::MAX)) / took.as_secs_f64()
        });
        for (what, codes) in [("refused", &counts.refused), ("tried again", &counts.tried_again)] {
            let codes: Vec<_> = codes.iter().map(|(code, number)| format!("{code} {number}")).collect();
            println!("{what:<16} {}", if codes.is_empty() { "nobody".to_owned() } else { codes.join(", ") });
        }
        println!("names            {named} of {instances}");
        println!("duplicate names  {}", counts.duplicates);
        println!(
            "peak memory      {}",
            peak_memory().map_or("unknown".to_owned(), |mib| format!("{mib} MiB"))
        );
        if counts.duplicates == 0 && named == instances { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// The life of one agent. `at` says which servers it meets.
async fn live(fleet: Arc<Fleet>, number: usize, at: usize, arrival: Duration) -> Result<()> {
    tokio::time::sleep(arrival).await;
    let Some(Registered { name, claim_id, .. }) = register(&fleet, number, at).await? else { return Ok(()) };
    let (agent_type, scope) = (&fleet.agent_type, &fleet.scope);
    for _ in 0..2 {
        // Once before it takes work, once in the middle of it.
        let server = fleet.server(at + 1)?;
        insist(&fleet, "renewed", || server.renew(agent_type, scope, &name, &claim_id)).await?;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    fleet.count(|counts| {
        counts.working.remove(&name);
    });
    let server = fleet.server(at + 2)?;
    insist(&fleet, "released", || server.release(agent_type, scope, &name, &claim_id)).await?;
    Ok(())
}

/// Asks until it is done, where that can help. Its lease gives an agent the time.
async fn insist<F>(fleet: &Fleet, what: &'static str, ask: impl Fn() -> F) -> Result<()>
where
    F: Future<Output = std::result::Result<OffsetDateTime, RegisterError>>,
{
    let start = now();
    for attempt in 1.. {
        match ask().await {
            Err(error) if attempt < ATTEMPTS && helps_to_wait(&error) => fleet.pause(&error, attempt).await,
            outcome => {
                outcome?;
                break;
            }
        }
    }
    fleet.took(what, start);
    Ok(())
}

/// Signs and asks, and does so again where that can help.
async fn register(fleet: &Fleet, number: usize, at: usize) -> Result<Option<Registered>> {
    let (key, token, _) = identity(number);
    let credentials = Credentials::new(key, SECRET, Some(token), None, "fleet");
    let presigner = Presigner::new(Endpoint::global());
    let start = now();
    for attempt in 1.. {
        let url = presigner.presign(&credentials, now_utc())?;
        let registration = Registration::new(&fleet.agent_type, &fleet.scope, url.expose());
        match fleet.server(at)?.register(registration).await {
            Ok(registered) => {
                fleet.took("registered", start);
                fleet.count(|counts| {
                    counts.duplicates += usize::from(!counts.working.insert(registered.name.clone()));
                    counts.named.insert(registered.name.clone());
                });
                return Ok(Some(registered));
            }
            Err(error) if attempt < ATTEMPTS && helps_to_wait(&error) => fleet.pause(&error, attempt).await,
            Err(error) => {
                fleet.count(|counts| *counts.refused.entry(error.code()).or_default() += 1);
                break;
            }
        }
    }
    Ok(None)
}

/// A 503 says so; and a URL that is spent is signed anew.
fn helps_to_wait(error: &RegisterError) -> bool {
    error.http_status() == 503 || matches!(error, RegisterError::AlreadySpent)
}

fn scheme(url: &str) -> &str {
    url.split(':').next().unwrap_or_default()
}

/// The most memory that this process has had, where the system says so.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? / 1024)
}

#[expect(clippy::disallowed_methods, reason = "how long something takes")]
fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "an agent has a clock")]
fn now_utc() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}
