//! The clock of the stores that have their own, and the unit of time that all of them write down.

use core::time::Duration;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;

use super::MAX_SPAN;
use super::rule::Micros;

/// Where a store's `now` comes from.
#[derive(Clone, Debug)]
pub(super) enum Clock {
    /// Wall time when the clock was made, monotonic since: a wall clock that is set changes no lease and no hold.
    Monotonic { at: Micros, since: Instant },
    /// The wall clock of the machine, which is all that the processes sharing a file have in common.
    #[allow(dead_code, reason = "for stores that outlive a process")]
    Wall,
    /// Moved by a test.
    #[cfg(feature = "testing")]
    Manual(ManualClock),
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "this is the store's own clock")]
    pub(super) fn monotonic() -> Self {
        Self::Monotonic { at: wall(), since: Instant::now() }
    }

    #[expect(clippy::disallowed_methods, reason = "this is the store's own clock")]
    pub(super) fn now(&self) -> Micros {
        match self {
            Self::Monotonic { at, since } => {
                at.saturating_add(micros(Instant::now().saturating_duration_since(*since)))
            }
            Self::Wall => wall(),
            #[cfg(feature = "testing")]
            Self::Manual(clock) => clock.micros(),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the store's own clock")]
fn wall() -> Micros {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, micros)
}

fn micros(span: Duration) -> Micros {
    Micros::try_from(span.as_micros()).unwrap_or(Micros::MAX)
}

/// `at + span`, the span cut to [`MAX_SPAN`].
pub(super) fn after(at: Micros, span: Duration) -> Micros {
    at.saturating_add(micros(span.min(MAX_SPAN)))
}

/// The moment for a caller. A moment that no calendar has can only come out of a row that somebody else wrote.
pub(super) fn moment(at: Micros) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(at).checked_mul(1000)?).ok()
}

/// A clock that stands still until it is moved, forwards or back. Its copies are one clock.
#[cfg(feature = "testing")]
#[derive(Clone, Debug)]
pub struct ManualClock(std::sync::Arc<std::sync::atomic::AtomicI64>);

#[cfg(feature = "testing")]
impl ManualClock {
    /// A clock that shows 2026-01-01T00:00:00Z.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "a clock for tests is asked for by name")]
    pub fn new() -> Self {
        const START: Micros = 1_767_225_600_000_000;
        Self(std::sync::Arc::new(START.into()))
    }

    /// Moves the clock forwards.
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(micros(by), std::sync::atomic::Ordering::SeqCst);
    }

    /// Sets the clock back.
    pub fn step_back(&self, by: Duration) {
        self.0.fetch_sub(micros(by), std::sync::atomic::Ordering::SeqCst);
    }

    /// What the clock shows.
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        moment(self.micros()).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }

    fn micros(&self) -> Micros {
        self.0.load(std::sync::atomic::Ordering::SeqCst)
    }
}
