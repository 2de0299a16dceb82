//! Where in a JSON text a path lies: from `handlers[0].match` to a range of
//! bytes, for errors. The text may be broken behind that place, or anywhere.

use std::collections::HashSet;
use std::fmt::Write;
use std::ops::Range;

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Into the value of a key.
    Key(String),
    /// Into an element of a list.
    Index(usize),
}

/// The path of an error as serde has it, up to what serde does not know.
pub fn steps(path: &serde_path_to_error::Path) -> Vec<Step> {
    use serde_path_to_error::Segment;
    path.iter()
        .map_while(|segment| match segment {
            Segment::Seq { index } => Some(Step::Index(*index)),
            Segment::Map { key } => Some(Step::Key(key.clone())),
            Segment::Enum { variant } => Some(Step::Key(variant.clone())),
            Segment::Unknown => None,
        })
        .collect()
}

/// A place in a file, on the way to it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a>(Option<(&'a Self, Inner<'a>)>);

#[derive(Debug, Clone, Copy)]
enum Inner<'a> {
    Key(&'a str),
    Index(usize),
}

impl Place<'_> {
    pub const FILE: Place<'static> = Place(None);

    pub fn key<'a>(&'a self, key: &'a str) -> Place<'a> {
        Place(Some((self, Inner::Key(key))))
    }

    pub fn index(&self, index: usize) -> Place<'_> {
        Place(Some((self, Inner::Index(index))))
    }

    pub fn steps(&self) -> Vec<Step> {
        let Some((above, step)) = self.0 else { return Vec::new() };
        let mut steps = above.steps();
        steps.push(match step {
            Inner::Key(key) => Step::Key(key.to_owned()),
            Inner::Index(index) => Step::Index(index),
        });
        steps
    }
}

/// A path as people read it: `handlers[0].match.fields["pldm.tid"]`.
pub fn path_text(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Index(index) => {
                // Writing to a String cannot fail.
                let _ = write!(text, "[{index}]");
            }
            Step::Key(key) if key.contains('.') => {
                let _ = write!(text, "[\"{key}\"]");
            }
            Step::Key(key) => {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(key);
            }
        }
    }
    text
}

/// What of the place is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The key that leads to it.
    Key,
    /// The value itself.
    Value,
}

struct Scan<'a> {
    text: &'a [u8],
    at: usize,
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn blanks(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    /// Steps over `byte` if it comes next.
    fn take(&mut self, byte: u8) -> bool {
        self.blanks();
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn string(&mut self) -> Range<usize> {
        self.blanks();
        let start = self.at;
        self.at += 1;
        while let Some(byte) = self.peek() {
            self.at += match byte {
                b'\\' => 2,
                _ => 1,
            };
            if byte == b'"' {
                break;
            }
        }
        start..self.at.min(self.text.len())
    }

    fn key(&mut self) -> (String, Range<usize>) {
        let range = self.string();
        let raw = self.text.get(range.clone()).unwrap_or(&[]);
        let key = serde_json::from_slice(raw).unwrap_or_default();
        (key, range)
    }

    /// Steps over a value, however deep it is.
    fn skip(&mut self) {
        self.blanks();
        let start = self.at;
        let mut depth = 0_usize;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => {
                    self.string();
                }
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' if depth > 0 => {
                    depth -= 1;
                    self.at += 1;
                }
                b'}' | b']' => break,
                b',' if depth == 0 => break,
                _ if depth == 0 => self.word(),
                _ => self.at += 1,
            }
            if depth == 0 {
                break;
            }
        }
        // In a text that is not JSON a bracket may stand for a value.
        if self.at == start {
            self.at += 1;
        }
    }

    /// Steps over a number, or whatever else is no string.
    fn word(&mut self) {
        while self.peek().is_some_and(|byte| {
            !byte.is_ascii_whitespace() && !matches!(byte, b',' | b']' | b'}')
        }) {
            self.at += 1;
        }
    }

    /// Steps over a value and gives its place.
    fn place(&mut self) -> Range<usize> {
        self.blanks();
        let start = self.at;
        self.skip();
        start..self.at.min(self.text.len())
    }

    /// Where `path` leads from this value on. What is not on its way is
    /// stepped over, so that a file nested for ever takes no more than the
    /// path's own depth.
    fn follow(&mut self, path: &[Step], side: Side) -> Option<Range<usize>> {
        let Some((step, rest)) = path.split_first() else {
            return Some(self.place());
        };
        match step {
            Step::Key(wanted) if self.take(b'{') => {
                while !self.take(b'}') && self.peek().is_some() {
                    let (key, range) = self.key();
                    self.take(b':');
                    if key == *wanted {
                        return match rest {
                            [] if side == Side::Key => Some(range),
                            _ => self.follow(rest, side),
                        };
                    }
                    self.skip();
                    self.take(b',');
                }
            }
            Step::Index(wanted) if self.take(b'[') => {
                let mut index = 0;
                while !self.take(b']') && self.peek().is_some() {
                    if index == *wanted {
                        return self.follow(rest, side);
                    }
                    self.skip();
                    self.take(b',');
                    index += 1;
                }
            }
            _ => {}
        }
        None
    }
}

/// The bytes of a path's key or value; none if it leads nowhere.
pub fn locate(text: &str, path: &[Step], side: Side) -> Option<Range<usize>> {
    Scan { text: text.as_bytes(), at: 0 }.follow(path, side)
}

/// The bytes of each element of a list that a key of the file leads to.
/// None if the key stands there twice: nobody knows which is meant.
pub fn elements(text: &str, list: &str) -> Option<Vec<Range<usize>>> {
    let mut scan = Scan { text: text.as_bytes(), at: 0 };
    let mut found: Option<Vec<Range<usize>>> = None;
    scan.blanks();
    if !scan.take(b'{') {
        return None;
    }
    while !scan.take(b'}') && scan.peek().is_some() {
        let (key, _) = scan.key();
        scan.take(b':');
        scan.blanks();
        if key == list && scan.take(b'[') {
            let mut ranges = Vec::new();
            while !scan.take(b']') && scan.peek().is_some() {
                ranges.push(scan.place());
                scan.take(b',');
            }
            if found.replace(ranges).is_some() {
                return None;
            }
        } else {
            scan.skip();
        }
        scan.take(b',');
    }
    found
}

/// An object or a list of which the end was not seen yet.
enum Open {
    Object {
        keys: Keys,
        /// The one whose value comes.
        key: String,
        is_key_next: bool,
    },
    List(usize),
}

/// The keys of an object so far.
#[derive(Default)]
struct Keys {
    few: Vec<String>,
    /// Those of a large object, where a look at each would take too long.
    many: HashSet<String>,
}

impl Keys {
    /// False if it was there.
    fn add(&mut self, key: &str) -> bool {
        const FEW: usize = 16;
        if self.few.len() < FEW {
            let is_new = !self.few.iter().any(|one| one == key);
            if is_new {
                self.few.push(key.to_owned());
            }
            return is_new;
        }
        if self.many.is_empty() {
            self.many.extend(self.few.iter().cloned());
        }
        self.many.insert(key.to_owned())
    }
}

impl Open {
    fn step(&self) -> Step {
        match self {
            Open::Object { key, .. } => Step::Key(key.clone()),
            Open::List(index) => Step::Index(*index),
        }
    }
}

/// The keys of a JSON text that stand in their object before, each with its
/// path: a map keeps the last of them, and says nothing. The text is looked
/// at once, and its depth costs no stack.
pub fn doubled(text: &str) -> Vec<(Vec<Step>, Range<usize>)> {
    let mut scan = Scan { text: text.as_bytes(), at: 0 };
    let mut found = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    while let Some(byte) = scan.peek() {
        if byte == b'"' {
            let range = scan.string();
            let last = open.last_mut();
            let Some(Open::Object { keys, key, is_key_next }) = last else {
                continue;
            };
            if !std::mem::take(is_key_next) {
                continue;
            }
            let quoted = text.get(range.clone()).unwrap_or_default();
            // One with an escape may be the same as one without.
            *key = match quoted.contains('\\') {
                true => serde_json::from_str(quoted).unwrap_or_default(),
                false => quoted.trim_matches('"').to_owned(),
            };
            if !keys.add(key) {
                found.push((open.iter().map(Open::step).collect(), range));
            }
            continue;
        }
        scan.at += 1;
        match (byte, open.last_mut()) {
            (b'{', _) => open.push(Open::Object {
                keys: Keys::default(),
                key: String::new(),
                is_key_next: true,
            }),
            (b'[', _) => open.push(Open::List(0)),
            (b'}' | b']', _) => {
                open.pop();
            }
            (b',', Some(Open::List(index))) => *index += 1,
            (b',', Some(Open::Object { is_key_next, .. })) => {
                *is_key_next = true;
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{ "a": [ 1, {"b.c": "x\"}", "d": null } ], "e": 2 }"#;

    fn key(text: &str) -> Step {
        Step::Key(text.to_owned())
    }

    #[test]
    fn paths_lead_to_their_text() {
        let cases: &[(&[Step], Side, &str)] = &[
            (&[key("e")], Side::Value, "2"),
            (&[key("e")], Side::Key, "\"e\""),
            (&[key("a"), Step::Index(0)], Side::Value, "1"),
            (&[key("a"), Step::Index(1), key("b.c")], Side::Value, r#""x\"}""#),
            (&[key("a"), Step::Index(1), key("d")], Side::Value, "null"),
        ];
        for (path, side, expected) in cases {
            let range = locate(TEXT, path, *side).unwrap();
            assert_eq!(TEXT.get(range).unwrap(), *expected);
        }
        assert_eq!(locate(TEXT, &[key("z")], Side::Value), None);
    }

    #[test]
    fn lists_have_elements() {
        let ranges = elements(TEXT, "a").unwrap();
        let texts = ranges.into_iter().map(|range| TEXT.get(range).unwrap());
        let texts: Vec<&str> = texts.collect();
        assert_eq!(texts, ["1", r#"{"b.c": "x\"}", "d": null }"#]);
        assert_eq!(elements(TEXT, "e"), None);
        assert_eq!(elements(r#"{"a": [1], "a": [2]}"#, "a"), None);
    }

    #[test]
    fn keys_that_stand_twice_are_found() {
        let many: String =
            (0..40).map(|n| format!("\"k{n}\": {n}, ")).collect();
        let many = format!(r#"{{{many}"k3": 1, "k39": 2, "new": 3}}"#);
        let deep = r#"[{"a": {"b.c": [0, {"d": 1, "e": "d", "d": []}]}}]"#;
        let cases: &[(&str, &[&str])] = &[
            (TEXT, &[]),
            (r#"{"a": 1, "b": {"a": 2}, "c": [{"a": 3}, {"a": 4}]}"#, &[]),
            (r#"{"a": "a", "b": ["a", "a", "b"]}"#, &[]),
            (r#"{"a": 1, "A": 2, "a ": 3}"#, &[]),
            (r#"{"a": 1, "b": 2, "a": 3, "a": 4}"#, &["a", "a"]),
            (r#"{"a": {}, "\u0061": 1}"#, &["a"]),
            (r#"{"x\"": {}, "x\"": 1, "": 0, "": 0}"#, &["x\"", ""]),
            (deep, &["[0].a[\"b.c\"][1].d"]),
            (&many, &["k3", "k39"]),
            (&"{\"a\":[".repeat(1_000_000), &[]),
        ];
        for (text, expected) in cases {
            let found = doubled(text);
            let paths: Vec<_> =
                found.iter().map(|(path, _)| path_text(path)).collect();
            let start: String = text.chars().take(60).collect();
            assert_eq!(paths, *expected, "{start}");
            // The second of them.
            for (path, range) in found {
                let first = locate(text, &path, Side::Key).unwrap();
                assert!(first.end < range.start, "{start}");
            }
        }
    }

    #[test]
    fn every_cut_text_ends() {
        for end in 0..TEXT.len() {
            let text = TEXT.get(..end).unwrap();
            doubled(text);
            elements(text, "a");
            locate(text, &[key("a"), Step::Index(1)], Side::Value);
        }
    }

    #[test]
    fn every_broken_text_ends() {
        for at in 0..TEXT.len() {
            for new in ["}", "]", "{", "[", "\"", "\\", ",", ":", ""] {
                let mut text = TEXT.to_owned();
                text.replace_range(at..=at, new);
                locate(&text, &[key("a"), Step::Index(1)], Side::Value);
                elements(&text, "a");
                doubled(&text);
            }
        }
        for text in ["[}", "{]", "}", "", "\"", "{\"a\"", "{\"a\":}", "[[}]"] {
            locate(text, &[key("a")], Side::Key);
        }
    }

    /// serde_json stops at 128, but an error may stand before that.
    #[test]
    fn depth_costs_no_stack() {
        let deep = "[".repeat(1_000_000);
        for text in [
            format!(r#"{{"a": {deep}, "b": 1}}"#),
            format!(r#"{{"b": 1, "a": {deep}"#),
            format!(r#"{{"a": [{}{}], "b": 1}}"#, deep, "]".repeat(1_000_000)),
        ] {
            locate(&text, &[key("b")], Side::Value);
            locate(&text, &[key("a"), Step::Index(0)], Side::Value);
            elements(&text, "a");
        }
    }

    #[test]
    fn paths_read_well() {
        let path =
            [key("handlers"), Step::Index(0), key("match"), key("pldm.tid")];
        assert_eq!(path_text(&path), "handlers[0].match[\"pldm.tid\"]");
    }
}
