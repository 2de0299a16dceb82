//! What a field, a variable or a scenario must be: a value, or a condition
//! on it. `{"range": …}` and the like are the only JSON objects that can
//! stand where a value stands.

use regex::bytes::Regex;
use serde_json::{Map, Value as Json};

use super::locate::{Place, Side};
use super::number::plain;
use super::problem::{Mistake, Wrong};
use crate::wire::layout::Value;

/// A condition on a value.
#[derive(Debug, Clone)]
pub enum Condition {
    Is(Value),
    /// These bits of a number have this value.
    Mask {
        bits: u64,
        value: u64,
    },
    /// A number from one to another, both included.
    Range {
        from: u64,
        to: u64,
    },
    /// A regular expression: on bytes as they are, on a number's name, or
    /// on its digits if it has none.
    Regex(Regex),
    Any(Vec<Condition>),
    All(Vec<Condition>),
    Not(Box<Condition>),
}

impl Condition {
    /// Whether a value meets it.
    /// `name` is the value's, if it has one.
    pub fn holds(&self, value: &Value, name: Option<&str>) -> bool {
        match (self, value) {
            (Self::Is(want), have) => want == have,
            (Self::Mask { bits, value }, Value::Number(have)) => {
                have & bits == *value
            }
            (Self::Range { from, to }, Value::Number(have)) => {
                (from..=to).contains(&have)
            }
            (Self::Mask { .. } | Self::Range { .. }, Value::Bytes(_)) => false,
            (Self::Regex(regex), Value::Bytes(bytes)) => regex.is_match(bytes),
            (Self::Regex(regex), Value::Number(number)) => match name {
                Some(name) => regex.is_match(name.as_bytes()),
                None => regex.is_match(number.to_string().as_bytes()),
            },
            (Self::Any(list), _) => list.iter().any(|c| c.holds(value, name)),
            (Self::All(list), _) => list.iter().all(|c| c.holds(value, name)),
            (Self::Not(one), _) => !one.holds(value, name),
        }
    }

    /// The one value that meets it, if there is only one.
    pub fn exact(&self) -> Option<&Value> {
        match self {
            Self::Is(value) => Some(value),
            _ => None,
        }
    }

    /// No number below this meets it; 0 where that is not known.
    pub fn least(&self) -> u64 {
        match self {
            Self::Is(Value::Number(value)) | Self::Mask { value, .. } => *value,
            Self::Range { from, .. } => *from,
            Self::Any(many) => many.iter().map(Self::least).min().unwrap_or(0),
            Self::All(many) => many.iter().map(Self::least).max().unwrap_or(0),
            Self::Is(Value::Bytes(_)) | Self::Regex(_) | Self::Not(_) => 0,
        }
    }

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

const KEYS: [&str; 6] = ["mask", "range", "regex", "any", "all", "not"];

/// Reads a value of what a condition is on.
type Read<'r> = &'r dyn Fn(&Json) -> Result<Value, Wrong>;

fn wrong(at: &Place<'_>, message: String, expected: &str) -> Mistake {
    Mistake::new(at, Side::Value, Wrong::new(message, expected))
}

/// Reads a value or a condition.
pub(crate) fn parse(
    at: &Place<'_>,
    json: &Json,
    value: Read<'_>,
) -> Result<Condition, Mistake> {
    let Json::Object(object) = json else {
        let value = value(json);
        return value
            .map(Condition::Is)
            .map_err(|wrong| Mistake::new(at, Side::Value, wrong));
    };
    let expected = "a value, or one of `mask`, `range`, `regex`, `any`, \
                    `all`, `not`";
    let mut entries = object.iter();
    let (Some((key, inner)), None) = (entries.next(), entries.next()) else {
        let text = format!("a condition with {} keys", object.len());
        return Err(wrong(at, text, expected));
    };
    let at = at.key(key);
    match key.as_str() {
        "mask" => mask(&at, inner, value),
        "range" => range(&at, inner, value),
        "regex" => regex(&at, inner),
        "any" => many(&at, inner, value).map(Condition::Any),
        "all" => many(&at, inner, value).map(Condition::All),
        "not" => {
            let one = parse(&at, inner, value)?;
            Ok(Condition::Not(Box::new(one)))
        }
        _ => {
            let text = format!("unknown condition `{key}`");
            let wrong = Wrong::unknown(text, expected, key, KEYS);
            Err(Mistake::new(&at, Side::Key, wrong))
        }
    }
}

/// The keys of a condition's object, all of them known.
fn entries<'a>(
    at: &Place<'_>,
    json: &'a Json,
    known: [&str; 2],
    example: &str,
) -> Result<&'a Map<String, Json>, Mistake> {
    let Json::Object(object) = json else {
        return Err(wrong(at, format!("{json} is not it"), example));
    };
    for key in object.keys() {
        if !known.contains(&key.as_str()) {
            let text = format!("unknown key `{key}`");
            let wrong = Wrong::unknown(text, example, key, known);
            return Err(Mistake::new(&at.key(key), Side::Key, wrong));
        }
    }
    Ok(object)
}

fn mask(
    at: &Place<'_>,
    json: &Json,
    value: Read<'_>,
) -> Result<Condition, Mistake> {
    let example = "bits and their value, as in {\"bits\": \"0xf0\", \
                   \"value\": \"0x10\"}";
    let object = entries(at, json, ["bits", "value"], example)?;
    let number = |key: &str| -> Result<u64, Mistake> {
        let json = object
            .get(key)
            .ok_or_else(|| wrong(at, format!("`{key}` is missing"), example))?;
        plain(json).ok_or_else(|| {
            let text = format!("{json} is not a number");
            wrong(&at.key(key), text, "a number, as in 240 or \"0xf0\"")
        })
    };
    let (bits, want) = (number("bits")?, number("value")?);
    // The field must hold numbers, and be wide enough.
    value(&Json::from(bits))
        .map_err(|wrong| Mistake::new(&at.key("bits"), Side::Value, wrong))?;
    if want & !bits != 0 {
        let text = format!("{want:#x} has bits that are not in {bits:#x}");
        let expected = "a value within the bits; this one is never met";
        return Err(wrong(&at.key("value"), text, expected));
    }
    Ok(Condition::Mask { bits, value: want })
}

fn range(
    at: &Place<'_>,
    json: &Json,
    value: Read<'_>,
) -> Result<Condition, Mistake> {
    let example = "`from`, `to` or both, as in {\"from\": 8, \"to\": 254}";
    let object = entries(at, json, ["from", "to"], example)?;
    if object.is_empty() {
        return Err(wrong(at, "a range without ends".to_owned(), example));
    }
    let end = |key: &str, without: u64| -> Result<u64, Mistake> {
        let Some(json) = object.get(key) else {
            return Ok(without);
        };
        let number = value(json).and_then(|value| match value {
            Value::Number(number) => Ok(number),
            Value::Bytes(_) => Err(Wrong::new(
                "a range of bytes",
                "a field or variable that is a number",
            )),
        });
        number.map_err(|wrong| Mistake::new(&at.key(key), Side::Value, wrong))
    };
    let (from, to) = (end("from", 0)?, end("to", u64::MAX)?);
    if from > to {
        let text = format!("{from} is more than {to}");
        return Err(wrong(at, text, "the lower end in `from`"));
    }
    Ok(Condition::Range { from, to })
}

fn regex(at: &Place<'_>, json: &Json) -> Result<Condition, Mistake> {
    let expected = "a regular expression, as in \"^hello\"; bytes that are \
                    no text as in \"(?-u)^\\\\x1a\\\\xf4\"";
    let Json::String(text) = json else {
        let text = format!("{json} is not a regular expression");
        return Err(wrong(at, text, expected));
    };
    let mut built = regex::bytes::RegexBuilder::new(text);
    let built = built.size_limit(1 << 20).build().map_err(|error| {
        let text = error.to_string();
        let last = text.lines().last().unwrap_or(&text);
        let last = last.trim_start_matches("error: ");
        wrong(at, format!("regular expression: {last}"), expected)
    })?;
    Ok(Condition::Regex(built))
}

fn many(
    at: &Place<'_>,
    json: &Json,
    value: Read<'_>,
) -> Result<Vec<Condition>, Mistake> {
    match json {
        Json::Array(list) if !list.is_empty() => (0..)
            .zip(list)
            .map(|(index, one)| parse(&at.index(index), one, value))
            .collect(),
        _ => Err(wrong(
            at,
            format!("{json} is no list of conditions"),
            "values or conditions, as in [1, 2, {\"range\": {\"from\": 8}}]",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Of a field of three bits, or of text.
    fn condition(field: &str, json: &Json) -> Result<Condition, Mistake> {
        parse(&Place::FILE, json, &|json| match (field, json) {
            ("text", Json::String(text)) => {
                Ok(Value::Bytes(text.clone().into_bytes()))
            }
            _ => match plain(json)
                .filter(|n| *n < if field == "tag" { 8 } else { 256 })
            {
                Some(number) => Ok(Value::Number(number)),
                None => Err(Wrong::plain(format!("it cannot be {json}"))),
            },
        })
    }

    #[test]
    fn conditions_hold_for_what_they_say() {
        type Case = (&'static str, Json, &'static [u64], &'static [u64]);
        let cases: &[Case] = &[
            ("tag", json!(3), &[3], &[2, 4]),
            (
                "byte",
                json!({"range": {"from": 8, "to": 20}}),
                &[8, 20],
                &[7, 21],
            ),
            ("byte", json!({"range": {"from": 8}}), &[8, 255], &[7]),
            (
                "byte",
                json!({"mask": {"bits": "0xf0", "value": 16}}),
                &[0x10, 0x1f],
                &[0x20, 0],
            ),
            ("tag", json!({"not": 3}), &[2], &[3]),
            (
                "tag",
                json!({"any": [1, {"range": {"from": 5}}]}),
                &[1, 5, 7],
                &[0, 4],
            ),
            ("tag", json!({"all": [{"not": 1}, {"not": 2}]}), &[0, 3], &[1, 2]),
            ("tag", json!({"regex": "^[12]$"}), &[1, 2], &[3]),
        ];
        for (field, json, met, unmet) in cases {
            let condition = condition(field, json).unwrap();
            let holds = |number: &u64| {
                let value = &Value::Number(*number);
                condition.holds(value, None)
            };
            assert!(met.iter().all(holds), "{json}");
            assert!(!unmet.iter().any(holds), "{json}");
        }
        let named = condition("byte", &json!({"regex": "^Get"}));
        let named = named.unwrap();
        assert!(named.holds(&Value::Number(2), Some("GetTID")));
        assert!(!named.holds(&Value::Number(2), Some("SetTID")));
        let bytes = condition("text", &json!({"regex": "^ab|c$"}));
        let value = &Value::Bytes(b"xyzc".to_vec());
        assert!(bytes.unwrap().holds(value, None));
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
            let found = condition("tag", &json).unwrap_err();
            let text = &found.wrong.message;
            assert!(text.contains(message), "{json}: {text}");
            let path = crate::script::locate::path_text(&found.path);
            assert_eq!(path, place, "{json}");
        }
    }
}
