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
    in_flight: usize,
}

/// The right to run one exchange.
pub(crate) struct Permit<'a> {
    _running: SemaphorePermit<'a>,
    _admitted: SemaphorePermit<'a>,
}

impl Gate {
    pub(crate) fn new(in_flight: usize, waiting: usize) -> Self {
        let most = Semaphore::MAX_PERMITS;
        let in_flight = in_flight.clamp(1, most);
        let admitted = Semaphore::new(in_flight.saturating_add(waiting).min(most));
        Self { running: Semaphore::new(in_flight), admitted, in_flight }
    }

    /// How many exchanges run at this moment.
    pub(crate) fn running(&self) -> usize {
        self.in_flight.saturating_sub(self.running.available_permits())
    }

    pub(crate) async fn enter(&self) -> Result<Permit<'_>, Unavailable> {
        let admitted = self.admitted.try_acquire().map_err(|_| Unavailable::Busy)?;
        // Neither semaphore is ever closed.
        let running = self.running.acquire().await.map_err(|_| Unavailable::Busy)?;
        Ok(Permit { _running: running, _admitted: admitted })
    }
}
