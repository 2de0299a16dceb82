//! Vendor defined messages (DSP0236 1.3.1 §13): a vendor id, most
//! significant byte first, then whatever the vendor likes.

use super::layout::{Item, Kind};

/// After the type byte 0x7E: a PCI vendor id.
pub const PCI: &[Item] = &[
    Item::new("vendor_id", Kind::U16Be),
    Item::new("data", Kind::Rest).brief("{}"),
];

/// After the type byte 0x7F: an IANA enterprise number.
pub const IANA: &[Item] = &[
    Item::new("vendor_id", Kind::U32Be),
    Item::new("data", Kind::Rest).brief("{}"),
];
