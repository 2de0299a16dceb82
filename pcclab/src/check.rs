//! Judges a platform without a boot: every mistake at once, with its file,
//! its line and what would be right.

mod devices;
mod script;
mod searches;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use pccd::messages::Messages;
use pccd::script::locate::{Side, Step, locate, path_text};
use pccd::script::problem::{Problem, Problems, nearest};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use self::script::Words;
use crate::aml::{self, Refused, Table};
use crate::claim::Claim;
use crate::json;
use crate::kernel::Kernel;
use crate::lab;
use crate::machine::{CHANNEL, Machine};
use crate::platform::{self, Channel, File, Mode, Platform};

/// What a platform is held against.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The QEMU that is asked about devices.
    pub qemu: Option<PathBuf>,
    /// The kernel that options and modules are looked up in.
    pub kernel: Option<Kernel>,
}

/// What is to be said of one platform.
#[derive(Clone, Debug)]
pub struct Report {
    /// Its name.
    pub platform: String,
    /// What is wrong.
    pub mistakes: Vec<Problem>,
    /// What is remarkable, but right.
    pub notes: Vec<String>,
    /// What was not looked at, and why.
    pub unseen: Vec<String>,
}

/// `pcclab check --format json`, as `pcclab schema check` describes it.
#[derive(Serialize, JsonSchema)]
struct Document<'a> {
    /// How many mistakes there are in all.
    mistakes: usize,
    /// Those that were asked for, in this order.
    platforms: Vec<Checked<'a>>,
}

/// What is to be said of one platform.
#[derive(Serialize, JsonSchema)]
struct Checked<'a> {
    /// Its name.
    platform: &'a str,
    /// What is wrong.
    mistakes: Vec<Mistake<'a>>,
    /// What is remarkable, but right.
    notes: &'a [String],
    /// What was not looked at, and why.
    unseen: &'a [String],
}

/// One thing that is wrong.
#[derive(Serialize, JsonSchema)]
struct Mistake<'a> {
    /// Where it stands.
    file: &'a str,
    /// Line, from 1.
    line: usize,
    /// Column, from 1.
    column: usize,
    /// Path in a JSON file, empty for the whole of it or another file.
    field: &'a str,
    /// What is wrong.
    message: &'a str,
    /// What would have been right.
    expected: Option<&'a str>,
    /// What was probably meant.
    suggestion: Option<&'a str>,
}

/// The JSON Schema of what [`json`] makes.
pub fn schema() -> String {
    json::schema::<Document<'_>>("pcclab check")
}

/// Reports, for programs.
///
/// # Errors
/// None: there is nothing in them that is no JSON.
pub fn json(reports: &[Report]) -> Result<String> {
    let platforms = reports.iter().map(|report| Checked {
        platform: &report.platform,
        mistakes: report
            .mistakes
            .iter()
            .map(|it| Mistake {
                file: &it.file,
                line: it.line,
                column: it.column,
                field: &it.field,
                message: &it.message,
                expected: it.expected.as_deref(),
                suggestion: it.suggestion.as_deref(),
            })
            .collect(),
        notes: &report.notes,
        unseen: &report.unseen,
    });
    let document = Document {
        mistakes: reports.iter().map(|report| report.mistakes.len()).sum(),
        platforms: platforms.collect(),
    };
    Ok(serde_json::to_string_pretty(&document)?)
}

/// A report, for people.
pub fn text(report: &Report) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    for mistake in &report.mistakes {
        let _ = writeln!(text, "{mistake}\n");
    }
    for note in &report.notes {
        let _ = writeln!(text, "note: {note}");
    }
    for unseen in &report.unseen {
        let _ = writeln!(text, "not looked at: {unseen}");
    }
    let _ = match report.mistakes.len() {
        0 => writeln!(text, "{}: all right", report.platform),
        1 => writeln!(text, "{}: 1 mistake", report.platform),
        many => writeln!(text, "{}: {many} mistakes", report.platform),
    };
    text
}

/// Judges the platform of this name, or in this folder.
///
/// # Errors
/// When there is none, or a program or file that is needed for it does not
/// work.
pub fn check(name: &str, options: &Options) -> Result<Report> {
    let folder = shown(&platform::place(name)?)?;
    let path = folder.join("platform.json");
    let file = path.display().to_string();
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("reading {file}"))?;
    let absolute = std::path::absolute(&folder)?;
    let last = absolute.file_name().unwrap_or_default().to_string_lossy();
    let mut report = Report {
        platform: last.into_owned(),
        mistakes: Vec::new(),
        notes: Vec::new(),
        unseen: Vec::new(),
    };
    match json::read::<File>(&file, &text) {
        Err(Problems(problems)) => {
            report.mistakes = problems;
            report.unseen.push(
                "all else: platform.json has to be right first".to_owned(),
            );
        }
        Ok(read) => {
            let mut check = Check { folder, file, text, read, options, report };
            check.all()?;
            report = check.report;
        }
    }
    Ok(report)
}

/// A path as people write it: from here, if it lies under here.
fn shown(path: &Path) -> Result<PathBuf> {
    let real = path
        .canonicalize()
        .with_context(|| format!("looking for {}", path.display()))?;
    let here = std::env::current_dir()?.canonicalize()?;
    Ok(match real.strip_prefix(&here) {
        Ok(inside) if inside.as_os_str().is_empty() => PathBuf::from("."),
        Ok(inside) => inside.to_owned(),
        Err(_) => real,
    })
}

fn key(name: &str) -> Step {
    Step::Key(name.to_owned())
}

struct Check<'a> {
    folder: PathBuf,
    /// The path of platform.json.
    file: String,
    text: String,
    read: File,
    options: &'a Options,
    report: Report,
}

impl Check<'_> {
    fn all(&mut self) -> Result<()> {
        if !self.read.of.is_empty() {
            self.parts();
            return Ok(());
        }
        self.channels();
        let handlers = self.handlers()?;
        if let Some(handlers) = &handlers {
            self.plays(handlers);
        }
        self.devices()?;
        self.tables();
        self.modules()?;
        self.needs();
        self.test(handlers.as_ref())?;
        self.asked(handlers.as_ref());
        self.search()?;
        self.latency();
        self.accepts();
        self.on();
        self.defects();
        Ok(())
    }

    /// A mistake at a place in platform.json.
    fn wrong(
        &mut self,
        path: &[Step],
        message: String,
        expected: Option<String>,
        suggestion: Option<String>,
    ) {
        let place = locate(&self.text, path, Side::Value);
        let problem = Problem::at(
            &self.file,
            &self.text,
            place.unwrap_or(0..0),
            path_text(path),
            message,
            expected,
            suggestion,
        );
        self.put(problem);
    }

    /// What is wrong in both modes is said once.
    fn put(&mut self, problem: Problem) {
        if !self.report.mistakes.contains(&problem) {
            self.report.mistakes.push(problem);
        }
    }

    fn note(&mut self, text: String) {
        self.report.notes.push(text);
    }

    fn unseen(&mut self, text: impl Into<String>) {
        let text = text.into();
        if !self.report.unseen.contains(&text) {
            self.report.unseen.push(text);
        }
    }

    fn modes(&self) -> Vec<Mode> {
        match self.read.modes.is_empty() {
            true => vec![Mode::Irq, Mode::Poll],
            false => self.read.modes.clone(),
        }
    }

    /// A platform that is made of others.
    fn parts(&mut self) {
        let read = &self.read;
        let own = [
            ("channels", read.channels.is_empty()),
            ("asl", read.asl.is_empty()),
            ("messages", read.messages.is_none()),
            ("modules", read.modules.is_empty()),
            ("drivers", read.drivers.is_empty()),
            ("append", read.append.is_empty()),
            ("needs", read.needs.is_empty()),
            ("test", read.test.is_none()),
            ("asked", read.asked.is_empty()),
            ("latency", read.latency.is_empty()),
            ("defects", read.defects.is_empty()),
            ("search", read.search.is_none()),
        ];
        for (name, _) in own.iter().filter(|(_, empty)| !empty) {
            let message = format!("`{name}` does nothing beside `of`");
            let expected = "it in the parts' own platform.json";
            self.wrong(&[key(name)], message, Some(expected.to_owned()), None);
        }
        let names = platform::names().unwrap_or_default();
        let mut parts = Vec::new();
        for (index, part) in self.read.of.clone().into_iter().enumerate() {
            let path = [key("of"), Step::Index(index)];
            match Platform::load(&part) {
                Ok(found) if found.file.of.is_empty() => parts.push(part),
                Ok(_) => {
                    let message = format!("{part} is made of others itself");
                    let expected = "the names of its parts instead";
                    let expected = Some(expected.to_owned());
                    self.wrong(&path, message, expected, None);
                }
                Err(_) if platform::place(&part).is_ok() => {
                    let message = format!("{part} has mistakes of its own");
                    let expected = format!("what `pcclab check {part}` says");
                    self.wrong(&path, message, Some(expected), None);
                }
                Err(_) => {
                    let meant = nearest(&part, names.iter().map(|n| &**n));
                    let message = format!("there is no platform {part}");
                    let meant = meant.map(str::to_owned);
                    let expected = format!("one of {}", names.join(", "));
                    self.wrong(&path, message, Some(expected), meant);
                }
            }
        }
        if parts.len() < self.read.of.len() {
            return;
        }
        for mode in self.modes() {
            if let Err(error) = Machine::of(&parts, Some(mode)) {
                let expected = "parts that fit together in each mode";
                let expected = Some(expected.to_owned());
                self.wrong(&[key("of")], format!("{error:#}"), expected, None);
            }
        }
        self.note(format!(
            "its parts are checked by their own names: pcclab check {}",
            parts.join(" ")
        ));
    }

    /// Names and modes of channels.
    fn channels(&mut self) {
        let modes = self.modes();
        let channels = self.read.channels.clone();
        for (index, channel) in channels.iter().enumerate() {
            let at = |name| [key("channels"), Step::Index(index), key(name)];
            let name = &channel.name;
            if name.is_empty() || name.contains(|c| c != '-' && !is_plain(c)) {
                let message =
                    format!("a channel cannot be called {:?}", channel.name);
                let expected = "letters, digits, `-` and `_`: the name \
                                becomes a variable";
                let expected = Some(expected.to_owned());
                self.wrong(&at("name"), message, expected, None);
            }
            for &mode in modes.iter().filter(|mode| channel.is_in(**mode)) {
                let again = channels.iter().take(index).any(|other| {
                    other.variable() == channel.variable() && other.is_in(mode)
                });
                if again {
                    let message = format!(
                        "there is a channel `{}` in mode {} already",
                        channel.name,
                        mode.name()
                    );
                    let expected = Some("another name".to_owned());
                    self.wrong(&at("name"), message, expected, None);
                    break;
                }
            }
            if !channel.modes.iter().all(|mode| modes.contains(mode)) {
                self.note(format!(
                    "channel `{}` is there in a mode that the platform does \
                     not have",
                    channel.name
                ));
            }
        }
    }

    fn handlers(&mut self) -> Result<Option<Messages>> {
        let here = vec![PathBuf::from(".")];
        let messages = self.read.messages.clone().unwrap_or(here);
        let mut folders = Vec::new();
        for (index, messages) in messages.iter().enumerate() {
            let folder = match messages.as_os_str() == "." {
                true => self.folder.clone(),
                false => self.folder.join(messages),
            };
            if folder.is_dir() {
                folders.push(folder);
                continue;
            }
            let path = [key("messages"), Step::Index(index)];
            let message = format!("{} is no folder", folder.display());
            let expected = "a folder of handler files, relative to the \
                            platform's";
            self.wrong(&path, message, Some(expected.to_owned()), None);
        }
        let complete = folders.len() == messages.len();
        let mut found = None;
        // Without folders pccd would take those built in.
        if !folders.is_empty() {
            match pccd::daemon::load(&folders) {
                Ok(handlers) => {
                    let (overlaps, _) = handlers.handlers().overlaps();
                    self.report.notes.extend(overlaps);
                    self.report.notes.extend(handlers.unversioned());
                    found = Some(handlers).filter(|_| complete);
                }
                Err(error) => {
                    let Problems(problems) = error.downcast()?;
                    problems.into_iter().for_each(|it| self.put(it));
                }
            }
        }
        if found.is_none() {
            self.unseen(
                "`plays` and `asked`: the handler files have to be right \
                 first",
            );
        }
        Ok(found)
    }

    /// Who plays which channel.
    fn plays(&mut self, handlers: &Messages) {
        let there = handlers.registers().channels();
        let names: Vec<&str> =
            there.iter().map(|channel| channel.name.as_str()).collect();
        let channels = self.read.channels.clone();
        for (index, channel) in channels.iter().enumerate() {
            let device = &channel.device;
            let mctp = device.get("driver").is_some_and(|it| it == "pcc-mctp");
            let kind = device.get("subspace-type").and_then(|v| v.as_u64());
            match &channel.plays {
                Some(plays) if !names.contains(&plays.as_str()) => {
                    let path =
                        [key("channels"), Step::Index(index), key("plays")];
                    let message = format!(
                        "there is no channel `{plays}` in the handler files"
                    );
                    let expected = match names.is_empty() {
                        true => "a file with `channels` first".to_owned(),
                        false => format!("one of {}", names.join(", ")),
                    };
                    let meant = nearest(plays, names.iter().copied());
                    let meant = meant.map(str::to_owned);
                    self.wrong(&path, message, Some(expected), meant);
                }
                // Types 3 and 4 may speak MCTP.
                None if !mctp && !matches!(kind, Some(3 | 4)) => {
                    self.note(format!(
                        "nothing answers channel `{}`: it has no `plays`",
                        channel.name
                    ));
                }
                _ => {}
            }
        }
        let meant = |name: &str| {
            let plays = channels.iter().filter_map(|it| it.plays.as_deref());
            plays
                .filter(|it| !names.contains(it))
                .any(|it| nearest(it, names.iter().copied()) == Some(name))
        };
        for channel in there.iter().filter(|it| !meant(&it.name)) {
            let played = channels
                .iter()
                .any(|it| it.plays.as_deref() == Some(&channel.name));
            if !played {
                self.note(format!(
                    "nothing plays channel `{}` of {}",
                    channel.name, channel.file
                ));
            }
        }
    }

    /// What QEMU is given.
    fn devices(&mut self) -> Result<()> {
        const DRIVERS: [&str; 2] = [CHANNEL, "pcc-mctp"];
        let channels = self.read.channels.clone();
        let at = |index, name: &str| {
            [key("channels"), Step::Index(index), key("device"), key(name)]
        };
        // What cannot be given to QEMU.
        let mut broken = BTreeSet::new();
        for (index, channel) in channels.iter().enumerate() {
            let before = self.report.mistakes.len();
            let driver = channel.device.get("driver");
            let kind = channel.device.get("subspace-type");
            let is_channel = driver.is_none_or(|it| it == CHANNEL);
            let known = kind.and_then(Value::as_u64).is_some_and(|n| n <= 5);
            if is_channel && !known {
                let path = at(index, "subspace-type");
                let path = if kind.is_some() { &path[..] } else { &path[..3] };
                let message = "`subspace-type` says which channel it is";
                let expected = Some("a number from 0 to 5".to_owned());
                self.wrong(path, message.to_owned(), expected, None);
            }
            for (name, value) in &channel.device {
                let by_us = match name.as_str() {
                    "driver" => {
                        let driver = value.as_str().unwrap_or_default();
                        if !DRIVERS.contains(&driver) {
                            self.wrong(
                                &at(index, name),
                                format!("there is no device {value}"),
                                Some(DRIVERS.join(" or ")),
                                nearest(driver, DRIVERS).map(str::to_owned),
                            );
                        }
                        continue;
                    }
                    "subspace" => Some("the order of the channels says it"),
                    "mailbox" | "id" => Some("nothing: pcclab says it"),
                    _ => None,
                };
                let by_us = by_us.or((name == "content")
                    .then_some("`content` beside `device`, in hexadecimal"));
                let message = match value {
                    _ if by_us.is_some() => {
                        format!("`{name}` is not for platforms to say")
                    }
                    value if value.is_number() || value.is_string() => continue,
                    _ => format!("{value} is neither a number nor text"),
                };
                let expected = by_us.unwrap_or("a number, or text in quotes");
                let expected = Some(expected.to_owned());
                self.wrong(&at(index, name), message, expected, None);
            }
            if self.report.mistakes.len() == before
                && let Err(wrong) = channel.begins(0)
            {
                let path =
                    [key("channels"), Step::Index(index), key("content")];
                self.wrong(&path, format!("{wrong:#}"), None, None);
            }
            if self.report.mistakes.len() > before {
                broken.insert(index);
            }
        }
        let Some(qemu) = self.options.qemu.as_deref() else {
            self.unseen("the devices' properties: no QEMU is built (make lab)");
            return Ok(());
        };
        for mode in self.modes() {
            let mut machine = Machine::new(mode);
            let mut of = Vec::new();
            for (index, channel) in channels.iter().enumerate() {
                if channel.is_in(mode) && !broken.contains(&index) {
                    machine.channel(channel)?;
                    of.push(index);
                }
            }
            for wrong in
                devices::wrong(qemu, &machine.machine, &machine.devices)?
            {
                let Some(&index) = of.get(wrong.device) else { continue };
                let Some(property) = &wrong.property else {
                    let path = &at(index, "")[..3];
                    self.wrong(path, wrong.text, None, None);
                    continue;
                };
                let path = at(index, property);
                let given = channels.get(index).map(|it| &it.device);
                if given.is_some_and(|it| it.get(property).is_none()) {
                    // Of a name that was mended; it is said of that one.
                    let message = format!("{property}: {}", wrong.text);
                    self.wrong(&path[..3], message, None, None);
                    continue;
                }
                let (mut side, mut expected) = (Side::Value, None);
                let mut meant = None;
                if let Some(known) = &wrong.known {
                    side = Side::Key;
                    meant = nearest(property, known.iter().map(|n| &**n))
                        .map(str::to_owned);
                    expected = Some(format!("one of {}", known.join(", ")));
                }
                let place = locate(&self.text, &path, side);
                self.put(Problem::at(
                    &self.file,
                    &self.text,
                    place.unwrap_or(0..0),
                    path_text(&path),
                    wrong.text,
                    expected,
                    meant,
                ));
            }
        }
        Ok(())
    }

    /// The ASL, in each mode, and what pcc-client needs in it.
    fn tables(&mut self) {
        let client = self.read.modules.iter().position(|m| m == "pcc-client");
        let sources = self.read.asl.clone();
        if sources.is_empty() {
            if let Some(index) = client {
                let path = [key("modules"), Step::Index(index)];
                let message = "pcc-client has no device to bind to: there is \
                               no `asl`";
                self.wrong(
                    &path,
                    message.to_owned(),
                    Some(DEVICE.into()),
                    None,
                );
            }
            return;
        }
        let mut bound = BTreeMap::new();
        for asl in &sources {
            let path = self.folder.join(asl);
            let Ok(source) = std::fs::read_to_string(&path) else {
                let message = format!("{} cannot be read", path.display());
                let expected = "a source relative to the platform's folder";
                let expected = Some(expected.to_owned());
                self.wrong(&[key("asl")], message, expected, None);
                return;
            };
            let mut said = BTreeSet::new();
            if !self.compiled(&path, &mut bound, &mut said) {
                return;
            }
            self.names_in(&path.display().to_string(), &source, &said, false);
        }
        let path = self.folder.join(&sources[0]);
        let modules = client.map(|index| [key("modules"), Step::Index(index)]);
        match modules {
            Some(at) if bound.values().any(|bound| !bound) => {
                let message = format!(
                    "pcc-client has no device to bind to: {} has no PCCD0001",
                    path.display()
                );
                self.wrong(&at, message, Some(DEVICE.to_owned()), None);
            }
            None if bound.values().any(|bound| *bound) => self.note(
                "the ASL has the device of pcc-client, which is not among \
                 `modules`"
                    .to_owned(),
            ),
            _ => {}
        }
    }

    /// One source, compiled in each mode: whether pcc-client's device is in
    /// it. False if it could not be tried.
    fn compiled(
        &mut self,
        path: &Path,
        bound: &mut BTreeMap<&'static str, bool>,
        said: &mut BTreeSet<(PathBuf, usize)>,
    ) -> bool {
        for mode in self.modes() {
            let mut defines = vec![mode.define()];
            let channels = self.read.channels.clone();
            let mut machine = Machine::new(mode);
            for channel in channels.iter().filter(|it| it.is_in(mode)) {
                // What is wrong with it is said elsewhere.
                let Ok(id) = machine.channel(channel) else { continue };
                let name = channel.variable();
                let again = defines.iter().any(|(other, _)| *other == name);
                if !again && !name.contains(|c| !is_plain(c)) {
                    defines.push((name, id.to_string()));
                }
            }
            let table = Table { asl: path.to_owned(), defines };
            let compiled = lab::cache("aml")
                .and_then(|cache| aml::compile(&table, &cache));
            match compiled {
                Ok(aml) => {
                    let aml = std::fs::read(aml).unwrap_or_default();
                    let id = b"PCCD0001";
                    let has = aml.windows(id.len()).any(|w| w == id);
                    *bound.entry(mode.name()).or_default() |= has;
                }
                Err(error) => match error.downcast::<Refused>() {
                    Ok(refused) => self.refused(&refused, said),
                    Err(error) => {
                        self.unseen(format!("the ASL: {error:#}"));
                        return false;
                    }
                },
            }
        }
        true
    }

    /// The errors of a table, except those that another mode has shown.
    fn refused(
        &mut self,
        refused: &Refused,
        said: &mut BTreeSet<(PathBuf, usize)>,
    ) {
        if refused.errors.is_empty() {
            let asl = refused.asl.display().to_string();
            self.put(Problem::whole(&asl, refused.to_string()));
        }
        for error in &refused.errors {
            if !said.insert((error.file.clone(), error.line)) {
                continue;
            }
            let text = std::fs::read_to_string(&error.file);
            let text = text.unwrap_or_default();
            let mut line = script::line_range(&text, error.line);
            let (mut message, mut expected) = (error.text.clone(), None);
            let mut meant = None;
            if let Some(channel) = &error.channel {
                let words = text.get(line.clone()).unwrap_or_default();
                let at = line.start + words.find(channel).unwrap_or_default();
                line = at..at + channel.len();
                message = format!("there is no {channel}{}", refused.in_mode());
                expected = Some(refused.known());
                meant = refused.meant(channel).map(str::to_owned);
            }
            self.put(Problem::at(
                &error.file.display().to_string(),
                &text,
                line,
                String::new(),
                message,
                expected,
                meant,
            ));
        }
    }

    /// Names of channels that stand in a file, and that no mode has.
    fn names_in(
        &mut self,
        file: &str,
        text: &str,
        said: &BTreeSet<(PathBuf, usize)>,
        shell: bool,
    ) {
        let channels = &self.read.channels;
        let known: BTreeSet<String> =
            channels.iter().map(platform::Channel::variable).collect();
        let code = without_comments(text, shell);
        let mut problems = Vec::new();
        for (at, name) in aml::channels_in(&code) {
            // In a script only what is read is meant.
            let before = code.get(..at).unwrap_or_default();
            let read = before.ends_with('$') || before.ends_with("${");
            if known.contains(name) || (shell && !read) {
                continue;
            }
            let line = before.matches('\n').count() + 1;
            if said.contains(&(PathBuf::from(file), line)) {
                continue;
            }
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            let meant = nearest(name, known.iter().copied());
            problems.push(Problem::at(
                file,
                text,
                at..at + name.len(),
                String::new(),
                format!("no channel of platform.json makes {name}"),
                Some(match known.is_empty() {
                    true => "a channel in platform.json".to_owned(),
                    false => format!("one of {}", known.join(", ")),
                }),
                meant.map(str::to_owned),
            ));
        }
        problems.into_iter().for_each(|problem| self.put(problem));
    }

    /// Drivers of guest-scripts and of the kernel.
    fn modules(&mut self) -> Result<()> {
        let known = drivers()?;
        for (index, name) in self.read.modules.clone().iter().enumerate() {
            if known.contains(name) {
                continue;
            }
            let path = [key("modules"), Step::Index(index)];
            let message = format!("guest-scripts has no driver `{name}`");
            let expected = format!(
                "{}; a driver of the kernel stands in `drivers`, one of your \
                 own is given with `pcclab run --module`",
                known.join(" or ")
            );
            let meant = nearest(name, known.iter().map(|it| it.as_str()));
            let meant = meant.map(str::to_owned);
            self.wrong(&path, message, Some(expected), meant);
        }
        let kernel = self.options.kernel.clone();
        for (index, name) in self.read.drivers.clone().iter().enumerate() {
            let path = [key("drivers"), Step::Index(index)];
            let bare = name.rsplit('/').next().unwrap_or(name);
            let bare = bare.split('.').next().unwrap_or(bare);
            if bare != name {
                let message = format!("`{name}` is no name of a module");
                let meant = Some(bare.to_owned());
                let expected = "the name alone, as `lsmod` shows it";
                self.wrong(&path, message, Some(expected.to_owned()), meant);
            }
            let Some(kernel) = &kernel else { continue };
            match kernel.has_module(bare) {
                Some(true) => {}
                Some(false) => self.note(format!(
                    "the kernel {} has no module `{bare}`, nor is it built in",
                    kernel.image.display()
                )),
                None => self.unseen(
                    "`drivers`: the kernel's lists of modules are not known",
                ),
            }
        }
        Ok(())
    }

    /// Options of the kernel.
    fn needs(&mut self) {
        for (option, place) in self.read.needs.clone() {
            let path = [key("needs"), key(&option)];
            self.option(&path, &option, Side::Key);
            if !place.is_empty() && !place.starts_with('/') {
                let message = format!("`{place}` is no path of the guest");
                let expected = "a path that is there when the guest has the \
                                option, from / on, or nothing";
                self.wrong(&path, message, Some(expected.to_owned()), None);
            }
            let Some(kernel) = self.options.kernel.clone() else { continue };
            match kernel.has(&option) {
                Some(true) => {}
                Some(false) if self.lacks(&kernel, &option) => {}
                Some(false) => {
                    let message = format!(
                        "the kernel {} has no CONFIG_{option}",
                        kernel.image.display()
                    );
                    let expected = "another kernel, or a `lacks` in `on` \
                                    that says why";
                    self.wrong(&path, message, Some(expected.into()), None);
                }
                None => self
                    .unseen("`needs`: the kernel's configuration is not known"),
            }
        }
    }

    fn lacks(&self, kernel: &Kernel, option: &str) -> bool {
        self.read.on.iter().any(|(prefix, on)| {
            on.lacks.as_deref() == Some(option)
                && kernel.release().is_some_and(|it| it.starts_with(prefix))
        })
    }

    fn option(&mut self, path: &[Step], option: &str, side: Side) {
        let plain = is_plain;
        let bare = option.trim().trim_start_matches("CONFIG_");
        let bare = bare.split('=').next().unwrap_or(bare);
        let has_letters = !option.is_empty() && option.chars().all(plain);
        let loud = option.chars().any(|c| !c.is_ascii_lowercase());
        if bare == option && has_letters && loud {
            return;
        }
        let meant = Some(bare.to_uppercase()).filter(|it| it != option);
        let place = locate(&self.text, path, side).unwrap_or(0..0);
        self.put(Problem::at(
            &self.file,
            &self.text,
            place,
            path_text(path),
            format!("`{option}` is no name of a kernel option here"),
            Some("its name without CONFIG_, as in ACPI_PCC".to_owned()),
            meant.filter(|it| !it.is_empty() && it.chars().all(plain)),
        ));
    }

    fn test(&mut self, handlers: Option<&Messages>) -> Result<()> {
        let Some(test) = self.read.test.clone() else {
            self.note(
                "there is no `test`: a run needs a command behind --"
                    .to_owned(),
            );
            return Ok(());
        };
        let path = self.folder.join(test);
        let Ok(text) = std::fs::read_to_string(&path) else {
            let message = format!("{} cannot be read", path.display());
            let expected = "a script relative to the platform's folder";
            self.wrong(&[key("test")], message, Some(expected.into()), None);
            return Ok(());
        };
        let file = path.display().to_string();
        if let Some(problem) = script::syntax(&path, &file, &text)? {
            self.put(problem);
        }
        let words = Words::of_platforms()?;
        let (problem, note) = script::results(&file, &text, &words);
        problem.into_iter().for_each(|problem| self.put(problem));
        note.into_iter().for_each(|note| self.note(note));
        self.names_in(&file, &text, &BTreeSet::new(), true);
        let commands = handlers.map(commands).unwrap_or_default();
        for (range, command) in script::asked(&text) {
            if handlers.is_none() || commands.contains(command) {
                continue;
            }
            let (message, expected, meant) = unknown(command, &commands);
            self.put(Problem::at(
                &file,
                &text,
                range,
                String::new(),
                message,
                Some(expected),
                meant,
            ));
        }
        Ok(())
    }

    /// Claims in platform.json.
    fn asked(&mut self, handlers: Option<&Messages>) {
        let commands = handlers.map(commands).unwrap_or_default();
        for (index, text) in self.read.asked.clone().iter().enumerate() {
            let path = [key("asked"), Step::Index(index)];
            if let Err(error) = Claim::parse(text) {
                let expected = "COMMAND NAME=VALUE… NAME->VALUE…".to_owned();
                self.wrong(&path, error.to_string(), Some(expected), None);
                continue;
            }
            let command = text.split_whitespace().next().unwrap_or_default();
            if handlers.is_none() || commands.contains(command) {
                continue;
            }
            let (message, expected, meant) = unknown(command, &commands);
            self.wrong(&path, message, Some(expected), meant);
        }
    }

    /// Promises of latency.
    fn latency(&mut self) {
        for (index, promise) in self.read.latency.clone().iter().enumerate() {
            let at = |name| [key("latency"), Step::Index(index), key(name)];
            let channels = self.read.channels.clone();
            let named = |it: &&Channel| it.name == promise.channel;
            let Some(_) = channels.iter().find(named) else {
                let message = format!("no channel `{}`", promise.channel);
                let names = channels.iter().map(|it| it.name.as_str());
                let meant = nearest(&promise.channel, names.clone());
                let meant = meant.map(str::to_owned);
                let names: Vec<_> = names.collect();
                let expected = Some(format!("one of {}", names.join(", ")));
                self.wrong(&at("channel"), message, expected, meant);
                continue;
            };
            for channel in channels.iter().filter(named) {
                if let Err(error) =
                    promise.of(0, channel.nominal_us(), channel.is_inbox())
                {
                    self.wrong(&at("below"), error.to_string(), None, None);
                }
            }
        }
    }

    fn accepts(&mut self) {
        let of = |at: Vec<Step>, accepts: &std::collections::BTreeMap<_, _>| {
            accepts
                .iter()
                .map(|(id, why): (&String, &String)| {
                    let mut at = at.clone();
                    at.push(key(id));
                    (at, id.clone(), why.clone())
                })
                .collect::<Vec<_>>()
        };
        let mut all = of(vec![key("accepts")], &self.read.accepts);
        for (release, on) in &self.read.on {
            let at = vec![key("on"), key(release), key("accepts")];
            all.extend(of(at, &on.accepts));
        }
        for (path, id, why) in all {
            if id.trim().is_empty() {
                let message = "a rule is accepted that has no id".to_owned();
                let expected = "the id that a run prints".to_owned();
                self.wrong(&path, message, Some(expected), None);
            } else if why.trim().is_empty() {
                let message = format!("nothing says why `{id}` is accepted");
                let expected = "the reason, in a sentence".to_owned();
                self.wrong(&path, message, Some(expected), None);
            }
        }
    }

    fn on(&mut self) {
        for (release, on) in self.read.on.clone() {
            let at = |name: &str| [key("on"), key(&release), key(name)];
            if on.because.trim().is_empty() {
                let message = "nothing says why".to_owned();
                let expected = Some("the reason, in a sentence".to_owned());
                self.wrong(&at("because"), message, expected, None);
            }
            if on.smp == Some(0) {
                let message = "no guest has 0 processors".to_owned();
                let expected = Some("a number from 1".to_owned());
                self.wrong(&at("smp"), message, expected, None);
            }
            if let Some(option) = &on.lacks {
                self.option(&at("lacks"), option, Side::Value);
            }
            let idle = on.smp.is_none() && on.lacks.is_none();
            if idle && on.without.is_none() && on.accepts.is_empty() {
                self.note(format!("`on` {release:?} changes nothing"));
            }
        }
    }

    fn defects(&mut self) {
        let modes = self.modes();
        for (index, defect) in self.read.defects.clone().iter().enumerate() {
            let at = |name| [key("defects"), Step::Index(index), key(name)];
            let path = self.folder.join(&defect.file);
            if let Some(mode) = defect.mode.filter(|it| !modes.contains(it)) {
                let message =
                    format!("the platform has no mode {}", mode.name());
                self.wrong(&at("mode"), message, None, None);
            }
            if defect.from == defect.to {
                let message = "`from` and `to` are the same".to_owned();
                self.wrong(&at("to"), message, None, None);
            }
            let Ok(text) = std::fs::read_to_string(&path) else {
                let message = format!("{} cannot be read", path.display());
                let expected = "a file relative to the platform's folder";
                let expected = Some(expected.to_owned());
                self.wrong(&at("file"), message, expected, None);
                continue;
            };
            let count = match defect.from.is_empty() {
                true => 0,
                false => text.matches(&defect.from).count(),
            };
            if count != 1 {
                let message =
                    format!("this stands in {} {count} times", path.display());
                let expected = "a text that stands there once, as it is in \
                                the file";
                let expected = Some(expected.to_owned());
                self.wrong(&at("from"), message, expected, None);
            }
        }
    }
}

/// Whether it may stand in a variable's name.
fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// What pcc-client needs.
const DEVICE: &str = "a device with _HID \"PCCD0001\", as in guest-scripts/pcc-client/pcc-client.asl";

/// The drivers of guest-scripts.
fn drivers() -> Result<Vec<String>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../guest-scripts");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&folder)
        .with_context(|| format!("listing {}", folder.display()))?
    {
        let entry = entry?;
        if entry.path().join("Kbuild").is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// What pccd's log may call the answer to a request.
fn commands(handlers: &Messages) -> BTreeSet<String> {
    let mut names = BTreeSet::from(["endpoint".to_owned()]);
    let mut put = |name: &str| {
        names.extend(name.rsplit('/').next().map(str::to_owned));
        names.insert(name.to_owned());
    };
    handlers.handlers().names().for_each(&mut put);
    for channel in handlers.registers().channels() {
        let own = channel.commands.iter().map(|it| it.name.as_str());
        for command in own.chain(channel.otherwise.iter().map(|_| "otherwise"))
        {
            put(&format!("{}/{command}", channel.name));
        }
    }
    names
}

/// A command that nothing answers: what is wrong, what there is, what was
/// meant.
fn unknown(
    command: &str,
    commands: &BTreeSet<String>,
) -> (String, String, Option<String>) {
    let all = commands.iter().map(String::as_str);
    let meant = nearest(command, all).map(str::to_owned);
    let short: Vec<&str> = commands
        .iter()
        .map(String::as_str)
        .filter(|name| !name.contains('/'))
        .collect();
    (
        format!("the handler files have no command `{command}`"),
        format!("one of {}", short.join(", ")),
        meant,
    )
}

/// A source with blanks for its comments, each byte in its place.
fn without_comments(text: &str, shell: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut quoted = false;
    while let Some(next) = rest.chars().next() {
        let end = match next {
            _ if quoted => None,
            '#' if shell && !out.ends_with(|c: char| !c.is_whitespace()) => {
                Some(rest.find('\n').unwrap_or(rest.len()))
            }
            '/' if !shell && rest.starts_with("//") => {
                Some(rest.find('\n').unwrap_or(rest.len()))
            }
            '/' if !shell && rest.starts_with("/*") => {
                Some(rest.find("*/").map_or(rest.len(), |at| at + 2))
            }
            _ => None,
        };
        if next == '"' && !shell {
            quoted = !quoted;
        }
        let length = end.unwrap_or(next.len_utf8());
        let (part, behind) = rest.split_at(length);
        match end {
            None => out.push_str(part),
            Some(_) => out.extend(
                part.bytes().map(|b| if b == b'\n' { '\n' } else { ' ' }),
            ),
        }
        rest = behind;
    }
    out
}

/// The QEMU of the lab, if it was built.
pub fn qemu() -> Option<PathBuf> {
    lab::paths().remove("QEMU").filter(|path| path.is_file())
}

#[cfg(test)]
mod tests;
