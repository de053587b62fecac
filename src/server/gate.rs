//! How much work is carried at once.

use tokio::sync::{Semaphore, SemaphorePermit};

use super::error::Unavailable;

/// Lets a number of exchanges run, a number of others wait, and turns the rest away at once.
///
/// A permit goes back when it is dropped, so a caller that drops its future leaves nothing behind.
#[derive(Debug)]
pub(crate) struct Gate {
    running: Semaphore,
    admitted: Semaphore,
}

/// The right to run one exchange.
pub(crate) struct Permit<'a> {
    _running: SemaphorePermit<'a>,
    _admitted: SemaphorePermit<'a>,
}

impl Gate {
    pub(crate) fn new(in_flight: usize, waiting: usize) -> Self {
        let most = Semaphore::MAX_PERMITS;
        let running = Semaphore::new(in_flight.clamp(1, most));
        Self { running, admitted: Semaphore::new(in_flight.max(1).saturating_add(waiting).min(most)) }
    }

    pub(crate) async fn enter(&self) -> Result<Permit<'_>, Unavailable> {
        let admitted = self.admitted.try_acquire().map_err(|_| Unavailable::Busy)?;
        // Neither semaphore is ever closed.
        let running = self.running.acquire().await.map_err(|_| Unavailable::Busy)?;
        Ok(Permit { _running: running, _admitted: admitted })
    }
}
