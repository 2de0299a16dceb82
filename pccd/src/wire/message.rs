//! Whole messages and whole contents as fields, for display, for matching
//! and for answers made of fields.
//!
//! One function, [`section`], says which fields come next given those
//! already known; reading and writing both follow it.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use super::control::{self, Command};
use super::encode::{Encoder, Given};
use super::error::EncodeError;
use super::layout::{Item, Kind, Section, Stop, Value, without_place};
use super::mctp::{self, MsgType};
use super::summary::summary;
use super::walk::{WRONG, Walk, byte};
use super::{nvme_mi, pcc, pldm, spdm, vendor};

/// The content of a PCC message that is none of MCTP.
pub(super) const PCC_DATA: Section =
    Section { layer: "pcc", items: &[Item::new("data", Kind::Rest)] };
/// The part of a message that one of several packets carries.
pub(super) const PART: Section =
    Section { layer: "mctp", items: &[Item::new("part", Kind::Rest)] };

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
                2 if rq()? => control::tables::request(command()?),
                2 => control::COMPLETION,
                3 if !rq()? && number(layer, "completion_code")? == 0 => {
                    control::tables::response(command()?)
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
                2 => pldm::completion(kind()?, command()?),
                3 if !rq()? && number(layer, "completion_code")? == 0 => {
                    pldm::response(kind()?, command()?)
                }
                _ => return None,
            };
            Some(Section { layer, items })
        }
        MsgType::NvmeMi => single(nvme_mi::MESSAGE),
        MsgType::Spdm => single(spdm::MESSAGE),
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
        MsgType::NvmeMi => "nvme_mi",
        MsgType::Spdm => "spdm",
        MsgType::VendorPci | MsgType::VendorIana => "vendor",
        _ => "message",
    }
}

/// Stages a message can have at most.
pub(super) const STAGES: usize = 4;

/// Whether a message ends in an integrity check (DSP0236 §8.1): control
/// messages never do, whatever their bit says.
fn has_integrity_check(number: &dyn Fn(&str, &str) -> Option<u64>) -> bool {
    number("mctp", "ic") == Some(1) && number("mctp", "type") != Some(0)
}

fn walk_message(walk: &mut Walk<'_>) {
    walk_stages(walk);
    let checked = has_integrity_check(&|layer, name| walk.number(layer, name));
    if checked && walk.stop.is_none() && walk.rest().is_empty() {
        walk.give_back();
        walk.section(&mctp::INTEGRITY);
    }
    walk.give_back();
}

fn walk_stages(walk: &mut Walk<'_>) {
    for stage in 0..STAGES {
        if stage == 1
            && has_integrity_check(&|layer, name| walk.number(layer, name))
        {
            walk.keep_back(mctp::INTEGRITY_LEN);
        }
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

impl Described {
    /// What is wrong with the length, if the bytes end before the fields do
    /// or after them.
    pub fn wrong_length(&self) -> Option<String> {
        match &self.stop {
            // A list longer than what is taken apart says nothing.
            Some(stop) if stop.needed <= stop.left => None,
            Some(stop) => Some(format!("cut short in {}", stop.field)),
            None => too_many(self.rest.len()).or_else(|| self.lie()),
        }
    }

    /// A field that tells another length than there is.
    fn lie(&self) -> Option<String> {
        let mut lengths = self
            .fields
            .iter()
            .filter(|found| matches!(found.kind, Kind::Length { .. }));
        let wrong = lengths.find_map(|found| {
            let meaning = found.meaning.as_ref()?;
            meaning.starts_with(WRONG).then_some((found, meaning))
        });
        let (found, meaning) = wrong?;
        Some(format!("{} is {}, {meaning}", found.full_name(), found.text))
    }
}

fn too_many(count: usize) -> Option<String> {
    let unit = if count == 1 { "byte" } else { "bytes" };
    (count > 0).then(|| format!("{count} {unit} too many"))
}

fn finish(walk: Walk<'_>, summary: impl Fn(&Walk<'_>) -> String) -> Described {
    let mut summary = summary(&walk);
    let rest = walk.rest().to_vec();
    let wrong = match &walk.stop {
        Some(stop) => Some(format!("cut short in {}", stop.field)),
        None => too_many(rest.len()),
    };
    if let Some(wrong) = wrong {
        summary.push_str(&format!(" ({wrong})"));
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
    if let Err(error) = pcc::signature(walk.rest()) {
        walk.section(&PCC_DATA);
        return finish(walk, |_| format!("not a PCC message: {error}"));
    }
    let counted = walk.rest().len().saturating_sub(pcc::UNCOUNTED_LEN) as u64;
    walk.section(&pcc::HEADER);
    let command = walk.number("pcc", "command");
    if walk.stop.is_some()
        || command != Some(u64::from(u32::from_le_bytes(pcc::COMMAND_MCTP)))
    {
        walk.section(&PCC_DATA);
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
    walk.section(&PART);
    finish(walk, |_| {
        format!("{part} part of a message in several packets, {size} bytes")
    })
}

/// Writes a message from fields. A response with a completion code other
/// than SUCCESS ends there.
///
/// # Errors
///
/// A field is missing, does not fit, or does not belong to the message.
pub fn encode(given: &Given) -> Result<Vec<u8>, EncodeError> {
    let mut encoder = Encoder::new(given);
    encode_stages(&mut encoder, true)?;
    match encoder.unused() {
        Some(field) => Err(EncodeError::Unknown {
            field: field.clone(),
            known: encoder.known(),
        }),
        None => Ok(encoder.finish()),
    }
}

/// Writes the sections of a message, up to an integrity check if it ends.
pub(super) fn encode_stages(
    encoder: &mut Encoder<'_>,
    ends: bool,
) -> Result<(), EncodeError> {
    let opened = encoder.opened();
    for stage in 0..STAGES {
        match section(stage, &|layer, name| encoder.number(layer, name)) {
            Some(section) => encoder.section(&section)?,
            None => break,
        }
    }
    if ends && has_integrity_check(&|layer, name| encoder.number(layer, name)) {
        encoder.close(opened);
        encoder.section(&mctp::INTEGRITY)?;
    }
    encoder.close(opened);
    Ok(())
}

/// A field anywhere in the tables, by full name, with or without the place
/// in a list: several layouts may share a name, with different widths or
/// named values.
pub fn items(field: &str) -> Vec<Item> {
    type ByName = HashMap<&'static str, HashMap<&'static str, Vec<Item>>>;
    static BY_NAME: LazyLock<ByName> = LazyLock::new(|| {
        let mut by_name = ByName::new();
        for (layer, item) in all_items() {
            let layer = by_name.entry(*layer).or_default();
            layer.entry(item.name).or_default().push(*item);
        }
        by_name
    });
    let Some((layer, name)) = without_place(field).split_once('.') else {
        return Vec::new();
    };
    let layer = BY_NAME.get(layer);
    layer.and_then(|layer| layer.get(name)).cloned().unwrap_or_default()
}

/// The same, those first that a message with these header fields has: names
/// of values may mean another number elsewhere.
pub fn items_in(field: &str, known: &Given) -> Vec<Item> {
    let number = |layer: &str, name: &str| match known
        .get(&format!("{layer}.{name}"))?
    {
        Value::Number(number) => Some(*number),
        Value::Bytes(_) => None,
    };
    let mut found = Vec::new();
    for stage in 0..STAGES {
        let Some(section) = section(stage, &number) else { break };
        found.extend(leaves(section.items).into_iter().filter(|item| {
            without_place(field).split_once('.')
                == Some((section.layer, item.name))
        }));
    }
    for item in items(field) {
        if !found.iter().any(|own: &Item| own.same(&item)) {
            found.push(item);
        }
    }
    found
}

/// Every field of every table, with its layer.
pub fn all_items() -> &'static [(&'static str, Item)] {
    static ITEMS: LazyLock<Vec<(&str, Item)>> = LazyLock::new(gather_items);
    &ITEMS
}

fn gather_items() -> Vec<(&'static str, Item)> {
    let mut found: Vec<(&'static str, Item)> = Vec::new();
    let mut seen = HashSet::new();
    let mut add = |layer: &'static str, items: &'static [Item]| {
        // Many commands have the same table; optimised, layers too.
        if !seen.insert((layer, items.as_ptr(), items.len())) {
            return;
        }
        for item in leaves(items) {
            // Tables share fields; one of each is enough.
            let same = |(of, other): &(&str, Item)| {
                *of == layer && other.same(&item) && other.listed == item.listed
            };
            if !found.iter().any(same) {
                found.push((layer, item));
            }
        }
    };
    add("pcc", pcc::HEADER.items);
    add("mctp", mctp::HEADER.items);
    add("mctp", mctp::MESSAGE.items);
    add("mctp", mctp::INTEGRITY.items);
    add("control", control::HEADER);
    add("control", control::COMPLETION);
    for code in 0..=u8::MAX {
        let command = Command::from(code);
        add("control", control::tables::request(command));
        add("control", control::tables::response(command));
    }
    for kind in pldm::DESCRIBED {
        add("pldm", pldm::header(Some(kind)));
    }
    for kind in pldm::DESCRIBED {
        for code in 0..=u8::MAX {
            add("pldm", pldm::completion(kind, code));
            add("pldm", pldm::request(kind, code));
            add("pldm", pldm::response(kind, code));
        }
    }
    add("nvme_mi", nvme_mi::MESSAGE);
    add("spdm", spdm::MESSAGE);
    add("vendor", vendor::PCI);
    add("vendor", vendor::IANA);
    const DATA: &[Item] = &[Item::new("data", Kind::Rest)];
    add("message", DATA);
    found
}

/// The fields of a table, those within others included.
fn leaves(items: &'static [Item]) -> Vec<Item> {
    let mut found = Vec::new();
    for item in items {
        if !item.name.is_empty() {
            found.push(*item);
        }
        for inner in item.parts() {
            let listed = matches!(item.kind, Kind::Repeat(_));
            found.extend(leaves(inner).into_iter().map(|mut inner| {
                inner.listed |= listed;
                inner
            }));
        }
    }
    found
}

/// Whether a field, by full name, is one of a list anywhere.
pub fn in_list(field: &str) -> bool {
    items(field).iter().any(|item| item.listed)
}

#[cfg(test)]
mod tests;
