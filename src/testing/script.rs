//! Which fault is played next.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Fault;

/// A queue of faults, each played once, and behind it the one that is played from then on.
#[derive(Default)]
pub(super) struct Script(Mutex<Faults>);

#[derive(Default)]
struct Faults {
    next: VecDeque<Fault>,
    standing: Option<Fault>,
}

impl Script {
    pub(super) fn stand(&self, fault: Option<Fault>) {
        *self.faults() = Faults { next: VecDeque::new(), standing: fault };
    }

    pub(super) fn extend(&self, faults: impl IntoIterator<Item = Fault>) {
        self.faults().next.extend(faults);
    }

    /// What a new connection meets. A fault that needs a request stays in the queue.
    pub(super) fn for_connection(&self) -> Option<Fault> {
        let mut faults = self.faults();
        if faults.next.is_empty() {
            return faults.standing.clone().filter(Fault::is_before_tls);
        }
        faults.next.pop_front_if(|fault| fault.is_before_tls())
    }

    /// What a request meets.
    pub(super) fn for_request(&self) -> Option<Fault> {
        let mut faults = self.faults();
        faults.next.pop_front().or_else(|| faults.standing.clone())
    }

    fn faults(&self) -> MutexGuard<'_, Faults> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
