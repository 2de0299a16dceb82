//! What handlers expect of a life of the guest, and whether it came about.

use std::collections::HashSet;
use std::io::Write;

use super::Station;
use crate::handlers::Handlers;
use crate::log::Log;
use crate::record::Event;
use crate::script::memory::Memory;

/// What was judged so far.
#[derive(Default)]
pub struct Verdict {
    /// Whether this life of the guest was answered by this process.
    pub served: bool,
    /// Handlers whose expectation is known to be exceeded.
    told: HashSet<String>,
    /// Whether expectations of an earlier life were not met.
    failed: bool,
}

impl Verdict {
    /// Which expectations nothing can meet any more, once each.
    pub fn exceeded(
        &mut self,
        handlers: &Handlers,
        memory: &Memory,
    ) -> Vec<String> {
        if !handlers.expects() {
            return Vec::new();
        }
        let exceeded = handlers.exceeded(memory).into_iter();
        let new = exceeded.filter(|(name, _)| self.told.insert(name.clone()));
        new.map(|(_, text)| text).collect()
    }

    /// Judges the life of the guest that ends: what was not met. None if
    /// there is nothing to judge.
    pub fn judge(
        &mut self,
        handlers: &Handlers,
        memory: &Memory,
    ) -> Option<Vec<String>> {
        let served = std::mem::take(&mut self.served);
        if !handlers.expects() || !served {
            return None;
        }
        let unmet = handlers.unmet(memory);
        self.failed |= !unmet.is_empty();
        self.told.clear();
        Some(unmet)
    }

    pub fn failed(&self) -> bool {
        self.failed
    }
}

impl Station {
    /// Judges the life of the guest that ends; says what was not met.
    pub(super) fn judge<W: Write>(&mut self, log: &mut Log<W>) {
        let handlers = self.platform.handlers();
        let judged = self.verdict.judge(handlers, self.platform.memory());
        let Some(unmet) = judged else { return };
        if unmet.is_empty() {
            self.note(log, "all expectations are met");
        }
        for text in unmet {
            log.write(&self.record(Event::Failed).because(text));
        }
    }

    /// Judges all that this process has seen: whether everything that was
    /// expected came about.
    pub fn conclude<W: Write>(&mut self, log: &mut Log<W>) -> bool {
        // Who expects something and hears nothing is not served.
        self.verdict.served = true;
        self.judge(log);
        !self.verdict.failed()
    }
}
