//! Handlers that are programs: what they are asked, and what they say, as
//! lines of JSON. Running them is the business of [`crate::programs`].

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value as Json, json};

use super::ask::{Replied, Wait};
use super::compile::{Compiler, answer_defaults, join, key};
use super::load::words;
use super::locate::{Side, Step};
use super::make::{Make, Maker, Setting};
use super::memory::Variable;
use super::rule::ProgramFile;
use super::template;
use super::value::{Wrong, field_items_in, hex_bytes, plain_values, value_of};

/// Longest a program may take, in milliseconds: a minute.
const LONGEST: u64 = 60_000;
/// How long it may take if its handler says nothing.
const USUAL: u64 = 1000;

/// A program that answers.
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
    /// Name of the handler.
    pub handler: String,
    /// Whom to ask.
    pub program: Program,
    /// How long it may take.
    pub limit: Duration,
    /// The line it reads, but for the question's `id`.
    pub line: Json,
}

/// What programs said so far, by handler; or why they said nothing.
pub type Answers = BTreeMap<String, Result<String, String>>;

/// Nothing was asked yet.
pub static NO_ANSWERS: Answers = Answers::new();

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

/// What a program wants.
pub(super) struct Said {
    pub reply: Replied,
    pub set: Vec<(String, Variable)>,
    pub wait: Wait,
}

impl Compiler<'_> {
    /// Checks what a handler says of its program.
    pub(super) fn program(
        &mut self,
        path: &[Step],
        source: &ProgramFile,
    ) -> (Program, Duration) {
        let at = join(path, [key("command")]);
        match source.command.first() {
            // A path is one in the file's folder; names are looked up.
            Some(first) if first.contains('/') => {
                let whole = self.folder.join(first);
                if !whole.is_file() {
                    let wrong = Wrong::new(
                        format!("there is no file {}", whole.display()),
                        "a program beside this file, as in \"./answer.py\", \
                         or a name to be looked up, as in \"python3\"",
                    );
                    let at = join(&at, [Step::Index(0)]);
                    self.fault(at, Side::Value, wrong);
                }
            }
            Some(first) if !first.is_empty() => {}
            _ => {
                let wrong = Wrong::new(
                    "a program without a name",
                    "the program and its arguments, as in [\"./answer.py\"]",
                );
                self.fault(at, Side::Value, wrong);
            }
        }
        let at = join(path, [key("timeout_ms")]);
        let limit = source
            .timeout_ms
            .map_or(USUAL, |number| self.number(&at, number, 1, LONGEST));
        let program = Program {
            command: source.command.clone(),
            folder: self.folder.clone(),
        };
        (program, Duration::from_millis(limit))
    }
}

impl Maker<'_> {
    /// The line a program is asked with: what templates see.
    pub(super) fn line(&self, handler: &str) -> Json {
        let request = self
            .asking
            .request
            .map(|request| template::request(&request, self.fields));
        json!({
            "id": 0,
            "handler": handler,
            "count": self.count,
            "request": request,
            "state": self.declared.json(self.memory),
        })
    }

    /// What a program's line means for this request.
    pub(super) fn said(&self, line: &str) -> Result<Said, String> {
        let wrong = |wrong: Wrong| match wrong.expected {
            Some(expected) => {
                format!("{}; expected {expected}", wrong.message)
            }
            None => wrong.message,
        };
        let line: Line = serde_json::from_str(line).map_err(|error| {
            format!("{} in {}", words(&error), shortened(line))
        })?;
        let reply = match line.reply {
            Reply::None => Replied::Silence,
            Reply::Pass => Replied::Pass,
            Reply::Hex(text) => {
                let bytes = hex_bytes(&text).map_err(wrong)?;
                if bytes.is_empty() {
                    return Err("a reply without its type byte".to_owned());
                }
                Replied::Message(bytes)
            }
            Reply::Fields(fields) => {
                let mut known = plain_values(&fields);
                known.extend(
                    self.fields
                        .iter()
                        .map(|found| (found.full_name(), found.value.clone())),
                );
                answer_defaults(&mut known);
                let mut settings = Vec::new();
                for (field, json) in &fields {
                    let items = field_items_in(field, &known).map_err(wrong)?;
                    let value = value_of(field, &items, json).map_err(wrong)?;
                    settings.push((field.clone(), Setting::Fixed(value)));
                }
                Replied::Message(self.make(&Make::Fields(settings), true)?)
            }
        };
        let mut set = Vec::new();
        for (name, json) in &line.set {
            let value = self.declared.value(name, json).map_err(wrong)?;
            set.push((name.clone(), value));
        }
        Ok(Said { reply, set, wait: Wait::Ms(line.delay) })
    }
}

/// The beginning of a line, for messages.
pub(crate) fn shortened(line: &str) -> String {
    const MOST: usize = 80;
    match line.char_indices().nth(MOST) {
        Some((at, _)) => format!("`{}…`", line.get(..at).unwrap_or(line)),
        None => format!("`{line}`"),
    }
}
