//! What the platform says, varied: a scenario names answers by their number
//! and what becomes of each. Opens no file and knows no time.

mod file;
mod scenario;
mod spot;

pub use self::file::{
    AnswerFile, AtFile, MOST_BYTES, MOST_COPIES, MOST_ENTRIES, ScenarioFile,
    SettingFile, TellFile, schema,
};
pub use self::scenario::Scenario;
pub(crate) use self::scenario::{Context, DROPPED};
pub use self::spot::{Spot, Unfit, What, message_fields};
use crate::mailbox::Channel;
use crate::messages::Messages;
pub use crate::script::envelope::Flag;

/// What of one answer a scenario's `set` can set. `content` is a file of the
/// inbox, with its envelope or without, for the channel `on` of a mailbox
/// (`channels.json`; see [`crate::mailbox::Channels`]). Of a message in
/// several packets it is one of them: what the message itself has,
/// [`message_fields`] lists. What the device writes itself is not listed, such
/// as the status of types 0 to 2.
pub fn fields(messages: &Messages, on: &Channel, content: &[u8]) -> Vec<Spot> {
    spot::listed(messages, on, content)
}

#[cfg(test)]
mod tests;
