//! What a verification holds while STS lets it wait, beside a bare request of the same client.

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

use apart::{Apart, client, policy, until};
use common::local::{agent, builder, presigned};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use sts_agent_name::Endpoint;
use sts_agent_name::testing::{Fault, LocalSts};
use tokio::task::JoinSet;

const COUNT: usize = 100;
const PATIENCE: Duration = Duration::from_mins(1);

/// The bytes that each of the requests holds once all of them have been read by STS.
fn each(sts: &LocalSts, request: impl Fn() -> RequestFuture) -> i64 {
    let client = client();
    let mut all = JoinSet::new();
    let before = sts.requests();
    let memory = allocation_counter::measure(|| {
        client.block_on(async {
            (0..COUNT).for_each(|_| drop(all.spawn(request())));
            until("all are asked about", || sts.requests() == before + COUNT).await;
        });
    });
    client.block_on(all.shutdown());
    memory.bytes_current / i64::try_from(COUNT).expect("few")
}

type RequestFuture = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

#[test]
fn a_waiting_verification_holds_little_more_than_a_waiting_request() {
    let apart = Apart::start(LocalSts::builder().principal(agent()));
    let sts = &apart.sts;
    sts.play(Fault::NeverAnswer);
    let text: Arc<str> = presigned(&Endpoint::global()).expose().into();

    let verifier = builder(sts).concurrency(COUNT, 0).timeout(PATIENCE).connect_timeout(PATIENCE);
    let (verifier, policy) = (Arc::new(verifier.build().expect("a verifier")), Arc::new(policy()));
    let verified = each(sts, || {
        let (verifier, policy, text) = (Arc::clone(&verifier), Arc::clone(&policy), text.to_string());
        Box::pin(async move { drop(verifier.verify(&text, &policy).await) })
    });

    let authority = reqwest::Certificate::from_pem(sts.ca_pem().as_bytes()).expect("a certificate");
    let bare = reqwest::Client::builder().http1_only().tls_backend_rustls().no_proxy().timeout(PATIENCE);
    let bare = bare.tls_certs_only([authority]).dns_resolver(Arc::new(Fixed(sts.addr()))).build();
    let bare = bare.expect("a client");
    let bare = each(sts, || {
        let (bare, text) = (bare.clone(), text.to_string());
        Box::pin(async move {
            let request = bare.get(url::Url::parse(&text).expect("a URL"));
            drop(request.header("accept", "text/xml").header("accept-encoding", "identity").send().await);
        })
    });

    println!("{verified} bytes beside {bare}");
    assert!(bare > 1_000, "{bare}: this shows nothing");
    assert!(verified <= bare + (16 << 10), "{verified} bytes beside {bare}");
}

struct Fixed(std::net::SocketAddr);

impl Resolve for Fixed {
    fn resolve(&self, _: Name) -> Resolving {
        let addresses: Addrs = Box::new(std::iter::once(self.0));
        Box::pin(std::future::ready(Ok(addresses)))
    }
}
