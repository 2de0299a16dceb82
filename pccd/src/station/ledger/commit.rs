//! What is decided is written down, or is not decided.

use std::io;

use super::Journal;
use super::file::Answer;
use crate::mailbox::StateFolder;
use crate::platform::Changes;

impl Journal {
    /// Takes over what is decided, and writes it down unless it is `plain`;
    /// or neither. The state that it changes to comes back.
    pub fn commit(
        &mut self,
        state: &StateFolder,
        answers: Vec<Answer>,
        changes: Option<Changes>,
        plain: bool,
    ) -> io::Result<Option<Changes>> {
        let ledger = &mut self.ledger;
        let count = answers.len();
        ledger.answers.extend(answers);
        let before = changes.map(|Changes { endpoint, memory }| {
            let memory = std::mem::replace(&mut ledger.memory, memory);
            (std::mem::replace(&mut ledger.endpoint, endpoint), memory)
        });
        if !plain && let Err(error) = ledger.store(state) {
            let left = ledger.answers.len().saturating_sub(count);
            ledger.answers.truncate(left);
            if let Some((endpoint, memory)) = before {
                ledger.endpoint = endpoint;
                ledger.memory = memory;
            }
            return Err(error);
        }
        Ok(before.map(|_| self.changes()))
    }
}
