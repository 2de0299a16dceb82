//! In which fields a request is another than the one that was to come.

use crate::record::{Decoded, Field, FieldValue};

/// Most fields that are named.
const MOST: usize = 8;

/// The fields that differ, in words.
pub fn differs(got: &Decoded, wanted: &Decoded) -> String {
    let mut all = Vec::new();
    let mut bytes = None;
    for field in &got.fields {
        let other = same(wanted, field);
        if other.is_some_and(|other| other.value == field.value) {
            continue;
        }
        match (&field.value, other.map(|other| &other.value)) {
            // Registers say it better, if there are any.
            (FieldValue::Text(got), Some(FieldValue::Text(wanted)))
                if is_raw(field) =>
            {
                bytes = Some(byte(got, wanted));
            }
            _ => {
                let recorded = match other {
                    Some(other) => format!("recorded {}", value(other)),
                    None => "the recording has none".to_owned(),
                };
                let (layer, name) = (&field.layer, &field.name);
                let is = value(field);
                all.push(format!("{layer}.{name} is {is}, {recorded}"));
            }
        }
    }
    for field in &wanted.fields {
        if same(got, field).is_none() {
            let (layer, name) = (&field.layer, &field.name);
            let recorded = value(field);
            all.push(format!("{layer}.{name} is missing, recorded {recorded}"));
        }
    }
    if all.is_empty() {
        all.extend(bytes);
    }
    let more = all.len().saturating_sub(MOST);
    all.truncate(MOST);
    if more > 0 {
        all.push(format!("and {more} more"));
    }
    match all.is_empty() {
        true => "its bytes".to_owned(),
        false => all.join(", "),
    }
}

fn same<'d>(of: &'d Decoded, field: &Field) -> Option<&'d Field> {
    let is_same =
        |one: &&Field| one.layer == field.layer && one.name == field.name;
    of.fields.iter().find(is_same)
}

/// Whether a field is all the bytes that the registers lie in.
fn is_raw(field: &Field) -> bool {
    field.layer == "pcc" && field.name == "data"
}

fn value(field: &Field) -> String {
    match &field.meaning {
        Some(meaning) => format!("{} ({meaning})", field.value),
        None => field.value.to_string(),
    }
}

/// The first byte that two texts of hex differ in.
fn byte(got: &str, wanted: &str) -> String {
    let pairs = |text: &str| -> Vec<String> {
        let digits: Vec<char> = text.chars().collect();
        digits.chunks(2).map(|pair| pair.iter().collect()).collect()
    };
    let (got, wanted) = (pairs(got), pairs(wanted));
    let at = got.iter().zip(&wanted).position(|(one, other)| one != other);
    match at.and_then(|at| Some((at, got.get(at)?, wanted.get(at)?))) {
        Some((at, got, wanted)) => {
            format!("byte {at} of the data is {got}, recorded {wanted}")
        }
        None => format!(
            "the data has {} bytes, recorded {}",
            got.len(),
            wanted.len()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{describe, describe_message};

    #[test]
    fn fields_are_named() {
        let one = describe_message(&[0, 0x80, 1, 0, 9]);
        let other = describe_message(&[0, 0x80, 1, 0, 10]);
        let text = differs(&other, &one);
        assert_eq!(text, "control.eid is 10, recorded 9");
        let short = describe_message(&[0, 0x80, 1, 0]);
        let text = differs(&short, &one);
        assert!(text.contains("control.eid is missing, recorded 9"), "{text}");
    }

    #[test]
    fn bytes_of_nothing_known_have_a_place() {
        let decoded = |last| describe(&[0, 0x43, 0x43, 0x50, 1, 2, last]);
        let text = differs(&decoded(3), &decoded(4));
        assert!(text.contains("recorded"), "{text}");
        assert_eq!(
            byte("0102", "0103"),
            "byte 1 of the data is 02, recorded 03"
        );
        assert_eq!(byte("01", "0103"), "the data has 1 bytes, recorded 2");
    }
}
