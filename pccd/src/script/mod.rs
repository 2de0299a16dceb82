//! What both kinds of handler files share: what is wrong and where, numbers,
//! delays, envelopes, conditions, memory, dice, templates.
//!
//! Knows no MCTP and no registers, opens no file and asks for no time.

mod budget;
pub(crate) mod check;
pub(crate) mod condition;
pub(crate) mod delay;
pub(crate) mod dice;
pub(crate) mod envelope;
mod filter;
pub mod locate;
pub(crate) mod memory;
pub(crate) mod number;
pub(crate) mod phrase;
pub mod problem;
pub(crate) mod schema;
pub(crate) mod template;
