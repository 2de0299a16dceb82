//! One register: where it lies, what it may hold, and the way from and to
//! bytes. It knows no channel and no command.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::file::Access;
use crate::script::memory::Variable;
use crate::script::number::{hex_bytes, parse_number};
use crate::script::problem::Wrong;
use crate::wire::layout::Value;
use crate::wire::text::number_le;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Bits `high` to `low` of a word of so many bytes.
    Bits {
        /// Bytes of the word.
        size: usize,
        high: u32,
        low: u32,
    },
    Bytes(usize),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Register {
    pub name: String,
    /// Where it begins in the communication space; none if it is hidden.
    pub offset: Option<usize>,
    pub form: Form,
    pub access: Access,
    /// Value at the start of a life of the guest.
    pub reset: Value,
    pub values: BTreeMap<String, u64>,
    /// Registers by whose values there are several of it.
    pub index: Vec<String>,
    /// Reset values of single ones.
    pub cells: BTreeMap<Vec<u64>, Value>,
}

/// A number with that many bits set.
fn ones(width: u32) -> u64 {
    1_u64.checked_shl(width).map_or(u64::MAX, |bit| bit - 1)
}

impl Form {
    pub fn size(self) -> usize {
        match self {
            Self::Bits { size, .. } | Self::Bytes(size) => size,
        }
    }

    /// Bits of its word that are its own.
    pub fn mask(self) -> u64 {
        match self {
            Self::Bits { high, low, .. } => ones(high - low + 1) << low,
            Self::Bytes(_) => u64::MAX,
        }
    }

    pub fn zero(self) -> Value {
        match self {
            Self::Bits { .. } => Value::Number(0),
            Self::Bytes(size) => Value::Bytes(vec![0; size]),
        }
    }

    /// What would be right, for people.
    fn room(self) -> String {
        match self {
            Self::Bits { high, low, .. } => {
                let most = ones(high - low + 1);
                format!("a number from 0 to {most}, or a negative one")
            }
            Self::Bytes(size) => format!("{size} bytes in hex"),
        }
    }

    fn fit(self, number: i128) -> Option<Value> {
        let Self::Bits { high, low, .. } = self else {
            return None;
        };
        let width = high - low + 1;
        let least = -(1_i128 << (width - 1));
        let fits = (least..=i128::from(ones(width))).contains(&number);
        // Two's complement in so many bits.
        let bits = number & i128::from(ones(width));
        u64::try_from(bits).ok().filter(|_| fits).map(Value::Number)
    }
}

impl Register {
    /// Whether the guest sees it all the time.
    pub fn is_shown(&self) -> bool {
        self.offset.is_some() && matches!(self.access, Access::Rw | Access::Ro)
    }

    /// The byte after its last, for one that has a place.
    pub fn end(&self) -> usize {
        self.offset.map_or(0, |at| at.saturating_add(self.form.size()))
    }

    /// Reads it from a communication space. None if it is hidden or lies
    /// beyond the end.
    pub fn read(&self, space: &[u8]) -> Option<Value> {
        let raw = space.get(self.offset?..self.end())?;
        Some(match self.form {
            Form::Bits { high, low, .. } => {
                Value::Number((number_le(raw) >> low) & ones(high - low + 1))
            }
            Form::Bytes(_) => Value::Bytes(raw.to_vec()),
        })
    }

    /// Writes it into a communication space, which grows as needed.
    pub fn write(&self, space: &mut Vec<u8>, value: &Value) {
        let Some(offset) = self.offset else {
            return;
        };
        if space.len() < self.end() {
            space.resize(self.end(), 0);
        }
        let Some(raw) = space.get_mut(offset..self.end()) else {
            return;
        };
        match (self.form, value) {
            (Form::Bits { low, .. }, Value::Number(value)) => {
                let mask = self.form.mask();
                let word = (number_le(raw) & !mask) | ((value << low) & mask);
                for (to, from) in raw.iter_mut().zip(word.to_le_bytes()) {
                    *to = from;
                }
            }
            (Form::Bytes(_), Value::Bytes(bytes)) => {
                for (to, from) in raw.iter_mut().zip(bytes) {
                    *to = *from;
                }
            }
            _ => {}
        }
    }

    /// The name of a value.
    pub fn name_of(&self, value: &Value) -> Option<&str> {
        let Value::Number(number) = value else {
            return None;
        };
        let found = self.values.iter().find(|(_, other)| *other == number);
        found.map(|(name, _)| name.as_str())
    }

    /// A value as people read it.
    pub fn text(&self, value: &Value) -> String {
        match (value, self.name_of(value)) {
            (_, Some(name)) => format!("`{name}`"),
            (Value::Number(number), None) => number.to_string(),
            (Value::Bytes(bytes), None) => hex::encode(bytes),
        }
    }

    /// Reads a value as files and filled in templates have it.
    pub fn value(&self, json: &Json) -> Result<Value, Wrong> {
        let wrong = || {
            let message = format!("`{}` cannot be {json}", self.name);
            Wrong::new(message, self.form.room())
        };
        if let Form::Bytes(size) = self.form {
            let mut bytes = match json {
                Json::String(text) => hex_bytes(text)?,
                Json::Array(list) => list
                    .iter()
                    .map(|n| u8::try_from(n.as_u64()?).ok())
                    .collect::<Option<_>>()
                    .ok_or_else(wrong)?,
                Json::Number(zero) if zero.as_u64() == Some(0) => Vec::new(),
                _ => return Err(wrong()),
            };
            if bytes.len() > size {
                return Err(Wrong::new(
                    format!("`{}` has {} bytes", self.name, bytes.len()),
                    format!("at most {size} bytes; missing ones are 0"),
                ));
            }
            bytes.resize(size, 0);
            return Ok(Value::Bytes(bytes));
        }
        let number = match json {
            Json::Bool(flag) => Some(i128::from(*flag)),
            Json::Number(number) => number
                .as_u64()
                .map(i128::from)
                .or_else(|| number.as_i64().map(i128::from)),
            Json::String(text) => Some(self.read_number(text.trim())?),
            _ => None,
        };
        number.and_then(|n| self.form.fit(n)).ok_or_else(wrong)
    }

    fn read_number(&self, text: &str) -> Result<i128, Wrong> {
        let named = self
            .values
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(text));
        if let Some((_, number)) = named {
            return Ok(i128::from(*number));
        }
        // Templates write them with a capital letter.
        match text {
            "true" | "True" => return Ok(1),
            "false" | "False" => return Ok(0),
            _ => {}
        }
        // What a template makes of a division that comes out even.
        let whole = text.strip_suffix(".0").unwrap_or(text);
        let parsed = match whole.strip_prefix('-') {
            Some(digits) => parse_number(digits).map(|n| -i128::from(n)),
            None => parse_number(whole).map(i128::from),
        };
        parsed.ok_or_else(|| {
            let names: Vec<&str> =
                self.values.keys().map(String::as_str).collect();
            let expected = match names.is_empty() {
                true => self.form.room(),
                false => {
                    format!("a number, or one of `{}`", names.join("`, `"))
                }
            };
            let wrong = format!("`{text}` is no value of `{}`", self.name);
            Wrong::unknown(wrong, expected, text, names)
        })
    }

    /// As it is kept from one command to the next.
    pub fn keep(&self, value: &Value) -> Variable {
        match value {
            Value::Number(number) => Variable::Number(*number),
            Value::Bytes(bytes) => Variable::Text(hex::encode(bytes)),
        }
    }

    /// The reverse. None if it was kept by a register of another kind, from
    /// before the files were changed.
    pub fn kept(&self, kept: &Variable) -> Option<Value> {
        match (self.form, kept) {
            (Form::Bits { .. }, Variable::Number(number)) => {
                self.form.fit(i128::from(*number))
            }
            (Form::Bytes(size), Variable::Text(text)) => {
                let bytes = hex::decode(text).ok()?;
                (bytes.len() == size).then_some(Value::Bytes(bytes))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn register(offset: usize, form: Form) -> Register {
        Register {
            name: "r".to_owned(),
            offset: Some(offset),
            form,
            access: Access::Rw,
            reset: form.zero(),
            values: BTreeMap::from([("fast".to_owned(), 2)]),
            index: Vec::new(),
            cells: BTreeMap::new(),
        }
    }

    const fn bits(size: usize, high: u32, low: u32) -> Form {
        Form::Bits { size, high, low }
    }

    #[test]
    fn registers_are_little_endian_and_leave_their_neighbours() {
        let cases = [
            (register(0, bits(1, 7, 0)), 0x5a, "5aa5a5a5a5a5a5a5"),
            (register(1, bits(2, 15, 0)), 0x1234, "a53412a5a5a5a5a5"),
            (register(0, bits(4, 31, 28)), 0x7, "a5a5a575a5a5a5a5"),
            (register(4, bits(4, 4, 4)), 1, "a5a5a5a5b5a5a5a5"),
            (
                register(0, bits(8, 63, 0)),
                0x0102_0304_0506_0708,
                "0807060504030201",
            ),
        ];
        for (register, number, expected) in cases {
            let mut space = vec![0xa5; 8];
            let value = Value::Number(number);
            register.write(&mut space, &value);
            assert_eq!(hex::encode(&space), expected);
            assert_eq!(register.read(&space), Some(value));
            for cut in 0..register.end() {
                assert_eq!(register.read(&space[..cut]), None);
            }
        }
        let bytes = register(2, Form::Bytes(3));
        let mut space = Vec::new();
        bytes.write(&mut space, &Value::Bytes(vec![1, 2, 3]));
        assert_eq!(space, [0, 0, 1, 2, 3], "it grows");
    }

    #[test]
    fn values_are_read() {
        let byte = register(0, bits(1, 7, 0));
        let cases = [
            (json!(255), Some(255)),
            (json!(256), None),
            (json!(-1), Some(255)),
            (json!(-128), Some(128)),
            (json!(-129), None),
            (json!("0x10"), Some(16)),
            (json!("-2"), Some(254)),
            (json!("FAST"), Some(2)),
            (json!("true"), Some(1)),
            (json!("False"), Some(0)),
            (json!("12.0"), Some(12)),
            (json!("12.5"), None),
            (json!(1.5), None),
            (json!([1]), None),
        ];
        for (json, expected) in cases {
            let value = byte.value(&json).ok();
            assert_eq!(value, expected.map(Value::Number), "{json}");
        }
        let wide = register(0, bits(8, 63, 0));
        let most = json!(u64::MAX);
        assert_eq!(wide.value(&most), Ok(Value::Number(u64::MAX)));
        let wrong = byte.value(&json!("fats")).unwrap_err();
        assert_eq!(wrong.suggestion.as_deref(), Some("fast"));
        let bytes = register(0, Form::Bytes(3));
        let three = |a, b| Ok(Value::Bytes(vec![a, b, 0]));
        assert_eq!(bytes.value(&json!("01 02")), three(1, 2));
        assert_eq!(bytes.value(&json!([1, 2])), three(1, 2));
        assert_eq!(bytes.value(&json!(0)), three(0, 0));
        for json in [json!("01020304"), json!("x"), json!(7), json!([256])] {
            assert!(bytes.value(&json).is_err(), "{json}");
        }
    }

    #[test]
    fn what_is_kept_comes_back() {
        for (register, value) in [
            (register(0, bits(8, 63, 0)), Value::Number(u64::MAX)),
            (register(0, Form::Bytes(2)), Value::Bytes(vec![0, 0xff])),
        ] {
            let kept = register.keep(&value);
            assert_eq!(register.kept(&kept), Some(value));
        }
        let byte = register(0, bits(1, 7, 0));
        assert_eq!(byte.kept(&Variable::Number(256)), None);
        assert_eq!(byte.kept(&Variable::Text("00".to_owned())), None);
    }
}
