//! Handler files: what the platform answers, as data.
//!
//! Files are read once, checked in full and compiled; wrong ones are refused
//! with everything that is wrong in them. Handlers are asked in the order of
//! their priority, then of their file's path, then of their place in it; the
//! first that matches answers, or passes on to the next.

mod act;
mod ask;
mod builtin;
pub(crate) mod compile;
pub(crate) mod condition;
mod endpoint;
pub mod error;
pub mod exec;
mod expect;
pub mod fault;
pub mod file;
mod index;
pub(crate) mod load;
pub mod locate;
pub(crate) mod make;
mod matcher;
mod matching;
pub mod memory;
mod overlap;
mod phrase;
pub mod rule;
pub mod schema;
pub(crate) mod template;
pub(crate) mod value;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use minijinja::Environment;

use self::act::Timed;
pub use self::ask::{
    Asked, Asking, Failed, Nearest, Replied, Request, Timely, Unasked, Wait,
};
use self::compile::{Compiler, Handler};
use self::error::{Problem, Problems};
use self::file::File;
use self::index::Index;
pub use self::load::message_from;
use self::load::{gather, parse, problem_at, read};
use self::locate::{Side, Step};
use self::memory::{Declaration, Declared, Variable};
use crate::endpoint::Config;
use crate::registers::Registers;
use crate::wire::mctp::MsgType;

/// All handlers, and the endpoint they belong to.
#[derive(Debug)]
pub struct Handlers {
    handlers: Vec<Handler>,
    index: Index,
    timed: Vec<Timed>,
    order: Vec<String>,
    declared: Declared,
    endpoint: Config,
    registers: Registers,
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
        for (place, folder) in folders.iter().enumerate() {
            let earlier = folders.get(..place).unwrap_or_default();
            if let Some(again) = given_before(folder, earlier) {
                problems.push(again);
                continue;
            }
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
            match read(&path) {
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
        let files = sources.len();
        let mut parsed: Vec<(Source, File)> = Vec::new();
        for source in sources {
            match parse(&source.name, &source.text) {
                Ok(file) => parsed.push((source, file)),
                Err(found) => problems.extend(found),
            }
        }
        let mut names = Names::default();
        let declared = declare(&parsed, &mut names, &mut problems);
        let mut handlers: Vec<Handler> = Vec::new();
        let mut timed = Vec::new();
        let mut endpoint: Option<(Config, String)> = None;
        for (Source { name, text }, file) in &parsed {
            let mut wrong = |path: &[Step], side, wrong| {
                problems.push(problem_at(name, text, path, side, wrong));
            };
            let mut compiler = Compiler::new(&environment, &declared);
            for (index, source) in file.handlers.iter().enumerate() {
                let path = names.path("handlers", index);
                if let Err(again) = names.add("handler", &source.name, name) {
                    wrong(&path, Side::Value, again);
                }
                handlers.extend(compiler.handler(name, index, source));
            }
            for (index, source) in file.unasked.iter().enumerate() {
                let path = names.path("unasked", index);
                if let Err(again) = names.add("handler", &source.name, name) {
                    wrong(&path, Side::Value, again);
                }
                timed.extend(compiler.timed(name, index, source));
            }
            if let Some(source) = &file.endpoint {
                let config = compiler.endpoint(source);
                if let Some((_, first)) = &endpoint {
                    wrong(
                        &[Step::Key("endpoint".into())],
                        Side::Key,
                        value::Wrong::new(
                            format!("there is an endpoint in {first} already"),
                            "one endpoint in all files",
                        ),
                    );
                } else {
                    endpoint = Some((config, name.clone()));
                }
            }
            for fault in compiler.faults {
                wrong(&fault.path, fault.side, fault.wrong);
            }
        }
        let order = expect::order(&parsed, &names, &mut problems);
        let sources = parsed
            .iter()
            .map(|(source, file)| (&*source.name, &*source.text, file));
        let registers = Registers::compile(sources, &declared, &mut problems);
        if !problems.is_empty() {
            return Err(Problems(problems));
        }
        let mut endpoint = match endpoint {
            Some((config, _)) => config,
            None => default_endpoint(&environment)?,
        };
        for handler in &mut handlers {
            endpoint.message_types.extend(handler.matcher.types());
            handler.counts |= order.contains(&handler.name);
        }
        endpoint.message_types.remove(&0);
        handlers.sort_by_key(|handler| std::cmp::Reverse(handler.priority));
        let mut index = Index::default();
        for (number, handler) in handlers.iter().enumerate() {
            index.add(number, &handler.matcher);
        }
        Ok(Self {
            handlers,
            index,
            timed,
            order,
            declared,
            endpoint,
            registers,
            environment,
            files,
            source: shown,
        })
    }

    /// The endpoint's configuration, message types of handlers included.
    pub fn endpoint(&self) -> &Config {
        &self.endpoint
    }

    /// What is advertised and not true, a line each: message types that Get
    /// MCTP Version Support knows nothing of.
    pub fn unversioned(&self) -> Vec<String> {
        let Config { message_types, versions, .. } = &self.endpoint;
        let unknown = |kind: &&u8| {
            versions.get(kind).is_none_or(|versions| versions.is_empty())
        };
        let line = |kind: &u8| {
            let name = MsgType::from(*kind);
            format!(
                "message type {name} is reported by Get Message Type Support, \
                 and Get MCTP Version Support says that it is not supported; \
                 add its versions to the endpoint: \"versions\": {{\"{name}\": \
                 [\"1.0\"]}}"
            )
        };
        message_types.iter().filter(unknown).map(line).collect()
    }

    /// Channels of registers.
    pub fn registers(&self) -> &Registers {
        &self.registers
    }

    /// The same, to let them play other subspaces.
    pub fn registers_mut(&mut self) -> &mut Registers {
        &mut self.registers
    }

    /// Scenarios and variables of all files.
    pub fn declared(&self) -> &Declared {
        &self.declared
    }

    /// The names of all handlers, messages by the clock included.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let handlers = self.handlers.iter().map(|one| one.name.as_str());
        handlers.chain(self.timed.iter().map(|one| one.name.as_str()))
    }

    /// Number of handlers, messages by the clock included.
    pub fn len(&self) -> usize {
        self.handlers.len() + self.timed.len()
    }

    /// Whether there is no handler.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of files.
    pub fn files(&self) -> usize {
        self.files
    }

    /// Where they come from, for people.
    pub fn source(&self) -> &str {
        &self.source
    }
}

/// What to say of a folder that was given already, or lies in one that
/// was, or holds one: its files would be read twice.
fn given_before(folder: &Path, earlier: &[PathBuf]) -> Option<Problem> {
    let real = folder.canonicalize().ok()?;
    earlier.iter().find_map(|other| {
        let first = other.canonicalize().ok()?;
        let how = match (real.starts_with(&first), first.starts_with(&real)) {
            (true, true) => "is the same folder as",
            (true, false) => "lies in",
            (false, true) => "holds",
            (false, false) => return None,
        };
        let message = format!(
            "{how} {}, which is given before it: give each folder once",
            other.display()
        );
        Some(Problem::whole(&folder.display().to_string(), message))
    })
}

/// Names that must be unique, with the file each stands in.
#[derive(Default)]
struct Names(BTreeMap<(&'static str, String), String>);

impl Names {
    fn path(&self, list: &str, index: usize) -> [Step; 3] {
        let key = |text: &str| Step::Key(text.to_owned());
        [key(list), Step::Index(index), key("name")]
    }

    fn add(
        &mut self,
        kind: &'static str,
        name: &str,
        file: &str,
    ) -> Result<(), value::Wrong> {
        let entry = (kind, name.to_owned());
        match self.0.insert(entry, file.to_owned()) {
            None => Ok(()),
            Some(first) => Err(value::Wrong::new(
                format!("there is a {kind} `{name}` in {first} already"),
                "another name",
            )),
        }
    }
}

/// Scenarios and variables of all files.
fn declare(
    parsed: &[(Source, File)],
    names: &mut Names,
    problems: &mut Vec<Problem>,
) -> Declared {
    let mut declared = Declared::default();
    for (Source { name: file, text }, parsed) in parsed {
        let mut add = |list: &str, name: &str, found| {
            let path = [Step::Key(list.into()), Step::Key(name.to_owned())];
            let added = names.add("scenario or variable", name, file);
            let (side, wrong) = match (added, found) {
                (Err(wrong), _) => (Side::Key, wrong),
                (Ok(()), Err(wrong)) => (Side::Value, wrong),
                (Ok(()), Ok(declaration)) => {
                    declared.0.insert(name.to_owned(), declaration);
                    return;
                }
            };
            problems.push(problem_at(file, text, &path, side, wrong));
        };
        for (name, states) in &parsed.scenarios {
            let mut unique = states.clone();
            unique.sort();
            unique.dedup();
            let found = if states.is_empty() || unique.len() < states.len() {
                Err(value::Wrong::new(
                    "a scenario needs states, each once",
                    "as in [\"down\", \"up\"], the first where it begins",
                ))
            } else {
                Ok(Declaration::Scenario(states.clone()))
            };
            add("scenarios", name, found);
        }
        for (name, json) in &parsed.variables {
            let value = match (json.as_u64(), json.as_str()) {
                (Some(number), _) => Some(Variable::Number(number)),
                (None, Some(text)) => Some(Variable::Text(text.to_owned())),
                (None, None) => None,
            };
            let found = value.map(Declaration::Variable).ok_or_else(|| {
                value::Wrong::new(
                    format!("a variable cannot be {json}"),
                    "a number from 0 up, or text",
                )
            });
            add("variables", name, found);
        }
    }
    declared
}

fn default_endpoint(
    environment: &Environment<'static>,
) -> Result<Config, Problems> {
    let (name, text) = builtin::ENDPOINT;
    let file = parse(name, text).map_err(Problems)?;
    let declared = Declared::default();
    let mut compiler = Compiler::new(environment, &declared);
    let source = file.endpoint.unwrap_or_default();
    let mut config = compiler.endpoint(&source);
    // Only what handlers answer is reported.
    config.message_types.clear();
    Ok(config)
}

#[cfg(test)]
mod behaviour;
#[cfg(test)]
mod tests;
