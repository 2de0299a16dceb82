//! The shared memory of a channel by its type: which header it begins with
//! and where the communication space lies (ACPI 6.5 §14.2 for types 0–2,
//! §14.3 for 3 and 4, §14.4 for 5). Decoding for display never fails; a
//! header that is cut short ends where the bytes do.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

use super::layout::Names;
use super::pcc::{HEADER_LEN, SIGNATURE, UNCOUNTED_LEN, signature};
use super::text::number_le;

/// Length of the header of types 0–2.
pub const GENERIC_LEN: usize = 8;
/// Length of the header of type 5: the signature.
pub const REDUCED_LEN: usize = 4;
/// Length of the doorbell's value that precedes the region in a request of
/// type 5 (docs/mailbox.md §6).
pub const DOORBELL_LEN: usize = 8;
/// Bit of the command word that asks for an interrupt (types 0–2).
pub const NOTIFY: u16 = 1 << 15;

/// The type of a subspace, as the PCCT numbers them (ACPI 6.5 §14.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u8")]
pub enum SubspaceType {
    /// Type 0, Generic Communications Subspace.
    Generic,
    /// Type 1, HW-Reduced Communications Subspace.
    HwReduced,
    /// Type 2, the same with an interrupt to be acknowledged.
    HwReducedAck,
    /// Type 3, Extended PCC, initiator: the guest's.
    Initiator,
    /// Type 4, Extended PCC, responder: the platform's.
    Responder,
    /// Type 5, HW Registers based Communications Subspace.
    HwRegisters,
}

impl SubspaceType {
    /// All there are, by their numbers.
    pub const ALL: [Self; 6] = [
        Self::Generic,
        Self::HwReduced,
        Self::HwReducedAck,
        Self::Initiator,
        Self::Responder,
        Self::HwRegisters,
    ];

    /// Whether its memory begins with flags, a length and a command of 32
    /// bits (ACPI 6.5 §14.3).
    pub fn is_extended(self) -> bool {
        matches!(self, Self::Initiator | Self::Responder)
    }

    /// Whether the platform can say something that nobody asked for.
    pub fn takes_unasked(self) -> bool {
        !matches!(self, Self::Initiator | Self::HwRegisters)
    }

    /// What carries the guest's command.
    pub fn command(self) -> &'static str {
        if self == Self::HwRegisters { "doorbell" } else { "command" }
    }
}

impl TryFrom<u8> for SubspaceType {
    type Error = &'static str;

    fn try_from(number: u8) -> Result<Self, Self::Error> {
        let found = Self::ALL.get(usize::from(number));
        found.copied().ok_or("a type of subspace is a number from 0 to 5")
    }
}

impl fmt::Display for SubspaceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", *self as u8)
    }
}

/// A field of a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Name, the second half of `pcc.…`.
    pub name: &'static str,
    /// Value.
    pub value: u64,
    /// What the value means.
    pub meaning: Option<String>,
}

/// How a field of a header lies in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Name, the second half of `pcc.…`.
    pub name: &'static str,
    /// Where its word begins.
    pub offset: usize,
    /// Bytes of that word, least significant first.
    pub size: usize,
    /// Its highest bit in the word.
    pub high: u32,
    /// Its lowest bit in the word.
    pub low: u32,
    /// Values that have names.
    pub names: Names,
}

impl Place {
    /// The largest value that it holds.
    pub fn most(&self) -> u64 {
        (1_u64 << (self.high - self.low + 1)) - 1
    }
}

const fn whole(name: &'static str, offset: usize, size: usize) -> Place {
    let high = if size == 2 { 15 } else { 31 };
    Place { name, offset, size, high, low: 0, names: &[] }
}

const fn part(
    name: &'static str,
    offset: usize,
    high: u32,
    low: u32,
    names: Names,
) -> Place {
    Place { name, offset, size: 2, high, low, names }
}

const REQUESTED: Names = &[(1, "interrupt wanted")];
const COMPLETE: Names = &[(0, "pending"), (1, "complete")];
const RAISED: Names = &[(1, "raised")];
const ERROR: Names = &[(1, "error")];

/// Command and status of types 0–2 (ACPI 6.5 tables 14.10 and 14.11).
const GENERIC: &[Place] = &[
    whole("signature", 0, 4),
    part("command", 4, 7, 0, &[]),
    part("reserved", 4, 14, 8, &[]),
    part("notify", 4, 15, 15, REQUESTED),
    part("command_complete", 6, 0, 0, COMPLETE),
    part("platform_interrupt", 6, 1, 1, RAISED),
    part("error", 6, 2, 2, ERROR),
    part("platform_notification", 6, 3, 3, RAISED),
    part("status_reserved", 6, 15, 4, &[]),
];

/// Types 3 and 4 (ACPI 6.5 table 14.12).
const EXTENDED: &[Place] = &[
    whole("signature", 0, 4),
    whole("flags", 4, 4),
    whole("length", 8, 4),
    whole("command", 12, 4),
];

/// Type 5.
const REDUCED: &[Place] = &[whole("signature", 0, 4)];

/// The fields of a type's header.
pub fn places(kind: SubspaceType) -> &'static [Place] {
    match kind {
        SubspaceType::HwRegisters => REDUCED,
        _ if kind.is_extended() => EXTENDED,
        _ => GENERIC,
    }
}

/// Where the communication space of a type begins.
pub fn header_len(kind: SubspaceType) -> usize {
    match kind {
        SubspaceType::HwRegisters => REDUCED_LEN,
        _ if kind.is_extended() => HEADER_LEN,
        _ => GENERIC_LEN,
    }
}

/// Names of the header fields of a type; the doorbell's value among them.
pub fn field_names(kind: SubspaceType) -> Vec<&'static str> {
    let doorbell = (kind == SubspaceType::HwRegisters).then_some("doorbell");
    doorbell
        .into_iter()
        .chain(places(kind).iter().map(|place| place.name))
        .collect()
}

/// The bytes of a header, up to the first field without a value; the
/// doorbell's value stands before it.
///
/// # Errors
///
/// The field that has too large a value, and its largest.
pub fn header(
    kind: SubspaceType,
    values: &BTreeMap<&str, u64>,
) -> Result<Vec<u8>, (&'static str, u64)> {
    let mut out = Vec::new();
    let doorbell = values.get("doorbell");
    out.extend(doorbell.into_iter().flat_map(|value| value.to_le_bytes()));
    let start = out.len();
    for place in places(kind) {
        let Some(value) = values.get(place.name) else { break };
        if *value > place.most() {
            return Err((place.name, place.most()));
        }
        let at = start + place.offset;
        out.resize(at + place.size, 0);
        let bytes = (value << place.low).to_le_bytes();
        for (to, from) in out.iter_mut().skip(at).zip(bytes) {
            *to |= from;
        }
    }
    Ok(out)
}

/// A content as header and communication space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region<'a> {
    /// Value written to the doorbell: in requests of type 5.
    pub doorbell: Option<u64>,
    /// The header's bytes, or what there is of them.
    pub header: &'a [u8],
    /// What follows it.
    pub space: &'a [u8],
}

impl<'a> Region<'a> {
    /// Takes a content apart. The doorbell's value stands in requests only.
    pub fn split(
        kind: SubspaceType,
        content: &'a [u8],
        is_request: bool,
    ) -> Self {
        let (doorbell, region) = match content.split_at_checked(DOORBELL_LEN) {
            Some((value, region))
                if kind == SubspaceType::HwRegisters && is_request =>
            {
                (Some(number_le(value)), region)
            }
            _ => (None, content),
        };
        let at = header_len(kind).min(region.len());
        let (header, space) = region.split_at(at);
        Self { doorbell, header, space }
    }

    /// The header's fields, as far as there are bytes.
    pub fn fields(&self, kind: SubspaceType) -> Vec<Head> {
        let doorbell = self.doorbell.map(|value| Head {
            name: "doorbell",
            value,
            meaning: None,
        });
        let found = places(kind).iter().filter_map(|place| {
            let end = place.offset.checked_add(place.size)?;
            let word = number_le(self.header.get(place.offset..end)?);
            let value = (word >> place.low) & place.most();
            let named = super::layout::name_of(place.names, value);
            let meaning = match place.name {
                "signature" if value & !0xff == u64::from(SIGNATURE) => {
                    Some(format!("subspace {}", value & 0xff))
                }
                "signature" => Some("not a PCC signature".to_owned()),
                "flags" if value & 1 == 1 => Some("notify".to_owned()),
                _ => named.map(str::to_owned),
            };
            Some(Head { name: place.name, value, meaning })
        });
        doorbell.into_iter().chain(found).collect()
    }

    /// Bytes of a header that is cut short within a field.
    pub fn unread(&self, kind: SubspaceType) -> &'a [u8] {
        let ends = places(kind).iter().map(|place| place.offset + place.size);
        let whole = ends.filter(|end| *end <= self.header.len()).max();
        self.header.get(whole.unwrap_or(0)..).unwrap_or(&[])
    }

    /// What the guest commands: the code of types 0–2, the command of 3 and
    /// 4, the doorbell's value of 5. None if the header is cut short.
    pub fn code(&self, kind: SubspaceType) -> Option<u64> {
        let fields = self.fields(kind);
        let field = fields.iter().find(|field| field.name == kind.command());
        field.map(|field| field.value)
    }
}

/// What type a content most likely has when nobody says, and why: 3 if its
/// length field is right (or, as HCCS has it, counts the whole region), 5 if
/// a signature follows eight bytes, else 2.
pub fn guess(content: &[u8]) -> (SubspaceType, String) {
    let word =
        |at: usize| content.get(at..at.saturating_add(4)).map_or(0, number_le);
    if signature(content).is_err() {
        let region = content.get(DOORBELL_LEN..).unwrap_or(&[]);
        return match signature(region) {
            Ok(_) => (
                SubspaceType::HwRegisters,
                "its signature follows eight bytes".to_owned(),
            ),
            Err(_) => (
                SubspaceType::HwReducedAck,
                "it has no signature, nor has it one behind eight bytes"
                    .to_owned(),
            ),
        };
    }
    let size = content.len() as u64;
    let counted = size.saturating_sub(UNCOUNTED_LEN as u64);
    let length = word(8);
    match content.len() >= HEADER_LEN {
        true if length == counted || length == size => (
            SubspaceType::Initiator,
            format!("its length, {length}, is that of type 3"),
        ),
        true => (
            SubspaceType::HwReducedAck,
            format!(
                "the length of type 3 would be {length}, which should be \
                 {counted}"
            ),
        ),
        false => (
            SubspaceType::HwReducedAck,
            "it is shorter than the header of type 3".to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::SubspaceType::*;
    use super::*;

    fn shown(kind: SubspaceType, content: &[u8]) -> String {
        let region = Region::split(kind, content, true);
        let fields: Vec<String> = region
            .fields(kind)
            .iter()
            .map(|head| match &head.meaning {
                Some(meaning) => {
                    format!("{}={:#x} ({meaning})", head.name, head.value)
                }
                None => format!("{}={:#x}", head.name, head.value),
            })
            .collect();
        format!("{} | {:02x?}", fields.join(" "), region.space)
    }

    #[test]
    fn types_0_to_2_have_command_and_status() {
        let content = [
            0x03, 0x43, 0x43, 0x50, // signature + 3
            0x09, 0x80, // command 9, interrupt wanted
            0x0d, 0x00, // complete, error, notification
            0xaa, // communication space
        ];
        for kind in [Generic, HwReduced, HwReducedAck] {
            assert_eq!(
                shown(kind, &content),
                "signature=0x50434303 (subspace 3) command=0x9 reserved=0x0 \
                 notify=0x1 (interrupt wanted) command_complete=0x1 \
                 (complete) platform_interrupt=0x0 error=0x1 (error) \
                 platform_notification=0x1 (raised) status_reserved=0x0 | [aa]"
            );
        }
    }

    #[test]
    fn types_3_and_5_have_theirs() {
        let mut content = b"\x04CCP\x01\0\0\0\x06\0\0\0\x05\0\0\0".to_vec();
        content.extend([0x32, 0x00]);
        assert_eq!(
            shown(Initiator, &content),
            "signature=0x50434304 (subspace 4) flags=0x1 (notify) length=0x6 \
             command=0x5 | [32, 00]"
        );
        let (kind, ground) = guess(&content);
        assert_eq!(kind, Initiator);
        assert_eq!(ground, "its length, 6, is that of type 3");
        let reduced = b"\x07\0\0\0\0\0\0\x01\x02CCP\xee";
        assert_eq!(
            shown(HwRegisters, reduced),
            "doorbell=0x100000000000007 signature=0x50434302 (subspace 2) \
             | [ee]"
        );
        assert_eq!(guess(reduced).0, HwRegisters);
        let doorbell = reduced.get(..8).unwrap();
        assert_eq!(
            shown(HwRegisters, doorbell),
            "doorbell=0x100000000000007 | []"
        );
    }

    #[test]
    fn every_length_is_taken_apart() {
        let content = [0x50; 40];
        for kind in SubspaceType::ALL {
            for length in 0..=content.len() {
                let cut = content.get(..length).unwrap();
                for is_request in [false, true] {
                    let region = Region::split(kind, cut, is_request);
                    let doorbell = region.doorbell.map_or(0, |_| 8);
                    let size = region.header.len() + region.space.len();
                    assert_eq!(doorbell + size, length);
                    let all = region.fields(kind).len();
                    assert!(all <= field_names(kind).len());
                }
                guess(cut);
            }
        }
    }
}
