//! Why nothing happened: the way of a message from the firmware's table to
//! the driver, link by link, and the first link that is broken.
//!
//! Reads what a run left in its folder; starts nothing.

mod link;
mod message;

use std::fmt::Write as _;
use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::Path;

use anyhow::{Context, Result, bail};
use chrono::DateTime;
use pccd::capture::{Entry, Kind};
use serde::Deserialize;

pub use self::link::Link;
use crate::commands::{Command, Commands, MOST, Step};
use crate::config::mailbox;
use crate::console::{BEGIN, exit_status};
use crate::ktap::{Word, directive};
use crate::log::{capture, console};

/// The result's name in the folder of a run, as `pcclab run --json` writes it.
pub const RESULT: &str = "result.json";
/// The longest result that is read.
const MOST_RESULT: u64 = 16 << 20;
/// What a guest was about in so many microseconds before its end, that end may
/// have cut off.
const CUT_OFF: i64 = 1_000_000;

/// The text of the result that a run left, if it did.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn result(folder: &Path) -> Result<Option<String>> {
    let path = folder.join(RESULT);
    let reading = || format!("reading {}", path.display());
    let file = match File::open(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file.with_context(reading)?,
    };
    let mut text = String::new();
    file.take(MOST_RESULT).read_to_string(&mut text).with_context(reading)?;
    Ok(Some(text))
}

/// How the run ended, of its result.
#[derive(Debug, Deserialize)]
struct Ended {
    verdict: String,
    text: String,
}

impl Ended {
    /// None where the run left no result, or one that is none.
    fn of(folder: &Path) -> Option<Ended> {
        serde_json::from_str(&result(folder).ok()??).ok()
    }

    /// The verdict in one line.
    fn line(&self) -> &str {
        self.text.lines().next().unwrap_or(&self.verdict)
    }
}

/// Steps that each command has to pass, in their order.
fn of_a_command() -> impl Iterator<Item = Step> {
    let all = Step::ALL.into_iter();
    all.filter(|step| !matches!(step, Step::Doorbell | Step::Next))
}

/// Where the way of a command broke, or of a message to the guest.
#[derive(Clone, Copy, Debug)]
struct Break<'a> {
    command: &'a Command,
    is_message: bool,
    step: Step,
    /// How long after the end of the test that failed the step came, in
    /// microseconds, if it did.
    late: Option<i64>,
}

impl Break<'_> {
    fn link(&self) -> Link {
        match (self.late, self.is_message) {
            (Some(_), false) => Link::Late(self.step),
            (None, false) => Link::Step(self.step),
            (Some(_), true) => Link::LateMessage(self.step),
            (None, true) => Link::Message(self.step),
        }
    }
}

/// The first test that failed.
#[derive(Clone, Debug)]
struct Failed {
    line: String,
    /// From the result before to its own.
    from: i64,
    to: i64,
}

/// What a run left, as it is read.
#[derive(Debug, Default)]
pub(crate) struct Evidence {
    knows_kernel: bool,
    /// Whether the guest came to its command, and to its end.
    has_begun: bool,
    has_ended: bool,
    /// When the last line of the console came.
    last: i64,
    ended: Option<Ended>,
    table: Option<String>,
    kernel: Option<String>,
    /// What the kernel says against the table or a channel.
    complaints: Vec<String>,
    /// When the last result came.
    result: Option<i64>,
    failed: Option<Failed>,
    commands: Commands,
    has_pccd: bool,
    /// Rules that the driver broke, with the time of each.
    conduct: Vec<(i64, String)>,
    /// What went wrong on the platform's side, likewise.
    errors: Vec<(i64, String)>,
}

impl Evidence {
    /// None yet, of the logs in this folder.
    ///
    /// # Errors
    /// When there are none.
    pub(crate) fn of(folder: &Path) -> Result<Evidence> {
        if !folder.join("console.log").exists() {
            bail!(
                "{} has no logs of a run: there is no console.log; give the \
                 folder that pcclab run names (--logs)",
                folder.display()
            );
        }
        Ok(Evidence { ended: Ended::of(folder), ..Evidence::default() })
    }

    /// The commands that there were.
    pub(crate) fn into_commands(self) -> Commands {
        self.commands
    }

    /// Takes a line of the console.
    pub(crate) fn line(&mut self, time: Option<i64>, line: &str) {
        self.knows_kernel |= line.contains("Linux version ");
        self.has_begun |= line == BEGIN;
        self.has_ended |= exit_status(line).is_some();
        self.last = time.unwrap_or(self.last);
        let text = || {
            let level = line.strip_prefix('<').and_then(|l| l.split_once('>'));
            level.map_or(line, |(_, text)| text).trim().to_owned()
        };
        if line.contains("ACPI: PCCT 0x") {
            self.table.get_or_insert_with(text);
        } else if line.contains(" PCC Subspaces") && line.contains("Detected") {
            self.kernel.get_or_insert_with(text);
        } else if line.contains("PCC") || line.contains("Channel not found") {
            let lower = line.to_lowercase();
            let words = ["not found", "invalid", "error", "fail", "cannot"];
            if words.iter().any(|word| lower.contains(word))
                && self.complaints.len() < 3
            {
                self.complaints.push(text());
            }
        }
        let result = line.trim_start();
        let (is_ok, is_not) =
            (result.starts_with("ok "), result.starts_with("not ok "));
        // A failure that is known is none, and a pass then is one.
        let is_bad = match directive(result) {
            Some((_, Word::Todo, _)) => is_ok,
            _ => is_not || result.starts_with("Bail out!"),
        };
        if is_bad || is_ok || is_not {
            let to = time.unwrap_or(i64::MAX);
            if is_bad && self.failed.is_none() {
                let (line, from) = (text(), self.result.unwrap_or(i64::MIN));
                self.failed = Some(Failed { line, from, to });
            }
            self.result = time.or(self.result);
        }
    }

    /// Takes an event of pccd or of the device.
    pub(crate) fn event(&mut self, time: i64, entry: &Entry) {
        match entry.kind {
            Kind::Started => self.has_pccd = true,
            Kind::Conduct | Kind::Guest if self.conduct.len() < MOST => {
                let subspace = entry.subspace.unwrap_or_default();
                let text = format!("subspace {subspace}: {}", entry.note);
                self.conduct.push((time, text));
            }
            Kind::Error | Kind::Failed if self.errors.len() < MOST => {
                let by = match entry.handler.as_str() {
                    "" => String::new(),
                    handler => format!("{handler}: "),
                };
                self.errors.push((time, format!("{by}{}", entry.note)));
            }
            _ => {}
        }
        self.commands.event(time, entry);
    }
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    /// The first broken link, if one is.
    pub broken: Option<Link>,
    /// When the command began that broke there, in microseconds since 1970.
    pub at: Option<i64>,
    /// All of it, for people.
    pub text: String,
}

/// Looks at the logs of a run.
///
/// # Errors
/// When there are none, or one cannot be read.
pub fn examine(folder: &Path) -> Result<Diagnosis> {
    let mut evidence = Evidence::of(folder)?;
    console(folder, |time, line| evidence.line(time, line))?;
    capture::entries(folder, &mailbox(folder), |time, entry| {
        evidence.event(time, entry);
    })?;
    Ok(evidence.diagnosis())
}

fn clock(micros: i64) -> String {
    let time = DateTime::from_timestamp_micros(micros).unwrap_or_default();
    time.format("%H:%M:%S%.6f").to_string()
}

fn duration(micros: i64) -> String {
    format!("{}.{} ms", micros / 1000, micros % 1000 / 100)
}

/// Adds a line about a link.
fn say(text: &mut String, state: &str, link: Link, more: &str) {
    let colon = if more.is_empty() { "" } else { ": " };
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{state:<7} {link}{colon}{more}");
}

impl Evidence {
    /// Whether something happened in the test that failed first; anything
    /// did where none failed.
    fn is_of_failed(&self, time: i64) -> bool {
        let failed = self.failed.as_ref();
        failed.is_none_or(|one| (one.from..=one.to).contains(&time))
    }

    /// The commands of the test that failed, or else all.
    fn of_failed(&self) -> impl Iterator<Item = &Command> {
        let all = self.commands.all.iter();
        all.filter(|command| self.is_of_failed(command.began()))
    }

    /// The first step that a command misses, or that it had only when the
    /// test that failed was over.
    fn broken<'a>(&self, command: &'a Command) -> Option<Break<'a>> {
        self.broken_of(command, of_a_command())
    }

    /// The same of these steps. That the guest acknowledges what it has seen,
    /// it may do at any time.
    fn broken_of<'a>(
        &self,
        command: &'a Command,
        steps: impl IntoIterator<Item = Step>,
    ) -> Option<Break<'a>> {
        let end = self.failed.as_ref().map_or(i64::MAX, |failed| failed.to);
        let found = |step, late| {
            let is_message = false;
            Some(Break { command, is_message, step, late })
        };
        steps.into_iter().find_map(|step| match command.steps.get(&step) {
            _ if command.spared.contains(&step) => None,
            None => found(step, None),
            Some(_) if step == Step::Acknowledge => None,
            Some(time) if *time > end => {
                found(step, Some(time.saturating_sub(end)))
            }
            Some(_) => None,
        })
    }

    /// The command to speak of: the first that is broken in the test that
    /// failed, or else at all. A handler that never answers is meant to where
    /// no test failed.
    fn patient(&self) -> Option<Break<'_>> {
        let is_meant = |one: &&Command| self.failed.is_none() && one.is_hung;
        let mut all = self.of_failed().filter(|one| !is_meant(one));
        all.find_map(|command| {
            self.broken(command).filter(|_| !self.is_cut_off(command))
        })
    }

    /// Whether the guest's own end may be why a command came no further.
    fn is_cut_off(&self, command: &Command) -> bool {
        self.failed.is_none()
            && self.is_dead()
            && command.began() > self.last.saturating_sub(CUT_OFF)
    }

    /// Whether the guest ended before its command had: it panicked, reset or
    /// switched itself off. One that hangs is there.
    fn is_dead(&self) -> bool {
        let is_hang = |ended: &Ended| ended.verdict == "hang";
        !self.has_ended && self.ended.as_ref().is_some_and(|it| !is_hang(it))
    }

    /// The verdict, where no test failed and it says more than that no
    /// doorbell came.
    fn instead(&self) -> Option<&str> {
        let ended = self.ended.as_ref().filter(|_| self.failed.is_none())?;
        let says_more = match ended.verdict.as_str() {
            "panic" | "interrupted" | "trouble" => true,
            "hang" => !self.has_begun,
            _ => self.is_dead(),
        };
        says_more.then(|| ended.line())
    }

    /// Whether a test failed in which the guest rang no doorbell.
    fn is_silent(&self) -> bool {
        self.failed.is_some()
            && !self.commands.is_cut
            && self.of_failed().next().is_none()
    }

    /// The last command from before the test that failed that was not over
    /// then: its channel has no other.
    fn pending(&self) -> Option<Break<'_>> {
        let failed = self.failed.as_ref()?;
        let is_before = |one: &&Command| {
            let next = one.steps.get(&Step::Next);
            one.began() < failed.from
                && next.is_none_or(|next| *next > failed.to)
        };
        let mut all = self.commands.all.iter().rev().filter(is_before);
        all.find_map(|command| self.broken(command))
    }

    /// What is to be said of all that was taken.
    pub(crate) fn diagnosis(&self) -> Diagnosis {
        let mut text = String::new();
        if let Some(link) = self.machine(&mut text) {
            return Diagnosis::at(link, text);
        }
        let rang = self.commands.all.len();
        if rang == 0
            && let Some(verdict) = self.instead()
        {
            let _ = writeln!(
                text,
                "no doorbell came, but that is not what went wrong: {verdict}"
            );
            return Diagnosis { broken: None, at: None, text };
        }
        if rang == 0 && !self.knows_kernel && !self.has_begun {
            text.push_str(
                "the console has no line of a kernel, and the command did not \
                 begin: why, qemu.log and pccd.log may tell\n",
            );
            return Diagnosis { broken: None, at: None, text };
        }
        let doorbell = Link::Step(Step::Doorbell);
        let is_loaded = |one: &Command| one.steps.contains_key(&Step::Taken);
        if rang == 0 && !self.commands.unasked.iter().any(is_loaded) {
            say(&mut text, "BROKEN", doorbell, &self.complaints.join(" / "));
            return Diagnosis::at(doorbell, text);
        }
        let times = match (rang, self.commands.is_cut) {
            (1, _) => "1 time".to_owned(),
            (_, false) => format!("{rang} times"),
            (_, true) => format!("the first {rang} times are looked at"),
        };
        let patient = self.patient();
        let lost = self.lost().filter(|_| patient.is_none());
        if self.is_silent() && lost.is_none() && !self.is_told() {
            let times = format!("{times}, but not in the test that failed");
            say(&mut text, "BROKEN", doorbell, &times);
            self.moment(&mut text);
            return self.silence(text);
        }
        if rang > 0 {
            say(&mut text, "ok", doorbell, &times);
        }
        self.steps(patient, &mut text);
        if patient.is_none() {
            self.message_steps(lost, &mut text);
        }
        self.moment(&mut text);
        let Some(patient) = patient.or(lost) else {
            text.push_str(&self.beyond());
            return Diagnosis { broken: None, at: None, text };
        };
        self.tell("first", patient, &mut text);
        if self.is_silent()
            && let Some(pending) = self.pending()
        {
            self.tell("pending", pending, &mut text);
        }
        let at = Some(patient.command.began());
        Diagnosis { at, ..Diagnosis::at(patient.link(), text) }
    }

    /// Whether the test that failed had messages to the guest, and no command
    /// from before it was pending.
    fn is_told(&self) -> bool {
        self.messages().next().is_some() && self.pending().is_none()
    }

    /// Says whether there are a table and a kernel that takes it; the link
    /// that is broken.
    fn machine(&self, text: &mut String) -> Option<Link> {
        let has_rung = !self.commands.all.is_empty();
        let verdict = self.ended.as_ref().map(|it| it.verdict.as_str());
        // A kernel that did not come so far has not refused it.
        let is_short =
            !self.has_begun && matches!(verdict, Some("panic" | "hang"));
        for (link, found) in
            [(Link::Table, &self.table), (Link::Kernel, &self.kernel)]
        {
            match found {
                Some(line) => say(text, "ok", link, line),
                // Who rang has a table and a driver, whatever the console
                // lacks.
                None if has_rung || !self.knows_kernel || is_short => {
                    say(text, "?", link, "the console does not say");
                }
                None => {
                    say(text, "BROKEN", link, &self.complaints.join(" / "));
                    return Some(link);
                }
            }
        }
        None
    }

    /// Says how many commands came how far, up to the step that is broken.
    fn steps(&self, patient: Option<Break<'_>>, text: &mut String) {
        for step in of_a_command() {
            let wanted = |command: &&Command| !command.spared.contains(&step);
            let wanting = self.commands.all.iter().filter(wanted);
            let passed = |command: &&Command| command.steps.contains_key(&step);
            let (passed, of) =
                (wanting.clone().filter(passed).count(), wanting.count());
            if of == 0 {
                continue;
            }
            let counts = format!("{passed} of {of}");
            match patient {
                Some(patient) if patient.step == step => {
                    let late = patient.late.map(|_| ", but late");
                    let counts = counts + late.unwrap_or_default();
                    say(text, "BROKEN", patient.link(), &counts);
                    break;
                }
                _ if passed < of => {
                    say(text, "part", Link::Step(step), &counts);
                }
                _ => say(text, "ok", Link::Step(step), &counts),
            }
        }
    }

    /// Says which test failed, and what was noted in it first.
    fn moment(&self, text: &mut String) {
        if let Some(failed) = &self.failed {
            let _ = writeln!(text, "failed: {}", failed.line);
        }
        for (of, all) in [("conduct", &self.conduct), ("pccd", &self.errors)] {
            let mut all = all.iter();
            let first = all.find(|(time, _)| self.is_of_failed(*time));
            if let Some((time, what)) = first {
                let _ = writeln!(text, "{of}: {} {what}", clock(*time));
            }
        }
    }

    /// Says which command it is, and why it came no further.
    fn tell(&self, word: &str, patient: Break<'_>, text: &mut String) {
        let Command { subspace, name, summary, why, .. } = patient.command;
        let _ = writeln!(
            text,
            "{word}: {} subspace {subspace}: {}{}",
            clock(patient.command.began()),
            if name.is_empty() { "no file" } else { name },
            if summary.is_empty() {
                String::new()
            } else {
                format!(": {summary}")
            },
        );
        let why = match (why.as_str(), patient.step) {
            ("", Step::Read) if !self.has_pccd => "no pccd was running",
            (why, _) => why,
        };
        if let Some(late) = patient.late {
            let end = self.failed.as_ref().map_or(i64::MAX, |one| one.to);
            let waited = end.saturating_sub(patient.command.began());
            let (what, began) = match patient.is_message {
                true => ("there", "it was sent"),
                false => ("answered", "the doorbell"),
            };
            let _ = writeln!(
                text,
                "why: not {what} in time: {} after the test had failed, which \
                 was {} after {began}",
                duration(late),
                duration(waited)
            );
        } else if !why.is_empty() {
            let _ = writeln!(text, "why: {why}");
        }
    }

    /// What is found where no doorbell came in the test that failed.
    fn silence(&self, mut text: String) -> Diagnosis {
        let link = Link::Step(Step::Doorbell);
        text.push_str("no doorbell came in that test\n");
        let Some(pending) = self.pending() else {
            text.push_str(
                "try: see what the test does, and in the kernel's log why the \
                 driver sent nothing; pcclab log shows both\n",
            );
            return Diagnosis { broken: Some(link), at: None, text };
        };
        self.tell("pending", pending, &mut text);
        text.push_str(
            "try: that command was not over, and while it is not, the mailbox \
             core keeps what else is sent there; see what the driver does \
             when it gives one up\n",
        );
        let at = Some(pending.command.began());
        Diagnosis { broken: Some(link), at, text }
    }

    /// What is said where every link holds.
    fn beyond(&self) -> String {
        let is_quiet = |one: &Command| one.spared.contains(&Step::Interrupt);
        let all = &self.commands.all;
        let hung = all.iter().filter(|one| one.is_hung).count();
        let is_cut = |one: &&Command| {
            self.is_cut_off(one) && self.broken(one).is_some() && !one.is_hung
        };
        let cut = all.iter().filter(is_cut).count();
        let what = match (self.is_silent(), self.of_failed().next()) {
            (true, _) => "no doorbell came, and every message to the guest",
            (false, Some(_)) => "every command",
            (false, None) => "every message to the guest",
        };
        let mut text = format!("no link is broken: {what} went all the way");
        if self.failed.is_none() {
            if hung > 0 {
                // Writing to a String cannot fail.
                let _ = write!(text, ", but {hung} that no handler answers");
            }
            if cut > 0 {
                let _ =
                    write!(text, ", but {cut} that the guest's end cut off");
            }
            text.push('\n');
            if let Some(verdict) = self.instead() {
                let _ = writeln!(text, "the run: {verdict}");
            }
            return text;
        }
        text.push_str(" in that test");
        if let Some(slowest) = self.of_failed().map(Command::took).max() {
            let _ = write!(text, ", the slowest in {}", duration(slowest));
        }
        text.push_str(match self.of_failed().any(is_quiet) {
            false => {
                "\ntry: what the driver makes of what it is told, and how \
                 long it waits; pcclab log shows it\n"
            }
            true => {
                "\ntry: the command did not ask for an interrupt; a driver \
                 that waits for one waits for ever\n"
            }
        });
        text
    }
}

impl Diagnosis {
    fn at(link: Link, mut text: String) -> Diagnosis {
        let _ = writeln!(text, "try: {}", link.advice());
        Diagnosis { broken: Some(link), at: None, text }
    }
}

#[cfg(test)]
mod tests;
