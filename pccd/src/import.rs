//! A recording made into handler files, to be edited: one for the MCTP
//! messages, one for each channel of registers. What they answer is held
//! against the recording.

mod judge;
mod messages;
mod registers;
mod steps;

use serde_json::Value as Json;

use crate::recording::{Asked, Exchange, Side};

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
    for (subspace, places) in &side.channels {
        let all = places.iter().filter_map(|at| side.exchanges.get(*at));
        let commands: Vec<&Exchange> =
            all.filter(|one| is_command(one)).collect();
        if let Some(subspace) = subspace
            && !commands.is_empty()
        {
            let file = registers::file(*subspace, &commands, side, &mut notes);
            add(format!("subspace-{subspace}.json"), file);
        }
    }
    notes.extend(judge::judge(side, &files));
    Imported { files, notes }
}

/// Whether it is a command to a channel of registers.
fn is_command(one: &Exchange) -> bool {
    matches!(one.asked, Asked::Content(_)) && one.rejected.is_none()
}
