//! Many verifications at once, and callers that do not wait for theirs.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

#[path = "common/apart.rs"]
mod apart;
mod common;

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::{Duration, Instant};

use allocation_counter::AllocationInfo;
use apart::{Apart, client, instant, policy, until, verify};
use aws_credential_types::Credentials;
use common::local::{ACCOUNT, ROLE, SECRET, TOKEN, agent, builder, now, presigned};
use sts_agent_name::agent::Presigner;
use sts_agent_name::policy::{Policy, Refusal, VerifiedAgent};
use sts_agent_name::server::{Unavailable, Verifier, VerifyError};
use sts_agent_name::testing::{Fault, LocalSts, Principal};
use sts_agent_name::{AgentName, Endpoint};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

const IN_FLIGHT: usize = 64;
const CALLERS: usize = 2_000;
const DELAY: Duration = Duration::from_millis(200);

/// A text to verify, and the name or the code that must come of it.
struct Case {
    text: String,
    want: Result<AgentName, &'static str>,
}

/// Agents that differ in all that a reply says, so that a reply to another's question is noticed. Every tenth text
/// is forged.
fn agents() -> (Vec<Principal>, Vec<Case>) {
    let agent = |n: usize| {
        let letter = char::from(b'A' + u8::try_from(n / 2).expect("few agents"));
        let (key, token) = (format!("ASIAIOSFODNN7EXAMP{letter}{}", 2 + n % 2), format!("{TOKEN}{n}"));
        let instance = format!("i-0123456789abcd{n:03x}");
        let principal = Principal::assumed_role(&key, SECRET, &token, ACCOUNT, ROLE, &instance);
        let credentials = Credentials::new(key, SECRET, Some(token), None, "test");
        let url = Presigner::new(Endpoint::global()).presign(&credentials, now()).expect("signed");
        let (unsigned, signature) = url.expose().split_at(url.expose().len() - 64);
        let case = match n % 10 {
            9 => Case { text: format!("{unsigned}{}", "0".repeat(64)), want: Err("signature_rejected") },
            _ => Case {
                text: format!("{unsigned}{signature}"),
                want: Ok(AgentName::parse(&instance).expect("a name")),
            },
        };
        (principal, case)
    };
    (0..40).map(agent).unzip()
}

/// Puts `callers` verifications at once; each must come to what it must come to.
fn run(client: &Runtime, verifier: &Arc<Verifier>, cases: &[Case], callers: usize) -> AllocationInfo {
    let policy = Arc::new(policy());
    allocation_counter::measure(|| {
        client.block_on(async {
            let mut all = JoinSet::new();
            for n in 0..callers {
                let (verifier, policy) = (Arc::clone(verifier), Arc::clone(&policy));
                let text = cases[n % cases.len()].text.clone();
                all.spawn(async move { (n, verifier.verify(&text, &policy).await) });
            }
            let mut answered = 0;
            while let Some(done) = all.join_next().await {
                let (n, outcome) = done.expect("no panic");
                let got = outcome.map(|agent| agent.name().clone()).map_err(|error| error.code());
                assert_eq!(got, cases[n % cases.len()].want, "caller {n}");
                answered += 1;
            }
            assert_eq!(answered, callers);
        });
    })
}

#[test]
fn two_thousand_at_once_are_all_answered_and_never_more_than_64_asked() {
    let (principals, cases) = agents();
    let arrivals = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&arrivals);
    // The clock is read once for each request, when it has come in whole.
    let builder = LocalSts::builder().clock(move || {
        noted.lock().expect("no panic").push(instant());
        now()
    });
    let apart = Apart::start(
        principals.into_iter().fold(builder, sts_agent_name::testing::LocalStsBuilder::principal),
    );
    let sts = &apart.sts;
    sts.play(Fault::Delay(DELAY));
    let builder = common::local::builder(sts).concurrency(IN_FLIGHT, CALLERS - IN_FLIGHT);
    let verifier = Arc::new(builder.timeout(Duration::from_mins(2)).build().expect("a verifier"));
    let client = client();

    let memory = run(&client, &verifier, &cases, CALLERS);
    assert_eq!(sts.requests(), CALLERS);
    let most = most_within(DELAY, &arrivals.lock().expect("no panic"));
    // A reply is at least DELAY behind its request, so all these were under way at one moment.
    assert!(most <= IN_FLIGHT, "{most} at once");
    assert!(most > IN_FLIGHT / 2, "{most} at once: this shows nothing");
    // A connection is free a moment later than the place of its request, so a few more can be opened.
    assert!(sts.connections() <= 2 * IN_FLIGHT, "{} connections", sts.connections());
    // Text, future and parsed URL of each, and the buffers of the connections.
    assert!(memory.bytes_max < 16 << 20, "{memory:?}");

    // Each connection grows its buffers once more when it is used again; from then on nothing stays behind.
    sts.behave();
    run(&client, &verifier, &cases, CALLERS / 10);
    for _ in 0..2 {
        let memory = run(&client, &verifier, &cases, CALLERS / 10);
        assert!(memory.bytes_current < 64 << 10, "{memory:?}");
    }
    client.block_on(until("no more are kept than were used at once", || sts.open_connections() <= IN_FLIGHT));
    drop(verifier);
    client.block_on(until("no connection is left", || sts.open_connections() == 0));
}

/// The most of these moments, which are in order, that lie less than `span` apart.
fn most_within(span: Duration, moments: &[Instant]) -> usize {
    let count = |at: usize| moments[at..].iter().take_while(|it| **it - moments[at] < span).count();
    (0..moments.len()).map(count).max().unwrap_or_default()
}

#[test]
fn dropped_futures_leave_no_permit_and_no_connection_behind() {
    const WAITING: usize = 16;
    let apart = Apart::start(LocalSts::builder().principal(agent()));
    let sts = &apart.sts;
    let builder = builder(sts).concurrency(IN_FLIGHT, WAITING).timeout(Duration::from_mins(1));
    let verifier = Arc::new(builder.build().expect("a verifier"));
    let client = client();
    let mut random = fastrand::Rng::with_seed(7);
    sts.play(Fault::Delay(Duration::from_millis(5)));
    let (mut done, mut dropped) = (0, 0);
    for _ in 0..12 {
        let mut wave = JoinSet::new();
        client.block_on(async {
            for n in 0..IN_FLIGHT + WAITING {
                let verification = ask(&verifier);
                // Dropped after so many polls, or so much time.
                let (polls, time) = (random.usize(1..12), Duration::from_millis(random.u64(0..120)));
                wave.spawn(async move {
                    if n % 2 == 0 {
                        polled(verification, polls).await
                    } else {
                        tokio::time::timeout(time, verification).await.ok()
                    }
                });
            }
            while let Some(outcome) = wave.join_next().await {
                match outcome.expect("no panic") {
                    // As many as there are places: a busy answer would mean that one is lost.
                    Some(outcome) => drop((done += 1, outcome.expect("verified"))),
                    None => dropped += 1,
                }
            }
        });
    }
    assert!(done > 100 && dropped > 100, "{done} done, {dropped} dropped: this shows nothing");

    // Every place is there: 64 are asked about at once, 16 more wait, and the next is one too many.
    sts.play(Fault::NeverAnswer);
    client.block_on(async {
        until("what was dropped is closed", || sts.open_connections() <= IN_FLIGHT).await;
        let before = sts.requests();
        let mut all = JoinSet::new();
        (0..IN_FLIGHT + WAITING).for_each(|_| drop(all.spawn(ask(&verifier))));
        until("64 are asked about", || sts.requests() == before + IN_FLIGHT).await;
        let busy = at_once(ask(&verifier)).await.expect("an answer at once");
        assert_eq!(busy.map_err(|error| error.code()).err(), Some("busy"));
        // All callers go at once.
        all.shutdown().await;
        assert_eq!(sts.requests(), before + IN_FLIGHT, "what waited was not asked");
    });
    sts.behave();
    let took = verify(&client, &verifier, presigned(&Endpoint::global()).expose());
    took.outcome.expect("verified");
    drop(verifier);
    client.block_on(until("no connection is left", || sts.open_connections() == 0));
}

#[test]
fn a_full_queue_answers_busy_at_once_and_has_room_again() {
    let apart = Apart::start(LocalSts::builder().principal(agent()));
    apart.sts.play(Fault::NeverAnswer);
    let verifier = Arc::new(builder(&apart.sts).concurrency(2, 3).build().expect("a verifier"));
    client().block_on(async {
        let mut all: Vec<_> = (0..5).map(|_| Box::pin(ask(&verifier))).collect();
        for verification in &mut all {
            assert!(at_once(verification).await.is_none(), "it waits");
        }
        for _ in 0..3 {
            let error = at_once(ask(&verifier)).await.expect("an answer at once").expect_err("busy");
            assert!(matches!(error, VerifyError::Unavailable(Unavailable::Busy)), "{error:?}");
            assert_eq!((error.code(), error.http_status()), ("busy", 503));
        }
        // One that only waited goes: there is room for one, and not for two.
        drop(all.pop());
        all.push(Box::pin(ask(&verifier)));
        assert!(at_once(all.last_mut().expect("just pushed")).await.is_none(), "it waits");
        assert!(at_once(ask(&verifier)).await.is_some(), "busy");
    });
}

#[test]
fn waiting_counts_in_the_deadline() {
    let apart = Apart::start(LocalSts::builder().principal(agent()));
    apart.sts.play(Fault::NeverAnswer);
    let timeout = Duration::from_secs(1);
    let builder = builder(&apart.sts).concurrency(1, 10).timeout(timeout);
    let verifier = Arc::new(builder.build().expect("a verifier"));
    let start = instant();
    client().block_on(async {
        let mut all: JoinSet<_> = (0..5).map(|_| ask(&verifier)).collect();
        while let Some(outcome) = all.join_next().await {
            let error = outcome.expect("no panic").expect_err("no answer");
            assert!(matches!(error, VerifyError::Unavailable(Unavailable::Timeout)), "{error:?}");
        }
    });
    let took = start.elapsed();
    // One behind the other with a deadline each, they would take five seconds.
    assert!(took <= timeout.mul_f64(1.5) + Duration::from_secs(1), "{took:?}");
}

#[test]
fn evidence_that_ages_out_while_it_waits_is_refused_without_a_call() {
    let apart = Apart::start(LocalSts::builder().principal(agent()));
    let max_age = Duration::from_secs(2);
    let builder = || builder(&apart.sts).max_age(max_age).concurrency(1, 1).timeout(Duration::from_mins(1));
    let expired = |outcome: Result<VerifiedAgent, VerifyError>| {
        let error = outcome.expect_err("too old");
        assert!(matches!(error, VerifyError::Refused(Refusal::Expired { .. })), "{error:?}");
    };
    client().block_on(async {
        // For a place.
        let verifier = Arc::new(builder().build().expect("a verifier"));
        apart.sts.play(Fault::NeverAnswer);
        let mut first = Box::pin(ask(&verifier));
        assert!(at_once(&mut first).await.is_none(), "it has the one place");
        let second = tokio::spawn(ask(&verifier));
        let end = now() + max_age;
        until("the evidence is too old", || now() > end).await;
        drop(first);
        expired(second.await.expect("no panic"));
        assert_eq!(apart.sts.requests(), 0, "the first had not come to its request");

        // For as long as STS asks to wait.
        let verifier = Arc::new(builder().build().expect("a verifier"));
        apart.sts.play(Fault::Throttle { retry_after: Some(3) });
        expired(ask(&verifier).await);
        assert_eq!(apart.sts.requests(), 1);
    });
}

#[test]
fn a_process_that_stops_in_the_middle_leaves_nothing_behind() {
    let apart = Apart::start(LocalSts::builder().principal(agent()));
    let sts = &apart.sts;
    sts.play(Fault::NeverAnswer);
    let verifier = Arc::new(builder(sts).concurrency(IN_FLIGHT, 100).build().expect("a verifier"));
    let server = Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    server.block_on(async {
        (0..IN_FLIGHT + 100).for_each(|_| drop(tokio::spawn(ask(&verifier))));
        until("64 are asked about", || sts.requests() == IN_FLIGHT).await;
    });
    // Waits until no task runs any more, and would wait for ever for one that does not stop.
    drop(server);
    assert_eq!(Arc::strong_count(&verifier), 1, "no task is left");
    client().block_on(until("no connection is left", || sts.open_connections() == 0));
}

/// One verification of the one agent.
fn ask(
    verifier: &Arc<Verifier>,
) -> impl Future<Output = Result<VerifiedAgent, VerifyError>> + Send + 'static {
    let (verifier, policy): (_, Policy) = (Arc::clone(verifier), policy());
    let url = presigned(&Endpoint::global());
    async move { verifier.verify(url.expose(), &policy).await }
}

/// The output, if the future has it after one poll.
async fn at_once<F: Future>(future: F) -> Option<F::Output> {
    polled(future, 1).await
}

/// The output, if the future has it after so many polls.
async fn polled<F: Future>(future: F, polls: usize) -> Option<F::Output> {
    let (mut future, mut left) = (pin!(future), polls);
    poll_fn(|context| {
        let poll = future.as_mut().poll(context).map(Some);
        left -= 1;
        if left == 0 && poll.is_pending() { Poll::Ready(None) } else { poll }
    })
    .await
}
