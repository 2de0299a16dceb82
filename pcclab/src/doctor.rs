//! Why nothing happened: the way of a message from the firmware's table to
//! the driver, link by link, and the first link that is broken.
//!
//! Reads what a run left in its folder; starts nothing.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Result, bail};
use chrono::DateTime;
use pccd::capture::{Entry, Kind};

use crate::commands::{Command, Commands, MOST, Step};
use crate::config::mailbox;
use crate::console::BEGIN;
use crate::log::{capture, console};

/// A link of the chain, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// The firmware publishes a PCCT.
    Table,
    /// The kernel takes it.
    Kernel,
    /// What happens to a command.
    Step(Step),
}

impl Link {
    /// What to do where the link is broken.
    fn advice(self) -> &'static str {
        match self {
            Link::Table => {
                "give QEMU -machine pcc=on, or a table with -acpitable; boot \
                 with UEFI firmware, and not with acpi=off"
            }
            Link::Kernel => {
                "build the kernel with CONFIG_PCC=y; check the table with \
                 acpi-tools validate"
            }
            Link::Step(step) => of_step(step),
        }
    }
}

/// What to do where a command got no further.
fn of_step(step: Step) -> &'static str {
    match step {
        Step::Doorbell | Step::Next => {
            "see whether the module is loaded, its device is in the SSDT, and \
             its probe asks for a subspace that is in the PCCT"
        }
        Step::Published => {
            "pccd takes no messages, or the mailbox cannot be written; \
             qemu.log says which"
        }
        Step::Read => {
            "start pccd on this mailbox; pccd status --mailbox says whether \
             one runs"
        }
        Step::Decoded => {
            "compare what the driver wrote with ACPI 6.5 chapter 14; pccd \
             decode shows the file field by field"
        }
        Step::Answered => {
            "write a handler for it in messages/, or correct the one named; \
             pccd check shows which rules overlap"
        }
        Step::Taken => {
            "qemu.log says why, where the device refuses the file; a type 4 \
             channel takes nothing until its driver has bound"
        }
        Step::Complete => {
            "the device withholds completion while outbox/ is full \
             (max-queued), or until the answer is there"
        }
        Step::Interrupt => {
            "the answer's envelope keeps it back (no-interrupt, delay); \
             pccd.log shows the envelope and the handler"
        }
        Step::Acknowledge => {
            "the driver did not see the interrupt: compare the GSI in the \
             PCCT with /proc/interrupts, edge and level too"
        }
    }
}

impl std::fmt::Display for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Link::Table => "the firmware publishes a PCCT",
            Link::Kernel => "the kernel takes it",
            Link::Step(step) => match step {
                Step::Doorbell | Step::Next => "the driver rings a doorbell",
                Step::Published => "the device writes the request to outbox/",
                Step::Read => "pccd reads it",
                Step::Decoded => "it is well formed",
                Step::Answered => "a handler answers",
                Step::Taken => "the device takes the answer",
                Step::Complete => "it completes the command",
                Step::Interrupt => "it raises the interrupt",
                Step::Acknowledge => "the guest acknowledges",
            },
        })
    }
}

/// Steps that each command has to pass, in their order.
fn of_a_command() -> impl Iterator<Item = Step> {
    let all = Step::ALL.into_iter();
    all.filter(|step| !matches!(step, Step::Doorbell | Step::Next))
}

/// The first step that a command misses.
fn broken(command: &Command) -> Option<Step> {
    of_a_command().find(|step| {
        !command.steps.contains_key(step) && !command.spared.contains(step)
    })
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
    /// Whether the guest came to its command.
    has_begun: bool,
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
        Ok(Evidence::default())
    }

    /// The commands that there were.
    pub(crate) fn into_commands(self) -> Commands {
        self.commands
    }

    /// Takes a line of the console.
    pub(crate) fn line(&mut self, time: Option<i64>, line: &str) {
        self.knows_kernel |= line.contains("Linux version ");
        self.has_begun |= line == BEGIN;
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
        let is_bad =
            result.starts_with("not ok ") || result.starts_with("Bail out!");
        if is_bad || result.starts_with("ok ") {
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

impl Evidence {
    /// Whether something happened in the test that failed first; anything
    /// did where none failed.
    fn is_of_failed(&self, time: i64) -> bool {
        let failed = self.failed.as_ref();
        failed.is_none_or(|one| (one.from..=one.to).contains(&time))
    }

    /// The command to speak of: the first that is broken in the test that
    /// failed, or else at all. A handler that never answers is meant to where
    /// no test failed.
    fn patient(&self) -> Option<(&Command, Step)> {
        let mut all = self.commands.all.iter().filter(|command| {
            self.is_of_failed(command.began())
                && (self.failed.is_some() || !command.is_hung)
        });
        all.find_map(|command| Some((command, broken(command)?)))
    }

    /// What is to be said of all that was taken.
    pub(crate) fn diagnosis(&self) -> Diagnosis {
        let mut text = String::new();
        let mut say = |state: &str, link: Link, more: &str| {
            let colon = if more.is_empty() { "" } else { ": " };
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{state:<7} {link}{colon}{more}");
        };
        let rang = self.commands.all.len();
        let complaints = self.complaints.join(" / ");
        // Who rang has a table and a driver, whatever the console lacks.
        for (link, found) in
            [(Link::Table, &self.table), (Link::Kernel, &self.kernel)]
        {
            match found {
                Some(line) => say("ok", link, line),
                None if rang > 0 || !self.knows_kernel => {
                    say("?", link, "the console does not say");
                }
                None => {
                    say("BROKEN", link, &complaints);
                    return Diagnosis::at(link, text);
                }
            }
        }
        if rang == 0 && !self.knows_kernel && !self.has_begun {
            text.push_str(
                "the console has no line of a kernel, and the command did not \
                 begin: why, qemu.log and pccd.log may tell\n",
            );
            return Diagnosis { broken: None, at: None, text };
        }
        if rang == 0 {
            let link = Link::Step(Step::Doorbell);
            say("BROKEN", link, &complaints);
            return Diagnosis::at(link, text);
        }
        let times = match (rang, self.commands.is_cut) {
            (1, _) => "1 time".to_owned(),
            (_, false) => format!("{rang} times"),
            (_, true) => format!("the first {rang} times are looked at"),
        };
        say("ok", Link::Step(Step::Doorbell), &times);
        let patient = self.patient();
        for step in of_a_command() {
            let link = Link::Step(step);
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
                Some((_, broken)) if broken == step => {
                    say("BROKEN", link, &counts);
                    break;
                }
                _ if passed < of => say("part", link, &counts),
                _ => say("ok", link, &counts),
            }
        }
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
        let Some((command, step)) = patient else {
            text.push_str(&self.beyond());
            return Diagnosis { broken: None, at: None, text };
        };
        let Command { subspace, name, summary, why, .. } = command;
        let _ = writeln!(
            text,
            "first: {} subspace {subspace}: {}{}",
            clock(command.began()),
            if name.is_empty() { "no file" } else { name },
            if summary.is_empty() {
                String::new()
            } else {
                format!(": {summary}")
            },
        );
        let why = match (why.as_str(), step) {
            ("", Step::Read) if !self.has_pccd => "no pccd was running",
            (why, _) => why,
        };
        if !why.is_empty() {
            let _ = writeln!(text, "why: {why}");
        }
        let at = Some(command.began());
        Diagnosis { at, ..Diagnosis::at(Link::Step(step), text) }
    }

    /// What is said where every link holds.
    fn beyond(&self) -> String {
        let quiet = self.commands.all.iter().any(|command| {
            command.spared.contains(&Step::Interrupt)
                && self.is_of_failed(command.began())
        });
        let hung = self.commands.all.iter().filter(|one| one.is_hung).count();
        let mut text =
            "no link is broken: every command went all the way".to_owned();
        if self.failed.is_none() && hung > 0 {
            // Writing to a String cannot fail.
            let _ = write!(text, ", but {hung} that no handler answers");
        }
        text.push_str(match (&self.failed, quiet) {
            (None, _) => "\n",
            (Some(_), false) => {
                " in that test\ntry: what the driver makes of the answer; \
                 pcclab log shows it\n"
            }
            (Some(_), true) => {
                " in that test\ntry: the command did not ask for an \
                 interrupt; a driver that waits for one waits for ever\n"
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
