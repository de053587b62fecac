//! When an agent registers, renews, and may work.

use core::time::Duration;
use std::time::Instant;

/// The longest pause before an agent without a name tries again.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// The longest pause after the first failure; doubled after each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// Keeps a registered name alive: says what an agent has to do next, and whether it may work.
///
/// It does nothing itself. The agent carries the requests over its own wire and tells what came of them, so any
/// HTTP client, runtime or thread will do, and so will a clock of a test.
///
/// The rules: register with new evidence; renew at a third of the lease; after a failure try again, with pauses
/// that grow and differ from agent to agent; **stop working when the lease has ended without a renewal**, since
/// the name may be another's by then; register anew when told `fenced`. A lease counts from when its request was
/// *sent*, so that it ends on the agent's clock no later than on the server's.
///
/// ```
/// use std::time::{Duration, Instant};
/// use sts_agent_name::agent::{NameKeeper, NextStep};
///
/// # #[expect(clippy::disallowed_methods, reason = "an agent has a clock")]
/// # fn main() {
/// let mut keeper = NameKeeper::new();
/// let sent = Instant::now();
/// assert_eq!(keeper.next(sent), NextStep::Register);
/// // … sign, send, and be told a name, a claim ID and a lease of three minutes
/// keeper.registered(sent, Duration::from_mins(3));
/// assert!(keeper.may_work(sent));
/// assert_eq!(keeper.next(sent), NextStep::Wait(sent + Duration::from_mins(1)));
/// assert_eq!(keeper.next(sent + Duration::from_mins(1)), NextStep::Renew);
/// // … the server answers `fenced`
/// keeper.fenced();
/// assert_eq!(keeper.next(sent + Duration::from_mins(1)), NextStep::Register);
/// # }
/// ```
///
/// [`Instant`] stands still while a machine sleeps: after a hibernation, renew before working on.
#[derive(Clone, Debug, Default)]
pub struct NameKeeper {
    lease: Option<Lease>,
    failures: u32,
    not_before: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Lease {
    /// When the request that began or renewed it was sent.
    since: Instant,
    length: Duration,
}

/// What an agent does next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum NextStep {
    /// Sign new evidence and register.
    Register,
    /// Renew the claim.
    Renew,
    /// Nothing until then.
    Wait(Instant),
}

impl NameKeeper {
    /// A keeper of an agent that has no name yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What there is to do at `now`.
    #[must_use]
    pub fn next(&self, now: Instant) -> NextStep {
        let (step, due) = match self.lease {
            None => (NextStep::Register, None),
            Some(Lease { since, length }) => (NextStep::Renew, since.checked_add(length / 3)),
        };
        // After a failure the pause says when; what is left of the lease cuts it short.
        let ends = self.works_until().filter(|ends| now < *ends);
        match self.not_before.or(due) {
            Some(due) if now < due => NextStep::Wait(ends.map_or(due, |ends| due.min(ends))),
            _ => step,
        }
    }

    /// Until when the name is certainly this agent's, unless the claim is renewed: a timer for this moment stops
    /// work in time, whatever request is still under way. `None` without a name.
    #[must_use]
    pub fn works_until(&self) -> Option<Instant> {
        self.lease.and_then(|lease| lease.since.checked_add(lease.length))
    }

    /// Whether the name is certainly this agent's at `now`. An agent starts no work while it is not, and stops
    /// what it does.
    #[must_use]
    pub fn may_work(&self, now: Instant) -> bool {
        self.lease.is_some_and(|lease| now.saturating_duration_since(lease.since) < lease.length)
    }

    /// The server gave a name for `lease` (a duration: the two clocks need not agree). `sent` is when the
    /// request went out.
    pub fn registered(&mut self, sent: Instant, lease: Duration) {
        *self = Self { lease: Some(Lease { since: sent, length: lease }), failures: 0, not_before: None };
    }

    /// The server renewed the claim. `sent` is when the request went out.
    pub fn renewed(&mut self, sent: Instant) {
        if let Some(lease) = self.lease {
            self.registered(sent, lease.length);
        }
    }

    /// The server said `fenced`, or the agent has released its name: the claim is over.
    pub fn fenced(&mut self) {
        *self = Self::new();
    }

    /// A request was refused for another reason, or was not answered. The name stays until the lease ends.
    pub fn failed(&mut self, now: Instant) {
        let longest = match self.lease {
            None => LONGEST_PAUSE,
            // So that several attempts fit into the two thirds of a lease that are left for them.
            Some(lease) => LONGEST_PAUSE.min(lease.length / 8),
        };
        let pause = FIRST_PAUSE.saturating_mul(1 << self.failures.min(16)).min(longest);
        self.failures = self.failures.saturating_add(1);
        // Between half and all of it: agents that failed together do not come back together.
        self.not_before = now.checked_add(pause.mul_f64(fastrand::f64().mul_add(0.5, 0.5)));
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;
    use std::time::Instant;

    use super::{LONGEST_PAUSE, NameKeeper, NextStep};

    const LEASE: Duration = Duration::from_mins(3);

    #[expect(clippy::disallowed_methods, reason = "a moment to count from")]
    fn start() -> Instant {
        Instant::now()
    }

    #[test]
    fn a_lease_counts_from_when_its_request_was_sent() {
        let (mut keeper, sent) = (NameKeeper::new(), start());
        assert!(!keeper.may_work(sent));
        keeper.registered(sent, LEASE);
        let last = LEASE.saturating_sub(Duration::from_nanos(1));
        assert!(keeper.may_work(sent + last) && !keeper.may_work(sent + LEASE));
        assert_eq!(keeper.works_until(), Some(sent + LEASE));
        keeper.renewed(sent + LEASE / 3);
        assert!(keeper.may_work(sent + LEASE));
        assert_eq!(keeper.next(sent + LEASE / 2), NextStep::Wait(sent + LEASE / 3 * 2));
    }

    #[test]
    fn an_agent_that_cannot_renew_tries_often_and_stops_in_time() {
        let (mut keeper, sent) = (NameKeeper::new(), start());
        keeper.registered(sent, LEASE);
        let (mut now, mut attempts) = (sent, 0);
        while keeper.may_work(now) {
            match keeper.next(now) {
                NextStep::Wait(until) => now = until,
                NextStep::Renew => {
                    attempts += 1;
                    keeper.failed(now);
                }
                NextStep::Register => panic!("it still has a name"),
            }
        }
        assert!((6..=30).contains(&attempts), "{attempts}");
        // It may come back: the server decides whether the name is still its own.
        keeper.renewed(now);
        assert!(keeper.may_work(now));
    }

    #[test]
    fn no_pause_goes_beyond_the_end_of_the_lease() {
        let (mut keeper, sent) = (NameKeeper::new(), start());
        keeper.registered(sent, LEASE);
        let late = sent + LEASE.saturating_sub(Duration::from_millis(1));
        for _ in 0..10 {
            keeper.failed(late);
            assert_eq!(keeper.next(late), NextStep::Wait(sent + LEASE));
        }
    }

    #[test]
    fn pauses_grow_up_to_a_limit_and_differ() {
        let (mut keeper, now) = (NameKeeper::new(), start());
        let mut pauses = Vec::new();
        for _ in 0..60 {
            keeper.failed(now);
            let NextStep::Wait(until) = keeper.next(now) else { panic!("no pause") };
            pauses.push(until - now);
        }
        assert!(pauses[0] <= Duration::from_secs(1) && pauses[0] >= Duration::from_millis(500));
        assert!(pauses.iter().all(|pause| *pause <= LONGEST_PAUSE));
        assert!(pauses[10..].iter().all(|pause| *pause >= LONGEST_PAUSE / 2));
        assert_ne!(pauses[58], pauses[59]);
    }

    #[test]
    fn whoever_is_fenced_registers_at_once_and_does_not_work() {
        let (mut keeper, now) = (NameKeeper::new(), start());
        keeper.registered(now, LEASE);
        keeper.failed(now);
        keeper.fenced();
        assert!(!keeper.may_work(now));
        assert_eq!(keeper.next(now), NextStep::Register);
        // An answer that comes late makes no name.
        keeper.renewed(now);
        assert!(!keeper.may_work(now));
    }
}
