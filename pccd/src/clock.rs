//! The two clocks: the calendar's, which anybody may set, and one that only
//! goes on. Nobody but the loop asks them; time comes in as an argument.

use std::time::{Duration, Instant};

use crate::record::{self, Time, until};

/// A moment by both clocks.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// For people, names, and what outlives the process.
    pub time: Time,
    pub instant: Instant,
}

/// How a moment is asked for.
pub type Clock = fn() -> Now;

pub fn system() -> Now {
    Now { time: record::now(), instant: Instant::now() }
}

impl Now {
    /// When it will be that time of the calendar, at most so far off: the
    /// calendar may have been set back since.
    pub fn deadline(self, at: Time, most: Duration) -> Instant {
        self.after(until(self.time, at).min(most))
    }

    pub fn after(self, wait: Duration) -> Instant {
        self.instant.checked_add(wait).unwrap_or(self.instant)
    }

    /// Microseconds since an earlier moment.
    pub fn micros_since(self, start: Instant) -> u64 {
        let passed = self.instant.saturating_duration_since(start);
        u64::try_from(passed.as_micros()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_set_back_holds_nothing_up() {
        let now = system();
        let wait = |ms: i64, most: u64| {
            let at = now.time + chrono::TimeDelta::milliseconds(ms);
            let most = Duration::from_millis(most);
            let deadline = now.deadline(at, most);
            deadline.duration_since(now.instant).as_millis()
        };
        assert_eq!(wait(50, 100), 50);
        assert_eq!(wait(86_400_000, 100), 100);
        assert_eq!(wait(-50, 100), 0);
    }
}
