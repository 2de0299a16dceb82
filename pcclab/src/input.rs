//! What comes from a guest, and from those who speak to it.

use pccd::record::Time;
use serde_json::Value;

/// What comes from a guest.
pub(crate) enum Input {
    /// A line of the console, and when it ended.
    Line(String, Time),
    /// What the command prints, if [`Config::bytes`] asks for it.
    Bytes(Vec<u8>),
    /// QEMU's monitor.
    Monitor(Value),
    /// What somebody types for the guest.
    Typed(Vec<u8>),
    /// Nobody will type more.
    TypedEnd,
    /// Somebody wants to leave the guest.
    Leave,
    /// The console is closed.
    Closed,
    /// The console brought more than anybody wants to keep.
    Flood,
    /// The console could not be written down.
    Unwritten(String),
}
