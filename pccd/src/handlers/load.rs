//! Finding handler files, and reading their JSON so that every error has
//! its place.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::error::{Problem, nearest};
use super::file::File;
use super::locate::{Side, Step, locate, path_text};
use super::value;

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
    let unreadable = |error| whole(format!("cannot read the folder: {error}"));
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.is_dir() {
            gather(&path, depth + 1, paths)?;
        } else if path.extension().is_some_and(|e| e == "json")
            && path.file_name().is_some_and(|name| name != "schema.json")
        {
            paths.push(path);
        }
    }
    Ok(())
}

pub(super) fn parse(name: &str, text: &str) -> Result<File, Box<Problem>> {
    if text.starts_with('\u{feff}') {
        let message = "starts with a byte order mark; save it without";
        return Err(Box::new(Problem::whole(name, message.to_owned())));
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let parsed = serde_path_to_error::deserialize(&mut deserializer);
    match parsed {
        Ok(file) => match deserializer.end() {
            Ok(()) => Ok(file),
            Err(error) => {
                let path = String::new();
                Err(Box::new(parse_problem(name, text, path, &error)))
            }
        },
        Err(error) => {
            let path = match error.path().to_string().as_str() {
                "." => String::new(),
                path => path.to_owned(),
            };
            Err(Box::new(parse_problem(name, text, path, error.inner())))
        }
    }
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

fn parse_problem(
    file: &str,
    text: &str,
    path: String,
    error: &serde_json::Error,
) -> Problem {
    let full = error.to_string();
    // The position is said apart.
    let said = full.split(" at line ").next().unwrap_or(&full);
    let offset = offset_of(text, error.line(), error.column());
    let (message, expected) = match said.split_once(", expected ") {
        Some((message, expected)) => (message, Some(expected.to_owned())),
        None => (said, None),
    };
    let words = quoted(said);
    let (word, names) = match words.split_first() {
        Some((word, names)) if said.starts_with("unknown ") => {
            (Some(*word), names)
        }
        _ => (None, &[][..]),
    };
    let suggestion = word.and_then(|word| nearest(word, names.iter().copied()));
    let range = word
        .and_then(|word| word_before(text, offset, word))
        .unwrap_or(offset..(offset + 1).min(text.len()));
    Problem::at(
        file,
        text,
        range,
        path,
        message.to_owned(),
        expected,
        suggestion.map(str::to_owned),
    )
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

pub(super) fn problem_at(
    file: &str,
    text: &str,
    path: &[Step],
    side: Side,
    wrong: value::Wrong,
) -> Problem {
    let range = locate(text, path, side).unwrap_or(0..0);
    Problem::at(
        file,
        text,
        range,
        path_text(path),
        wrong.message,
        wrong.expected,
        wrong.suggestion,
    )
}
