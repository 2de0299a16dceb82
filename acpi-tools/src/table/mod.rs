//! Tables: their fields as data, and walks over hostile bytes.

pub mod header;
pub mod known;
pub mod layout;
pub mod mpam;
pub mod part;
pub mod pcct;
pub mod ras2;
pub mod raw;
pub mod users;

pub use header::Form;
pub use pcct::{Channel, Pcct};
pub use raw::{Table, fix_checksum, seal, split};
