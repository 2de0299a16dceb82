//! Whether a request is a frame that its channel can have, and what one gets
//! whose length is wrong.

use std::borrow::Cow;

use crate::handlers::request::Replied;
use crate::mailbox::{Channel, Channels, Completion, RequestName};
use crate::wire::pcc::{COMMAND_MCTP, Frame, SIGNATURE, signature};
use crate::wire::refuse::refusal;
use crate::wire::region::SubspaceType;

/// A request of an answered channel is for the subspace of its name, whatever
/// its guest wrote into the signature: refused it would never end.
pub(super) fn addressed<'b>(
    channels: &Channels,
    name: &RequestName,
    content: &'b [u8],
) -> Cow<'b, [u8]> {
    let own = (SIGNATURE | u32::from(name.subspace)).to_le_bytes();
    let channel = channels.get(name.subspace);
    match content.split_at_checked(own.len()) {
        Some((signed, rest))
            if signed != own
                && channel.is_some_and(|channel| {
                    channel.completion == Completion::Answered
                }) =>
        {
            Cow::Owned([&own[..], rest].concat())
        }
        _ => Cow::Borrowed(content),
    }
}

/// Reads a content as a frame of its channel.
pub(super) fn open<'c, 'b>(
    channels: &'c Channels,
    name: &RequestName,
    content: &'b [u8],
) -> Result<(&'c Channel, Frame<'b>), String> {
    if content.is_empty() {
        return Err("the file is empty".to_owned());
    }
    let subspace = signature(content).map_err(|error| error.to_string())?;
    let channel = channels.get(subspace).ok_or_else(|| {
        format!("the signature names subspace {subspace}, no channel here")
    })?;
    if subspace != name.subspace {
        return Err(format!(
            "the signature names subspace {subspace}, the file name {}",
            name.subspace
        ));
    }
    if channel.kind != SubspaceType::Initiator {
        return Err(format!(
            "subspace {subspace} has type {}; this pccd answers requests of \
             type 3 only",
            channel.kind
        ));
    }
    if content.len() > channel.size {
        return Err(format!(
            "the file has {} bytes, its channel {}",
            content.len(),
            channel.size
        ));
    }
    let frame = Frame::decode(content).map_err(|error| error.to_string())?;
    if frame.command != COMMAND_MCTP {
        return Err(format!(
            "the command is {:02x?}, expected the bytes of \"MCTP\"",
            frame.command
        ));
    }
    Ok((channel, frame))
}

/// What a request of a wrong length gets that no handler wants, and why.
pub(super) fn refused(request: &[u8], wrong: &str) -> (Replied, String) {
    match refusal(request) {
        Some((answer, name)) => {
            (Replied::Message(answer), format!("{wrong}: answered with {name}"))
        }
        None => {
            let reason =
                format!("{wrong}; a handler with `any_length` may answer it");
            (Replied::Silence, reason)
        }
    }
}
