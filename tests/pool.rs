//! Connections to STS: how many there are, and that the first agent finds one.
//!
//! `POOL_SECONDS=10` lets the callers go on for ten seconds.

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

use std::sync::Arc;
use std::time::Duration;

use apart::{Apart, client, instant, policy, until};
use common::local::{INSTANCE, agent, builder, presigned};
use sts_agent_name::server::{Unavailable, Verifier, VerifyError};
use sts_agent_name::testing::{Fault, LocalSts};
use sts_agent_name::{Endpoint, EndpointSet, Partition, Region};
use tokio::task::JoinSet;

const CALLERS: usize = 128;
/// Time for a whole crowd to shake hands. The pool gives a connection that is free to whoever waits for one, though a
/// handshake of its own is under way, and that one goes on: a cold start can open a few more than it needs where
/// answers come before the last handshake is done.
const COLD: Duration = Duration::from_secs(2);

async fn verify(verifier: &Verifier, text: &str) {
    let agent = verifier.verify(text, &policy()).await.expect("verified");
    assert_eq!(agent.name().as_str(), INSTANCE);
}

#[test]
fn as_many_callers_as_places_open_a_connection_each_and_no_more() {
    let apart = Apart::start(LocalSts::builder().principal(agent()));
    let builder = builder(&apart.sts).concurrency(CALLERS, 0).timeout(Duration::from_mins(1));
    let verifier = Arc::new(builder.build().expect("a verifier"));
    apart.sts.play_script(vec![Fault::Delay(COLD); CALLERS]);
    let text: Arc<str> = presigned(&Endpoint::global()).expose().into();
    let seconds = std::env::var("POOL_SECONDS").ok().map(|text| text.parse().expect("seconds"));
    let end = seconds.map(|seconds| instant() + Duration::from_secs(seconds));
    let client = client();
    let total: usize = client.block_on(async {
        let callers = (0..CALLERS).map(|_| {
            let (verifier, text) = (Arc::clone(&verifier), Arc::clone(&text));
            async move {
                let mut count = 0;
                while end.map_or(count < 10, |end| instant() < end) {
                    verify(&verifier, &text).await;
                    count += 1;
                }
                count
            }
        });
        callers.collect::<JoinSet<_>>().join_all().await.into_iter().sum()
    });
    assert_eq!(apart.sts.requests(), total);
    assert!(total >= CALLERS, "{total}");
    assert!(apart.sts.connections() <= CALLERS, "{} for {total} requests", apart.sts.connections());
    // And all of them are kept for the next burst.
    assert_eq!(apart.sts.open_connections(), apart.sts.connections());
}

/// A thousand agents within about a second, each when it likes; STS takes 20 ms.
#[test]
fn a_burst_after_a_warm_up_needs_no_handshake() {
    const AGENTS: usize = 1_000;
    const IN_FLIGHT: usize = 64;
    let apart = Apart::start(LocalSts::builder().principal(agent()));
    let sts = &apart.sts;
    let builder = builder(sts).concurrency(IN_FLIGHT, AGENTS).timeout(Duration::from_mins(1));
    let verifier = Arc::new(builder.build().expect("a verifier"));
    let text: Arc<str> = presigned(&Endpoint::global()).expose().into();
    sts.play_script(vec![Fault::Delay(COLD); IN_FLIGHT]);
    client().block_on(async {
        let opened = verifier.warm_up(&Endpoint::global(), IN_FLIGHT).await.expect("warm");
        assert_eq!((opened, sts.connections(), sts.requests()), (IN_FLIGHT, IN_FLIGHT, IN_FLIGHT));
        sts.play(Fault::Delay(Duration::from_millis(20)));
        let mut random = fastrand::Rng::with_seed(6);
        let mut at = Duration::ZERO;
        let agents = (0..AGENTS).map(|_| {
            // Poisson: the time between two arrivals is distributed exponentially.
            at += Duration::from_secs_f64(-(1.0 - random.f64()).ln() / 1_000.0);
            let (verifier, text) = (Arc::clone(&verifier), Arc::clone(&text));
            async move {
                tokio::time::sleep(at).await;
                verify(&verifier, &text).await;
            }
        });
        agents.collect::<JoinSet<_>>().join_all().await;
        assert_eq!((sts.connections(), sts.requests()), (IN_FLIGHT, IN_FLIGHT + AGENTS));
    });
}

#[test]
fn a_second_connection_resumes_the_session_of_the_first() {
    let apart = Apart::start(LocalSts::builder().principal(agent()));
    let sts = &apart.sts;
    let verifier = builder(sts).build().expect("a verifier");
    client().block_on(async {
        assert_eq!(verifier.warm_up(&Endpoint::global(), 1).await.expect("warm"), 1);
        assert_eq!((sts.connections(), sts.resumed()), (1, 0));
        // One is there already, one more is opened.
        assert_eq!(verifier.warm_up(&Endpoint::global(), 2).await.expect("warm"), 2);
        assert_eq!((sts.connections(), sts.resumed()), (2, 1));
        // A session belongs to its host.
        let tokyo = Endpoint::regional(&Region::parse("ap-northeast-1").expect("a region")).expect("a host");
        assert_eq!(verifier.warm_up(&tokyo, 1).await.expect("warm"), 1);
        assert_eq!((sts.connections(), sts.resumed()), (3, 1));
    });
}

#[test]
fn a_warm_up_keeps_to_the_places_that_there_are() {
    let apart = Apart::start(LocalSts::builder().principal(agent()));
    let sts = &apart.sts;
    let verifier = Arc::new(builder(sts).concurrency(2, 0).build().expect("a verifier"));
    let global = Endpoint::global();
    client().block_on(async {
        assert_eq!(verifier.warm_up(&global, 0).await.expect("nothing to do"), 0);
        assert_eq!(verifier.warm_up(&global, 100).await.expect("warm"), 2);
        assert_eq!((sts.connections(), sts.requests()), (2, 2));
        // What STS answers does not matter; the connection does.
        sts.play_once(Fault::Status(503));
        assert_eq!(verifier.warm_up(&global, 2).await.expect("warm"), 2);
        // One place is taken.
        sts.play(Fault::NeverAnswer);
        let text = presigned(&global);
        let (asking, evidence) = (Arc::clone(&verifier), text.expose().to_owned());
        let busy = tokio::spawn(async move { asking.verify(&evidence, &policy()).await.map(drop) });
        until("one is asked about", || sts.requests() == 5).await;
        sts.behave();
        assert_eq!(verifier.warm_up(&global, 2).await.expect("warm"), 1);
        busy.abort();
    });
}

#[test]
fn a_warm_up_goes_to_allowed_endpoints_by_their_own_authority() {
    let apart = Apart::start(LocalSts::builder().principal(agent()));
    let sts = &apart.sts;
    let region = Region::parse("us-east-1").expect("a region");
    let local = Endpoint::custom(&format!("localhost:{}", sts.addr().port()), region, Partition::Aws);
    let local = local.expect("an endpoint");
    let only =
        || Verifier::builder().endpoints(EndpointSet::of([local.clone()])).timeout(Duration::from_secs(5));
    client().block_on(async {
        let trusting = only().root_certificate(&local, sts.ca_pem()).build().expect("a verifier");
        let error = trusting.warm_up(&Endpoint::global(), 1).await.expect_err("not in the set");
        assert_eq!(error.code(), "endpoint_not_allowed");
        assert_eq!(sts.connections(), 0);
        assert_eq!(trusting.warm_up(&local, 3).await.expect("warm"), 3);
        assert_eq!(sts.requests(), 3);
        // Nobody else speaks for it.
        let other = only().build().expect("a verifier");
        let error = other.warm_up(&local, 3).await.expect_err("not trusted");
        assert!(matches!(error, VerifyError::Unavailable(Unavailable::Connect(_))), "{error:?}");
        assert_eq!(sts.requests(), 3);
    });
}
