//! Why nothing happened: the way of a message from the firmware's table to
//! the driver, link by link, and the first link that is broken.
//!
//! Reads what a run left in its folder; starts nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Result, bail};
use chrono::DateTime;
use pccd::NEVER;
use pccd::capture::{Entry, Kind};
use pccd::mailbox::RequestName;
use pccd::wire::pcc::{self, HEADER_LEN};

use crate::config::mailbox;
use crate::log::capture::{self, What};
use crate::log::{console, names};

/// Most commands that are followed.
const MOST: usize = 65_536;

/// A link of the chain, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Link {
    /// The firmware publishes a PCCT.
    Table,
    /// The kernel takes it.
    Kernel,
    /// The driver rings a doorbell.
    Doorbell,
    /// The device writes the request into the outbox.
    Outbox,
    /// pccd reads it.
    Read,
    /// It is well formed.
    Decoded,
    /// A handler answers.
    Handler,
    /// The device takes the answer.
    Loaded,
    /// It completes the command.
    Complete,
    /// It raises the interrupt.
    Interrupt,
    /// The guest acknowledges.
    Acknowledge,
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
            Link::Doorbell => {
                "see whether the module is loaded, its device is in the \
                 SSDT, and its probe asks for a subspace that is in the PCCT"
            }
            Link::Outbox => {
                "pccd takes no messages, or the mailbox cannot be written; \
                 qemu.log says which"
            }
            Link::Read => {
                "start pccd on this mailbox; pccd status --mailbox says \
                 whether one runs"
            }
            Link::Decoded => {
                "compare what the driver wrote with ACPI 6.5 chapter 14; \
                 pccd decode shows the file field by field"
            }
            Link::Handler => {
                "write a handler for it in messages/, or correct the one \
                 named; pccd check shows which rules overlap"
            }
            Link::Loaded => {
                "qemu.log says why, where the device refuses the file; a \
                 type 4 channel takes nothing until its driver has bound"
            }
            Link::Complete => {
                "the device withholds completion while outbox/ is full \
                 (max-queued), or until the answer is there"
            }
            Link::Interrupt => {
                "the answer's envelope keeps it back (no-interrupt, delay); \
                 pccd.log shows the envelope and the handler"
            }
            Link::Acknowledge => {
                "the driver did not see the interrupt: compare the GSI in \
                 the PCCT with /proc/interrupts, edge and level too"
            }
        }
    }
}

impl std::fmt::Display for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Link::Table => "the firmware publishes a PCCT",
            Link::Kernel => "the kernel takes it",
            Link::Doorbell => "the driver rings a doorbell",
            Link::Outbox => "the device writes the request to outbox/",
            Link::Read => "pccd reads it",
            Link::Decoded => "it is well formed",
            Link::Handler => "a handler answers",
            Link::Loaded => "the device takes the answer",
            Link::Complete => "it completes the command",
            Link::Interrupt => "it raises the interrupt",
            Link::Acknowledge => "the guest acknowledges",
        })
    }
}

/// Links that each command has to pass, in their order.
const OF_A_COMMAND: [Link; 8] = [
    Link::Outbox,
    Link::Read,
    Link::Decoded,
    Link::Handler,
    Link::Loaded,
    Link::Complete,
    Link::Interrupt,
    Link::Acknowledge,
];

/// How far one command of the guest came.
#[derive(Clone, Debug)]
struct Command {
    /// When the doorbell rang, in microseconds since 1970.
    began: i64,
    subspace: u8,
    reached: BTreeSet<Link>,
    /// Links that it does not have to pass.
    spared: BTreeSet<Link>,
    /// The file's name, once it has one.
    name: String,
    summary: String,
    /// Why it went no further.
    why: String,
    /// Its handler has the delay `never`.
    is_hung: bool,
}

impl Command {
    /// The first link that is missing.
    fn broken(&self) -> Option<Link> {
        OF_A_COMMAND.into_iter().find(|link| {
            !self.reached.contains(link) && !self.spared.contains(link)
        })
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

/// What a run left, read to its end.
#[derive(Debug, Default)]
struct Evidence {
    knows_kernel: bool,
    table: Option<String>,
    kernel: Option<String>,
    /// What the kernel says against the table or a channel.
    complaints: Vec<String>,
    /// When the last result came.
    result: Option<i64>,
    failed: Option<Failed>,
    commands: Vec<Command>,
    /// The last command of each outbox channel.
    last: BTreeMap<u8, usize>,
    /// Commands by the stem of their file.
    named: BTreeMap<String, usize>,
    /// The answer that each inbox channel holds.
    held: BTreeMap<u8, usize>,
    taken: Option<usize>,
    has_pccd: bool,
    /// Rules that the driver broke, with the time of each.
    conduct: Vec<(i64, String)>,
}

impl Evidence {
    /// Takes a line of the console.
    fn line(&mut self, time: Option<i64>, line: &str) {
        self.knows_kernel |= line.contains("Linux version ");
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
    fn event(&mut self, time: i64, entry: &Entry) {
        let subspace = entry.subspace.unwrap_or_default();
        let is_inbox = entry.subspace_type == Some(4);
        let named = self.of_file(entry);
        let last = self.last.get(&subspace).copied();
        match entry.kind {
            Kind::Started => self.has_pccd = true,
            Kind::Doorbell if !is_inbox => self.doorbell(time, entry),
            Kind::Published => {
                self.reach(named, Link::Outbox);
            }
            Kind::Request => {
                self.reach(named, Link::Outbox);
                self.reach(named, Link::Read);
                let Some(command) = self.reach(named, Link::Decoded) else {
                    return;
                };
                command.summary = entry.summary.clone();
                if !is_asking(&entry.content) {
                    command.spared.extend([
                        Link::Handler,
                        Link::Loaded,
                        Link::Acknowledge,
                    ]);
                }
            }
            Kind::Rejected => self.why(named, Link::Read, entry),
            Kind::Ignored => self.why(named, Link::Decoded, entry),
            Kind::Reply => {
                self.reach(named, Link::Handler);
            }
            Kind::Taken => {
                self.taken = named;
                self.reach(named, Link::Loaded);
            }
            Kind::Loaded if is_inbox => {
                if let Some(at) = self.taken.take() {
                    self.held.insert(subspace, at);
                    if let Some(command) = self.commands.get_mut(at) {
                        command.spared.remove(&Link::Acknowledge);
                    }
                }
            }
            Kind::Complete | Kind::Failure => {
                self.reach(last, Link::Complete);
            }
            Kind::Interrupt if !is_inbox => {
                self.reach(last, Link::Interrupt);
            }
            Kind::Acknowledge if is_inbox && !entry.note.ends_with('1') => {
                let at = self.held.remove(&subspace);
                self.reach(at, Link::Acknowledge);
            }
            Kind::Conduct | Kind::Guest if self.conduct.len() < MOST => {
                let text = format!("subspace {subspace}: {}", entry.note);
                self.conduct.push((time, text));
            }
            Kind::Device => {
                let mut names = names(&entry.note).map(RequestName::stem);
                if entry.note.starts_with("rejected: ")
                    && let Some(name) = names.next()
                    && let Some(at) = self.named.get(name)
                    && let Some(command) = self.commands.get_mut(*at)
                {
                    command.why.clone_from(&entry.note);
                }
            }
            _ => {}
        }
    }

    /// The command of a file: pccd may have read it before the device says
    /// that it wrote it.
    fn of_file(&mut self, entry: &Entry) -> Option<usize> {
        let stem = RequestName::stem(&entry.name);
        if let Some(at) = self.named.get(stem) {
            return Some(*at);
        }
        entry.sequence?;
        let at = *self.last.get(&entry.subspace?)?;
        let command = self.commands.get_mut(at)?;
        if !command.name.is_empty() {
            return None;
        }
        command.name.clone_from(&entry.name);
        self.named.insert(stem.to_owned(), at);
        Some(at)
    }

    fn doorbell(&mut self, time: i64, entry: &Entry) {
        let subspace = entry.subspace.unwrap_or_default();
        if self.commands.len() >= MOST {
            return;
        }
        let mut spared = BTreeSet::from([Link::Acknowledge]);
        if !entry.note.ends_with("interrupt wanted: 1") {
            spared.insert(Link::Interrupt);
        }
        self.last.insert(subspace, self.commands.len());
        self.commands.push(Command {
            began: time,
            subspace,
            reached: BTreeSet::new(),
            spared,
            name: String::new(),
            summary: String::new(),
            why: String::new(),
            is_hung: false,
        });
    }

    fn reach(&mut self, at: Option<usize>, link: Link) -> Option<&mut Command> {
        let command = self.commands.get_mut(at?)?;
        command.reached.insert(link);
        Some(command)
    }

    /// It came as far as this, and no further for that reason.
    fn why(&mut self, at: Option<usize>, link: Link, entry: &Entry) {
        let Some(command) = self.reach(at, link) else { return };
        command.is_hung = entry.note == NEVER;
        command.why = match entry.handler.as_str() {
            "" => entry.note.clone(),
            handler => format!("{handler}: {}", entry.note),
        };
    }
}

/// Whether a request wants an answer: the last packet of an MCTP request, or
/// no MCTP at all.
fn is_asking(content: &[u8]) -> bool {
    const END_OF_MESSAGE: u8 = 0x40;
    const TAG_OWNER: u8 = 0x08;
    let both = END_OF_MESSAGE | TAG_OWNER;
    let flags = content.get(HEADER_LEN + 3).copied().unwrap_or(both);
    !pcc::is_mctp(content) || flags & both == both
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    /// The first broken link, if one is.
    pub broken: Option<Link>,
    /// All of it, for people.
    pub text: String,
}

/// Looks at the logs of a run.
///
/// # Errors
/// When there are none, or one cannot be read.
pub fn examine(folder: &Path) -> Result<Diagnosis> {
    if !folder.join("console.log").exists() {
        bail!(
            "{} has no logs of a run: there is no console.log; give the \
             folder that pcclab run names (--logs)",
            folder.display()
        );
    }
    let mut evidence = Evidence::default();
    console(folder, |time, line| evidence.line(time, line))?;
    let mut epoch = None;
    capture::each(folder, &mailbox(folder), |time, what| match what {
        What::Pccd(record) => {
            evidence.event(time, &Entry::of(&record, &mut epoch));
        }
        What::Device(entry) => evidence.event(time, &entry),
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
    fn patient(&self) -> Option<(&Command, Link)> {
        let mut all = self.commands.iter().filter(|command| {
            self.is_of_failed(command.began)
                && (self.failed.is_some() || !command.is_hung)
        });
        all.find_map(|command| Some((command, command.broken()?)))
    }

    fn diagnosis(&self) -> Diagnosis {
        let mut text = String::new();
        let mut say = |state: &str, link: Link, more: &str| {
            let colon = if more.is_empty() { "" } else { ": " };
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{state:<7} {link}{colon}{more}");
        };
        let rang = self.commands.len();
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
        if rang == 0 {
            say("BROKEN", Link::Doorbell, &complaints);
            return Diagnosis::at(Link::Doorbell, text);
        }
        let times = if rang == 1 { "time" } else { "times" };
        say("ok", Link::Doorbell, &format!("{rang} {times}"));
        let patient = self.patient();
        for link in OF_A_COMMAND {
            let wanted = |command: &&Command| !command.spared.contains(&link);
            let wanting = self.commands.iter().filter(wanted);
            let passed = |command: &&Command| command.reached.contains(&link);
            let (passed, of) =
                (wanting.clone().filter(passed).count(), wanting.count());
            if of == 0 {
                continue;
            }
            let counts = format!("{passed} of {of}");
            match patient {
                Some((_, broken)) if broken == link => {
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
        let mut conduct = self.conduct.iter();
        let conduct = conduct.find(|(time, _)| self.is_of_failed(*time));
        if let Some((time, broken)) = conduct {
            let _ = writeln!(text, "conduct: {} {broken}", clock(*time));
        }
        let Some((command, link)) = patient else {
            text.push_str(&self.beyond());
            return Diagnosis { broken: None, text };
        };
        let Command { began, subspace, name, summary, why, .. } = command;
        let _ = writeln!(
            text,
            "first: {} subspace {subspace}: {}{}",
            clock(*began),
            if name.is_empty() { "no file" } else { name },
            if summary.is_empty() {
                String::new()
            } else {
                format!(": {summary}")
            },
        );
        let why = match (why.as_str(), link) {
            ("", Link::Read) if !self.has_pccd => "no pccd was running",
            (why, _) => why,
        };
        if !why.is_empty() {
            let _ = writeln!(text, "why: {why}");
        }
        Diagnosis::at(link, text)
    }

    /// What is said where every link holds.
    fn beyond(&self) -> String {
        let quiet = self.commands.iter().any(|command| {
            command.spared.contains(&Link::Interrupt)
                && self.is_of_failed(command.began)
        });
        let hung = self.commands.iter().filter(|one| one.is_hung).count();
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
        Diagnosis { broken: Some(link), text }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const NAME: &str = "20261121T044142.000000000Z-00000001-000";
    const BOOT: &str = "[ 0.0] Linux version 7\n\
        <6>[ 0.0] ACPI: PCCT 0x000000005E62B198 000178\n\
        <6>[ 0.9] Detected 2 PCC Subspaces\n";

    /// The diagnosis of a run whose logs have these lines: pccd's as event
    /// and further members, the device's as trace events.
    fn of(console: &str, lines: &[(&str, &str)]) -> Diagnosis {
        let folder = tempfile::tempdir().unwrap();
        let (mut pccd, mut qemu) = (String::new(), String::new());
        for (number, (event, text)) in lines.iter().enumerate() {
            if event.starts_with("pcc_") {
                qemu += &format!("7@1795236102.{number:06}:{event} {text}\n");
            } else {
                pccd += &format!(
                    "{{\"time\":\"2026-11-21T04:41:42.{number:06}Z\",\
                      \"event\":\"{event}\"{text}}}\n"
                );
            }
        }
        let times = "1795236102.500000\n".repeat(console.lines().count());
        fs::create_dir(folder.path().join("mailbox")).unwrap();
        for (name, text) in [
            ("console.log", console),
            ("console.times", &times),
            ("pccd.log", &pccd),
            ("qemu.log", &qemu),
            (
                "mailbox/channels.json",
                r#"{"version": 1, "epoch": "20261121T044142.000000000Z",
                    "channels": [
                    {"subspace": 0, "type": 3, "size": 8192,
                     "completion": "posted", "paired": 1},
                    {"subspace": 1, "type": 4, "size": 8192,
                     "completion": "posted", "paired": 0}]}"#,
            ),
        ] {
            fs::write(folder.path().join(name), text).unwrap();
        }
        examine(folder.path()).unwrap()
    }

    /// A command that goes all the way, as the two logs have it.
    fn whole() -> Vec<(&'static str, String)> {
        let name = format!(r#","name":"{NAME}.pcc","subspace":0"#);
        let reply = format!(
            r#","name":"{NAME}.r1.pcc","subspace":1,"request":"{NAME}.pcc""#
        );
        let asks = "subspace 0: 25 bytes, interrupt wanted: 1";
        let nothing = "subspace 1: nothing to acknowledge: 0";
        vec![
            ("started", String::new()),
            ("pcc_outbox_command", asks.into()),
            ("pcc_mailbox_publish", format!("m: {NAME}.pcc, 25 bytes")),
            ("pcc_outbox_complete", "subspace 0".into()),
            ("pcc_channel_interrupt", "subspace 0: GSI 112".into()),
            ("received", name),
            ("replied", reply),
            ("pcc_mailbox_deliver", format!("m: {NAME}.r1.pcc, 27 bytes")),
            ("pcc_channel_load", "subspace 1: 27 bytes, flags 0x0".into()),
            ("pcc_channel_interrupt", "subspace 1: GSI 113".into()),
            ("pcc_responder_acknowledge", nothing.into()),
        ]
    }

    /// The diagnosis when the way ends before that event.
    fn without(event: &str) -> Diagnosis {
        let lines = whole();
        let at = lines.iter().rposition(|(name, _)| *name == event).unwrap();
        let lines = lines.iter().take(at).map(|(a, b)| (*a, b.as_str()));
        of(BOOT, &lines.collect::<Vec<_>>())
    }

    #[test]
    fn every_link_is_found_where_it_breaks() {
        let cases = [
            ("pcc_outbox_command", Link::Doorbell),
            ("pcc_mailbox_publish", Link::Outbox),
            ("received", Link::Read),
            ("replied", Link::Handler),
            ("pcc_mailbox_deliver", Link::Loaded),
            ("pcc_responder_acknowledge", Link::Acknowledge),
        ];
        for (event, link) in cases {
            let found = without(event);
            assert_eq!(found.broken, Some(link), "{event}: {}", found.text);
        }
        for (event, link) in [
            ("pcc_outbox_complete", Link::Complete),
            ("pcc_channel_interrupt", Link::Interrupt),
        ] {
            let lines = whole();
            let kept = lines.iter().filter(|(name, _)| *name != event);
            let kept: Vec<_> =
                kept.map(|(name, text)| (*name, text.as_str())).collect();
            assert_eq!(of(BOOT, &kept).broken, Some(link), "{event}");
        }
        let lines = whole();
        let lines: Vec<_> =
            lines.iter().map(|(name, text)| (*name, text.as_str())).collect();
        let found = of(BOOT, &lines);
        assert_eq!(found.broken, None, "{}", found.text);
    }

    #[test]
    fn the_kernel_has_its_say() {
        let first = BOOT.lines().next().unwrap();
        assert_eq!(of(first, &[]).broken, Some(Link::Table));
        let invalid = "[ 0.9] Invalid PCCT: 0 PCC subspaces";
        let table: Vec<_> = BOOT.lines().take(2).chain([invalid]).collect();
        let found = of(&table.join("\n"), &[]);
        assert_eq!(found.broken, Some(Link::Kernel));
        assert!(found.text.contains("Invalid PCCT"), "{}", found.text);
        // A console that has nothing of the kernel proves nothing.
        assert_eq!(of("", &[]).broken, Some(Link::Doorbell));
    }

    #[test]
    fn the_reason_is_told() {
        let ignored = format!(
            r#","name":"{NAME}.pcc","handler":"fan/hang","reason":"{NEVER}""#
        );
        let mut lines = whole();
        lines.truncate(6);
        lines.push(("ignored", ignored));
        let lines: Vec<_> =
            lines.iter().map(|(name, text)| (*name, text.as_str())).collect();
        // It is meant to, but where a test fails that is why.
        assert_eq!(of(BOOT, &lines).broken, None);
        let failed = format!("{BOOT}not ok 1 it turns\n");
        let found = of(&failed, &lines);
        assert_eq!(found.broken, Some(Link::Handler));
        for part in ["fan/hang: it never answers", "failed: not ok 1 it turns"]
        {
            assert!(found.text.contains(part), "{}", found.text);
        }
        // What broke in another test is not why.
        let later = format!("{BOOT}ok 1 it turns\nnot ok 2 it stops\n");
        let lines: Vec<_> =
            lines.iter().map(|(event, text)| (*event, *text)).collect();
        let found = of(&later, &lines);
        assert_eq!(found.broken, None, "{}", found.text);
    }

    #[test]
    fn a_folder_without_logs_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let error = examine(folder.path()).unwrap_err().to_string();
        assert!(error.contains("no console.log"), "{error}");
    }
}
