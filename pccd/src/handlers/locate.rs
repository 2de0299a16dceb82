//! Where in a JSON text a path lies: from `handlers[0].match` to a range of
//! bytes, for errors. The text may be broken behind that place, or anywhere.

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

    /// Steps over a value, noting where `path` leads.
    fn value(
        &mut self,
        path: Option<&[Step]>,
        side: Side,
        found: &mut Option<Range<usize>>,
    ) {
        self.blanks();
        let start = self.at;
        let next = |step: &Step| match path {
            Some([first, rest @ ..]) if first == step => Some(rest),
            _ => None,
        };
        match self.peek() {
            Some(b'{') => {
                self.at += 1;
                while !self.take(b'}') && self.peek().is_some() {
                    let (key, range) = self.key();
                    let deeper = next(&Step::Key(key));
                    if side == Side::Key && deeper == Some(&[]) {
                        *found = Some(range);
                    }
                    self.take(b':');
                    self.value(deeper, side, found);
                    self.take(b',');
                }
            }
            Some(b'[') => {
                self.at += 1;
                let mut index = 0;
                while !self.take(b']') && self.peek().is_some() {
                    self.value(next(&Step::Index(index)), side, found);
                    self.take(b',');
                    index += 1;
                }
            }
            Some(b'"') => {
                self.string();
            }
            _ => {
                while self.peek().is_some_and(|byte| {
                    !byte.is_ascii_whitespace()
                        && !matches!(byte, b',' | b']' | b'}')
                }) {
                    self.at += 1;
                }
            }
        }
        if path == Some(&[]) && found.is_none() {
            *found = Some(start..self.at.min(self.text.len()));
        }
        // In a text that is not JSON a bracket may stand for a value.
        if self.at == start {
            self.at += 1;
        }
    }
}

/// The bytes of a path's key or value; none if it leads nowhere.
pub fn locate(text: &str, path: &[Step], side: Side) -> Option<Range<usize>> {
    let mut scan = Scan { text: text.as_bytes(), at: 0 };
    let mut found = None;
    scan.value(Some(path), side, &mut found);
    found
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
                let mut range = None;
                scan.value(Some(&[]), Side::Value, &mut range);
                ranges.extend(range);
                scan.take(b',');
            }
            if found.replace(ranges).is_some() {
                return None;
            }
        } else {
            scan.value(None, Side::Value, &mut None);
        }
        scan.take(b',');
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
    fn every_cut_text_ends() {
        for end in 0..TEXT.len() {
            let text = TEXT.get(..end).unwrap();
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
            }
        }
        for text in ["[}", "{]", "}", "", "\"", "{\"a\"", "{\"a\":}", "[[}]"] {
            locate(text, &[key("a")], Side::Key);
        }
    }

    #[test]
    fn paths_read_well() {
        let path =
            [key("handlers"), Step::Index(0), key("match"), key("pldm.tid")];
        assert_eq!(path_text(&path), "handlers[0].match[\"pldm.tid\"]");
    }
}
