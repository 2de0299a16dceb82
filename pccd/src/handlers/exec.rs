//! Handlers that are programs: what they are asked, and what they say, as
//! lines of JSON. Running them is the business of `programs`.

use std::path::PathBuf;
use std::time::Duration;

use rustix::fs::{Access, access};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value as Json, json};

use super::make::{Make, Maker, Setting, answer_defaults};
use super::request::{self, Replied};
use super::rule::ProgramFile;
use super::value::{field_items_in, plain_values, value_of};
use crate::script::check::Checker;
use crate::script::delay::Wait;
use crate::script::locate::Place;
use crate::script::memory::Variable;
use crate::script::number::hex_bytes;
use crate::script::phrase::words;
use crate::script::problem::{Wrong, once};

/// Longest a program may take, in milliseconds: a minute.
const LONGEST: u64 = 60_000;
/// How long it may take if its handler says nothing.
const USUAL: u64 = 1000;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Program {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Where it runs: the folder of its handler's file.
    pub folder: PathBuf,
}

/// A question to a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    pub handler: String,
    pub program: Program,
    /// How long it may take.
    pub limit: Duration,
    /// The line it reads, but for the question's `id`.
    pub line: Json,
}

/// The line a program writes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    /// Whose answer it is, [`crate::programs`] has seen to.
    #[serde(rename = "id")]
    _id: IgnoredAny,
    reply: Reply,
    #[serde(default)]
    set: Map<String, Json>,
    #[serde(default)]
    delay: u64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Reply {
    Fields(Map<String, Json>),
    Hex(String),
    None,
    Pass,
}

pub(super) struct Said {
    pub reply: Replied,
    pub set: Vec<(String, Variable)>,
    pub wait: Wait,
}

/// Checks what a handler says of its program.
pub(super) fn program(
    check: &mut Checker<'_>,
    at: &Place<'_>,
    source: &ProgramFile,
) -> (Program, Duration) {
    let place = at.key("command");
    match source.command.first() {
        // A path is one in the file's folder; names are looked up.
        Some(first) if first.contains('/') => {
            let whole = check.folder.join(first);
            if !whole.is_file() {
                let wrong = Wrong::new(
                    format!("there is no file {}", whole.display()),
                    "a program beside this file, as in \"./answer.py\", \
                     or a name to be looked up, as in \"python3\"",
                );
                check.wrong(&place.index(0), wrong);
            } else if access(&whole, Access::EXEC_OK).is_err() {
                let path = whole.display();
                let wrong = Wrong::new(
                    format!("{path} may not be executed"),
                    format!("a program that may: chmod +x {path}"),
                );
                check.wrong(&place.index(0), wrong);
            }
        }
        Some(first) if !first.is_empty() => {}
        _ => {
            let wrong = Wrong::new(
                "a program without a name",
                "the program and its arguments, as in [\"./answer.py\"]",
            );
            check.wrong(&place, wrong);
        }
    }
    let place = at.key("timeout_ms");
    let limit = source
        .timeout_ms
        .map_or(USUAL, |number| check.number(&place, number, 1, LONGEST));
    let program = Program {
        command: source.command.clone(),
        folder: check.folder.clone(),
    };
    (program, Duration::from_millis(limit))
}

/// The line a program is asked with: what templates see.
pub(super) fn line(maker: &Maker<'_>, handler: &str) -> Json {
    let request = maker.asking.request.as_ref();
    let request = request.map(|one| request::json(one, maker.fields));
    json!({
        "id": 0,
        "handler": handler,
        "count": maker.count,
        "request": request,
        "state": maker.declared.json(maker.memory),
    })
}

/// What a program's line means for this request.
pub(super) fn said(maker: &Maker<'_>, line: &str) -> Result<Said, Wrong> {
    let whole: Line = serde_json::from_str(line).map_err(|error| {
        let text = format!("{} in {}", words(&error), shortened(line));
        Wrong::plain(text)
    })?;
    once(line)?;
    let reply = match whole.reply {
        Reply::None => Replied::Silence,
        Reply::Pass => Replied::Pass,
        Reply::Hex(text) => {
            let bytes = hex_bytes(&text)?;
            if bytes.is_empty() {
                return Err(Wrong::plain("a reply without its type byte"));
            }
            Replied::Message(bytes)
        }
        Reply::Fields(fields) => {
            let mut known = plain_values(&fields);
            let fields_of = maker.fields.iter();
            known.extend(
                fields_of.map(|one| (one.full_name(), one.value.clone())),
            );
            answer_defaults(&mut known);
            let mut settings = Vec::new();
            for (field, json) in &fields {
                let items = field_items_in(field, &known)?;
                let value = value_of(field, &items, json)?;
                settings.push((field.clone(), Setting::Fixed(value)));
            }
            Replied::Message(maker.make(&Make::Fields(settings), true)?)
        }
    };
    let mut set = Vec::new();
    for (name, json) in &whole.set {
        set.push((name.clone(), maker.declared.value(name, json)?));
    }
    Ok(Said { reply, set, wait: Wait::Ms(whole.delay) })
}

/// The beginning of a line, for messages.
pub(crate) fn shortened(line: &str) -> String {
    const MOST: usize = 80;
    match line.char_indices().nth(MOST) {
        Some((at, _)) => format!("`{}…`", line.get(..at).unwrap_or(line)),
        None => format!("`{line}`"),
    }
}
