//! What a registrar tells of its work: `docs/operations.md` lists every event and field. None holds a secret.

use core::time::Duration;
use std::error::Error as _;

use tokio::time::Instant;
use tracing::field::display;

use super::{RegisterError, Registered, Registration};
use crate::endpoint::Region;
use crate::policy::SignatureId;
use crate::registry::{StoreError, StoreFuture};
use crate::server::millis;

/// What subscribers filter by, wherever in the module an event is told.
const TARGET: &str = "sts_agent_name::registrar";

/// What is known of evidence once it has been read, whatever becomes of it.
pub(super) struct Evidence {
    pub(super) signature: SignatureId,
    pub(super) region: Region,
}

/// The audit event of a name given.
pub(super) fn registered(registration: Registration<'_>, registered: &Registered, took: Duration) {
    let Registration { agent_type, scope, .. } = registration;
    let Registered { name, lease_until, agent, .. } = registered;
    let owner = agent.as_ref().map(|agent| display(agent.owner()));
    let signature = agent.as_ref().map(|agent| display(agent.signature()));
    let region = agent.as_ref().map(|agent| display(agent.region()));
    let took_ms = millis(took);
    tracing::info!(
        target: TARGET,
        %agent_type, %scope, %name, owner, signature, region, %lease_until, took_ms,
        "claim granted"
    );
}

/// The audit event of a registration that came to no name.
pub(super) fn refused(
    registration: Registration<'_>,
    evidence: Option<&Evidence>,
    error: &RegisterError,
    took: Duration,
) {
    let Registration { agent_type, scope, .. } = registration;
    let (code, detail, took_ms) = (error.code(), error.source().map(display), millis(took));
    let signature = evidence.map(|evidence| display(evidence.signature));
    let region = evidence.map(|evidence| display(&evidence.region));
    tracing::warn!(
        target: TARGET,
        %agent_type, %scope, code, detail, signature, region, took_ms,
        "registration refused"
    );
}

/// Carries out one operation of the store and says how it went.
pub(super) async fn timed<T>(
    operation: &'static str,
    code: impl FnOnce(&T) -> &'static str,
    work: StoreFuture<'_, T>,
) -> Result<T, StoreError> {
    let start = Instant::now();
    let outcome = work.await;
    let took_ms = millis(start.elapsed());
    match &outcome {
        Ok(done) => {
            tracing::debug!(target: TARGET, operation, outcome = code(done), took_ms, "store answered");
        }
        Err(error) => tracing::warn!(target: TARGET, operation, %error, took_ms, "store failed"),
    }
    outcome
}
