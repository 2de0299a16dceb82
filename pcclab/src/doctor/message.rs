//! The way of a message to the guest that nobody asked for: sent by pccd,
//! loaded by the device, told by its interrupt, acknowledged.

use super::{Break, CUT_OFF, Evidence, Link, say};
use crate::commands::{Command, Step};

/// Steps that each has to pass, in their order.
const STEPS: [Step; 4] =
    [Step::Answered, Step::Taken, Step::Interrupt, Step::Acknowledge];

impl Evidence {
    /// Those that the guest had not acknowledged when the test that failed
    /// began, of those that there were at its end; or else all.
    pub(super) fn messages(&self) -> impl Iterator<Item = &Command> {
        let failed = self.failed.as_ref();
        self.commands.unasked.iter().filter(move |one| {
            let over = one.steps.get(&Step::Acknowledge);
            failed.is_none_or(|failed| {
                one.began() <= failed.to
                    && over.is_none_or(|over| *over >= failed.from)
            })
        })
    }

    /// The first of them that is broken. Where no test failed, an interrupt
    /// that is kept back is meant, and where tests passed a driver may want
    /// no messages; nor has the last to be seen by a guest that ends.
    pub(super) fn lost(&self) -> Option<Break<'_>> {
        let is_judged = |one: &&Command| {
            let latest = self.last.saturating_sub(CUT_OFF);
            self.failed.is_some()
                || (self.result.is_none()
                    && !one.is_hung
                    && one.began() <= latest)
        };
        let mut all = self.messages().filter(is_judged);
        let broken = all.find_map(|one| self.broken_of(one, STEPS))?;
        Some(Break { is_message: true, ..broken })
    }

    /// Says how many came how far, up to the step that is broken.
    pub(super) fn message_steps(
        &self,
        lost: Option<Break<'_>>,
        text: &mut String,
    ) {
        let all = &self.commands.unasked;
        for step in STEPS.into_iter().filter(|_| !all.is_empty()) {
            let passed = all.iter().filter(|one| {
                one.steps.contains_key(&step) || one.spared.contains(&step)
            });
            let (passed, of) = (passed.count(), all.len());
            let counts = format!("{passed} of {of}");
            match lost {
                Some(lost) if lost.step == step => {
                    let late = lost.late.map(|_| ", but late");
                    let counts = counts + late.unwrap_or_default();
                    return say(text, "BROKEN", lost.link(), &counts);
                }
                _ if passed < of => {
                    say(text, "part", Link::Message(step), &counts);
                }
                _ => say(text, "ok", Link::Message(step), &counts),
            }
        }
    }
}
