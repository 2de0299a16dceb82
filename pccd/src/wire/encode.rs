//! Fields to bytes: the other way over the tables of [`super::layout`].

use std::collections::BTreeMap;

use super::error::EncodeError;
use super::layout::{Kind, Section, Value, number_be};

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
}
