//! A recording made into handler files, to be edited: one for the MCTP
//! messages, one for each channel of registers. What they answer is held
//! against the recording.

mod judge;
mod messages;
mod registers;
mod steps;

use serde_json::Value as Json;

use crate::recording::Side;

/// Handler files, and what they lack.
#[derive(Debug)]
pub struct Imported {
    /// Names and texts.
    pub files: Vec<(String, String)>,
    /// What should be known of them.
    pub notes: Vec<String>,
}

/// Makes handler files of what a mailbox's platform said.
pub fn import(side: &Side) -> Imported {
    let side = &messages::moved(side);
    let (mut files, mut notes) = (Vec::new(), Vec::new());
    let mut add = |name: String, file: Json| {
        let text = serde_json::to_string_pretty(&file).unwrap_or_default();
        files.push((name, text + "\n"));
    };
    if let Some(file) = messages::file(side, &mut notes) {
        add("mctp.json".to_owned(), file);
    }
    for (subspace, file) in registers::files(side, &mut notes) {
        add(format!("subspace-{subspace}.json"), file);
    }
    notes.extend(judge::judge(side, &files));
    Imported { files, notes }
}

#[cfg(test)]
mod tests;
