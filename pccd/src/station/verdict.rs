//! What handlers expect of a life of the guest, and whether it came about.

use std::collections::HashSet;

use crate::handlers::Handlers;
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
