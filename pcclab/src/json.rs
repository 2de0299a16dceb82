//! Reads JSON files that people write, so that every mistake has its place
//! and all of them are said at once; and makes the schemas of what is read
//! and written.

use pccd::script::locate::{Side, Step, locate, path_text, steps};
use pccd::script::problem::{Problem, Problems, nearest};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// More mistakes than this in one file are not looked for.
const MOST: usize = 50;

/// The JSON Schema of a type, with its title.
pub(crate) fn schema<T: JsonSchema>(title: &str) -> String {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<T>();
    schema.insert("title".into(), title.into());
    // Maps with text keys and plain values: nothing here can fail.
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}

/// Reads a file's text.
///
/// # Errors
/// Everything that is wrong in it.
pub(crate) fn read<T: DeserializeOwned>(
    file: &str,
    text: &str,
) -> Result<T, Problems> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let read = serde_path_to_error::deserialize(&mut deserializer);
    let error = match read {
        Ok(value) => match deserializer.end() {
            Ok(()) => {
                let doubled = Problem::doubled(file, text);
                return match doubled.is_empty() {
                    true => Ok(value),
                    false => Err(Problems(doubled)),
                };
            }
            Err(error) => error,
        },
        Err(error) => error.into_inner(),
    };
    let json: Option<Value> = serde_json::from_str(text).ok();
    let is_json = json.is_some();
    let problems = match json {
        Some(json) if json.is_object() => mistakes::<T>(file, text, json),
        Some(_) => {
            let place = locate(text, &[], Side::Value).unwrap_or(0..0);
            let message = "the file is not an object".to_owned();
            let expected = Some("`{` at its beginning".to_owned());
            let field = String::new();
            vec![Problem::at(file, text, place, field, message, expected, None)]
        }
        None => Vec::new(),
    };
    let mut problems = problems;
    if is_json {
        problems.extend(Problem::doubled(file, text));
        problems.sort_by_key(|problem| (problem.line, problem.column));
    }
    // Only the text shows it.
    if problems.is_empty() {
        problems.push(in_text(file, text, &error));
    }
    Err(Problems(problems))
}

/// What is wrong with the text itself.
fn in_text(file: &str, text: &str, error: &serde_json::Error) -> Problem {
    let full = error.to_string();
    let said = full.split(" at line ").next().unwrap_or(&full);
    let start: usize = text
        .split_inclusive('\n')
        .take(error.line().saturating_sub(1))
        .map(str::len)
        .sum();
    let at = (start + error.column().saturating_sub(1)).min(text.len());
    let expected = match said {
        said if said.starts_with("EOF") => "more: the file ends too early",
        _ => "JSON: no comments, no comma before a closing bracket",
    };
    Problem::at(
        file,
        text,
        at..(at + 1).min(text.len()),
        String::new(),
        said.to_owned(),
        Some(expected.to_owned()),
        None,
    )
}

/// Finds one mistake after the other: what is wrong is replaced by something
/// that would be right, until nothing is.
fn mistakes<T: DeserializeOwned>(
    file: &str,
    text: &str,
    mut json: Value,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut mended: Vec<Vec<Step>> = Vec::new();
    while problems.len() < MOST && mended.len() < 2 * MOST {
        let read: Result<T, _> = serde_path_to_error::deserialize(&json);
        let Err(error) = read else { break };
        let mistake = Mistake::of(&steps(error.path()), error.inner(), &json);
        if mended.contains(&mistake.path) || !mistake.mend(&mut json) {
            // It cannot be mended; what comes behind it stays hidden.
            problems.push(mistake.problem(file, text));
            break;
        }
        // What follows from a replacement is nobody's mistake.
        if !mended.iter().any(|path| mistake.path.starts_with(path)) {
            problems.push(mistake.problem(file, text));
        }
        mended.push(mistake.path);
    }
    problems
}

#[derive(Debug, PartialEq, Eq)]
enum Kind {
    UnknownKey,
    MissingKey,
    Value,
}

struct Mistake {
    kind: Kind,
    /// Of a missing key: with the key.
    path: Vec<Step>,
    message: String,
    expected: Option<String>,
    suggestion: Option<String>,
    right: Value,
}

impl Mistake {
    fn of(path: &[Step], error: &serde_json::Error, json: &Value) -> Mistake {
        let said = error.to_string();
        let words: Vec<&str> = said.split('`').skip(1).step_by(2).collect();
        let with = |key: &str| {
            let mut path = path.to_vec();
            let key = Step::Key(key.to_owned());
            if path.last() != Some(&key) || inside(json, &path).is_none() {
                path.push(key);
            }
            path
        };
        let (message, expected) = match said.split_once(", expected ") {
            Some((message, expected)) => (message, Some(expected)),
            None => (said.as_str(), None),
        };
        match (words.split_first(), said.split(' ').next()) {
            (Some((key, keys)), Some("unknown"))
                if said.starts_with("unknown field") =>
            {
                Mistake {
                    kind: Kind::UnknownKey,
                    path: with(key),
                    message: format!("there is no key `{key}` here"),
                    expected: Some(format!("one of {}", keys.join(", "))),
                    suggestion: nearest(key, keys.iter().copied())
                        .map(str::to_owned),
                    right: Value::Null,
                }
            }
            (Some((key, _)), Some("missing")) => {
                let mut path = path.to_vec();
                path.push(Step::Key((*key).to_owned()));
                Mistake {
                    kind: Kind::MissingKey,
                    path,
                    message: format!("the key `{key}` is missing"),
                    expected: None,
                    suggestion: None,
                    right: match *key {
                        "device" => json!({}),
                        _ => json!(""),
                    },
                }
            }
            (Some((word, words)), Some("unknown")) => Mistake {
                kind: Kind::Value,
                path: path.to_vec(),
                message: format!("`{word}` is not possible here"),
                expected: Some(words.join(" or ")),
                suggestion: nearest(word, words.iter().copied())
                    .map(str::to_owned),
                right: words.first().map_or(Value::Null, |word| json!(word)),
            },
            _ => {
                let (right, expected) = shape(expected);
                Mistake {
                    kind: Kind::Value,
                    path: path.to_vec(),
                    message: found(message),
                    expected,
                    suggestion: None,
                    right,
                }
            }
        }
    }

    /// Puts something right in its place. False if there is no such place.
    fn mend(&self, json: &mut Value) -> bool {
        let Some((last, path)) = self.path.split_last() else { return false };
        let place = path.iter().try_fold(json, |json, step| match step {
            Step::Key(key) => json.get_mut(key),
            Step::Index(index) => json.get_mut(index),
        });
        match (place, last) {
            (Some(Value::Object(map)), Step::Key(key)) => match self.kind {
                Kind::UnknownKey => {
                    let Some(value) = map.shift_remove(key) else {
                        return false;
                    };
                    // What was meant is not missing, too.
                    if let Some(meant) = &self.suggestion {
                        map.entry(meant.clone()).or_insert(value);
                    }
                    true
                }
                _ => {
                    map.insert(key.clone(), self.right.clone());
                    true
                }
            },
            (Some(Value::Array(list)), Step::Index(index)) => {
                let element = list.get_mut(*index);
                element.map(|it| *it = self.right.clone()).is_some()
            }
            _ => false,
        }
    }

    fn problem(&self, file: &str, text: &str) -> Problem {
        let (path, side) = match (&self.kind, self.path.split_last()) {
            (Kind::MissingKey, Some((_, path))) => (path, Side::Value),
            (Kind::UnknownKey, _) => (self.path.as_slice(), Side::Key),
            _ => (self.path.as_slice(), Side::Value),
        };
        // Under a key that was misspelt there is nothing in the text.
        let place = locate(text, path, side).or_else(|| {
            let above = (0..path.len()).rev().filter_map(|end| path.get(..end));
            above.into_iter().find_map(|it| locate(text, it, Side::Value))
        });
        Problem::at(
            file,
            text,
            place.unwrap_or(0..0),
            path_text(path),
            self.message.clone(),
            self.expected.clone(),
            self.suggestion.clone(),
        )
    }
}

fn inside<'a>(json: &'a Value, path: &[Step]) -> Option<&'a Value> {
    path.iter().try_fold(json, |json, step| match step {
        Step::Key(key) => json.get(key),
        Step::Index(index) => json.get(index),
    })
}

/// What serde wants, in the words of JSON, and such a value.
fn shape(expected: Option<&str>) -> (Value, Option<String>) {
    let (right, words) = match expected {
        Some("a string" | "path string" | "a path string") => {
            (json!(""), "text in quotes")
        }
        Some("a sequence") => (json!([]), "a list, as in [ … ]"),
        Some("a map") => (json!({}), "an object, as in { … }"),
        Some(text) if text.starts_with("struct ") => {
            (json!({}), "an object, as in { … }")
        }
        Some("u32") => (json!(1), "a number from 0 to 4294967295"),
        Some(other) => (Value::Null, other),
        None => return (Value::Null, None),
    };
    (right, Some(words.to_owned()))
}

/// What serde found, in the words of JSON.
fn found(message: &str) -> String {
    let what = message
        .strip_prefix("invalid type: ")
        .or_else(|| message.strip_prefix("invalid value: "));
    let what = match what {
        None => return message.to_owned(),
        Some("sequence") => "a list".to_owned(),
        Some("map") => "an object".to_owned(),
        Some(other) => ["string ", "integer ", "floating point ", "boolean "]
            .iter()
            .find_map(|kind| other.strip_prefix(kind))
            .unwrap_or(other)
            .to_owned(),
    };
    format!("{what} is not possible here")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::File;

    fn said(text: &str) -> Vec<(usize, String)> {
        let problems = read::<File>("p.json", text).unwrap_err().0;
        problems
            .into_iter()
            .map(|it| {
                let mut said = format!("{} {}", it.field, it.message);
                if let Some(word) = it.suggestion {
                    said.push_str(&format!("? {word}"));
                }
                (it.line, said)
            })
            .collect()
    }

    #[test]
    fn every_mistake_is_said_at_once() {
        let text = r#"{
  "descripton": "a fan",
  "driver": 5,
  "modes": ["irk", "pol"],
  "channels": [
    { "nam": 8, "device": [] },
    { "name": "b", "plys": "fan" },
    7
  ],
  "needs": [],
  "on": { "6.12": { "smp": -1 } },
  "asked": "get"
}"#;
        let said = said(text);
        let lines: Vec<_> =
            said.iter().map(|(line, text)| format!("{line} {text}")).collect();
        for expected in [
            "2 descripton there is no key `descripton` here? description",
            "3 driver `5` is not possible here",
            "4 modes[0] `irk` is not possible here? irq",
            "4 modes[1] `pol` is not possible here? poll",
            "6 channels[0].nam there is no key `nam` here? name",
            "6 channels[0].name `8` is not possible here",
            "6 channels[0].device a list is not possible here",
            "7 channels[1].plys there is no key `plys` here? plays",
            "7 channels[1] the key `device` is missing",
            "8 channels[2] `7` is not possible here",
            "10 needs a list is not possible here",
            "11 on[\"6.12\"].smp `-1` is not possible here",
            "11 on[\"6.12\"] the key `because` is missing",
            "12 asked \"get\" is not possible here",
        ] {
            assert!(lines.iter().any(|it| it == expected), "{lines:#?}");
        }
        assert_eq!(lines.len(), 14, "{lines:#?}");
    }

    #[test]
    fn what_is_no_json_is_said() {
        for (text, line, word) in [
            ("{\n\"driver\": }", 2, "expected value"),
            ("[]", 1, "not an object"),
            ("", 1, "EOF"),
            (
                "{\"description\": \"\",\n\"driver\": \"a\",\n\"driver\": \"b\"}",
                3,
                "the field `driver` stands here twice",
            ),
            ("{\"description\": \"a\", \"driver\": \"b\"}\nx", 2, "trailing"),
        ] {
            let said = said(text);
            assert_eq!(said.len(), 1, "{said:?}");
            assert_eq!(said[0].0, line, "{said:?}");
            assert!(said[0].1.contains(word), "{said:?}");
        }
    }

    #[test]
    fn a_key_that_stands_twice_is_said() {
        let text = r#"{
  "description": "", "driver": 5,
  "on": { "6.": { "lacks": "A", "because": "a" },
          "6.": { "because": "b" } },
  "needs": { "A": "", "A": "/a" },
  "channels": [ { "name": "a", "device": { "size": 1, "size": 2 } } ],
  "search": { "actions": { "a": "", "a": "b" }, "alive": "" }
}"#;
        let twice = [
            (4, "on[\"6.\"] the field `6.` stands here twice"),
            (5, "needs.A the field `A` stands here twice"),
            (6, "channels[0].device.size the field `size` stands here twice"),
            (7, "search.actions.a the field `a` stands here twice"),
        ];
        let twice = twice.map(|(line, text)| (line, text.to_owned()));
        assert_eq!(said(&text.replace('5', "\"b\"")), twice);
        let driver = (2, "driver `5` is not possible here".to_owned());
        assert_eq!(said(text), [&[driver], &twice[..]].concat());
    }

    #[test]
    fn no_text_harms() {
        let text =
            r#"{"description": "a", "driver": 5, "modes": [[{}]], "é": 1}"#;
        for end in (0..text.len()).filter(|at| text.is_char_boundary(*at)) {
            assert!(read::<File>("p.json", &text[..end]).is_err());
        }
    }
}
