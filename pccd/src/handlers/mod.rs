//! Handler files: what the platform answers, as data.
//!
//! Files are read once, checked in full and compiled; wrong ones are refused
//! with everything that is wrong in them. Handlers are asked in the order of
//! their priority, then of their file's path, then of their place in it; the
//! first that matches answers.

mod builtin;
mod compile;
mod endpoint;
pub mod error;
pub mod file;
mod load;
mod locate;
mod template;
mod value;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use minijinja::Environment;
use serde_json::Value as Json;

use self::compile::{Compiler, Handler, Make, Matcher, Push, Setting};
use self::error::{Problem, Problems};
use self::load::{gather, parse, problem_at};
use self::locate::{Side, Step};
use crate::endpoint::Config;
use crate::wire::encode::Given;
use crate::wire::layout::{Found, Value};
use crate::wire::mctp::{Eid, Header};
use crate::wire::message;

/// A request as handlers see it.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Transport header of its last packet.
    pub header: &'a Header,
    /// Subspace it came from.
    pub subspace: u8,
    /// The message, type byte first.
    pub message: &'a [u8],
}

/// A message nobody asked for, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unasked {
    /// The message, type byte first.
    pub message: Vec<u8>,
    /// Who it is for.
    pub destination: Eid,
    /// Message tag.
    pub tag: u8,
}

/// What a handler answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Name of the handler.
    pub handler: String,
    /// The message that goes back; none for silence.
    pub reply: Option<Vec<u8>>,
    /// What is sent after that.
    pub unasked: Vec<Unasked>,
}

/// A handler matched, but what it says cannot be made for this request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// Name of the handler.
    pub handler: String,
    /// Why.
    pub reason: String,
}

/// All handlers, and the endpoint they belong to.
#[derive(Debug)]
pub struct Handlers {
    handlers: Vec<Handler>,
    endpoint: Config,
    environment: Environment<'static>,
    files: usize,
    source: String,
}

/// The text of one file.
struct Source {
    name: String,
    text: String,
}

impl Handlers {
    /// Reads all `*.json` files of some folders and what lies under them.
    ///
    /// # Errors
    ///
    /// Everything that is wrong in any of them.
    pub fn load(folders: &[PathBuf]) -> Result<Self, Problems> {
        let mut problems = Vec::new();
        let mut paths = Vec::new();
        for folder in folders {
            let mut found = Vec::new();
            if let Err(problem) = gather(folder, 0, &mut found) {
                problems.push(*problem);
            }
            found.sort();
            paths.extend(found);
        }
        let mut sources = Vec::new();
        for path in paths {
            let name = path.display().to_string();
            match fs::read_to_string(&path) {
                Ok(text) => sources.push(Source { name, text }),
                Err(error) => {
                    let message = format!("cannot be read: {error}");
                    problems.push(Problem::whole(&name, message));
                }
            }
        }
        let shown: Vec<String> =
            folders.iter().map(|folder| folder.display().to_string()).collect();
        Self::compile(sources, shown.join(", "), problems)
    }

    /// The files that are part of the program.
    ///
    /// # Errors
    ///
    /// None, unless the program was built with wrong ones.
    pub fn builtin() -> Result<Self, Problems> {
        let sources = builtin::FILES.iter().map(|(name, text)| Source {
            name: (*name).to_owned(),
            text: (*text).to_owned(),
        });
        let shown = "the built-in messages".to_owned();
        Self::compile(sources.collect(), shown, Vec::new())
    }

    /// Files given as names and texts, for tests and tools.
    ///
    /// # Errors
    ///
    /// Everything that is wrong in any of them.
    pub fn from_texts(files: &[(&str, &str)]) -> Result<Self, Problems> {
        let sources = files.iter().map(|(name, text)| Source {
            name: (*name).to_owned(),
            text: (*text).to_owned(),
        });
        Self::compile(sources.collect(), "texts".to_owned(), Vec::new())
    }

    fn compile(
        sources: Vec<Source>,
        shown: String,
        mut problems: Vec<Problem>,
    ) -> Result<Self, Problems> {
        let environment = template::environment();
        let mut handlers: Vec<Handler> = Vec::new();
        let mut names: BTreeMap<String, String> = BTreeMap::new();
        let mut endpoint: Option<(Config, String)> = None;
        let files = sources.len();
        for Source { name, text } in &sources {
            let file = match parse(name, text) {
                Ok(file) => file,
                Err(problem) => {
                    problems.push(*problem);
                    continue;
                }
            };
            let mut compiler =
                Compiler { environment: &environment, faults: Vec::new() };
            for (index, source) in file.handlers.iter().enumerate() {
                if let Some(first) = names.get(&source.name) {
                    let path = [
                        Step::Key("handlers".into()),
                        Step::Index(index),
                        Step::Key("name".into()),
                    ];
                    problems.push(problem_at(
                        name,
                        text,
                        &path,
                        Side::Value,
                        value::Wrong::new(
                            format!(
                                "there is a handler `{}` in {first} already",
                                source.name
                            ),
                            "another name",
                        ),
                    ));
                }
                names.insert(source.name.clone(), name.clone());
                handlers.extend(compiler.handler(name, index, source));
            }
            if let Some(source) = &file.endpoint {
                let config = compiler.endpoint(source);
                if let Some((_, first)) = &endpoint {
                    problems.push(problem_at(
                        name,
                        text,
                        &[Step::Key("endpoint".into())],
                        Side::Key,
                        value::Wrong::new(
                            format!("there is an endpoint in {first} already"),
                            "one endpoint in all files",
                        ),
                    ));
                } else {
                    endpoint = Some((config, name.clone()));
                }
            }
            for fault in compiler.faults {
                problems.push(problem_at(
                    name,
                    text,
                    &fault.path,
                    fault.side,
                    fault.wrong,
                ));
            }
        }
        if !problems.is_empty() {
            return Err(Problems(problems));
        }
        let mut endpoint = match endpoint {
            Some((config, _)) => config,
            None => default_endpoint(&environment)?,
        };
        for handler in &handlers {
            endpoint.message_types.extend(matched_type(&handler.matcher));
        }
        endpoint.message_types.remove(&0);
        handlers.sort_by_key(|handler| std::cmp::Reverse(handler.priority));
        Ok(Self { handlers, endpoint, environment, files, source: shown })
    }

    /// The endpoint's configuration, message types of handlers included.
    pub fn endpoint(&self) -> &Config {
        &self.endpoint
    }

    /// Number of handlers.
    pub fn len(&self) -> usize {
        self.handlers.len()
    }

    /// Whether there is no handler.
    pub fn is_empty(&self) -> bool {
        self.handlers.is_empty()
    }

    /// Number of files.
    pub fn files(&self) -> usize {
        self.files
    }

    /// Where they come from, for people.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Asks the handlers. None if none of them matches.
    ///
    /// # Errors
    ///
    /// One matched, but its answer cannot be made.
    pub fn ask(&self, request: Request<'_>) -> Result<Option<Answer>, Failed> {
        let described = message::describe(request.message);
        let transport = transport(request.header);
        let matching =
            self.handlers.iter().find(|handler| match &handler.matcher {
                Matcher::Hex(pattern) => pattern.matches(request.message),
                Matcher::Fields(fields) => {
                    fields.iter().all(|(field, want)| {
                        found(&described.fields, &transport, field)
                            .is_some_and(|have| have == want)
                    })
                }
            });
        let Some(handler) = matching else {
            return Ok(None);
        };
        let maker = Maker {
            environment: &self.environment,
            fields: &described.fields,
            request,
        };
        let failed = |reason| Failed {
            handler: format!("{} ({})", handler.name, handler.file),
            reason,
        };
        let reply = match &handler.reply {
            None => None,
            Some(make) => Some(maker.make(make, true).map_err(failed)?),
        };
        let mut unasked = Vec::new();
        for Push { make, destination, tag } in &handler.then {
            unasked.push(Unasked {
                message: maker.make(make, false).map_err(failed)?,
                destination: destination.unwrap_or(request.header.source),
                tag: *tag,
            });
        }
        let handler = handler.name.clone();
        Ok(Some(Answer { handler, reply, unasked }))
    }
}

/// Transport fields a handler may match.
fn transport(header: &Header) -> [(&'static str, Value); 4] {
    let number = |number: u8| Value::Number(u64::from(number));
    [
        ("mctp.destination", number(header.destination.0)),
        ("mctp.source", number(header.source.0)),
        ("mctp.to", number(u8::from(header.to))),
        ("mctp.tag", number(header.tag)),
    ]
}

fn found<'a>(
    fields: &'a [Found],
    transport: &'a [(&'static str, Value)],
    field: &str,
) -> Option<&'a Value> {
    let (layer, name) = field.split_once('.')?;
    fields
        .iter()
        .find(|found| found.layer == layer && found.name == name)
        .map(|found| &found.value)
        .or_else(|| {
            let entry = transport.iter().find(|(full, _)| *full == field);
            entry.map(|(_, value)| value)
        })
}

/// Makes the messages of a handler for one request.
struct Maker<'a> {
    environment: &'a Environment<'static>,
    fields: &'a [Found],
    request: Request<'a>,
}

impl Maker<'_> {
    fn render(&self, source: &str) -> Result<String, String> {
        let Request { header, subspace, message } = self.request;
        let context = template::context(header, subspace, message, self.fields);
        template::render(self.environment, source, &context)
    }

    fn make(&self, make: &Make, is_answer: bool) -> Result<Vec<u8>, String> {
        match make {
            Make::Bytes(bytes) => Ok(bytes.clone()),
            Make::Template(source) => value::hex_bytes(&self.render(source)?)
                .map_err(|wrong| wrong.message),
            Make::Fields(settings) => self.fields(settings, is_answer),
        }
    }

    fn fields(
        &self,
        settings: &[(String, Setting)],
        is_answer: bool,
    ) -> Result<Vec<u8>, String> {
        let mut given = Given::new();
        if is_answer {
            for field in compile::ECHOED {
                if let Some(value) = found(self.fields, &[], field) {
                    given.insert(field.to_owned(), value.clone());
                }
            }
        }
        for (field, setting) in settings {
            let value = match setting {
                Setting::Fixed(value) => value.clone(),
                Setting::Template(source, items) => {
                    let text = self.render(source)?;
                    value::value_of(field, items, &Json::String(text))
                        .map_err(|wrong| wrong.message)?
                }
            };
            given.insert(field.clone(), value);
        }
        if is_answer {
            compile::answer_defaults(&mut given);
        }
        message::encode(&given).map_err(|error| error.to_string())
    }
}

fn matched_type(matcher: &Matcher) -> Option<u8> {
    match matcher {
        Matcher::Hex(pattern) => Some(pattern.first()? & 0x7f),
        Matcher::Fields(fields) => {
            let (_, value) =
                fields.iter().find(|(field, _)| field == "mctp.type")?;
            match value {
                Value::Number(number) => u8::try_from(*number).ok(),
                Value::Bytes(_) => None,
            }
        }
    }
}

fn default_endpoint(
    environment: &Environment<'static>,
) -> Result<Config, Problems> {
    let (name, text) = builtin::ENDPOINT;
    let file = parse(name, text).map_err(|problem| Problems(vec![*problem]))?;
    let mut compiler = Compiler { environment, faults: Vec::new() };
    let source = file.endpoint.unwrap_or_default();
    let mut config = compiler.endpoint(&source);
    // Only what handlers answer is reported.
    config.message_types.clear();
    Ok(config)
}

#[cfg(test)]
mod tests;
