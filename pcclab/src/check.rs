//! Judges a platform without a boot: every mistake at once, with its file,
//! its line and what would be right.

mod claims;
mod devices;
mod fields;
mod kernel;
mod report;
mod script;
mod searches;
mod tables;

pub use self::report::{Report, json, schema, text};

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use pccd::messages::Messages;
use pccd::script::locate::{Side, Step, locate, path_text};
use pccd::script::problem::{Problem, Problems, nearest};
use serde_json::Value;

use crate::kernel::Kernel;
use crate::lab;
use crate::machine::{CHANNEL, Machine};
use crate::platform::{self, File, Mode, Platform};

/// What a platform is held against.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The QEMU that is asked about devices.
    pub qemu: Option<PathBuf>,
    /// The kernel that options and modules are looked up in.
    pub kernel: Option<Kernel>,
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
    match platform::read(&file, &text) {
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
        self.wrong_at(Side::Value, path, message, expected, suggestion);
    }

    /// A mistake in a key of platform.json, or in its value.
    fn wrong_at(
        &mut self,
        side: Side,
        path: &[Step],
        message: String,
        expected: Option<String>,
        suggestion: Option<String>,
    ) {
        let place = locate(&self.text, path, side);
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

    /// What a channel cannot have of its handlers: remarkable only, if they
    /// fit elsewhere, as it may be there to see what becomes of it.
    fn misplaced(
        &mut self,
        elsewhere: bool,
        path: &[Step],
        channel: &str,
        message: String,
        expected: String,
    ) {
        match elsewhere {
            true => self.note(format!("channel `{channel}`: {message}")),
            false => self.wrong(path, message, Some(expected), None),
        }
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
            let others =
                || channels.iter().filter(|it| it.plays == channel.plays);
            let fits = |it| fields::unfit(handlers, it).is_empty();
            let elsewhere = others().any(fits);
            for message in fields::unfit(handlers, channel) {
                let path = [key("channels"), Step::Index(index), key("plays")];
                let expected = "a channel of another type, or handlers for \
                                this one";
                let expected = expected.to_owned();
                self.misplaced(
                    elsewhere,
                    &path,
                    &channel.name,
                    message,
                    expected,
                );
            }
            if let Some((message, needed)) = fields::beyond(handlers, channel) {
                let fits = |it| fields::beyond(handlers, it).is_none();
                let path = [
                    key("channels"),
                    Step::Index(index),
                    key("device"),
                    key("size"),
                ];
                let path = match device.contains_key("size") {
                    true => &path[..],
                    false => &path[..3],
                };
                let expected = format!(
                    "a `size` of at least {needed}, or a smaller `offset`"
                );
                let elsewhere = others().any(fits);
                self.misplaced(
                    elsewhere,
                    path,
                    &channel.name,
                    message,
                    expected,
                );
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
}

/// Whether it may stand in a variable's name.
fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// The QEMU of the lab, if it was built.
pub fn qemu() -> Option<PathBuf> {
    lab::paths().remove("QEMU").filter(|path| path.is_file())
}

#[cfg(test)]
mod tests;
