//! The folder of handler files: what the platform answers, as data.
//!
//! Files are read once, checked in full and compiled; wrong ones are refused
//! with everything that is wrong in them. A file may hold handlers and
//! channels of registers, which know nothing of each other.

mod builtin;
mod file;
pub(crate) mod load;
mod schema;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use minijinja::{Environment, Value as Filling};
use serde_json::{Map, Value as Json};

use self::file::File;
use self::load::{gather, parse, read};
pub use self::schema::text as schema;
use crate::endpoint::Config;
use crate::handlers::{self, Handlers, compile, endpoint};
use crate::registers::{self, Registers};
use crate::script::check::Checker;
use crate::script::locate::{Place, Side};
use crate::script::memory::{Declaration, Declared, Variable};
use crate::script::problem::{Mistake, Problem, Problems, Wrong};
use crate::script::template;
use crate::wire::mctp::MsgType;

/// All handlers and channels of registers, and the endpoint they belong to.
#[derive(Debug)]
pub struct Messages {
    handlers: Handlers,
    pub(crate) registers: Registers,
    /// Scenarios and variables of all files.
    pub(crate) declared: Declared,
    /// Message types of handlers included.
    pub(crate) endpoint: Config,
    /// How many there are.
    pub(crate) files: usize,
    /// Folders that none of them lies in.
    bare: Vec<PathBuf>,
    /// Where they come from, for people.
    pub(crate) source: String,
}

/// The text of one file.
struct Source {
    name: String,
    text: String,
}

impl Messages {
    /// Reads all `*.json` files of some folders and what lies under them.
    ///
    /// # Errors
    ///
    /// Everything that is wrong in any of them.
    pub fn load(folders: &[PathBuf]) -> Result<Self, Problems> {
        let mut problems = Vec::new();
        let (mut paths, mut bare) = (Vec::new(), Vec::new());
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
            if found.is_empty() {
                bare.push(folder.clone());
            }
            found.sort();
            paths.extend(found);
        }
        let mut sources = Vec::new();
        for path in paths {
            let name = path.display().to_string();
            match read(&path) {
                Ok(text) => sources.push(Source { name, text }),
                Err(unread) => problems.push(unread.problem(&name)),
            }
        }
        let shown: Vec<String> =
            folders.iter().map(|folder| folder.display().to_string()).collect();
        let messages = Self::compile(sources, shown.join(", "), problems)?;
        Ok(Self { bare, ..messages })
    }

    /// What to say of folders that no handler file lies in.
    pub fn bare(&self) -> Vec<Problem> {
        let problem = |folder: &PathBuf| {
            let text = "no handler file lies in it: their names end in .json";
            Problem::whole(&folder.display().to_string(), text.to_owned())
        };
        self.bare.iter().map(problem).collect()
    }

    /// The files that are part of the program.
    ///
    /// # Errors
    ///
    /// None, unless the program was built with wrong ones.
    pub fn builtin() -> Result<Self, Problems> {
        Self::compile_texts(builtin::FILES, "the built-in messages")
    }

    /// Files given as names and texts, for tests and tools.
    ///
    /// # Errors
    ///
    /// Everything that is wrong in any of them.
    pub fn from_texts(files: &[(&str, &str)]) -> Result<Self, Problems> {
        Self::compile_texts(files, "texts")
    }

    fn compile_texts(
        files: &[(&str, &str)],
        shown: &str,
    ) -> Result<Self, Problems> {
        let sources = files.iter().map(|(name, text)| Source {
            name: (*name).to_owned(),
            text: (*text).to_owned(),
        });
        Self::compile(sources.collect(), shown.to_owned(), Vec::new())
    }

    fn compile(
        sources: Vec<Source>,
        shown: String,
        mut problems: Vec<Problem>,
    ) -> Result<Self, Problems> {
        let mut environment = template::environment();
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
        let tables = tables(&parsed, &mut names, &mut problems);
        environment.add_global("table", Filling::from_serialize(tables));
        let (mut all, mut timed) = (Vec::new(), Vec::new());
        let mut config: Option<(Config, String)> = None;
        for (Source { name: file, text }, parsed) in &parsed {
            let mut check = checker(&environment, &declared, file);
            let list = Place::FILE.key("handlers");
            for (index, source) in parsed.handlers.iter().enumerate() {
                let at = list.index(index);
                names.check(&mut check, &at, &source.name, file);
                all.extend(compile::handler(&mut check, &at, file, source));
            }
            let list = Place::FILE.key("unasked");
            for (index, source) in parsed.unasked.iter().enumerate() {
                let at = list.index(index);
                names.check(&mut check, &at, &source.name, file);
                timed.extend(handlers::timed(&mut check, &at, file, source));
            }
            if let Some(source) = &parsed.endpoint {
                let found = endpoint::endpoint(&mut check, source);
                if let Some((_, first)) = &config {
                    let wrong = Wrong::new(
                        format!("there is an endpoint in {first} already"),
                        "one endpoint in all files",
                    );
                    check.wrong_key(&Place::FILE.key("endpoint"), wrong);
                } else {
                    config = Some((found, file.clone()));
                }
            }
            report(file, text, check, &mut problems);
        }
        let order = order(&parsed, &names, &mut problems);
        let registers = compile_registers(&parsed, &declared, &mut problems);
        if !problems.is_empty() {
            return Err(Problems(problems));
        }
        let mut endpoint = match config {
            Some((config, _)) => config,
            None => default_endpoint()?,
        };
        let handlers =
            Handlers::new(all, timed, order, declared.clone(), environment);
        endpoint.message_types.extend(handlers.types());
        endpoint.message_types.remove(&0);
        let (source, bare) = (shown, Vec::new());
        Ok(Self {
            handlers,
            registers,
            declared,
            endpoint,
            files,
            bare,
            source,
        })
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

    /// The handlers.
    pub fn handlers(&self) -> &Handlers {
        &self.handlers
    }

    /// Channels of registers.
    pub fn registers(&self) -> &Registers {
        &self.registers
    }
}

fn checker<'a>(
    environment: &'a Environment<'static>,
    declared: &'a Declared,
    file: &str,
) -> Checker<'a> {
    let folder = Path::new(file).parent().map(Path::to_owned);
    Checker::new(environment, declared, folder.unwrap_or_default())
}

fn report(
    file: &str,
    text: &str,
    check: Checker<'_>,
    problems: &mut Vec<Problem>,
) {
    let mistakes = check.mistakes.into_iter();
    problems.extend(mistakes.map(|one| Problem::mistake(file, text, one)));
}

/// The channels of all files, then which of them plays which subspace.
fn compile_registers(
    parsed: &[(Source, File)],
    declared: &Declared,
    problems: &mut Vec<Problem>,
) -> Registers {
    let environment = template::environment();
    let (mut channels, mut players) = (Vec::new(), BTreeMap::new());
    let mut sound = true;
    for (Source { name: file, text }, parsed) in parsed {
        let mut check = checker(&environment, declared, file);
        let found = &parsed.channels;
        sound &= registers::add(&mut check, file, found, &mut channels);
        report(file, text, check, problems);
    }
    for (Source { name: file, text }, parsed) in parsed {
        let mut check = checker(&environment, declared, file);
        // A channel that is wrong is no reason to call its name unknown.
        if sound {
            let map = &parsed.subspaces;
            registers::players(&mut check, map, &channels, &mut players);
        }
        report(file, text, check, problems);
    }
    Registers::new(channels, players, environment)
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

/// What no template speaks of by its name.
const HANDLER: &str = "handler";

/// Names that must be unique, with the file each stands in.
#[derive(Default)]
struct Names(BTreeMap<(&'static str, String), String>);

impl Names {
    fn add(
        &mut self,
        kind: &'static str,
        name: &str,
        file: &str,
    ) -> Result<(), Wrong> {
        if kind != HANDLER {
            template::usable_name(name)?;
        }
        let entry = (kind, name.to_owned());
        match self.0.insert(entry, file.to_owned()) {
            None => Ok(()),
            Some(first) => Err(Wrong::new(
                format!("there is a {kind} `{name}` in {first} already"),
                "another name",
            )),
        }
    }

    /// The name of a handler.
    fn check(
        &mut self,
        check: &mut Checker<'_>,
        at: &Place<'_>,
        name: &str,
        file: &str,
    ) {
        let added = self.add(HANDLER, name, file);
        check.take(&at.key("name"), added);
    }

    fn handlers(&self) -> impl Iterator<Item = &str> {
        let all = self.0.keys().filter(|(kind, _)| *kind == HANDLER);
        all.map(|(_, name)| name.as_str())
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
            let added = names.add("scenario or variable", name, file);
            let (side, wrong) = match (added, found) {
                (Err(wrong), _) => (Side::Key, wrong),
                (Ok(()), Err(wrong)) => (Side::Value, wrong),
                (Ok(()), Ok(declaration)) => {
                    declared.0.insert(name.to_owned(), declaration);
                    return;
                }
            };
            let list = Place::FILE.key(list);
            let mistake = Mistake::new(&list.key(name), side, wrong);
            problems.push(Problem::mistake(file, text, mistake));
        };
        for (name, states) in &parsed.scenarios {
            let mut unique = states.clone();
            unique.sort();
            unique.dedup();
            let found = if states.is_empty() || unique.len() < states.len() {
                Err(Wrong::new(
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
                Wrong::new(
                    format!("a variable cannot be {json}"),
                    "a number from 0 up, or text",
                )
            });
            add("variables", name, found);
        }
    }
    declared
}

/// Tables of all files.
fn tables(
    parsed: &[(Source, File)],
    names: &mut Names,
    problems: &mut Vec<Problem>,
) -> Map<String, Json> {
    let mut tables = Map::new();
    let list = Place::FILE.key("tables");
    for (Source { name: file, text }, parsed) in parsed {
        for (name, json) in &parsed.tables {
            if let Err(wrong) = names.add("table", name, file) {
                let mistake = Mistake::new(&list.key(name), Side::Key, wrong);
                problems.push(Problem::mistake(file, text, mistake));
            }
            tables.insert(name.clone(), json.clone());
        }
    }
    tables
}

/// The names of `expect_order`, all files together.
fn order(
    parsed: &[(Source, File)],
    names: &Names,
    problems: &mut Vec<Problem>,
) -> Vec<String> {
    let mut order = Vec::new();
    let list = Place::FILE.key("expect_order");
    for (Source { name: file, text }, parsed) in parsed {
        for (index, name) in parsed.expect_order.iter().enumerate() {
            order.push(name.clone());
            if !names.handlers().any(|known| known == name) {
                let wrong = Wrong::unknown(
                    format!("there is no handler `{name}`"),
                    "the name of a handler",
                    name,
                    names.handlers(),
                );
                let at = list.index(index);
                let mistake = Mistake::new(&at, Side::Value, wrong);
                problems.push(Problem::mistake(file, text, mistake));
            }
        }
    }
    order
}

fn default_endpoint() -> Result<Config, Problems> {
    let (name, text) = builtin::ENDPOINT;
    let file = parse(name, text).map_err(Problems)?;
    let (environment, declared) = Default::default();
    let mut check = checker(&environment, &declared, name);
    let source = file.endpoint.unwrap_or_default();
    let mut config = endpoint::endpoint(&mut check, &source);
    // Only what handlers answer is reported.
    config.message_types.clear();
    Ok(config)
}

#[cfg(test)]
mod behaviour;
#[cfg(test)]
mod tests;
