//! Decoded contents made into bytes again, with what was changed by hand.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::channel::Channel;
use super::register::Register;
use crate::record::{Decoded, Field, FieldValue};
use crate::script::problem::Wrong;
use crate::wire::layout::Value;
use crate::wire::pcc::{HEADER_LEN, UNCOUNTED_LEN};
use crate::wire::region::{SubspaceType, field_names, header, places};
use crate::wire::scmi;

/// Layers of a content that are no channel's.
const LAYERS: [&str; 3] = ["envelope", "pcc", scmi::LAYER];

/// Bytes, and what was decided where fields say the same bytes twice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rebuilt {
    /// The content.
    pub content: Vec<u8>,
    /// Fields that count before others, a sentence each.
    pub notes: Vec<String>,
}

/// Whether a content is one of registers, and not another layer's.
fn is_ours(decoded: &Decoded) -> bool {
    let has = |name: &str| decoded.field(&format!("pcc.{name}")).is_some();
    has("data")
        && decoded.field("mctp.source").is_none()
        && (has("signature") || has("doorbell"))
}

/// The channel whose registers are among the fields.
pub fn channel_of(decoded: &Decoded) -> Option<&str> {
    let layers = decoded.fields.iter().map(|field| field.layer.as_str());
    let mut others = layers.filter(|layer| !LAYERS.contains(layer));
    others.next().filter(|_| is_ours(decoded))
}

/// The way back from [`super::decode`]: envelope, header and communication
/// space, with the registers of the channel that [`channel_of`] names. None
/// for contents that other layers decode.
pub fn encode(
    decoded: &Decoded,
    channel: Option<&Channel>,
) -> Option<Result<Rebuilt, Wrong>> {
    is_ours(decoded).then(|| rebuild(decoded, channel))
}

fn number(decoded: &Decoded, full: &str) -> Result<Option<u64>, Wrong> {
    match decoded.field(full).map(|field| &field.value) {
        None => Ok(None),
        Some(FieldValue::Number(number)) => Ok(Some(*number)),
        Some(_) => Err(Wrong::plain(format!("`{full}` is no number"))),
    }
}

/// The command by its parts, if there are any. What they lack is as the
/// command has it.
fn by_parts(
    decoded: &Decoded,
    command: Option<u64>,
) -> Result<Option<u64>, Wrong> {
    let mut parts = BTreeMap::new();
    for name in scmi::names() {
        parts.extend(number(decoded, name)?.map(|value| (name, value)));
    }
    if parts.is_empty() {
        return Ok(None);
    }
    for own in command.map(scmi::split).unwrap_or_default() {
        parts.entry(own.name).or_insert(own.value);
    }
    let word = scmi::join(|part| parts.get(part).copied());
    word.map(Some).map_err(|(part, most)| {
        Wrong::plain(format!("`{part}` is at most {most}"))
    })
}

/// Every field has its place, or is none of those there are.
fn known(
    decoded: &Decoded,
    kind: SubspaceType,
    channel: Option<&Channel>,
) -> Result<(), Wrong> {
    let heads = field_names(kind).into_iter().chain(["data"]);
    let heads = heads.map(|name| format!("pcc.{name}"));
    let mut names: Vec<String> =
        heads.chain(scmi::names().map(str::to_owned)).collect();
    if let Some(Channel { name, registers, .. }) = channel {
        let seen = registers.values().filter(|one| one.offset.is_some());
        names.extend(seen.map(|one| format!("{name}.{}", one.name)));
    }
    let fields =
        decoded.fields.iter().filter(|field| field.layer != "envelope");
    for Field { layer, name, .. } in fields {
        let full = format!("{layer}.{name}");
        if !names.contains(&full) {
            return Err(Wrong::unknown(
                format!("unknown field `{full}`"),
                format!("one of `{}`", names.join("`, `")),
                &full,
                names.iter().map(String::as_str),
            ));
        }
    }
    Ok(())
}

/// Writes registers over the bytes that differ from them.
fn write_registers(
    decoded: &Decoded,
    channel: &Channel,
    space: &mut Vec<u8>,
) -> Result<Vec<String>, Wrong> {
    let mut changed: Vec<(&Register, Value)> = Vec::new();
    let mut notes = Vec::new();
    let fields = decoded.fields.iter();
    for field in fields.filter(|field| field.layer == channel.name) {
        let Some(register) = channel.registers.get(&field.name) else {
            continue;
        };
        let value = register.value(&match &field.value {
            FieldValue::Number(number) => (*number).into(),
            FieldValue::Negative(number) => (*number).into(),
            FieldValue::Text(text) => Json::String(text.clone()),
        })?;
        let had = register.read(space);
        if had.as_ref() == Some(&value) {
            continue;
        }
        let had = had.map_or("nothing".to_owned(), |had| register.text(&had));
        notes.push(format!(
            "`{}.{}` counts, {}; `pcc.data` has {had} there",
            channel.name,
            register.name,
            register.text(&value)
        ));
        changed.push((register, value));
    }
    for (register, value) in &changed {
        register.write(space, value);
    }
    let lost = changed
        .iter()
        .find(|(register, value)| register.read(space).as_ref() != Some(value));
    match lost {
        None => Ok(notes),
        Some((register, _)) => Err(Wrong::new(
            format!(
                "`{}.{}` and a register over it are both changed",
                channel.name, register.name
            ),
            "one of them",
        )),
    }
}

/// The type whose header has these fields.
fn kind_of(decoded: &Decoded) -> SubspaceType {
    let others = field_names(SubspaceType::Initiator);
    let has_own = |kind: &SubspaceType| {
        field_names(*kind).into_iter().any(|name| {
            !others.contains(&name)
                && decoded.field(&format!("pcc.{name}")).is_some()
        })
    };
    let kinds = [SubspaceType::HwRegisters, SubspaceType::Generic];
    let found = kinds.into_iter().find(has_own);
    found.unwrap_or(SubspaceType::Initiator)
}

/// Computes a length that was taken out. Without other fields only bytes do
/// that end in the header: they lack fields at its end, and what is left is
/// less than the next one. A signature alone is the header of type 5.
fn complete(
    kind: SubspaceType,
    numbers: &mut BTreeMap<&str, u64>,
    missing: Vec<&'static str>,
    space: &[u8],
) -> Result<(), Wrong> {
    let last = places(kind).iter().rev();
    let last = last.map(|place| place.name).find(|it| numbers.contains_key(it));
    let is_header =
        kind == SubspaceType::Initiator && last == Some("signature");
    for name in missing {
        let mut after = places(kind).iter().skip_while(|it| it.name != name);
        let size = after.next().map_or(0, |place| place.size);
        let is_within = after.any(|place| numbers.contains_key(place.name));
        match (name, is_within) {
            ("length", true) => {
                let counted = space.len() + HEADER_LEN - UNCOUNTED_LEN;
                numbers.insert(name, counted as u64);
            }
            (_, false) if is_header || space.len() < size => {}
            _ => {
                let text = format!("`pcc.{name}` is missing");
                return Err(Wrong::plain(text));
            }
        }
    }
    Ok(())
}

fn rebuild(
    decoded: &Decoded,
    channel: Option<&Channel>,
) -> Result<Rebuilt, Wrong> {
    let only = |layer: &str| {
        let fields = decoded.fields.iter().filter(|one| one.layer == layer);
        let fields: Vec<Field> = fields.cloned().collect();
        Decoded { summary: String::new(), fields }
    };
    let mut out = match only("envelope") {
        envelope if envelope.fields.is_empty() => Vec::new(),
        envelope => envelope.encode().map_err(Wrong::plain)?,
    };
    let kind = kind_of(decoded);
    known(decoded, kind, channel)?;
    let data = decoded.field("pcc.data").map(|field| field.value.to_string());
    let mut space = hex::decode(data.unwrap_or_default().trim())
        .map_err(|_| Wrong::plain("`pcc.data` is not hex"))?;
    let mut notes = Vec::new();
    if let Some(channel) = channel {
        notes.extend(write_registers(decoded, channel, &mut space)?);
    }
    let mut numbers = BTreeMap::new();
    let mut missing = Vec::new();
    for name in field_names(kind) {
        let given = number(decoded, &format!("pcc.{name}"))?;
        let made = match name {
            "command" => by_parts(decoded, given)?,
            _ => None,
        };
        if let (Some(given), Some(made)) = (given, made)
            && given != made
        {
            notes.push(format!(
                "the parts `{}.…` count, {made:#x}; `pcc.command` has \
                 {given:#x}",
                scmi::LAYER
            ));
        }
        match made.or(given) {
            Some(value) => drop(numbers.insert(name, value)),
            None => missing.push(name),
        }
    }
    complete(kind, &mut numbers, missing, &space)?;
    out.extend(header(kind, &numbers).map_err(|(name, most)| {
        Wrong::plain(format!("`pcc.{name}` is at most {most}"))
    })?);
    out.extend(space);
    Ok(Rebuilt { content: out, notes })
}

#[cfg(test)]
mod tests {
    use super::super::decode::describe_alone;
    use super::*;

    #[test]
    fn every_content_goes_there_and_back() {
        let mut envelope = b"PCCE\x01\0\x20\0\x0f\0\0\0\x07\0\0\0".to_vec();
        envelope.extend([3, 0]);
        envelope.resize(32, 0);
        let generic = b"\x03CCP\x09\xff\x0f\xaaabcdefghij".to_vec();
        let extended = b"\x04CCP\x01\0\0\0\x06\0\0\0\x05\0\0\0ab".to_vec();
        let reduced = b"\x07\0\0\0\0\0\0\x01\x02CCP\xee".to_vec();
        let told = [envelope, generic.clone()].concat();
        for content in [&generic, &extended, &reduced, &told] {
            for kind in [None, Some(2), Some(3), Some(5)]
                .map(|kind: Option<u8>| kind.map(|n| n.try_into().unwrap()))
            {
                for is_reply in [false, true] {
                    let decoded = describe_alone(content, kind, is_reply, None);
                    let back = encode(&decoded.unwrap(), None).unwrap();
                    let expected =
                        Rebuilt { content: content.clone(), notes: Vec::new() };
                    assert_eq!(back, Ok(expected), "{kind:?}");
                }
            }
        }
        let mut decoded = describe_alone(&generic, None, false, None).unwrap();
        for field in &mut decoded.fields {
            if field.name == "notify" {
                field.value = FieldValue::Number(2);
            }
        }
        let error = encode(&decoded, None).unwrap().unwrap_err();
        assert_eq!(error.message, "`pcc.notify` is at most 1");
        let mctp = crate::record::describe(b"\x01\x02\x03");
        assert_eq!(encode(&mctp, None), None);
    }

    #[test]
    fn what_is_taken_out_is_computed_or_missed() {
        let generic = &b"\x03CCP\x09\xff\x0f\xaaab"[..];
        let extended = b"\x04CCP\x01\0\0\0\x0a\0\0\0\x05\0\0\0abcdef";
        let reduced = b"\x07\0\0\0\0\0\0\x01\x02CCP\xeeabc";
        for (content, kind) in [
            (generic, SubspaceType::Generic),
            (extended, SubspaceType::Initiator),
            (reduced, SubspaceType::HwRegisters),
        ] {
            let all = describe_alone(content, Some(kind), false, None).unwrap();
            for name in field_names(kind) {
                let mut decoded = all.clone();
                decoded.fields.retain(|field| field.name != name);
                match (encode(&decoded, None), name) {
                    // Another type's, that has no doorbell.
                    (Some(Ok(back)), "doorbell") => {
                        assert_eq!(back.content, content[8..]);
                    }
                    (Some(Ok(back)), "length") => {
                        assert_eq!(back.content, content);
                    }
                    (Some(Err(wrong)), _) => {
                        let wanted = format!("`pcc.{name}` is missing");
                        assert_eq!(wrong.message, wanted);
                    }
                    (None, "signature") => {}
                    (other, name) => panic!("{name}: {other:?}"),
                }
            }
        }
    }
}
