//! Whole messages and whole contents as fields, for display, for matching
//! and for answers made of fields.
//!
//! One function, [`section`], says which fields come next given those
//! already known; reading and writing both follow it.

use std::sync::LazyLock;

use super::control::{self, Command};
use super::encode::{Given, encode_section};
use super::error::EncodeError;
use super::layout::{Item, Kind, Section, Stop, Value, Walk};
use super::mctp::{self, MsgType};
use super::summary::summary;
use super::{pcc, pldm, vendor};

/// Bytes as fields, and a line that says what they are.
#[derive(Debug)]
pub struct Described {
    /// One line for somebody who never saw MCTP.
    pub summary: String,
    /// Every field, in order.
    pub fields: Vec<super::layout::Found>,
    /// Set when the bytes end before the fields do.
    pub stop: Option<Stop>,
    /// Bytes after the last field, or those it stopped before.
    pub rest: Vec<u8>,
}

pub(super) fn byte(number: Option<u64>) -> Option<u8> {
    number.and_then(|number| u8::try_from(number).ok())
}

/// The section after `stage` others, if the message has one. `number` gives
/// the value of a field already known.
pub fn section(
    stage: usize,
    number: &dyn Fn(&str, &str) -> Option<u64>,
) -> Option<Section> {
    if stage == 0 {
        return Some(mctp::MESSAGE);
    }
    let kind = MsgType::from(byte(number("mctp", "type"))?);
    let layer = layer_of(kind);
    let single = |items| (stage == 1).then_some(Section { layer, items });
    match kind {
        MsgType::Control => {
            let rq = || Some(number("control", "rq")? != 0);
            let command =
                || Some(Command::from(byte(number("control", "command"))?));
            let items = match stage {
                1 => control::HEADER,
                2 if rq()? => control::request(command()?),
                2 => control::COMPLETION,
                3 if !rq()? && number(layer, "completion_code")? == 0 => {
                    control::response(command()?)
                }
                _ => return None,
            };
            Some(Section { layer, items })
        }
        MsgType::Pldm => {
            let rq = || Some(number("pldm", "rq")? != 0);
            let kind = || byte(number("pldm", "type"));
            let command = || byte(number("pldm", "command"));
            let items = match stage {
                1 => pldm::header(kind()),
                2 if rq()? => pldm::request(kind()?, command()?),
                2 => pldm::COMPLETION,
                3 if !rq()? && number(layer, "completion_code")? == 0 => {
                    pldm::response(kind()?, command()?)
                }
                _ => return None,
            };
            Some(Section { layer, items })
        }
        MsgType::VendorPci => single(vendor::PCI),
        MsgType::VendorIana => single(vendor::IANA),
        _ => {
            const DATA: &[Item] = &[Item::new("data", Kind::Rest)];
            single(DATA)
        }
    }
}

/// The layer name of a message type's own fields.
pub fn layer_of(kind: MsgType) -> &'static str {
    match kind {
        MsgType::Control => "control",
        MsgType::Pldm => "pldm",
        MsgType::VendorPci | MsgType::VendorIana => "vendor",
        _ => "message",
    }
}

/// Stages a message can have at most.
pub(super) const STAGES: usize = 4;

fn walk_message(walk: &mut Walk<'_>) {
    for stage in 0..STAGES {
        // The PLDM type stands behind the field whose names it decides:
        // look ahead for it.
        let ahead = walk.rest().get(1).map(|byte| u64::from(byte & 0x3f));
        let next = section(stage, &|layer, name| {
            if stage == 1 && layer == "pldm" && name == "type" {
                return ahead;
            }
            walk.number(layer, name)
        });
        match next {
            Some(section) => walk.section(&section),
            None => return,
        }
    }
}

/// Describes a message, type byte first. Never fails.
pub fn describe(message: &[u8]) -> Described {
    let mut walk = Walk::new(message);
    walk_message(&mut walk);
    finish(walk, summary)
}

fn finish(walk: Walk<'_>, summary: impl Fn(&Walk<'_>) -> String) -> Described {
    let mut summary = summary(&walk);
    let rest = walk.rest().to_vec();
    if let Some(stop) = &walk.stop {
        summary.push_str(&format!(" (cut short in {})", stop.field));
    } else if !rest.is_empty() {
        let unit = if rest.len() == 1 { "byte" } else { "bytes" };
        summary.push_str(&format!(" ({} {unit} too many)", rest.len()));
    }
    Described { summary, fields: walk.fields, stop: walk.stop, rest }
}

/// Describes a whole content: envelope if there is one, PCC header, MCTP
/// header, message. Never fails.
pub fn describe_content(content: &[u8]) -> Described {
    let mut walk = Walk::new(content);
    if content.starts_with(&pcc::ENVELOPE_MAGIC) {
        walk.section(&pcc::ENVELOPE);
    }
    if walk.rest().is_empty() {
        return finish(walk, |_| "an empty file".to_owned());
    }
    const DATA: Section =
        Section { layer: "pcc", items: &[Item::new("data", Kind::Rest)] };
    if let Err(error) = pcc::signature(walk.rest()) {
        walk.section(&DATA);
        return finish(walk, |_| format!("not a PCC message: {error}"));
    }
    let counted = walk.rest().len().saturating_sub(pcc::UNCOUNTED_LEN) as u64;
    walk.section(&pcc::HEADER);
    let command = walk.number("pcc", "command");
    if walk.stop.is_some()
        || command != Some(u64::from(u32::from_le_bytes(pcc::COMMAND_MCTP)))
    {
        walk.section(&DATA);
        return finish(walk, |walk| {
            format!(
                "PCC message of subspace {}",
                walk.number("pcc", "signature").unwrap_or(0) & 0xff
            )
        });
    }
    let length = walk.number("pcc", "length");
    let mut described = walk_packet(walk);
    if let Some(length) = length.filter(|length| *length != counted) {
        described.summary.push_str(&format!(
            " (the PCC length says {length}, there are {counted} bytes)"
        ));
    }
    described
}

/// Describes one MCTP packet, transport header first. Never fails.
pub fn describe_packet(packet: &[u8]) -> Described {
    walk_packet(Walk::new(packet))
}

fn walk_packet(mut walk: Walk<'_>) -> Described {
    walk.section(&mctp::HEADER);
    let flag = |walk: &Walk<'_>, name| walk.number("mctp", name) == Some(1);
    if flag(&walk, "som") && flag(&walk, "eom") {
        walk_message(&mut walk);
        return finish(walk, summary);
    }
    let part = match (flag(&walk, "som"), flag(&walk, "eom")) {
        (true, _) => "first",
        (false, true) => "last",
        (false, false) => "middle",
    };
    let size = walk.rest().len();
    if part == "first" {
        walk.section(&mctp::MESSAGE);
    }
    const PART: Section =
        Section { layer: "mctp", items: &[Item::new("part", Kind::Rest)] };
    walk.section(&PART);
    finish(walk, |_| {
        format!("{part} part of a message in several packets, {size} bytes")
    })
}

/// Full names of all fields of a message whose header fields are `given`.
pub fn field_names(given: &Given) -> Vec<String> {
    let mut names = Vec::new();
    for stage in 0..STAGES {
        let Some(section) = section(stage, &|l, n| lookup(given, l, n)) else {
            break;
        };
        names.extend(
            section
                .items
                .iter()
                .map(|item| format!("{}.{}", section.layer, item.name)),
        );
    }
    names
}

fn lookup(given: &Given, layer: &str, name: &str) -> Option<u64> {
    match given.get(&format!("{layer}.{name}"))? {
        Value::Number(number) => Some(*number),
        Value::Bytes(_) => None,
    }
}

/// Writes a message from fields. A response with a completion code other
/// than SUCCESS ends there.
///
/// # Errors
///
/// A field is missing, does not fit, or does not belong to the message.
pub fn encode(given: &Given) -> Result<Vec<u8>, EncodeError> {
    let mut out = Vec::new();
    for stage in 0..STAGES {
        let Some(section) = section(stage, &|l, n| lookup(given, l, n)) else {
            break;
        };
        encode_section(&section, given, &mut out)?;
    }
    let known = field_names(given);
    match given.keys().find(|field| !known.contains(field)) {
        Some(field) => {
            Err(EncodeError::Unknown { field: field.clone(), known })
        }
        None => Ok(out),
    }
}

/// A field anywhere in the tables, by full name: several layouts may share
/// a name, with different widths or named values.
pub fn items(field: &str) -> Vec<Item> {
    let Some((layer, name)) = field.split_once('.') else {
        return Vec::new();
    };
    all_items()
        .iter()
        .filter(|(of, item)| *of == layer && item.name == name)
        .map(|(_, item)| *item)
        .collect()
}

/// Every field of every table, with its layer.
pub fn all_items() -> &'static [(&'static str, Item)] {
    static ITEMS: LazyLock<Vec<(&str, Item)>> = LazyLock::new(gather_items);
    &ITEMS
}

fn gather_items() -> Vec<(&'static str, Item)> {
    let mut found: Vec<(&'static str, Item)> = Vec::new();
    let mut add = |layer: &'static str, items: &[Item]| {
        for item in items {
            // Tables share fields; one of each is enough.
            let same = |(of, other): &(&str, Item)| {
                *of == layer
                    && other.name == item.name
                    && other.kind == item.kind
                    && other.names == item.names
            };
            if !found.iter().any(same) {
                found.push((layer, *item));
            }
        }
    };
    add("pcc", pcc::HEADER.items);
    add("mctp", mctp::HEADER.items);
    add("mctp", mctp::MESSAGE.items);
    add("control", control::HEADER);
    add("control", control::COMPLETION);
    for code in 0..=u8::MAX {
        let command = Command::from(code);
        add("control", control::request(command));
        add("control", control::response(command));
    }
    for code in 0..0x40 {
        add("pldm", pldm::header(Some(code)));
    }
    add("pldm", pldm::COMPLETION);
    for code in 0..=u8::MAX {
        add("pldm", pldm::request(0, code));
        add("pldm", pldm::response(0, code));
    }
    add("vendor", vendor::PCI);
    add("vendor", vendor::IANA);
    add("message", &[Item::new("data", Kind::Rest)]);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Messages and what is said of them.
    const SUMMARIES: &[(&[u8], &str)] = &[
        (&[0, 0x80, 2], "Get Endpoint ID request"),
        (&[0, 0, 2, 0, 9, 0, 0], "Get Endpoint ID response: SUCCESS, EID 9"),
        (&[0, 0x80, 1, 0, 9], "Set Endpoint ID request: set to 9"),
        (&[0, 0, 1, 0, 0, 9, 0], "Set Endpoint ID response: SUCCESS, EID 9"),
        (
            &[
                0, 1, 3, 0, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
                0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
            ],
            "Get Endpoint UUID response: SUCCESS, UUID \
             01234567-89ab-cdef-0123-456789abcdef",
        ),
        (
            &[0, 0x81, 4, 0xff],
            "Get MCTP Version Support request: of base specification",
        ),
        (
            &[0, 0, 4, 0, 1, 0xf1, 0xf3, 0xf3, 0],
            "Get MCTP Version Support response: SUCCESS, versions 1.3.3",
        ),
        (
            &[0, 0, 5, 0, 2, 1, 0x7e],
            "Get Message Type Support response: SUCCESS, types PLDM, \
             vendor-PCI",
        ),
        (&[1, 0, 0, 2, 0, 1], "PLDM base GetTID response: SUCCESS, TID 1"),
        (
            &[0x7e, 0x1a, 0xf4, 1, 2],
            "Vendor defined (PCI 0x1af4) message: 2 bytes 01 02",
        ),
        (
            &[0x7f, 0, 0, 1, 0x9c, 1],
            "Vendor defined (IANA 412) message: 1 byte 01",
        ),
        (&[0, 0x80, 0x7f], "unknown control command 0x7f request"),
        (
            &[0, 0, 0x7f, 5],
            "unknown control command 0x7f response: ERROR_UNSUPPORTED_CMD",
        ),
        (
            &[0, 0, 4, 0x80],
            "Get MCTP Version Support response: \
          completion code 0x80",
        ),
        (&[5, 0x10, 0x84, 0, 0], "SPDM message: 4 bytes 10 84 00 00"),
        (&[], "an empty message (cut short in mctp.ic)"),
        (&[0, 0x80, 2, 7], "Get Endpoint ID request (1 byte too many)"),
        (
            &[0, 0x80, 1, 0],
            "Set Endpoint ID request (cut short in control.eid)",
        ),
    ];

    #[test]
    fn summaries() {
        for (message, summary) in SUMMARIES {
            assert_eq!(&describe(message).summary, summary);
        }
    }

    #[test]
    fn every_prefix_is_described() {
        for (message, _) in SUMMARIES {
            for length in 0..message.len() {
                let described = describe(message.get(..length).unwrap());
                assert!(!described.summary.is_empty());
            }
        }
    }

    #[test]
    fn every_start_of_three_bytes_is_described() {
        for kind in 0..=u8::MAX {
            for command in 0..=u8::MAX {
                for flags in [0x00, 0x80, 0xc0] {
                    let message = [kind, flags, command, 0, 0, 1];
                    let described = describe(&message);
                    assert!(!described.summary.is_empty());
                }
            }
        }
    }

    #[test]
    fn fields_become_the_same_bytes() {
        let complete = SUMMARIES
            .iter()
            .filter(|(_, summary)| !summary.contains(" ("))
            .chain(SUMMARIES.iter().filter(|(_, s)| s.contains("Vendor")));
        for (message, summary) in complete {
            let given: Given = describe(message)
                .fields
                .into_iter()
                .map(|f| (format!("{}.{}", f.layer, f.name), f.value))
                .collect();
            assert_eq!(&encode(&given).unwrap(), message, "{summary}");
        }
    }

    #[test]
    fn a_field_of_another_message_is_refused() {
        let given = Given::from([
            ("mctp.type".to_owned(), Value::Number(0x7e)),
            ("vendor.vendor_id".to_owned(), Value::Number(0x1af4)),
            ("pldm.tid".to_owned(), Value::Number(1)),
        ]);
        let error = encode(&given).unwrap_err();
        assert_eq!(error.to_string(), "this message has no field `pldm.tid`");
    }

    #[test]
    fn contents_are_described_at_every_length() {
        let content = [
            0x05, 0x43, 0x43, 0x50, 1, 0, 0, 0, 11, 0, 0, 0, 0x4d, 0x43, 0x54,
            0x50, 1, 9, 8, 0xc8, 0, 0x80, 2,
        ];
        for length in 0..content.len() {
            let described = describe_content(content.get(..length).unwrap());
            assert!(!described.summary.is_empty());
        }
        let described = describe_content(&content);
        assert_eq!(described.summary, "Get Endpoint ID request");
        assert_eq!(described.fields.len(), 4 + 9 + 2 + 5);
        let mut fragment = content;
        fragment[19] = 0x88;
        assert_eq!(
            describe_content(&fragment).summary,
            "first part of a message in several packets, 3 bytes"
        );
        assert!(describe_content(b"PCCE").summary.starts_with("an empty"));
    }
}
