//! Connections that are there before the first agent is.

use core::future::poll_fn;
use core::task::Poll;

use tokio::time::{Instant, timeout_at};

use super::error::{Unavailable, VerifyError};
use super::{Reply, Verifier, report};
use crate::endpoint::Endpoint;
use crate::policy::Refusal;
use crate::presigned::InvalidUrl;

impl Verifier {
    /// Opens connections to an endpoint, so that the first agents do not wait for handshakes; says how many answered.
    ///
    /// On each goes one `GetCallerIdentity` that nobody signed, at once, through the same places as verifications and
    /// within the same [`timeout`](Self::timeout): never more than may be in flight. It holds no secret, and as nobody
    /// signed it, it names no account whose budget it could draw on. STS refuses it, and the connection is there.
    /// Call it at start, and go on if it fails: a verifier that was not warmed up opens connections when it needs them.
    ///
    /// A connection that nobody uses for 90 seconds is closed.
    ///
    /// ```no_run
    /// # async fn start() -> Result<(), Box<dyn std::error::Error>> {
    /// use sts_agent_name::server::Verifier;
    /// use sts_agent_name::{Endpoint, Region};
    ///
    /// let verifier = Verifier::builder().build()?;
    /// let frankfurt = Endpoint::regional(&Region::parse("eu-central-1")?)?;
    /// let opened = verifier.warm_up(&frankfurt, 32).await.unwrap_or_default();
    /// println!("{opened} connections");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`VerifyError::Refused`] for an endpoint that is not in this verifier's set; otherwise why a connection did
    /// not come about, if none did.
    pub async fn warm_up(&self, endpoint: &Endpoint, connections: usize) -> Result<usize, VerifyError> {
        if !self.endpoints.contains(endpoint.host()) {
            return Err(Refusal::Form(InvalidUrl::HostNotAllowed).into());
        }
        let deadline = Instant::now() + self.timeout;
        let (in_flight, _) = self.limits;
        let all = (0..connections.min(in_flight)).map(|_| timeout_at(deadline, self.greet(endpoint)));
        let late = |_| Err(VerifyError::Unavailable(Unavailable::Timeout));
        let answers = join(all).await.into_iter().map(|answer| answer.unwrap_or_else(late));
        let (answered, mut failed): (Vec<_>, Vec<_>) = answers.partition(Result::is_ok);
        report::warmed_up(endpoint.host(), answered.len(), failed.len());
        match failed.pop() {
            Some(error) if answered.is_empty() => error.map(|_| 0),
            _ => Ok(answered.len()),
        }
    }

    async fn greet(&self, endpoint: &Endpoint) -> Result<Reply, VerifyError> {
        let _permit = self.gate.enter().await.map_err(VerifyError::Unavailable)?;
        self.client.greet(endpoint).await
    }
}

/// Waits for all of a few futures.
async fn join<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut running: Vec<_> = futures.map(Box::pin).collect();
    let mut done = Vec::with_capacity(running.len());
    poll_fn(|context| {
        running.retain_mut(|future| match future.as_mut().poll(context) {
            Poll::Ready(output) => {
                done.push(output);
                false
            }
            Poll::Pending => true,
        });
        if running.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    done
}
