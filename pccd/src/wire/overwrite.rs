//! Bytes made wrong in one place.

use super::error::EncodeError;
use super::layout::{Found, Kind, Value};

/// Writes a value over a field where it lies, so that bytes can be made
/// wrong in one place. Bytes replace as many as there were.
pub fn overwrite(
    bytes: &mut [u8],
    field: &Found,
    value: &Value,
) -> Result<(), EncodeError> {
    let name = || field.full_name();
    let length = match &field.value {
        Value::Bytes(old) => old.len(),
        Value::Number(_) => field.kind.size(),
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
    if !field.kind.fits(number) {
        return too_large(format!("{width} bits"));
    }
    let big = field.kind.is_big_endian();
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
