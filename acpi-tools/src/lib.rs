//! ACPI's Platform Communication Channel tables: taken out of QEMU or a
//! running system, shown, judged and compared.
//!
//! Layers, each knowing only those above it in this list:
//!
//! - [`bytes`], [`field`]: checked reads; fields as data.
//! - [`table`]: header, PCCT, and what other tables say about it.
//! - [`aml`], [`tree`], [`memory`], [`text`]: the other forms of input.
//! - [`platform`]: all of it together, and what follows.
//! - [`check`]: rules and findings.
//! - [`diff`]: what changed, and whether it matters.
//! - [`report`]: all of it in words, JSON and Markdown.
//! - [`extract`]: tables out of QEMU and of a running Linux.
//! - [`cli`], [`command`], [`manual`]: the program.
pub mod aml;
pub mod bytes;
pub mod check;
pub mod cli;
pub mod command;
pub mod diff;
pub mod extract;
pub mod field;
pub mod manual;
pub mod memory;
pub mod platform;
pub mod report;
pub mod table;
pub mod text;
pub mod tree;

#[cfg(test)]
mod testing;
