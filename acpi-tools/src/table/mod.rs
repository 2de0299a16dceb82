//! Tables: their fields as data, and walks over hostile bytes.

pub mod form;
pub mod header;
pub mod known;
pub mod layout;
pub mod pcct;
pub mod users;

pub use form::Form;
pub use header::{Table, fix_checksum, seal, split};
pub use pcct::{Channel, Pcct};
