//! What a guest asked: a content, or the MCTP message that several of them
//! make. A recording and a guest that runs are read by the same rules.

use crate::wire::assembly::{Assembled, Assembler};
use crate::wire::mctp::{MsgType, Packet};
use crate::wire::pcc::{Frame, is_mctp};
use crate::wire::region::{Region, SubspaceType};

/// An MCTP message, and where it goes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Message {
    /// Source EID; 0 where the recording has none.
    pub source: u8,
    /// Destination EID.
    pub destination: u8,
    /// Tag owner: it is no answer.
    pub to: bool,
    /// Message tag.
    pub tag: u8,
    /// The message, type byte first.
    pub bytes: Vec<u8>,
}

/// What a guest asked.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Request {
    /// A content as it lay in the outbox.
    Content(Vec<u8>),
    /// A whole MCTP message.
    Message(Message),
}

/// What came of a content of the outbox. `T` is kept for each.
#[derive(Debug)]
pub enum Took<T> {
    /// More packets are needed. Those given up for it, and why.
    Waiting(Option<(Vec<T>, String)>),
    /// It makes no message, for this reason.
    Dropped(Vec<T>, String),
    /// Something is asked by these; those given up for it, and why.
    Request(Request, Vec<T>, Option<(Vec<T>, String)>),
}

/// Puts packets together to what is asked.
#[derive(Debug)]
pub struct Sorter<T>(Assembler<T>);

impl<T> Default for Sorter<T> {
    fn default() -> Self {
        Self(Assembler::default())
    }
}

impl<T> Sorter<T> {
    /// Takes the next content of a subspace.
    pub fn push(&mut self, subspace: u8, content: &[u8], part: T) -> Took<T> {
        let frame = is_mctp(content).then(|| Frame::decode(content).ok());
        let frame = frame.flatten().filter(|one| one.subspace == subspace);
        let packet = frame.and_then(|one| Packet::decode(one.payload).ok());
        match packet {
            Some(packet) => self.packet(subspace, &packet, part),
            None => {
                let asked = Request::Content(content.to_vec());
                Took::Request(asked, vec![part], None)
            }
        }
    }

    /// Takes the next packet.
    pub fn packet(
        &mut self,
        subspace: u8,
        packet: &Packet<'_>,
        part: T,
    ) -> Took<T> {
        let header = packet.header;
        match self.0.push(subspace, packet, part) {
            Assembled::Waiting { dropped } => Took::Waiting(dropped),
            Assembled::Dropped { parts, reason } => {
                Took::Dropped(parts, reason)
            }
            Assembled::Complete { message, parts, dropped } => {
                let asked = Request::Message(Message {
                    source: header.source.0,
                    destination: header.destination.0,
                    to: header.to,
                    tag: header.tag,
                    bytes: message,
                });
                Took::Request(asked, parts, dropped)
            }
        }
    }

    /// Gives up what is not whole; what was kept of it comes back.
    pub fn clear(&mut self) -> Vec<T> {
        self.0.clear()
    }
}

/// Whether the second byte of a message has an instance id in its low bits.
fn has_instance(message: &[u8]) -> bool {
    let kind = message.first().map(|byte| MsgType::from(byte & 0x7f));
    matches!(kind, Some(MsgType::Control | MsgType::Pldm))
}

/// The instance id of a control or PLDM message (DSP0236 §11, DSP0240 §8).
pub fn instance(message: &[u8]) -> Option<u8> {
    let second = message.get(1).filter(|_| has_instance(message))?;
    Some(second & 0x1f)
}

/// Sets it.
pub fn set_instance(message: &mut [u8], instance: u8) {
    if has_instance(message)
        && let Some(second) = message.get_mut(1)
    {
        *second = *second & !0x1f | instance & 0x1f;
    }
}

impl Message {
    /// Whether nobody has an EID.
    pub fn is_nameless(&self) -> bool {
        self.source == 0 && self.destination == 0
    }
}

impl Request {
    /// What has to be equal for it to be asked again: all but the tag and
    /// the instance id, which a guest may choose.
    pub fn key(&self) -> Self {
        match self {
            Self::Content(_) => self.clone(),
            Self::Message(message) => {
                let mut key = Message { tag: 0, ..message.clone() };
                set_instance(&mut key.bytes, 0);
                Self::Message(key)
            }
        }
    }

    /// The same where nobody has an EID.
    pub fn nameless(self) -> Self {
        match self {
            Self::Message(message) => Self::Message(Message {
                source: 0,
                destination: 0,
                to: true,
                ..message
            }),
            content @ Self::Content(_) => content,
        }
    }

    /// Whether two have the same command, so that the answer to one may do
    /// for the other.
    pub fn is_like(&self, other: &Self, kind: Option<SubspaceType>) -> bool {
        match (self.key(), other.key()) {
            (Self::Message(one), Self::Message(other)) => {
                // Type, instance id and, but for control messages, protocol
                // come before the command.
                let head = match one.bytes.first() {
                    Some(0) => 3,
                    _ => 4,
                };
                let head =
                    |bytes: &[u8]| bytes.get(..head).unwrap_or(bytes).to_vec();
                one.to == other.to && head(&one.bytes) == head(&other.bytes)
            }
            (Self::Content(one), Self::Content(other)) => {
                let code = |content| {
                    let kind = kind?;
                    Region::split(kind, content, true).code(kind)
                };
                code(&one).is_some() && code(&one) == code(&other)
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::pcc::{COMMAND_MCTP, Frame};

    fn message(tag: u8, bytes: &[u8]) -> Request {
        let bytes = bytes.to_vec();
        let (source, destination, to) = (8, 9, true);
        Request::Message(Message { source, destination, to, tag, bytes })
    }

    #[test]
    fn tag_and_instance_id_are_the_guests_to_choose() {
        let one = message(1, &[0, 0x80, 2]);
        assert_eq!(one.key(), message(5, &[0, 0x9f, 2]).key());
        assert_ne!(one.key(), message(1, &[0, 0, 2]).key());
        // A vendor's second byte is a vendor's.
        let vendor = message(1, &[0x7e, 0x1a, 0xf4]);
        assert_ne!(vendor.key(), message(1, &[0x7e, 0x1b, 0xf4]).key());
        assert!(one.is_like(&message(0, &[0, 0x81, 2, 7]), None));
        assert!(!one.is_like(&message(0, &[0, 0x81, 1, 7]), None));
    }

    #[test]
    fn packets_of_a_message_are_asked_once() {
        let content = |flags: u8, payload: &[u8]| {
            let payload = &[&[1, 9, 8, flags], payload].concat();
            let (subspace, flags, command) = (0, 1, COMMAND_MCTP);
            Frame { subspace, flags, command, payload }.encode()
        };
        let mut sorter = Sorter::default();
        let first = content(0x88, &[0x7e; 64]);
        assert!(matches!(sorter.push(0, &first, 1), Took::Waiting(None)));
        let last = sorter.push(0, &content(0x58, &[1]), 2);
        let Took::Request(Request::Message(whole), parts, None) = last else {
            panic!("{last:?}");
        };
        assert_eq!((whole.bytes.len(), parts), (65, vec![1, 2]));
        // What is no frame is asked as it is.
        let short = &first[..20];
        let taken = sorter.push(0, short, 3);
        let Took::Request(Request::Content(content), ..) = taken else {
            panic!("{taken:?}");
        };
        assert_eq!(content, short);
    }
}
