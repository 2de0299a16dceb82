//! A test bench for ACPI PCC drivers: the platform's side of the channel.
//!
//! A guest's messages come as files in a *mailbox*; `pccd` answers them by
//! the specification and by JSON files. The layers, each using only those
//! above it:
//!
//! - [`wire`]: bytes to values and back; no files, no state, no time.
//! - [`record`]: the log's plain data, and decoding for display.
//! - `endpoint`: the MCTP endpoint's state and control answers.
//! - [`mailbox`]: folders, names, locks; knows no message.
//! - [`script`]: what handlers and channels of registers have in common.
//! - `handlers`: matchers and answers of MCTP messages.
//! - `registers`: channels of registers.
//! - [`messages`]: the folder of JSON files that describe both.
//! - [`capture`]: the log's records as a file for Wireshark, and back.
//! - [`recording`]: captures as exchanges, to be played again.
//! - [`platform`]: from a request's bytes to a decision.
//! - [`vary`]: decisions made otherwise, as a scenario has it.
//! - `import`: recordings made into handler files.
//! - `wake`: what wakes the loop.
//! - `clock`: the two clocks.
//! - `station`, [`daemon`]: the steps that keep the mailbox's promise,
//!   and the loop.
//! - `status`: what the files tell of a mailbox, without the daemon.
//! - `extcap`: running daemons as interfaces of Wireshark.
//! - [`cli`], [`command`]: the program.
//!
//! Tools use the decoders and the log's records:
//!
//! ```
//! let decoded = pccd::describe_message(&[0x00, 0x00, 0x02, 0x00, 9, 0, 0]);
//! assert_eq!(decoded.summary, "Get Endpoint ID response: SUCCESS, EID 9");
//! let eid = decoded.field("control.eid").unwrap();
//! assert_eq!(eid.value, pccd::FieldValue::Number(9));
//! ```
#![forbid(unsafe_code)]

pub mod capture;
pub mod cli;
mod clock;
pub mod command;
pub mod conduct;
pub mod daemon;
mod endpoint;
mod extcap;
mod handlers;
mod import;
mod log;
pub mod made;
pub mod mailbox;
pub mod manual;
pub mod messages;
pub mod platform;
mod programs;
pub mod record;
pub mod recording;
mod registers;
pub mod script;
mod station;
pub mod stats;
mod status;
pub mod vary;
mod wake;
#[warn(clippy::indexing_slicing, clippy::cast_possible_truncation)]
pub mod wire;

pub use handlers::message_from;
pub use record::{
    Decoded, Event, Field, FieldValue, Record, describe, describe_message,
    describe_packet,
};
pub use station::ledger::file as ledger;
pub use stats::NEVER;
