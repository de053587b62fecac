//! A local STS on a thread of its own and a client that has the test's thread for itself: what one does is
//! neither waited for nor counted with the other.

#![allow(dead_code, reason = "each test file uses its own part of this module")]

use std::time::{Duration, Instant};

use sts_agent_name::policy::{Policy, VerifiedAgent};
use sts_agent_name::server::{Verifier, VerifyError};
use sts_agent_name::testing::{LocalSts, LocalStsBuilder};
use tokio::runtime::{Builder, Runtime};

use crate::common::local::{ACCOUNT, ROLE};

/// A running local STS and its thread.
pub(crate) struct Apart {
    pub(crate) sts: LocalSts,
    // Behind the server, which ends first.
    _thread: Runtime,
}

impl Apart {
    pub(crate) fn start(builder: LocalStsBuilder) -> Self {
        let thread = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let sts = thread.block_on(builder.start()).expect("a local STS");
        Self { sts, _thread: thread }
    }
}

/// How one verification went and what it took of the client's thread.
#[derive(Debug)]
pub(crate) struct Took {
    pub(crate) outcome: Result<VerifiedAgent, VerifyError>,
    pub(crate) time: Duration,
    /// The most bytes that were held at once, above what was held before.
    pub(crate) peak: u64,
}

/// One verification, all of whose work is done on this thread.
pub(crate) fn verify(client: &Runtime, verifier: &Verifier, evidence: &str) -> Took {
    let policy = policy();
    let mut outcome = None;
    let start = instant();
    let memory = allocation_counter::measure(|| {
        outcome = Some(client.block_on(verifier.verify(evidence, &policy)));
    });
    Took { outcome: outcome.expect("an outcome"), time: start.elapsed(), peak: memory.bytes_max }
}

pub(crate) fn client() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

pub(crate) fn policy() -> Policy {
    Policy::builder().account(ACCOUNT).role(ROLE).build().expect("a policy")
}

/// Waits for what another task is about to do.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let wait = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(20), wait).await;
    waited.unwrap_or_else(|_| panic!("it never happened: {what}"));
}

#[expect(clippy::disallowed_methods, reason = "how long something takes")]
pub(crate) fn instant() -> Instant {
    Instant::now()
}
