//! Messages by the clock: when each is due next.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::ledger::file::{LONGEST, Ledger};
use crate::clock::Now;
use crate::record::{Time, later_by};
use crate::registers::Timed;
use crate::script::check::Clock;

/// When messages by the clock are due, by a clock nobody can set. By the other
/// one the ledger has it.
#[derive(Default)]
pub struct Timers(BTreeMap<String, Instant>);

/// A message that is due, and when the next of its kind will be.
#[derive(Debug, PartialEq, Eq)]
pub struct Due {
    pub name: String,
    pub at: Time,
    pub next: Option<Time>,
}

impl Timers {
    pub fn clear(&mut self) {
        self.0.clear();
    }

    pub fn next(&self) -> Option<Instant> {
        self.0.values().copied().min()
    }

    /// Which of these messages are due.
    pub fn due(
        &mut self,
        timed: Vec<Timed>,
        ledger: &Ledger,
        now: Now,
    ) -> Vec<Due> {
        let mut all = Vec::new();
        self.0.retain(|name, _| timed.iter().any(|one| one.name == *name));
        for Timed { name, clock } in timed {
            if ledger.memory.times(&name) >= clock.times {
                self.0.remove(&name);
                continue;
            }
            // Of those that come once each has a time of its own.
            let stored = clock.every.and(ledger.timers.get(&name)).copied();
            let first = || later_by(ledger.began, clock.after);
            let Some(at) = stored.or_else(first) else { continue };
            if is_left_out(&name, clock, at, ledger) {
                self.0.remove(&name);
                continue;
            }
            let again = clock.every.filter(|_| stored.is_some());
            let most = Duration::from_millis(again.unwrap_or(clock.after));
            let deadline = *self
                .0
                .entry(name.clone())
                .or_insert_with(|| now.deadline(at, most.min(LONGEST)));
            if deadline <= now.instant {
                // What was missed while nobody ran is left out.
                let next = clock.every.and_then(|every| {
                    later_by(at, every)
                        .filter(|next| *next >= now.time)
                        .or_else(|| later_by(now.time, every))
                });
                all.push(Due { name, at, next });
            }
        }
        all
    }

    pub fn sent(&mut self, due: Due, now: Now) {
        match due.next {
            Some(next) => {
                self.0.insert(due.name, now.deadline(next, LONGEST));
            }
            None => {
                self.0.remove(&due.name);
            }
        }
    }

    /// Other handlers are there than before: what has another time now begins
    /// anew.
    pub fn change(
        &mut self,
        before: &[Timed],
        after: Vec<Timed>,
        ledger: &mut Ledger,
        now: Now,
    ) {
        let of = |one: &Timed| (one.clock.after, one.clock.every);
        let is_new = |one: &Timed| {
            !before.iter().any(|old| old.name == one.name && of(old) == of(one))
        };
        for Timed { name, clock } in after.into_iter().filter(is_new) {
            self.0.remove(&name);
            let next = clock.every.and_then(|ms| later_by(now.time, ms));
            if let (Some(at), Some(next)) = (ledger.timers.get_mut(&name), next)
            {
                *at = next;
            }
        }
    }
}

/// Whether one that comes once had its time and was left out: the ledger has
/// its time and no count of it.
fn is_left_out(name: &str, clock: Clock, at: Time, ledger: &Ledger) -> bool {
    clock.every.is_none()
        && ledger.memory.times(name) == 0
        && ledger.timers.get(name) == Some(&at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use crate::endpoint::State;

    fn timed(after: u64, every: Option<u64>) -> Vec<Timed> {
        let clock = Clock { after, every, times: u64::MAX };
        vec![Timed { name: "beat".to_owned(), clock }]
    }

    fn later(start: Now, ms: u64) -> Now {
        Now {
            time: later_by(start.time, ms).unwrap(),
            instant: start.after(Duration::from_millis(ms)),
        }
    }

    #[test]
    fn the_time_goes_by() {
        let start = clock::system();
        let at = |ms| later(start, ms);
        let mut ledger = Ledger::new("e".into(), start.time, State::default());
        let mut timers = Timers::default();
        let beat = || timed(100, Some(50));
        assert_eq!(timers.due(beat(), &ledger, at(0)), []);
        assert_eq!(timers.next(), Some(at(100).instant));
        assert_eq!(timers.due(beat(), &ledger, at(99)), []);
        let due = timers.due(beat(), &ledger, at(100)).remove(0);
        assert_eq!((due.at, due.next), (at(100).time, Some(at(150).time)));
        ledger.timers.insert("beat".to_owned(), at(150).time);
        timers.sent(due, at(101));
        assert_eq!(timers.next(), Some(at(150).instant));
        // Missed ones are left out.
        let due = timers.due(beat(), &ledger, at(400)).remove(0);
        assert_eq!(due.next, Some(at(450).time));
        ledger.timers.insert("beat".to_owned(), at(450).time);
        timers.sent(due, at(400));
        // A saved file changes the time, and takes it away.
        let faster = || timed(100, Some(10));
        timers.change(&beat(), faster(), &mut ledger, at(400));
        assert_eq!(timers.due(faster(), &ledger, at(409)), []);
        assert_eq!(timers.due(faster(), &ledger, at(410)).len(), 1);
        assert_eq!(timers.due(Vec::new(), &ledger, at(999)), []);
        assert_eq!(timers.next(), None);
    }

    #[test]
    fn messages_of_one_name_come_one_after_the_other() {
        let start = clock::system();
        let at = |ms| later(start, ms);
        let mut ledger = Ledger::new("e".into(), start.time, State::default());
        let mut timers = Timers::default();
        let next = |ledger: &Ledger| {
            let afters = [10, 30];
            let sent = usize::try_from(ledger.memory.times("two")).unwrap();
            let after = afters.get(sent).copied().unwrap_or_default();
            let clock = Clock { after, every: None, times: 2 };
            vec![Timed { name: "two".to_owned(), clock }]
        };
        for (too_early, due_at) in [(9, 10), (29, 30)] {
            let timed = next(&ledger);
            assert_eq!(timers.due(timed, &ledger, at(too_early)), []);
            assert_eq!(timers.next(), Some(at(due_at).instant));
            let due = timers.due(next(&ledger), &ledger, at(due_at)).remove(0);
            assert_eq!((due.at, due.next), (at(due_at).time, None));
            ledger.memory.count("two");
            ledger.timers.insert("two".to_owned(), due.at);
            timers.sent(due, at(due_at));
        }
        assert_eq!(timers.due(next(&ledger), &ledger, at(99)), []);
        assert_eq!(timers.next(), None);
    }

    #[test]
    fn what_is_left_out_does_not_count() {
        let start = clock::system();
        let at = |ms| later(start, ms);
        let mut ledger = Ledger::new("e".into(), start.time, State::default());
        let mut timers = Timers::default();
        // One that comes once had its chance, also for a later process.
        let once = || timed(10, None);
        let due = timers.due(once(), &ledger, at(10)).remove(0);
        ledger.timers.insert("beat".to_owned(), due.at);
        timers.sent(due, at(10));
        for timers in [&mut timers, &mut Timers::default()] {
            assert_eq!(timers.due(once(), &ledger, at(99)), []);
            assert_eq!(timers.next(), None);
        }
        // Another time in a saved file is another chance.
        assert_eq!(timers.due(timed(20, None), &ledger, at(20)).len(), 1);
        // One that comes again and again comes until it has been sent.
        let mut timers = Timers::default();
        let clock = Clock { after: 0, every: Some(10), times: 1 };
        let again = || vec![Timed { name: "again".to_owned(), clock }];
        for ms in [0, 10, 20] {
            let due = timers.due(again(), &ledger, at(ms)).remove(0);
            ledger.timers.insert("again".to_owned(), due.next.unwrap());
            timers.sent(due, at(ms));
        }
        ledger.memory.count("again");
        assert_eq!(timers.due(again(), &ledger, at(30)), []);
    }

    #[test]
    fn no_longer_than_it_was_to_wait() {
        let now = clock::system();
        let day_ahead = later_by(now.time, 86_400_000).unwrap();
        let mut ledger = Ledger::new("e".into(), day_ahead, State::default());
        let mut timers = Timers::default();
        timers.due(timed(100, None), &ledger, now);
        let wait = |ms| Some(now.after(Duration::from_millis(ms)));
        assert_eq!(timers.next(), wait(100));
        timers.clear();
        ledger.timers.insert("beat".to_owned(), day_ahead);
        timers.due(timed(100, Some(70)), &ledger, now);
        assert_eq!(timers.next(), wait(70));
    }
}
