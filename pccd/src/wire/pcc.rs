//! The extended PCC shared memory header of subspace types 3 and 4
//! (ACPI 6.5 §14.3, table 14.12) and the mailbox envelope
//! (docs/mailbox.md §6.1).

use super::error::DecodeError;
use super::layout::{Item, Kind, Names, Section};

/// Length of the header of types 3 and 4.
pub const HEADER_LEN: usize = 16;
/// Bytes of a file that the header's length field does not count:
/// signature, flags and the length itself.
pub const UNCOUNTED_LEN: usize = 12;
/// Upper three bytes of every signature: "PCC".
pub const SIGNATURE: u32 = 0x5043_4300;
/// The command of MCTP over PCC (DSP0292): a byte string, not a number.
pub const COMMAND_MCTP: [u8; 4] = *b"MCTP";
/// Magic of the envelope that may precede a message to the guest.
pub const ENVELOPE_MAGIC: [u8; 4] = *b"PCCE";
/// Length of that envelope.
pub const ENVELOPE_LEN: usize = 32;

const COMMANDS: Names = &[(0x5054_434d, "MCTP")];

/// The header as fields.
pub const HEADER: Section = Section {
    layer: "pcc",
    items: &[
        Item::new("signature", Kind::U32Le),
        Item::new("flags", Kind::U32Le),
        Item::new("length", Kind::Length { size: 4, plus: 0 }),
        Item::new("command", Kind::U32Le).named(COMMANDS),
    ],
};

/// The envelope as fields.
pub const ENVELOPE: Section = Section {
    layer: "envelope",
    items: &[
        Item::new("magic", Kind::Bytes(4)),
        Item::new("version", Kind::U16Le),
        Item::new("size", Kind::U16Le),
        Item::new("flags", Kind::U32Le),
        Item::new("delay_ms", Kind::U32Le),
        Item::new("subspace", Kind::U16Le),
        Item::new("reserved", Kind::Bytes(14)),
    ],
};

/// An envelope: what the bytes of a message to the guest cannot say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Envelope {
    /// Bits (docs/mailbox.md §6.1).
    pub flags: u32,
    /// Delay of the interrupt.
    pub delay_ms: u32,
    /// Subspace the message is for.
    pub subspace: u8,
}

/// Splits the envelope off a content, if there is one: the subspace that it
/// names, and what follows it.
pub fn split_envelope(content: &[u8]) -> (Option<u8>, &[u8]) {
    match content.split_at_checked(ENVELOPE_LEN) {
        Some((head, rest)) if head.starts_with(&ENVELOPE_MAGIC) => {
            (head.get(16).copied(), rest)
        }
        _ => (None, content),
    }
}

impl Envelope {
    /// Writes the envelope; the content follows.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(ENVELOPE_LEN);
        out.extend(ENVELOPE_MAGIC);
        out.extend(1_u16.to_le_bytes());
        out.extend(32_u16.to_le_bytes());
        out.extend(self.flags.to_le_bytes());
        out.extend(self.delay_ms.to_le_bytes());
        out.extend(u16::from(self.subspace).to_le_bytes());
        out.resize(ENVELOPE_LEN, 0);
        out
    }
}

/// A frame of subspace type 3 or 4.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Subspace id, from the signature.
    pub subspace: u8,
    /// Bit 0: notify on completion.
    pub flags: u32,
    /// The command's four bytes.
    pub command: [u8; 4],
    /// What follows the command, as long as the header says.
    pub payload: &'a [u8],
}

fn word(content: &[u8], offset: usize) -> Option<[u8; 4]> {
    content.get(offset..offset.checked_add(4)?)?.try_into().ok()
}

/// Whether a content of an extended subspace has the command of MCTP.
pub fn is_mctp(content: &[u8]) -> bool {
    word(content, 12) == Some(COMMAND_MCTP)
}

/// The subspace id a content's signature names.
///
/// # Errors
///
/// Fewer than four bytes, or no PCC signature.
pub fn signature(content: &[u8]) -> Result<u8, DecodeError> {
    let bytes = word(content, 0).ok_or(DecodeError::Incomplete {
        layer: "pcc",
        what: "signature",
        needed: 4,
        found: content.len(),
    })?;
    let found = u32::from_le_bytes(bytes);
    let [subspace, ..] = bytes;
    if found & !0xff == SIGNATURE {
        return Ok(subspace);
    }
    Err(DecodeError::Invalid {
        layer: "pcc",
        field: "signature",
        offset: 0,
        expected: format!("{SIGNATURE:#010x} plus the subspace id"),
        found: format!("{found:#010x}"),
    })
}

impl<'a> Frame<'a> {
    /// Reads a whole content. The length field must say exactly how many
    /// bytes there are: one that lies is an error.
    ///
    /// # Errors
    ///
    /// Short content, wrong signature, or a length that lies.
    pub fn decode(content: &'a [u8]) -> Result<Self, DecodeError> {
        let subspace = signature(content)?;
        let (Some(flags), Some(length), Some(command), Some(payload)) = (
            word(content, 4),
            word(content, 8),
            word(content, 12),
            content.get(HEADER_LEN..),
        ) else {
            return Err(DecodeError::Incomplete {
                layer: "pcc",
                what: "header",
                needed: HEADER_LEN,
                found: content.len(),
            });
        };
        let length = u32::from_le_bytes(length);
        let counted = content.len().saturating_sub(UNCOUNTED_LEN);
        if usize::try_from(length) != Ok(counted) {
            return Err(DecodeError::Invalid {
                layer: "pcc",
                field: "length",
                offset: 8,
                expected: format!("{counted}, what the file holds"),
                found: length.to_string(),
            });
        }
        Ok(Self {
            subspace,
            flags: u32::from_le_bytes(flags),
            command,
            payload,
        })
    }

    /// Writes the content; the length field is computed.
    pub fn encode(&self) -> Vec<u8> {
        // A payload beyond 4 GiB cannot come from a region; the length
        // would then be capped, never wrapped.
        let length = u32::try_from(self.payload.len())
            .unwrap_or(u32::MAX)
            .saturating_add(4);
        let mut out = Vec::with_capacity(HEADER_LEN + self.payload.len());
        let signature = SIGNATURE | u32::from(self.subspace);
        out.extend_from_slice(&signature.to_le_bytes());
        out.extend_from_slice(&self.flags.to_le_bytes());
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&self.command);
        out.extend_from_slice(self.payload);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Worked example 1: Get Endpoint ID, outbox subspace 5.
    const REQUEST: &[u8] = &[
        0x05, 0x43, 0x43, 0x50, // signature + 5
        0x01, 0x00, 0x00, 0x00, // notify
        0x0b, 0x00, 0x00, 0x00, // length 11
        0x4d, 0x43, 0x54, 0x50, // "MCTP"
        0x01, 0x09, 0x08, 0xc8, 0x00, 0x80, 0x02,
    ];

    #[test]
    fn worked_example_decodes_and_encodes() {
        let frame = Frame::decode(REQUEST).unwrap();
        assert_eq!(frame.subspace, 5);
        assert_eq!(frame.flags, 1);
        assert_eq!(frame.command, COMMAND_MCTP);
        assert_eq!(frame.payload.len(), 7);
        assert_eq!(frame.encode(), REQUEST);
    }

    #[test]
    fn every_shorter_length_is_refused() {
        for length in 0..REQUEST.len() {
            let content = REQUEST.get(..length).unwrap();
            let error = Frame::decode(content).unwrap_err();
            match error {
                DecodeError::Incomplete { found, .. } => {
                    assert!(length < HEADER_LEN);
                    assert_eq!(found, length);
                }
                DecodeError::Invalid { field, .. } => {
                    assert!(length >= HEADER_LEN);
                    assert_eq!(field, "length");
                }
            }
        }
    }

    #[test]
    fn lying_lengths_are_refused() {
        for length in [0_u32, 3, 7, 8, 10, 12, 0x7fff_ffff, u32::MAX] {
            let mut content = REQUEST.to_vec();
            content.splice(8..12, length.to_le_bytes());
            let error = Frame::decode(&content).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!(
                    "pcc length at byte 8 is {length}, expected 11, what \
                     the file holds"
                )
            );
        }
        let mut long = REQUEST.to_vec();
        long.push(0);
        assert!(Frame::decode(&long).is_err());
    }

    #[test]
    fn an_envelope_is_32_bytes() {
        let envelope = Envelope { flags: 0x44, delay_ms: 300, subspace: 7 };
        let mut expected = b"PCCE\x01\0\x20\0".to_vec();
        expected.extend([0x44, 0, 0, 0, 0x2c, 1, 0, 0, 7, 0]);
        expected.extend([0; 14]);
        assert_eq!(envelope.encode(), expected);
    }

    #[test]
    fn every_signature_bit_counts() {
        for bit in 8..32 {
            let wrong = (SIGNATURE | 5) ^ (1 << bit);
            assert!(signature(&wrong.to_le_bytes()).is_err(), "bit {bit}");
        }
        for subspace in 0..=u8::MAX {
            let right = SIGNATURE | u32::from(subspace);
            assert_eq!(signature(&right.to_le_bytes()), Ok(subspace));
        }
    }
}
