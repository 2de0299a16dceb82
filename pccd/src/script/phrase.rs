//! What serde says of a JSON text, in the words of handler files.

/// What is wrong, and what would have been right, if serde says so.
pub(crate) fn plain(said: &str) -> (String, Option<String>) {
    let (wrong, expected) = match said.rsplit_once(", expected ") {
        Some((wrong, expected)) => (wrong, Some(wanted(expected))),
        None => (said, None),
    };
    let quoted = wrong.split('`').nth(1).unwrap_or_default();
    let start = |start| wrong.strip_prefix(start);
    let wrong = if let Some(found) = start("invalid type: ") {
        format!("this is {}", found_words(found))
    } else if let Some(found) = start("invalid value: ") {
        format!("{} does not fit here", found_words(found))
    } else if let Some(length) = start("invalid length ") {
        format!("{length} elements do not fit here")
    } else if start("unknown variant").is_some() {
        format!("unknown choice `{quoted}`")
    } else if start("duplicate field").is_some() {
        format!("the field `{quoted}` stands here twice")
    } else if start("data did not match any variant").is_some() {
        "this is none of what may stand here".to_owned()
    } else if let Some(rest) = start("EOF while parsing ") {
        let inside = wanted(rest);
        format!("the file ends within {inside}")
    } else {
        broken(wrong).unwrap_or(wrong).to_owned()
    };
    (wrong, expected)
}

/// What serde says, where there is no file to show it in.
pub(crate) fn words(error: &serde_json::Error) -> String {
    let full = error.to_string();
    let (said, place) = match full.rsplit_once(" at line ") {
        Some((said, place)) => (said, format!(" at line {place}")),
        None => (&*full, String::new()),
    };
    match plain(said) {
        (wrong, Some(expected)) => {
            format!("{wrong}{place}; expected {expected}")
        }
        (wrong, None) => format!("{wrong}{place}"),
    }
}

/// What serde found in a place.
fn found_words(found: &str) -> String {
    let quoted = found.split('`').nth(1);
    match (found.split(' ').next(), quoted) {
        (Some("integer" | "floating"), Some(number)) => {
            format!("the number {number}")
        }
        (Some("boolean"), Some(value)) => value.to_owned(),
        (Some("string"), _) => found.replacen("string", "the text", 1),
        (Some("sequence"), _) => "a list".to_owned(),
        (Some("map"), _) => "an object".to_owned(),
        (Some("unit"), _) => "null".to_owned(),
        _ => found.to_owned(),
    }
}

/// What serde wanted in a place.
fn wanted(expected: &str) -> String {
    let words = match expected {
        "a string" | "string" => "a text",
        "a borrowed string" | "str" => "a text",
        "a boolean" | "bool" => "true or false",
        "a sequence" | "a list" => "a list",
        "a map" | "map" | "an object" => "an object",
        "a value" => "a value",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "u8" | "u16" | "u32" | "u64" | "usize" => {
            "a whole number that is not negative"
        }
        "f32" | "f64" => "a number",
        "unit" => "null",
        "variant identifier" | "string or map" => {
            "a text, or an object with one key"
        }
        _ if expected.starts_with("struct ")
            || expected.starts_with("map with ") =>
        {
            "an object"
        }
        _ if expected.starts_with("enum ") => {
            "a text, or an object with one key"
        }
        _ if expected.contains("tuple ") => "a list",
        _ => expected,
    };
    words.to_owned()
}

/// What is wrong with a text that is not JSON.
fn broken(wrong: &str) -> Option<&'static str> {
    Some(match wrong {
        "expected value" => "here stands nothing that fits",
        "expected `:`" => "no colon between a key and its value",
        "expected `,` or `]`" => "no comma between two elements of a list",
        "expected `,` or `}`" => "no comma between two fields of an object",
        "expected ident" => "this is neither true nor false nor null",
        "key must be a string" => "a key that is not in quotes",
        "trailing comma" => "a comma before a closing bracket",
        "trailing characters" => "something follows the last brace",
        "invalid number" => "this is no number as JSON has them",
        "number out of range" => "this number is too large",
        "invalid escape" => "this backslash begins nothing JSON knows",
        "recursion limit exceeded" => "this is nested too deeply",
        _ if wrong.starts_with("control character") => {
            "a text over several lines, or with a control character"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "lowercase")]
    #[allow(dead_code, reason = "only their errors are looked at")]
    struct Sample {
        text: Option<String>,
        list: Option<Vec<u8>>,
        is: Option<bool>,
        inner: Option<Box<Sample>>,
        pair: Option<(u8, u8)>,
        choice: Option<Choice>,
        number: Option<i32>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    #[allow(dead_code, reason = "only their errors are looked at")]
    enum Choice {
        This,
        That(u8),
    }

    #[test]
    fn serde_is_put_into_plain_words() {
        let cases = [
            (r#"{"text": 5}"#, "this is the number 5", "a text"),
            (r#"{"text": 1.5}"#, "this is the number 1.5", "a text"),
            (r#"{"text": []}"#, "this is a list", "a text"),
            (r#"{"text": {}}"#, "this is an object", "a text"),
            (r#"{"text": true}"#, "this is true", "a text"),
            (r#"{"list": null, "list": 1}"#, "stands here twice", ""),
            (r#"{"list": "a"}"#, "this is the text \"a\"", "a list"),
            (r#"{"list": [null]}"#, "this is null", "a whole number"),
            (r#"{"list": [-1]}"#, "the number -1 does not fit", "a whole"),
            (r#"{"is": 1}"#, "this is the number 1", "true or false"),
            (r#"{"inner": 1}"#, "this is the number 1", "an object"),
            (r#"{"pair": [1]}"#, "1 elements do not fit", "a list"),
            (r#"{"choice": "x"}"#, "unknown choice `x`", "`this`"),
            (r#"{"number": "x"}"#, "this is the text \"x\"", "a whole"),
            (r#"{"othr": 1}"#, "unknown field `othr`", "one of `text`"),
            (r#"{"list": [1"#, "the file ends within a list", ""),
            (r#"{"list": [1 2]}"#, "no comma between two elements", ""),
            (r#"{"is" 2}"#, "no colon", ""),
            (r#"{is: 2}"#, "a key that is not in quotes", ""),
            (r#"{"is": true,}"#, "a comma before a closing", ""),
            ("{\"text\": \"a\nb\"}", "a text over several lines", ""),
        ];
        for (text, wrong, expected) in cases {
            let error = serde_json::from_str::<Sample>(text).unwrap_err();
            let full = error.to_string();
            let said = full.rsplit_once(" at line ").unwrap().0;
            let (message, wanted) = plain(said);
            assert!(message.contains(wrong), "{wrong}: {message} ({full})");
            let wanted = wanted.unwrap_or_default();
            assert!(wanted.starts_with(expected), "{wanted} ({full})");
            for word in ["invalid", "variant", "struct", "string", "EOF"] {
                assert!(!message.contains(word), "{word} in {message}");
                assert!(!wanted.contains(word), "{word} in {wanted}");
            }
        }
    }
}
