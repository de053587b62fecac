//! Verifications over keep-alive TLS, beside bare requests of the same client: see `benches/README.md`.
//!
//! ```text
//! cargo bench --bench wire                      # all of it
//! cargo bench --bench wire -- ratio 31          # one part, in so many rounds: ratio, added, callers, memory
//! cargo bench --bench wire -- profile           # verifications alone, for a profiler
//! ```

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench prints, and fails by panicking"
)]

mod stand_in;
mod way;

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use self::stand_in::{Sts, child};
use self::way::{Bare, Client, Verification};

const WARM: usize = 64;
/// What STS takes, where it takes something.
const PAUSE: Duration = Duration::from_millis(20);

fn main() {
    match std::env::var(child::MODE) {
        Ok(mode) if mode == "sts" => return stand_in::serve(),
        Ok(mode) => return hold_many(&mode),
        Err(_) => {}
    }
    let mut arguments = std::env::args().skip(1).filter(|text| !text.starts_with("--"));
    let part = arguments.next();
    let rounds = arguments.next().map_or(15, |text| text.parse().unwrap());
    let wanted = |name: &str| part.as_deref().is_none_or(|part| part == name);
    if part.as_deref() == Some("profile") {
        let sts = Sts::start(Some(Duration::ZERO));
        match rounds {
            0 => runtime().block_on(cost(&Bare::new(&sts, 1), 1, 40_000)),
            _ => runtime().block_on(cost(&Verification::new(&sts, 1), 1, 40_000)),
        };
    }
    if wanted("ratio") {
        ratio(rounds);
    }
    if wanted("added") {
        added();
    }
    if wanted("callers") {
        callers(rounds.min(5));
    }
    if wanted("memory") {
        memory();
    }
}

/// CPU of the client, one verification to one bare GET.
fn ratio(rounds: usize) {
    println!("callers  µs verified  µs bare  verified:bare (median, quarter, three quarters)  connections");
    for callers in [1, 64] {
        let (sts, client) = (Sts::start(Some(Duration::ZERO)), runtime());
        let (verified, bare) = (Verification::new(&sts, callers), Bare::new(&sts, callers));
        let count = if callers == 1 { 3_000 } else { 10_000 };
        let mut pairs = Vec::new();
        for round in 0..=rounds {
            let measure = |is_verified: bool| {
                if is_verified {
                    client.block_on(cost(&verified, callers, count)).0
                } else {
                    client.block_on(cost(&bare, callers, count)).0
                }
            };
            // Who goes first changes, too.
            let first = measure(round % 2 == 0);
            let second = measure(round % 2 != 0);
            let pair = if round % 2 == 0 { (first, second) } else { (second, first) };
            // The first round opens the connections.
            if round > 0 {
                pairs.push(pair);
            }
        }
        let ratios: Vec<f64> = pairs.iter().map(|(verified, bare)| verified / bare).collect();
        println!(
            "{callers:>7}  {:>11.1}  {:>7.1}  {:.3} ({:.3} to {:.3})  {}",
            quantile(pairs.iter().map(|it| it.0).collect(), 0.5),
            quantile(pairs.iter().map(|it| it.1).collect(), 0.5),
            quantile(ratios.clone(), 0.5),
            quantile(ratios.clone(), 0.25),
            quantile(ratios, 0.75),
            sts.ask("connections"),
        );
    }
}

/// What a verification takes beyond STS's own 20 ms, for a thousand agents that arrive within about a second.
fn added() {
    println!(
        "\n1,000 arrivals in a second, ms beyond STS's 20   p50     p99     max   handshakes after warm-up"
    );
    for round in 1..=3 {
        let (sts, client) = (Sts::start(Some(PAUSE)), runtime());
        let (verified, bare) = (Verification::new(&sts, WARM), Bare::new(&sts, WARM));
        client.block_on(async {
            let opened = verified.verifier.warm_up(&sts_agent_name::Endpoint::global(), WARM).await;
            assert_eq!(opened.expect("warm"), WARM);
            cost(&bare, WARM, WARM).await;
        });
        for name in ["verified", "bare"] {
            let before = sts.ask("connections");
            let times = client.block_on(async {
                match name {
                    "verified" => arrivals(verified.clone(), 1_000).await,
                    _ => arrivals(bare.clone(), 1_000).await,
                }
            });
            let at = |part| quantile(times.clone(), part) - PAUSE.as_secs_f64() * 1e3;
            println!(
                "  round {round}, {name:<40} {:>5.2}  {:>6.2}  {:>6.2}   {}",
                at(0.5),
                at(0.99),
                at(1.0),
                sts.ask("connections") - before
            );
        }
    }
}

/// Cost against the number of callers, all of them at once.
fn callers(rounds: usize) {
    println!("\ncallers  verified/s  bare/s  µs verified  µs bare  connections");
    for callers in [1, 4, 16, 64, 256, 1024] {
        let (sts, client) = (Sts::start(Some(Duration::ZERO)), runtime());
        let (verified, bare) = (Verification::new(&sts, 1024), Bare::new(&sts, 1024));
        let count = 12_000;
        client.block_on(cost(&verified, callers, callers));
        let connections = sts.ask("connections");
        let measured: Vec<_> = (0..rounds)
            .map(|_| {
                let verified = client.block_on(cost(&verified, callers, count));
                (verified, client.block_on(cost(&bare, callers, count)))
            })
            .collect();
        println!(
            "{callers:>7}  {:>10.0}  {:>6.0}  {:>11.1}  {:>7.1}  {connections}",
            quantile(measured.iter().map(|(it, _)| it.1).collect(), 0.5),
            quantile(measured.iter().map(|(_, it)| it.1).collect(), 0.5),
            quantile(measured.iter().map(|(it, _)| it.0).collect(), 0.5),
            quantile(measured.iter().map(|(_, it)| it.0).collect(), 0.5),
        );
    }
}

/// Resident memory of 10,000 requests that STS lets wait, each way in a process of its own.
fn memory() {
    const COUNT: u64 = 10_000;
    println!("\n{COUNT} waiting on STS, resident bytes of each");
    for mode in ["verified", "bare", "queued"] {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let output =
            command.env(child::MODE, format!("{mode} {COUNT}")).stderr(Stdio::inherit()).output().unwrap();
        assert!(output.status.success(), "{mode}");
        print!("{}", String::from_utf8(output.stdout).unwrap());
    }
}

/// In a child: as many requests as asked for, none of which is answered.
fn hold_many(mode: &str) {
    let (way, count) = mode.split_once(' ').unwrap();
    let count: usize = count.parse().unwrap();
    let (sts, client) = (Sts::start(None), runtime());
    let places = if way == "queued" { 1 } else { count };
    let (verified, bare) = (Verification::queued(&sts, places, count), Bare::new(&sts, places));
    let size = std::mem::size_of_val(&verified.verifier.verify("", &verified.policy));
    client.block_on(async {
        let before = resident();
        let mut all = JoinSet::new();
        for _ in 0..count {
            let (verified, bare) = (verified.clone(), bare.clone());
            // Each has the text of its own agent.
            let text = verified.text.to_string();
            if way == "bare" {
                all.spawn(async move { bare.once_with(&text).await });
            } else {
                all.spawn(async move { verified.once_with(&text).await });
            }
        }
        while sts.ask("requests") < places {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let each = (resident() - before) / u64::try_from(count).unwrap();
        println!("  {way:<9} {each:>7}   (the future of `verify` itself: {size})");
        all.abort_all();
    });
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Microseconds of this thread's CPU for each request, and requests a second.
async fn cost<C: Client>(way: &C, callers: usize, count: usize) -> (f64, f64) {
    let (cpu, start) = (cpu(), now());
    let each = count / callers;
    let all: JoinSet<()> = (0..callers)
        .map(|_| {
            let way = way.clone();
            async move {
                for _ in 0..each {
                    way.once().await;
                }
            }
        })
        .collect();
    all.join_all().await;
    let done = f64::from(u32::try_from(each * callers).unwrap());
    (self::cpu().saturating_sub(cpu).as_secs_f64() * 1e6 / done, done / start.elapsed().as_secs_f64())
}

/// The milliseconds that each of `count` Poisson arrivals, a thousand a second, took.
async fn arrivals<C: Client>(way: C, count: usize) -> Vec<f64> {
    let mut random = fastrand::Rng::with_seed(6);
    let mut at = Duration::ZERO;
    let all: JoinSet<f64> = (0..count)
        .map(|_| {
            at += Duration::from_secs_f64(-(1.0 - random.f64()).ln() / 1_000.0);
            let way = way.clone();
            async move {
                tokio::time::sleep(at).await;
                let start = now();
                way.once().await;
                start.elapsed().as_secs_f64() * 1e3
            }
        })
        .collect();
    all.join_all().await
}

#[expect(clippy::disallowed_methods, reason = "a bench reads the clock")]
fn now() -> Instant {
    Instant::now()
}

/// The CPU that this thread has used: the first number of `schedstat`, in nanoseconds.
fn cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux with schedstat");
    Duration::from_nanos(text.split_whitespace().next().unwrap().parse().unwrap())
}

/// The resident memory of this process, in bytes.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

fn quantile(mut figures: Vec<f64>, part: f64) -> f64 {
    figures.sort_by(f64::total_cmp);
    #[expect(
        clippy::as_conversions,
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "an index among a few thousand"
    )]
    let at = ((figures.len() - 1) as f64 * part).round() as usize;
    figures[at]
}
