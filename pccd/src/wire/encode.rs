//! Fields to bytes: the other way over the tables of [`super::layout`].

use std::collections::BTreeMap;

use super::error::EncodeError;
use super::layout::{Found, Kind, Section, Value, number_be};

/// Fields given for an answer, by full name (`layer.name`).
pub type Given = BTreeMap<String, Value>;

/// Writes one section after what is already in `out`.
///
/// # Errors
///
/// A field without value or default, or a value that does not fit.
pub fn encode_section(
    section: &Section,
    given: &Given,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let mut bits: u64 = 0;
    for (index, item) in section.items.iter().enumerate() {
        let field = format!("{}.{}", section.layer, item.name);
        if let Kind::CountOf(unit) = item.kind
            && !given.contains_key(&field)
        {
            let listed = section.items.get(index + 1).and_then(|next| {
                given.get(&format!("{}.{}", section.layer, next.name))
            });
            let count = match listed {
                Some(Value::Bytes(bytes)) => bytes.len() / unit.max(1),
                _ => 0,
            };
            out.push(u8::try_from(count).map_err(|_| {
                EncodeError::TooLarge {
                    field,
                    room: "a count of 255".to_owned(),
                }
            })?);
            continue;
        }
        if item.is_number() {
            let number = match (given.get(&field), item.default) {
                (Some(Value::Number(number)), _) => *number,
                (Some(Value::Bytes(bytes)), _) => number_be(bytes),
                (None, Some(default)) => default,
                (None, None) => return Err(EncodeError::Missing { field }),
            };
            if number >> item.width() != 0 {
                let room = format!("{} bits", item.width());
                return Err(EncodeError::TooLarge { field, room });
            }
            let bytes = number.to_le_bytes();
            let count = item.width().div_ceil(8) as usize;
            let low = bytes.iter().take(count).copied();
            match item.kind {
                Kind::Bits { shift, .. } => {
                    bits |= number << shift;
                    if shift == 0 {
                        out.extend(bits.to_le_bytes().first());
                        bits = 0;
                    }
                }
                Kind::U16Be | Kind::U32Be => out.extend(low.rev()),
                _ => out.extend(low),
            }
            continue;
        }
        let bytes = match given.get(&field) {
            Some(Value::Bytes(bytes)) => bytes.clone(),
            Some(Value::Number(_)) => {
                let room = "bytes in hex".to_owned();
                return Err(EncodeError::TooLarge { field, room });
            }
            None if item.kind == Kind::Rest => Vec::new(),
            None => return Err(EncodeError::Missing { field }),
        };
        let fixed = match item.kind {
            Kind::Bytes(count) | Kind::BitSet(count) => Some(count),
            Kind::Uuid => Some(16),
            _ => None,
        };
        if let Some(count) = fixed
            && bytes.len() != count
        {
            let room = format!("exactly {count} bytes");
            return Err(EncodeError::TooLarge { field, room });
        }
        out.extend(bytes);
    }
    Ok(())
}

/// Writes a value over a field where it lies, so that bytes can be made
/// wrong in one place. Bytes replace as many as there were.
///
/// # Errors
///
/// The value does not fit.
pub fn overwrite(
    bytes: &mut [u8],
    field: &Found,
    value: &Value,
) -> Result<(), EncodeError> {
    let name = || format!("{}.{}", field.layer, field.name);
    let length = match &field.value {
        Value::Bytes(old) => old.len(),
        Value::Number(_) => match field.kind {
            Kind::U16Be | Kind::U16Le => 2,
            Kind::U32Be | Kind::U32Le => 4,
            _ => 1,
        },
    };
    let too_large =
        |room: String| Err(EncodeError::TooLarge { field: name(), room });
    let Some(place) =
        bytes.get_mut(field.offset..field.offset.saturating_add(length))
    else {
        return Err(EncodeError::Missing { field: name() });
    };
    let number = match (&field.value, value) {
        (Value::Bytes(_), Value::Bytes(new)) if new.len() == place.len() => {
            place.copy_from_slice(new);
            return Ok(());
        }
        (Value::Number(_), Value::Number(number)) => *number,
        _ => return too_large(format!("{length} bytes")),
    };
    let (width, shift) = match field.kind {
        Kind::Bits { shift, width } => (width, shift),
        _ => (8 * u32::try_from(length).unwrap_or(1), 0),
    };
    if number >> width != 0 {
        return too_large(format!("{width} bits"));
    }
    let big = matches!(field.kind, Kind::U16Be | Kind::U32Be);
    if let Kind::Bits { .. } = field.kind {
        let mask = ((1_u64 << width) - 1) << shift;
        for byte in place {
            let new = (u64::from(*byte) & !mask) | (number << shift);
            *byte = u8::try_from(new & 0xff).unwrap_or(*byte);
        }
        return Ok(());
    }
    let new = number.to_le_bytes();
    let count = place.len();
    for (index, byte) in place.iter_mut().enumerate() {
        let from = if big { count - 1 - index } else { index };
        *byte = new.get(from).copied().unwrap_or(0);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::layout::Item;

    #[test]
    fn values_must_fit() {
        const ITEMS: &[Item] = &[Item::bits("b", 3, 0)];
        let section = Section { layer: "t", items: ITEMS };
        let given = Given::from([("t.b".to_owned(), Value::Number(16))]);
        let error =
            encode_section(&section, &given, &mut Vec::new()).unwrap_err();
        assert_eq!(error.to_string(), "field `t.b` has room for 4 bits");
        let error = encode_section(&section, &Given::new(), &mut Vec::new())
            .unwrap_err();
        assert_eq!(error.to_string(), "field `t.b` has no value");
    }

    #[test]
    fn every_field_is_overwritten_where_it_lies() {
        let content = [
            0x05, 0x43, 0x43, 0x50, 1, 0, 0, 0, 15, 0, 0, 0, 0x4d, 0x43, 0x54,
            0x50, 1, 9, 8, 0xc8, 1, 0, 2, 0x11, 0, 0, 0,
        ];
        let found = crate::wire::message::describe_content(&content).fields;
        assert!(found.len() > 20);
        for field in &found {
            let new = match &field.value {
                Value::Number(number) => Value::Number(number ^ 1),
                Value::Bytes(bytes) => Value::Bytes(vec![0xee; bytes.len()]),
            };
            let mut wrong = content;
            overwrite(&mut wrong, field, &new).unwrap();
            // The walk may take another turn after it; the field itself
            // now reads as what was written.
            let again = crate::wire::message::describe_content(&wrong).fields;
            let same = again.iter().find(|other| {
                other.offset == field.offset && other.name == field.name
            });
            if let Some(same) = same {
                assert_eq!(same.value, new, "{}.{}", field.layer, field.name);
            }
            assert_ne!(wrong, content, "{}.{}", field.layer, field.name);
        }
        let tag = found.iter().find(|field| field.name == "tag").unwrap();
        let mut wrong = content;
        let error = overwrite(&mut wrong, tag, &Value::Number(8)).unwrap_err();
        assert_eq!(error.to_string(), "field `mctp.tag` has room for 3 bits");
        let bytes = Value::Bytes(vec![1]);
        assert!(overwrite(&mut wrong, tag, &bytes).is_err());
    }
}
