//! What a field, a variable or a scenario must be: a value, or a condition
//! on it. `{"range": …}` and the like are the only JSON objects that can
//! stand where a value stands.

use regex::bytes::Regex;
use serde_json::{Map, Value as Json};

use super::error::nearest;
use super::file::parse_number;
use super::locate::{Side, Step};
use super::value::Wrong;
use crate::wire::layout::Value;

/// A condition on a value.
#[derive(Debug, Clone)]
pub enum Condition {
    /// This value.
    Is(Value),
    /// These bits of a number have this value.
    Mask {
        /// The bits.
        bits: u64,
        /// Their value.
        value: u64,
    },
    /// A number from one to another, both included.
    Range {
        /// The lowest.
        from: u64,
        /// The highest.
        to: u64,
    },
    /// A regular expression: on bytes as they are, on a number's name, or
    /// on its digits if it has none.
    Regex(Regex),
    /// One of these.
    Any(Vec<Condition>),
    /// Each of these.
    All(Vec<Condition>),
    /// Not this.
    Not(Box<Condition>),
}

/// A value to be judged.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// The value.
    pub value: &'a Value,
    /// Its name, if it has one.
    pub name: Option<&'a str>,
}

impl Condition {
    /// Whether a value meets it.
    pub fn holds(&self, seen: Seen<'_>) -> bool {
        match (self, seen.value) {
            (Self::Is(want), have) => want == have,
            (Self::Mask { bits, value }, Value::Number(have)) => {
                have & bits == *value
            }
            (Self::Range { from, to }, Value::Number(have)) => {
                (from..=to).contains(&have)
            }
            (Self::Mask { .. } | Self::Range { .. }, Value::Bytes(_)) => false,
            (Self::Regex(regex), Value::Bytes(bytes)) => regex.is_match(bytes),
            (Self::Regex(regex), Value::Number(number)) => match seen.name {
                Some(name) => regex.is_match(name.as_bytes()),
                None => regex.is_match(number.to_string().as_bytes()),
            },
            (Self::Any(list), _) => list.iter().any(|one| one.holds(seen)),
            (Self::All(list), _) => list.iter().all(|one| one.holds(seen)),
            (Self::Not(one), _) => !one.holds(seen),
        }
    }

    /// The one value that meets it, if there is only one.
    pub fn exact(&self) -> Option<&Value> {
        match self {
            Self::Is(value) => Some(value),
            _ => None,
        }
    }

    /// As people read it.
    pub fn text(&self, show: &dyn Fn(&Value) -> String) -> String {
        let list = |list: &[Self], between: &str| {
            let parts: Vec<String> =
                list.iter().map(|one| one.text(show)).collect();
            parts.join(between)
        };
        match self {
            Self::Is(value) => show(value),
            Self::Mask { bits, value } => {
                format!("{value:#x} under the mask {bits:#x}")
            }
            Self::Range { from, to } => format!("{from} to {to}"),
            Self::Regex(regex) => format!("text like /{regex}/"),
            Self::Any(many) => list(many, " or "),
            Self::All(many) => list(many, " and "),
            Self::Not(one) => format!("not {}", one.text(show)),
        }
    }
}

/// What is wrong in a condition, and where under it.
#[derive(Debug)]
pub struct Misplaced {
    /// The way from the condition.
    pub path: Vec<Step>,
    /// The key or the value there.
    pub side: Side,
    /// What.
    pub wrong: Wrong,
}

impl From<Wrong> for Misplaced {
    fn from(wrong: Wrong) -> Self {
        Self { path: Vec::new(), side: Side::Value, wrong }
    }
}

impl Misplaced {
    fn under(mut self, step: Step) -> Self {
        self.path.insert(0, step);
        self
    }

    fn at(key: &str, side: Side, wrong: Wrong) -> Self {
        Self { path: vec![Step::Key(key.to_owned())], side, wrong }
    }
}

/// The conditions there are.
const KEYS: [&str; 6] = ["mask", "range", "regex", "any", "all", "not"];

/// Reads a value or a condition. `value` reads a value of what it is on.
pub fn parse(
    json: &Json,
    value: &dyn Fn(&Json) -> Result<Value, Wrong>,
) -> Result<Condition, Misplaced> {
    let Json::Object(object) = json else {
        return Ok(Condition::Is(value(json)?));
    };
    let expected = "a value, or one of `mask`, `range`, `regex`, `any`, \
                    `all`, `not`";
    let mut entries = object.iter();
    let (Some((key, inner)), None) = (entries.next(), entries.next()) else {
        let text = format!("a condition with {} keys", object.len());
        return Err(Wrong::new(text, expected).into());
    };
    let parsed = match key.as_str() {
        "mask" => mask(inner, value),
        "range" => range(inner, value),
        "regex" => regex(inner),
        "any" => many(inner, value).map(Condition::Any),
        "all" => many(inner, value).map(Condition::All),
        "not" => parse(inner, value).map(|one| Condition::Not(Box::new(one))),
        _ => {
            let wrong = Wrong {
                message: format!("unknown condition `{key}`"),
                expected: Some(expected.to_owned()),
                suggestion: nearest(key, KEYS).map(str::to_owned),
            };
            return Err(Misplaced::at(key, Side::Key, wrong));
        }
    };
    parsed.map_err(|wrong| wrong.under(Step::Key(key.clone())))
}

/// The keys of a condition's object, all of them known.
fn entries<'a>(
    json: &'a Json,
    known: [&str; 2],
    example: &str,
) -> Result<&'a Map<String, Json>, Misplaced> {
    let Json::Object(object) = json else {
        let text = format!("{json} is not it");
        return Err(Wrong::new(text, example.to_owned()).into());
    };
    for key in object.keys() {
        if !known.contains(&key.as_str()) {
            let wrong = Wrong {
                message: format!("unknown key `{key}`"),
                expected: Some(example.to_owned()),
                suggestion: nearest(key, known).map(str::to_owned),
            };
            return Err(Misplaced::at(key, Side::Key, wrong));
        }
    }
    Ok(object)
}

fn mask(
    json: &Json,
    value: &dyn Fn(&Json) -> Result<Value, Wrong>,
) -> Result<Condition, Misplaced> {
    let example = "bits and their value, as in {\"bits\": \"0xf0\", \
                   \"value\": \"0x10\"}";
    let object = entries(json, ["bits", "value"], example)?;
    let number = |key: &str| -> Result<u64, Misplaced> {
        let json = object.get(key).ok_or_else(|| {
            Wrong::new(format!("`{key}` is missing"), example.to_owned())
        })?;
        let plain = match json {
            Json::Number(number) => number.as_u64(),
            Json::String(text) => parse_number(text),
            _ => None,
        };
        plain.ok_or_else(|| {
            let wrong = Wrong::new(
                format!("{json} is not a number"),
                "a number, as in 240 or \"0xf0\"",
            );
            Misplaced::at(key, Side::Value, wrong)
        })
    };
    let (bits, want) = (number("bits")?, number("value")?);
    // The field must hold numbers, and be wide enough.
    value(&Json::from(bits))
        .map_err(|wrong| Misplaced::at("bits", Side::Value, wrong))?;
    if want & !bits != 0 {
        let wrong = Wrong::new(
            format!("{want:#x} has bits that are not in {bits:#x}"),
            "a value within the bits; this one is never met",
        );
        return Err(Misplaced::at("value", Side::Value, wrong));
    }
    Ok(Condition::Mask { bits, value: want })
}

fn range(
    json: &Json,
    value: &dyn Fn(&Json) -> Result<Value, Wrong>,
) -> Result<Condition, Misplaced> {
    let example = "`from`, `to` or both, as in {\"from\": 8, \"to\": 254}";
    let object = entries(json, ["from", "to"], example)?;
    if object.is_empty() {
        return Err(Wrong::new("a range without ends", example).into());
    }
    let end = |key: &str, without: u64| -> Result<u64, Misplaced> {
        let Some(json) = object.get(key) else {
            return Ok(without);
        };
        match value(json) {
            Ok(Value::Number(number)) => Ok(number),
            Ok(Value::Bytes(_)) => {
                let wrong = Wrong::new(
                    "a range of bytes",
                    "a field or \
                                        variable that is a number",
                );
                Err(Misplaced::at(key, Side::Value, wrong))
            }
            Err(wrong) => Err(Misplaced::at(key, Side::Value, wrong)),
        }
    };
    let (from, to) = (end("from", 0)?, end("to", u64::MAX)?);
    if from > to {
        let text = format!("{from} is more than {to}");
        return Err(Wrong::new(text, "the lower end in `from`").into());
    }
    Ok(Condition::Range { from, to })
}

fn regex(json: &Json) -> Result<Condition, Misplaced> {
    let expected = "a regular expression, as in \"^hello\"; bytes that are \
                    no text as in \"(?-u)^\\\\x1a\\\\xf4\"";
    let Json::String(text) = json else {
        let message = format!("{json} is not a regular expression");
        return Err(Wrong::new(message, expected).into());
    };
    let parsed = regex::bytes::RegexBuilder::new(text)
        .size_limit(1 << 20)
        .build()
        .map_err(|error| {
            let text = error.to_string();
            let last = text.lines().last().unwrap_or(&text);
            let last = last.trim_start_matches("error: ");
            Wrong::new(format!("regular expression: {last}"), expected)
        })?;
    Ok(Condition::Regex(parsed))
}

fn many(
    json: &Json,
    value: &dyn Fn(&Json) -> Result<Value, Wrong>,
) -> Result<Vec<Condition>, Misplaced> {
    match json {
        Json::Array(list) if !list.is_empty() => list
            .iter()
            .enumerate()
            .map(|(index, one)| {
                parse(one, value)
                    .map_err(|wrong| wrong.under(Step::Index(index)))
            })
            .collect(),
        _ => Err(Wrong::new(
            format!("{json} is no list of conditions"),
            "values or conditions, as in [1, 2, {\"range\": {\"from\": 8}}]",
        )
        .into()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::value::{field_items, value_of};
    use super::*;
    use serde_json::json;

    fn condition(field: &str, json: &Json) -> Result<Condition, Misplaced> {
        let items = field_items(field).unwrap();
        parse(json, &|json| value_of(field, &items, json))
    }

    #[test]
    fn conditions_hold_for_what_they_say() {
        type Case = (&'static str, Json, &'static [u64], &'static [u64]);
        let cases: &[Case] = &[
            ("mctp.tag", json!(3), &[3], &[2, 4]),
            (
                "mctp.source",
                json!({"range": {"from": 8, "to": 20}}),
                &[8, 20],
                &[7, 21],
            ),
            ("mctp.source", json!({"range": {"from": 8}}), &[8, 255], &[7]),
            (
                "control.command",
                json!({"mask": {"bits": "0xf0", "value": 16}}),
                &[0x10, 0x1f],
                &[0x20, 0],
            ),
            ("mctp.tag", json!({"not": 3}), &[2], &[3]),
            (
                "mctp.tag",
                json!({"any": [1, {"range": {"from": 5}}]}),
                &[1, 5, 7],
                &[0, 4],
            ),
            (
                "mctp.tag",
                json!({"all": [{"not": 1}, {"not": 2}]}),
                &[0, 3],
                &[1, 2],
            ),
            ("mctp.tag", json!({"regex": "^[12]$"}), &[1, 2], &[3]),
        ];
        for (field, json, met, unmet) in cases {
            let condition = condition(field, json).unwrap();
            let holds = |number: &u64| {
                let value = &Value::Number(*number);
                condition.holds(Seen { value, name: None })
            };
            assert!(met.iter().all(holds), "{json}");
            assert!(!unmet.iter().any(holds), "{json}");
        }
        let named = condition("pldm.command", &json!({"regex": "^Get"}));
        let seen = |name| Seen { value: &Value::Number(2), name };
        assert!(named.as_ref().unwrap().holds(seen(Some("GetTID"))));
        assert!(!named.unwrap().holds(seen(Some("SetTID"))));
        let bytes = condition("vendor.data", &json!({"regex": "^ab|c$"}));
        let value = &Value::Bytes(b"xyzc".to_vec());
        assert!(bytes.unwrap().holds(Seen { value, name: None }));
    }

    #[test]
    fn wrong_conditions_are_explained() {
        let cases = [
            (json!({"rnge": {"from": 1}}), "unknown condition", "rnge"),
            (json!({"range": {"form": 1}}), "unknown key", "range.form"),
            (json!({"range": {}}), "without ends", "range"),
            (json!({"range": {"from": 5, "to": 1}}), "more than", "range"),
            (json!({"range": {"to": 9}}), "cannot be 9", "range.to"),
            (json!({"mask": {"bits": 6}}), "`value` is missing", "mask"),
            (
                json!({"mask": {"bits": 6, "value": 1}}),
                "bits that are not",
                "mask.value",
            ),
            (json!({"regex": "("}), "regular expression", "regex"),
            (json!({"any": []}), "no list", "any"),
            (json!({"any": [1, 9]}), "cannot be 9", "any[1]"),
            (json!({"not": 1, "any": [1]}), "2 keys", ""),
            (json!({}), "0 keys", ""),
        ];
        for (json, message, place) in cases {
            let found = condition("mctp.tag", &json).unwrap_err();
            let text = &found.wrong.message;
            assert!(text.contains(message), "{json}: {text}");
            let path = super::super::locate::path_text(&found.path);
            assert_eq!(path, place, "{json}");
        }
    }
}
