//! Decoded contents made into the same bytes again.

use std::collections::BTreeMap;

use crate::record::{Decoded, Field, FieldValue};
use crate::script::problem::Wrong;
use crate::wire::region::{SubspaceType, field_names, header};
use crate::wire::scmi;

/// The way back from [`super::decode`]: envelope, header and communication
/// space; registers are part of that. None for contents that other layers
/// decode.
pub fn encode(decoded: &Decoded) -> Option<Result<Vec<u8>, Wrong>> {
    let has = |name: &str| decoded.field(&format!("pcc.{name}")).is_some();
    if !has("data") || decoded.field("mctp.source").is_some() {
        return None;
    }
    if !has("signature") && !has("doorbell") {
        return None;
    }
    Some(rebuild(decoded))
}

fn number(decoded: &Decoded, name: &str) -> Option<u64> {
    match decoded.field(name)?.value {
        FieldValue::Number(number) => Some(number),
        _ => None,
    }
}

/// Whether a command that was taken out can be made of its parts.
fn has_parts(decoded: &Decoded) -> bool {
    scmi::names().any(|part| number(decoded, part).is_some())
}

fn rebuild(decoded: &Decoded) -> Result<Vec<u8>, Wrong> {
    let only = |layer: &str| {
        let fields = decoded.fields.iter().filter(|one| one.layer == layer);
        let fields: Vec<Field> = fields.cloned().collect();
        Decoded { summary: String::new(), fields }
    };
    let mut out = match only("envelope") {
        envelope if envelope.fields.is_empty() => Vec::new(),
        envelope => envelope.encode().map_err(Wrong::plain)?,
    };
    let field = |name: &str| decoded.field(&format!("pcc.{name}"));
    let kind = match (field("doorbell"), field("notify")) {
        (Some(_), _) => SubspaceType::HwRegisters,
        (None, Some(_)) => SubspaceType::Generic,
        (None, None) => SubspaceType::Initiator,
    };
    let mut numbers = BTreeMap::new();
    for name in field_names(kind) {
        match field(name).map(|field| &field.value) {
            Some(FieldValue::Number(number)) => numbers.insert(name, *number),
            Some(_) => {
                let text = format!("`pcc.{name}` is no number");
                return Err(Wrong::plain(text));
            }
            None if name == "command" && has_parts(decoded) => {
                let word = scmi::join(|part| number(decoded, part));
                numbers.insert(
                    name,
                    word.map_err(|(part, most)| {
                        Wrong::plain(format!("`{part}` is at most {most}"))
                    })?,
                )
            }
            // A header that is cut short lacks fields at its end.
            None => break,
        };
    }
    out.extend(header(kind, &numbers).map_err(|(name, most)| {
        Wrong::plain(format!("`pcc.{name}` is at most {most}"))
    })?);
    let data = decoded.field("pcc.data").map(|field| field.value.to_string());
    let data = hex::decode(data.unwrap_or_default().trim())
        .map_err(|_| Wrong::plain("`pcc.data` is not hex"))?;
    out.extend(data);
    Ok(out)
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
                    let back = encode(&decoded.unwrap()).unwrap();
                    assert_eq!(back.as_ref(), Ok(content), "{kind:?}");
                }
            }
        }
        let mut decoded = describe_alone(&generic, None, false, None).unwrap();
        for field in &mut decoded.fields {
            if field.name == "notify" {
                field.value = FieldValue::Number(2);
            }
        }
        let error = encode(&decoded).unwrap().unwrap_err();
        assert_eq!(error.message, "`pcc.notify` is at most 1");
        let mctp = crate::record::describe(b"\x01\x02\x03");
        assert_eq!(encode(&mctp), None);
    }
}
