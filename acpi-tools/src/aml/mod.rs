//! A scanner for AML (ACPI 6.5 §20): finds what touches PCC.
//!
//! No interpreter: it walks declarations (Scope, Device, Name,
//! OperationRegion …), reads constant buffers and packages, follows names,
//! also into other tables, and methods that return what is constant, and
//! searches method bodies for regions. What needs evaluation is said to need
//! it. Depth and work are bounded by the tables' lengths.

mod code;
mod data;
mod found;
mod names;
mod object;
mod resolve;
pub mod resource;
mod walk;

pub use self::found::{
    Aml, Cpc, Device, Element, Fields, Reference, Trouble, Unread, Use,
    WrongLength,
};
pub use self::walk::{scan, scan_all};
