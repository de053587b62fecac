//! What a registrar tells of its work: `docs/operations.md` lists every event and field. None holds a secret.

use core::time::Duration;
use std::cell::LazyCell;
use std::error::Error as _;

use tokio::time::Instant;
use tracing::field::display;

use super::{RegisterError, Registered, Registration};
use crate::name::AgentName;
use crate::policy::Owner;
use crate::registry::{StoreError, StoreFuture};
use crate::server::{Evidence, millis};

/// What subscribers filter by, wherever in the module an event is told.
const TARGET: &str = "sts_agent_name::registrar";

/// Who asks for which name, once that is known: a proven agent has an owner.
pub(super) struct Claimant {
    pub(super) name: AgentName,
    pub(super) owner: Option<Owner>,
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

/// The audit event of a registration that came to no name. The evidence is read for it only if somebody listens.
pub(super) fn refused(
    registration: Registration<'_>,
    claimant: Option<&Claimant>,
    evidence: impl FnOnce() -> Option<Evidence>,
    error: &RegisterError,
    took: Duration,
) {
    let Registration { agent_type, scope, .. } = registration;
    let evidence = LazyCell::new(evidence);
    let free_at = match error {
        RegisterError::Taken { free_at } => Some(display(free_at)),
        _ => None,
    };
    tracing::warn!(
        target: TARGET,
        %agent_type,
        %scope,
        code = error.code(),
        %error,
        detail = error.source().map(display),
        name = claimant.map(|claimant| display(&claimant.name)),
        owner = claimant.and_then(|claimant| claimant.owner.as_ref()).map(display),
        free_at,
        signature = evidence.as_ref().map(|evidence| display(evidence.signature)),
        region = evidence.as_ref().map(|evidence| display(&evidence.region)),
        took_ms = millis(took),
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
