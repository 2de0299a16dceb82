//! Messages cut into contents for a channel, made wrong where asked for.

use crate::handlers::fault::{Fault, spoil_contents};
use crate::mailbox::{Channel, Channels};
use crate::script::envelope::EnvelopeOptions;
use crate::script::problem::Wrong;
use crate::wire::mctp::{self, Header, fragment};
use crate::wire::pcc::{COMMAND_MCTP, Frame, HEADER_LEN};

/// A message to send: as a message, and as contents of files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sending {
    /// The message, type byte first.
    pub message: Vec<u8>,
    /// The contents, one a packet.
    pub contents: Vec<Vec<u8>>,
    /// Subspace they are for.
    pub subspace: u8,
}

/// The header of a message nobody asked for.
pub(super) fn outwards(
    source: mctp::Eid,
    destination: mctp::Eid,
    tag: u8,
) -> Header {
    Header {
        destination,
        source,
        som: true,
        eom: true,
        sequence: 0,
        to: true,
        tag,
    }
}

/// The channel that answers to a channel's requests go to.
pub(super) fn towards<'c>(
    channels: &'c Channels,
    channel: &'c Channel,
) -> Result<&'c Channel, Wrong> {
    channels.towards_guest(channel).ok_or_else(|| {
        Wrong::plain(format!(
            "channels.json pairs subspace {} with one it does not have",
            channel.subspace
        ))
    })
}

impl Sending {
    /// Makes its contents wrong.
    ///
    /// # Errors
    ///
    /// A field or packet that it does not have.
    pub fn spoiled(mut self, faults: &[Fault]) -> Result<Self, Wrong> {
        self.contents = spoil_contents(self.contents, faults)?;
        Ok(self)
    }

    /// Puts an envelope before its contents.
    ///
    /// # Errors
    ///
    /// A flag that means nothing for the channel.
    pub fn told(
        mut self,
        envelope: Option<EnvelopeOptions>,
        to: &Channel,
    ) -> Result<Self, Wrong> {
        if let Some(envelope) = envelope {
            for content in &mut self.contents {
                let bare = std::mem::take(content);
                *content = envelope.put_before(bare, to.subspace, to.kind)?;
            }
        }
        Ok(self)
    }
}

/// Cuts a message into contents for a channel.
///
/// # Errors
///
/// The channel is too small for any packet.
pub fn pack(
    message: Vec<u8>,
    route: &Header,
    to: &Channel,
    unit: usize,
) -> Result<Sending, Wrong> {
    let room = to.size.saturating_sub(HEADER_LEN + mctp::HEADER_LEN);
    if room == 0 {
        return Err(Wrong::plain(format!(
            "subspace {} has {} bytes, too few for a packet",
            to.subspace, to.size
        )));
    }
    let contents = fragment(&message, unit.min(room), route)
        .iter()
        .map(|packet| {
            Frame {
                subspace: to.subspace,
                flags: 0,
                command: COMMAND_MCTP,
                payload: packet,
            }
            .encode()
        })
        .collect();
    Ok(Sending { message, contents, subspace: to.subspace })
}
