//! Which seconds have been signed.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use time::{Duration, OffsetDateTime, UtcOffset};

/// How far ahead a signing second may be taken; a verifier allows as much skew.
const AHEAD: i64 = 60;
/// How many seconds are remembered: more than fit into the window that is searched.
const REMEMBERED: usize = 256;

/// Hands out each second once.
#[derive(Default)]
pub(super) struct UsedSeconds(Mutex<VecDeque<i64>>);

impl UsedSeconds {
    /// The first second from `now` on that was not handed out before; `None` if the next minute is used up.
    pub(super) fn take(&self, now: OffsetDateTime) -> Option<OffsetDateTime> {
        let mut used = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let this = now.unix_timestamp();
        let ahead = (0..=AHEAD).find(|ahead| !used.contains(&this.saturating_add(*ahead)))?;
        if used.len() == REMEMBERED {
            used.pop_front();
        }
        used.push_back(this.saturating_add(ahead));
        now.to_offset(UtcOffset::UTC).replace_nanosecond(0).ok()?.checked_add(Duration::seconds(ahead))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use time::{Duration, OffsetDateTime};

    use super::UsedSeconds;

    #[test]
    fn no_second_is_handed_out_twice() {
        let seconds = UsedSeconds::default();
        let start = OffsetDateTime::UNIX_EPOCH + Duration::days(20_000) + Duration::milliseconds(750);
        let mut seen = HashSet::new();
        for step in 0..400 {
            // The clock goes on by a second for every second call, and once it goes back.
            let now = start + Duration::seconds(step / 2 - if step > 200 { 5 } else { 0 });
            let Some(taken) = seconds.take(now) else { continue };
            assert!(seen.insert(taken), "{taken} twice");
            assert_eq!(taken.nanosecond(), 0);
            assert!((taken - now).whole_seconds() <= 60);
        }
        assert!(seen.len() > 200);
    }

    #[test]
    fn a_used_up_minute_is_said() {
        let seconds = UsedSeconds::default();
        let now = OffsetDateTime::UNIX_EPOCH;
        assert_eq!((0..70).filter_map(|_| seconds.take(now)).count(), 61);
        assert!(seconds.take(now + Duration::seconds(1)).is_some());
    }
}
