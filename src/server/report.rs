//! What a verifier tells of its work: `docs/operations.md` lists every event and field. None holds a URL, a token or
//! a signature, and fields cost nothing where nobody listens.

use core::time::Duration;
use std::cell::LazyCell;
use std::error::Error as _;

use tracing::field::display;

use super::client::Reply;
use super::error::VerifyError;
use super::exchange::Exchange;
use super::instance_check::InstanceVerdict;
use crate::endpoint::Region;
use crate::policy::{SignatureId, VerifiedAgent};
use crate::presigned::PresignedUrl;

/// What subscribers filter by, wherever in the module an event is told.
const TARGET: &str = "sts_agent_name::server";

/// Milliseconds, with their fractions.
pub(crate) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// What is told of evidence that could be read, whatever becomes of it.
pub(crate) struct Evidence {
    pub(crate) signature: SignatureId,
    pub(crate) region: Region,
}

impl Evidence {
    pub(super) fn of(url: &PresignedUrl) -> Self {
        Self { signature: SignatureId::of(url.signature()), region: url.region().clone() }
    }
}

/// What the events about one exchange have in common.
pub(super) fn span(exchange: &Exchange<'_>) -> tracing::Span {
    let region = exchange.evidence().region();
    tracing::debug_span!(target: TARGET, "exchange", signature = %exchange.signature(), %region)
}

/// One attempt at STS, answered or not.
pub(super) fn asked(
    exchange: &Exchange<'_>,
    reply: &Result<Reply, VerifyError>,
    waited: Duration,
    took: Duration,
    in_flight: usize,
) {
    let (host, region) = (exchange.evidence().host(), exchange.evidence().region());
    let (waited_ms, took_ms) = (millis(waited), millis(took));
    match reply {
        Ok(reply) => {
            let status = reply.status();
            tracing::debug!(
                target: TARGET,
                host, %region, status, waited_ms, took_ms, in_flight,
                "STS answered"
            );
        }
        Err(error) => {
            let code = error.code();
            let detail = error.source().map(display);
            tracing::debug!(
                target: TARGET,
                host, %region, code, detail, waited_ms, took_ms, in_flight,
                "STS did not answer"
            );
        }
    }
}

/// What the operator's own check found.
pub(super) fn instance_checked(verdict: InstanceVerdict, took: Duration) {
    tracing::debug!(target: TARGET, ?verdict, took_ms = millis(took), "instance checked");
}

/// Connections opened before the first agent came.
pub(super) fn warmed_up(host: &str, opened: usize, failed: usize) {
    tracing::debug!(target: TARGET, host, opened, failed, "warmed up");
}

/// The audit event of a verified agent.
pub(super) fn verified(agent: &VerifiedAgent, took: Duration) {
    tracing::info!(
        target: TARGET,
        name = %agent.name(),
        owner = %agent.owner(),
        signature = %agent.signature(),
        region = %agent.region(),
        took_ms = millis(took),
        "agent verified"
    );
}

/// The audit event of a refusal. The evidence is read for it, again or for the first time, only if somebody listens:
/// a macro's fields are.
pub(super) fn refused(evidence: impl FnOnce() -> Option<Evidence>, error: &VerifyError, took: Duration) {
    let evidence = LazyCell::new(evidence);
    tracing::warn!(
        target: TARGET,
        code = error.code(),
        %error,
        detail = error.source().map(display),
        signature = evidence.as_ref().map(|evidence| display(evidence.signature)),
        region = evidence.as_ref().map(|evidence| display(&evidence.region)),
        took_ms = millis(took),
        "agent not verified"
    );
}
