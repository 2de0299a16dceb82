//! What a channel speaks: decided here, and nowhere else.

use crate::mailbox::Channel;
use crate::messages::Messages;
use crate::registers::Played;
use crate::wire::pcc::is_mctp;
use crate::wire::region::SubspaceType;

/// What a channel speaks.
pub enum Protocol<'m> {
    /// MCTP over PCC (DSP0292).
    Mctp,
    /// Commands that registers answer in place.
    Registers(Played<'m>),
    Unknown,
}

impl<'m> Protocol<'m> {
    /// Handler files come first. Else it is MCTP on what belongs to a pair,
    /// and where a message says so.
    pub fn of(messages: &'m Messages, on: &Channel, content: &[u8]) -> Self {
        if let Some(played) = messages.registers().played(on.subspace) {
            return Self::Registers(played);
        }
        let is_pair = on.paired.is_some() || on.kind == SubspaceType::Responder;
        match on.kind.is_extended() && (is_pair || is_mctp(content)) {
            true => Self::Mctp,
            false => Self::Unknown,
        }
    }
}
