//! Finding handler files, and reading their JSON so that every error has
//! its place.

use std::fs::{self, File};
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use serde::de::DeserializeOwned;

use super::file;
use crate::handlers::rule::{HandlerFile, TimedFile};
use crate::registers::file::ChannelFile;
use crate::script::locate::{Side, Step, elements, locate, path_text, steps};
use crate::script::number::parse_number;
use crate::script::phrase::plain;
use crate::script::problem::{Problem, nearest};

/// What lies in such a folder is read only if it is given itself: examples
/// would speak unasked, and expect what nobody does.
const EXAMPLES: &str = "examples";

/// All JSON files under a folder. Links are followed, to a bounded depth.
pub(super) fn gather(
    folder: &Path,
    depth: usize,
    paths: &mut Vec<PathBuf>,
) -> Result<(), Box<Problem>> {
    const DEEPEST: usize = 16;
    let whole = |message| {
        let folder = folder.display().to_string();
        Box::new(Problem::whole(&folder, message))
    };
    if depth > DEEPEST {
        return Err(whole("folders nested too deeply".to_owned()));
    }
    if folder.is_file() {
        return Err(whole("it is a file: give the folder it lies in".into()));
    }
    let unreadable = |error| whole(format!("cannot read the folder: {error}"));
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.is_dir() {
            if path.file_name().is_none_or(|name| name != EXAMPLES) {
                gather(&path, depth + 1, paths)?;
            }
        } else if path.extension().is_some_and(|e| e == "json")
            && path.file_name().is_some_and(|name| {
                !["schema.json", "platform.json", "platform.schema.json"]
                    .iter()
                    .any(|other| name == *other)
            })
        {
            paths.push(path);
        }
    }
    Ok(())
}

/// Why a file has no text.
pub(crate) enum Unread {
    System(io::Error),
    /// Its bytes are no UTF-8.
    Bytes(Vec<u8>),
}

impl Unread {
    /// With the place, if it lies in the file.
    pub fn problem(self, name: &str) -> Problem {
        let bytes = match self {
            Self::System(error) => {
                return Problem::whole(
                    name,
                    format!("cannot be read: {error}"),
                );
            }
            Self::Bytes(bytes) => bytes,
        };
        // Up to the first wrong byte it is the same text.
        let text = String::from_utf8_lossy(&bytes);
        let start = std::str::from_utf8(&bytes)
            .map_or_else(|error| error.valid_up_to(), str::len);
        let wrong = bytes.get(start).copied().unwrap_or_default();
        Problem::at(
            name,
            &text,
            start..start + char::REPLACEMENT_CHARACTER.len_utf8(),
            String::new(),
            format!("byte 0x{wrong:02x} here is no text in UTF-8"),
            Some("a file in UTF-8: save it with that encoding".to_owned()),
            None,
        )
    }
}

/// Reads a file's text. A pipe or a device would give it without end.
pub(crate) fn read(path: &Path) -> Result<String, Unread> {
    let bytes = read_bytes(path).map_err(Unread::System)?;
    String::from_utf8(bytes).map_err(|error| Unread::Bytes(error.into_bytes()))
}

fn read_bytes(path: &Path) -> io::Result<Vec<u8>> {
    const MOST: u64 = 64 << 20;
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let file = File::options().read(true).custom_flags(flags).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    let mut bytes = Vec::new();
    file.take(MOST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST {
        return Err(io::Error::other("it has more than 64 MiB"));
    }
    Ok(bytes)
}

/// Reads a file; or says everything that is wrong with its shape.
pub(super) fn parse(
    name: &str,
    text: &str,
) -> Result<file::File, Vec<Problem>> {
    let example = "`{ \"handlers\": [] }`";
    let file = shape(name, text, example).map_err(|first| {
        // In a text that is not JSON nothing is where it should be.
        match is_json(text) {
            true => all_problems(name, text, *first),
            false => vec![*first],
        }
    })?;
    once(name, text).map(|()| file)
}

/// Reads a text that is an object of this shape; or says everything that is
/// wrong with it.
pub(crate) fn shaped<T: DeserializeOwned>(
    name: &str,
    text: &str,
    example: &str,
) -> Result<T, Vec<Problem>> {
    let value =
        shape(name, text, example).map_err(|first| match is_json(text) {
            true => {
                let mut search = Search::new(name, text, *first);
                search.part(text.to_owned(), 0, &[], stopped::<T>);
                search.end()
            }
            false => vec![*first],
        })?;
    once(name, text).map(|()| value)
}

/// No object has a key twice. serde sees to that only where a key is one of
/// ours; of all other maps it keeps the last.
fn once(name: &str, text: &str) -> Result<(), Vec<Problem>> {
    let doubled = Problem::doubled(name, text);
    if doubled.is_empty() { Ok(()) } else { Err(doubled) }
}

/// Puts the keys that stand twice beside what is wrong otherwise, instead of
/// those that serde found.
fn take_doubled(name: &str, text: &str, problems: &mut Vec<Problem>) {
    let doubled = Problem::doubled(name, text);
    if let Some(first) = doubled.first() {
        // All are worded alike but for the key.
        let by_serde = |one: &Problem| one.expected == first.expected;
        problems.retain(|one| !by_serde(one));
        problems.extend(doubled);
    }
    problems.sort_by_key(|problem| (problem.line, problem.column));
}

fn shape<T: DeserializeOwned>(
    name: &str,
    text: &str,
    example: &str,
) -> Result<T, Box<Problem>> {
    if text.starts_with('\u{feff}') {
        let message = "starts with a byte order mark; save it without";
        return Err(Box::new(Problem::whole(name, message.to_owned())));
    }
    let blanks = text.len() - text.trim_start().len();
    if !text.trim_start().starts_with('{') {
        // serde would take a list for a file, too.
        let found = match text.trim_start().chars().next() {
            None => "the file is empty".to_owned(),
            Some(first) => format!("the file starts with `{first}`"),
        };
        let expected = format!("a JSON object, as in {example}");
        let end = (blanks + 1).min(text.len());
        return Err(Box::new(Problem::at(
            name,
            text,
            blanks..end,
            String::new(),
            found,
            Some(expected),
            None,
        )));
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let parsed = serde_path_to_error::deserialize(&mut deserializer);
    match parsed {
        Ok(file) => match deserializer.end() {
            Ok(()) => Ok(file),
            Err(error) => {
                Err(Box::new(parse_problem(name, text, 0, &[], &error)))
            }
        },
        Err(error) => {
            let (path, error) = (steps(error.path()), error.into_inner());
            Err(Box::new(parse_problem(name, text, 0, &path, &error)))
        }
    }
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

/// More mistakes than this in one file are not looked for.
const MOST: usize = 50;
/// Nor in more bytes than this, however often they are read.
const MOST_READ: usize = 16 << 20;

/// Serde stops at the first mistake: looks at each element of the lists on
/// its own, and at the file without them.
fn all_problems(name: &str, text: &str, first: Problem) -> Vec<Problem> {
    let mut search = Search::new(name, text, first);
    let lists: [(&str, Look); 3] = [
        ("channels", stopped::<ChannelFile>),
        ("handlers", stopped::<HandlerFile>),
        ("unasked", stopped::<TimedFile>),
    ];
    let mut shell = text.to_owned();
    for (list, look) in lists {
        let ranges = elements(text, list).unwrap_or_default();
        if let (Some(first), Some(last)) = (ranges.first(), ranges.last()) {
            blank(&mut shell, first.start..last.end);
        }
        for (index, range) in ranges.into_iter().enumerate() {
            let Some(part) = text.get(range.clone()) else { continue };
            let path = [Step::Key(list.to_owned()), Step::Index(index)];
            search.part(part.to_owned(), range.start, &path, look);
        }
    }
    search.part(shell, 0, &[], stopped::<file::File>);
    search.end()
}

/// What is wrong with the shape of a text.
struct Search<'a> {
    name: &'a str,
    text: &'a str,
    problems: Vec<Problem>,
    /// Bytes that may still be read.
    left: usize,
}

/// What was taken out of a part of the text, so that serde does not stop at
/// it again.
#[derive(Default)]
struct Taken {
    /// Keys that are not missed: those taken out, and those they were to be.
    keys: Vec<Vec<Step>>,
    /// Elements of lists, by the lists' paths.
    elements: Vec<(Vec<Step>, usize)>,
}

impl Taken {
    /// Where in the text a path leads that leads through what is left.
    fn before(&self, path: &[Step]) -> Vec<Step> {
        let mut before: Vec<Step> = Vec::new();
        for step in path {
            let step = match step {
                Step::Key(_) => step.clone(),
                Step::Index(index) => {
                    let mut gone: Vec<usize> = self
                        .elements
                        .iter()
                        .filter(|(list, _)| *list == before)
                        .map(|(_, index)| *index)
                        .collect();
                    gone.sort_unstable();
                    let mut index = *index;
                    for one in gone {
                        index += usize::from(one <= index);
                    }
                    Step::Index(index)
                }
            };
            before.push(step);
        }
        before
    }

    /// Whether something was taken out of this object or list.
    fn is_from(&self, path: &[Step]) -> bool {
        let keys = self.keys.iter().filter_map(|key| key.split_last());
        keys.into_iter().any(|(_, above)| above == path)
            || self.elements.iter().any(|(list, _)| list == path)
    }
}

impl<'a> Search<'a> {
    fn new(name: &'a str, text: &'a str, first: Problem) -> Self {
        Self { name, text, problems: vec![first], left: MOST_READ }
    }

    /// Looks at a part of the text that begins at `start`, where `above`
    /// leads. What is wrong is taken out until nothing is.
    fn part(
        &mut self,
        mut part: String,
        start: usize,
        above: &[Step],
        look: Look,
    ) {
        let mut taken = Taken::default();
        while self.problems.len() < MOST {
            let Some(left) = self.left.checked_sub(part.len()) else { return };
            self.left = left;
            let Some((path, error)) = look(&part) else { return };
            let full = error.to_string();
            let words = quoted(&full);
            let word = words.first().copied().unwrap_or_default();
            let mut target = path.clone();
            let mut meant = None;
            let follows = if full.starts_with("duplicate") {
                // Those are found otherwise.
                return;
            } else if full.starts_with("unknown field") {
                let key = Step::Key(word.to_owned());
                if target.last() != Some(&key) {
                    target.push(key);
                }
                meant = nearest(word, words.iter().skip(1).copied());
                false
            } else if full.starts_with("missing field") {
                let mut key = taken.before(&path);
                key.push(Step::Key(word.to_owned()));
                taken.keys.contains(&key)
            } else {
                taken.is_from(&taken.before(&path))
            };
            if !follows {
                let whole = [above, &taken.before(&path)].concat();
                let problem =
                    parse_problem(self.name, self.text, start, &whole, &error);
                if !self.problems.contains(&problem) {
                    self.problems.push(problem);
                }
            }
            let is_out = take_out(&mut part, &target);
            if !is_out || !is_json(&part) {
                return;
            }
            let mut gone = taken.before(&target);
            match gone.pop() {
                Some(Step::Index(index)) => taken.elements.push((gone, index)),
                Some(key) => {
                    if let Some(meant) = meant {
                        let mut meant_key = gone.clone();
                        meant_key.push(Step::Key(meant.to_owned()));
                        taken.keys.push(meant_key);
                    }
                    gone.push(key);
                    taken.keys.push(gone);
                }
                None => return,
            }
        }
    }

    fn end(self) -> Vec<Problem> {
        let Self { name, text, mut problems, .. } = self;
        take_doubled(name, text, &mut problems);
        problems
    }
}

/// Makes blanks of some bytes of a text; its lines stay.
fn blank(text: &mut String, range: Range<usize>) {
    let old = text.get(range.clone()).unwrap_or_default();
    let new: String = old
        .bytes()
        .map(|byte| if byte == b'\n' { '\n' } else { ' ' })
        .collect();
    if !old.is_empty() {
        text.replace_range(range, &new);
    }
}

/// Takes the key or element that a path leads to out of a text, with its
/// comma. False if there is none.
fn take_out(text: &mut String, path: &[Step]) -> bool {
    let (Some(start), Some(end), false) = (
        locate(text, path, Side::Key).map(|range| range.start),
        locate(text, path, Side::Value).map(|range| range.end),
        path.is_empty(),
    ) else {
        return false;
    };
    let after = text.get(end..).unwrap_or_default();
    let blanks = after.len() - after.trim_start().len();
    let before = text.get(..start).unwrap_or_default().trim_end();
    let range = if after.trim_start().starts_with(',') {
        start..end + blanks + 1
    } else if before.ends_with(',') {
        before.len() - 1..end
    } else {
        start..end
    };
    blank(text, range);
    true
}

/// Where serde stopped, and why.
type Stopped = (Vec<Step>, serde_json::Error);

/// Reads an element of some list on its own.
type Look = fn(&str) -> Option<Stopped>;

fn stopped<T: DeserializeOwned>(text: &str) -> Option<Stopped> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let parsed: Result<T, _> =
        serde_path_to_error::deserialize(&mut deserializer);
    let error = parsed.err()?;
    Some((steps(error.path()), error.into_inner()))
}

/// Offset of a line and column as serde counts them: both from 1, the
/// column in bytes.
fn offset_of(text: &str, line: usize, column: usize) -> usize {
    let start: usize = text
        .split_inclusive('\n')
        .take(line.saturating_sub(1))
        .map(str::len)
        .sum();
    let mut offset = (start + column.saturating_sub(1)).min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

/// The words between backticks in serde's messages.
fn quoted(message: &str) -> Vec<&str> {
    message.split('`').skip(1).step_by(2).collect()
}

/// What serde says of a part of the text that begins at `start`.
fn parse_problem(
    file: &str,
    text: &str,
    start: usize,
    path: &[Step],
    error: &serde_json::Error,
) -> Problem {
    let full = error.to_string();
    // The position is said apart.
    let said = full.rsplit_once(" at line ").map_or(&*full, |parts| parts.0);
    let part = text.get(start..).unwrap_or_default();
    let offset = start + offset_of(part, error.line(), error.column());
    let hex = hexadecimal(text, offset).filter(|_| error.is_syntax());
    let (message, expected) = match &hex {
        Some((_, expected)) => {
            let message = "JSON has no hexadecimal numbers".to_owned();
            (message, Some(expected.clone()))
        }
        None => plain(said),
    };
    let expected = expected.or_else(|| Some(advice(said, path)));
    let words = quoted(said);
    let (word, names) = match words.split_first() {
        Some((word, names)) if said.starts_with("unknown ") => {
            (Some(*word), names)
        }
        _ => (None, &[][..]),
    };
    let suggestion = word.and_then(|word| nearest(word, names.iter().copied()));
    // serde stops at the end of a value that is wrong as a whole.
    let whole = ["invalid ", "missing field", "data did not match"]
        .iter()
        .any(|start| said.starts_with(start));
    let range = word
        .and_then(|word| word_before(text, offset, word))
        .or_else(|| hex.map(|(range, _)| range))
        .or_else(|| whole.then(|| locate(text, path, Side::Value))?)
        .unwrap_or(offset..(offset + 1).min(text.len()));
    Problem::at(
        file,
        text,
        range,
        path_text(path),
        message,
        expected,
        suggestion.map(str::to_owned),
    )
}

/// What to do where serde only says what is wrong.
fn advice(said: &str, path: &[Step]) -> String {
    let last = path.iter().rev().find_map(|step| match step {
        Step::Key(key) => Some(key.as_str()),
        Step::Index(_) => None,
    });
    // Choices are read from objects with one key; serde_json says of all
    // else that a value was expected.
    let choice = match last {
        Some("match") => Some("`fields`, `hex`, `any`, `all` or `not`"),
        Some("reply") => {
            Some("`fields`, `hex` or `exec`, or \"none\" or \"pass\"")
        }
        Some("message") => Some("`fields` or `hex`"),
        Some("faults") => Some("one fault, as in { \"drop\": 1 }"),
        Some("corrupt") => Some("`bits` or `at`"),
        Some("then") => Some("`unasked` or `answer`"),
        Some("vendor_ids") => Some("`pci` or `iana`"),
        _ => None,
    };
    match (choice, quoted(said).first()) {
        (Some(choice), None) if said == "expected value" => {
            format!("an object with one key: {choice}")
        }
        (_, Some(field)) if said.starts_with("missing field") => {
            format!("the key `{field}` here")
        }
        (_, Some(_)) if said.starts_with("duplicate") => {
            "each key once".to_owned()
        }
        _ if said.starts_with("EOF") => {
            "more: the file ends too early".to_owned()
        }
        _ if said.starts_with("trailing characters") => {
            "nothing after the last brace".to_owned()
        }
        _ => "JSON: no comments, no comma before a closing bracket".to_owned(),
    }
}

/// A number as in `0x10`, if serde stopped behind its 0, and what to write
/// instead.
fn hexadecimal(text: &str, offset: usize) -> Option<(Range<usize>, String)> {
    let start = text.get(..offset)?.strip_suffix('0')?.len();
    // In a longer word or a text it is none.
    let before = text.get(..start)?.trim_end();
    if !before.ends_with([':', ',', '[']) {
        return None;
    }
    let rest = text.get(start..)?;
    let length = rest.find(|c: char| !c.is_ascii_alphanumeric());
    let word = rest.get(..length.unwrap_or(rest.len()))?;
    let number = parse_number(word)?;
    let expected = format!("\"{word}\" in quotes, or {number}");
    Some((start..start + word.len(), expected))
}

/// Serde stops at the end of a wrong word: go back to its start.
fn word_before(text: &str, end: usize, word: &str) -> Option<Range<usize>> {
    let quoted = format!("\"{word}\"");
    let mut upto = (end + 1).min(text.len());
    while !text.is_char_boundary(upto) {
        upto += 1;
    }
    let start = text.get(..upto)?.rfind(&quoted)?;
    Some(start..start + quoted.len())
}
