//! ACPI's Platform Communication Channel tables: taken out of QEMU or a
//! running system, shown, judged and compared.
//!
//! Layers, each knowing only those above it in this list:
//!
//! - [`bytes`], [`field`]: checked reads; fields as data.
//! - [`table`]: header, PCCT, and what other tables say about it.
pub mod bytes;
pub mod field;
pub mod table;
