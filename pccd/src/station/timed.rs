//! What happens by the clock, and what is to be said at the end: messages
//! nobody asked for, delayed answers, expectations.

use std::io::Write;
use std::time::{Duration, Instant};

use super::{LONGEST, Opened, Station, Trouble};
use crate::exchange::Changes;
use crate::log::Log;
use crate::mailbox::Due;
use crate::record::{Event, Time, later_by, until};
use crate::registers::Timed;
use crate::script::check::Clock;
use crate::script::delay::Wait;

impl Station {
    /// A time of day by the clock that nobody can set, at most so far off:
    /// the other one may have been set back.
    pub(super) fn deadline(&self, at: Time, most: Duration) -> Instant {
        let left = until((self.clock)(), at).min(most).min(LONGEST);
        let now = Instant::now();
        now.checked_add(left).unwrap_or(now)
    }

    /// How long until something is due.
    pub(super) fn next_wake(&self) -> Option<Duration> {
        let answers = self.ledger.answers.iter().filter_map(|answer| {
            matches!(answer.due, Due::At(_))
                .then_some(answer.progress.deadline?)
        });
        let next = answers
            .chain(self.deadlines.values().copied())
            .chain(self.programs.deadline())
            .min()?;
        Some(next.saturating_duration_since(Instant::now()))
    }

    /// Sends the messages by the clock that are due.
    pub(super) fn tick<W: Write>(
        &mut self,
        opened: &mut Opened,
        log: &mut Log<W>,
    ) -> Result<(), Trouble> {
        if self.ledger.epoch.is_empty() {
            return Ok(());
        }
        let timed = self.platform.timed(&self.channels);
        self.deadlines
            .retain(|name, _| timed.iter().any(|other| other.name == *name));
        for Timed { name, clock: Clock { after, every, times } } in timed {
            if self.ledger.memory.times(&name) >= times {
                self.deadlines.remove(&name);
                continue;
            }
            let began = self.ledger.began;
            let stored = self.ledger.timers.get(&name).copied();
            let first = stored.or_else(|| later_by(began, after));
            let Some(at) = first else {
                continue;
            };
            let deadline = match self.deadlines.get(&name) {
                Some(deadline) => *deadline,
                None => {
                    let again = every.filter(|_| stored.is_some());
                    let most = Duration::from_millis(again.unwrap_or(after));
                    self.deadline(at, most)
                }
            };
            self.deadlines.insert(name.clone(), deadline);
            if deadline <= Instant::now() {
                self.send_timed(opened, log, &name, at, every)?;
            }
        }
        Ok(())
    }

    fn send_timed<W: Write>(
        &mut self,
        opened: &mut Opened,
        log: &mut Log<W>,
        name: &str,
        at: Time,
        every: Option<u64>,
    ) -> Result<(), Trouble> {
        let now = (self.clock)();
        let Some(made) = self.platform.tick(&self.channels, name, now) else {
            return Ok(());
        };
        let (sending, changes) = made.unwrap_or_else(|reason| {
            let mut record = self.record(Event::Error);
            record.handler = Some(name.to_owned());
            log.write(&record.because(reason));
            // It counts as sent, or it would fail again at once.
            let mut memory = self.ledger.memory.clone();
            memory.count(name);
            (None, Changes { endpoint: self.ledger.endpoint, memory })
        });
        // What was missed while nobody ran is left out.
        let next = every.and_then(|every| {
            let next = later_by(at, every)?;
            if next < now { later_by(now, every) } else { Some(next) }
        });
        let answers = match sending {
            Some(sending) => {
                vec![self.lone(name.to_owned(), sending, Wait::Ms(0))]
            }
            None => Vec::new(),
        };
        let before = self.ledger.timers.get(name).copied();
        self.ledger.timers.insert(name.to_owned(), next.unwrap_or(at));
        let changes = Some(changes);
        if let Err(trouble) = self.commit(opened, answers, changes, false) {
            match before {
                Some(before) => {
                    self.ledger.timers.insert(name.to_owned(), before)
                }
                None => self.ledger.timers.remove(name),
            };
            return Err(trouble);
        }
        match next {
            Some(next) => {
                let deadline = self.deadline(next, LONGEST);
                self.deadlines.insert(name.to_owned(), deadline);
            }
            None => {
                self.deadlines.remove(name);
            }
        }
        self.finish(opened, log, &mut None)
    }

    /// Other handlers are there than before: what is by the clock and has
    /// another time now begins anew.
    pub(super) fn retime(&mut self, before: &[Timed]) {
        for Timed { name, clock } in self.platform.timed(&self.channels) {
            let same = |old: &&Timed| {
                old.name == name
                    && (old.clock.after, old.clock.every)
                        == (clock.after, clock.every)
            };
            if before.iter().any(|old| same(&old)) {
                continue;
            }
            self.deadlines.remove(&name);
            let next = clock.every.and_then(|ms| later_by((self.clock)(), ms));
            if let (Some(at), Some(next)) =
                (self.ledger.timers.get_mut(&name), next)
            {
                *at = next;
            }
        }
    }

    /// Says which expectations nothing can meet any more, once each.
    pub(super) fn exceeded<W: Write>(&mut self, log: &mut Log<W>) {
        if !self.platform.handlers().expects() {
            return;
        }
        let exceeded =
            self.platform.handlers().exceeded(self.platform.memory());
        for (name, text) in exceeded {
            if self.told.insert(name) {
                log.write(&self.record(Event::Failed).because(text));
            }
        }
    }

    /// Judges the life of the guest that ends; says what was not met.
    pub(super) fn verdict<W: Write>(&mut self, log: &mut Log<W>) {
        let handlers = self.platform.handlers();
        if !handlers.expects() || !self.served {
            return;
        }
        let unmet = handlers.unmet(self.platform.memory());
        for text in &unmet {
            log.write(&self.record(Event::Failed).because(text.clone()));
        }
        if unmet.is_empty() {
            let text = "all expectations are met";
            log.write(&self.record(Event::Note).because(text));
        }
        self.failed |= !unmet.is_empty();
        self.told.clear();
    }

    /// Judges all that this process has seen: whether everything that was
    /// expected came about.
    pub fn conclude<W: Write>(&mut self, log: &mut Log<W>) -> bool {
        // Who expects something and hears nothing is not served.
        self.served = true;
        self.verdict(log);
        !self.failed
    }
}
