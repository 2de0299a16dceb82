//! What is known of the moment at which a test of the guest failed: from the
//! logs of pccd and of QEMU, read while they are being written.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use pccd::record::{Event, Record};

use crate::log::trace_line;

/// How many lines are said of one moment.
const LINES: usize = 2;

/// How much of a log since the last result is looked at, from its end.
const ENOUGH: u64 = 4 << 20;

/// A file that grows.
struct Tail {
    path: PathBuf,
    from: u64,
}

impl Tail {
    fn skip(&mut self) {
        let length = std::fs::metadata(&self.path).map_or(0, |m| m.len());
        self.from = self.from.max(length);
    }

    fn since(&mut self) -> String {
        let mut bytes = Vec::new();
        if let Ok(mut file) = File::open(&self.path) {
            let length = file.metadata().map_or(0, |m| m.len());
            let from = self.from.max(length.saturating_sub(ENOUGH));
            if file.seek(SeekFrom::Start(from)).is_ok() {
                let _ = file.take(ENOUGH).read_to_end(&mut bytes);
                self.from = from + bytes.len() as u64;
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// The logs of a run, read from result to result.
pub struct Log {
    pccd: Tail,
    qemu: Tail,
}

impl Log {
    /// The logs in this folder.
    pub fn at(folder: &Path) -> Log {
        let tail = |name| Tail { path: folder.join(name), from: 0 };
        Log { pccd: tail("pccd.log"), qemu: tail("qemu.log") }
    }

    /// A test has passed: what follows belongs to the next.
    pub fn skip(&mut self) {
        self.pccd.skip();
        self.qemu.skip();
    }

    /// A test has failed: what happened since the result before.
    pub fn since(&mut self) -> Moment {
        let mut moment = Moment::default();
        let pccd = self.pccd.since();
        let records = pccd.lines().filter_map(|l| serde_json::from_str(l).ok());
        moment.records.extend(records);
        self.qemu.since().lines().for_each(|line| moment.trace(line));
        moment
    }
}

/// A command as the device saw it.
struct Command {
    wants_interrupt: bool,
    is_complete: bool,
    interrupt: Option<String>,
}

/// What happened between two results.
#[derive(Default)]
pub struct Moment {
    records: Vec<Record>,
    /// The last of each subspace.
    commands: BTreeMap<u8, Command>,
    /// Subspaces on which the guest acknowledged nothing and rang.
    idle_rings: BTreeSet<u8>,
    idle: Option<u8>,
}

impl Moment {
    /// Takes a line of QEMU's log.
    fn trace(&mut self, line: &str) {
        let Some(line) = trace_line(line) else { return };
        let Some(subspace) = line.subspace else { return };
        let command = self.commands.get_mut(&subspace);
        let text = line.text.trim_end();
        match (line.event, command) {
            ("pcc_outbox_command", _) => {
                let command = Command {
                    wants_interrupt: text.ends_with('1'),
                    is_complete: false,
                    interrupt: None,
                };
                self.commands.insert(subspace, command);
            }
            ("pcc_outbox_complete", Some(command)) => {
                command.is_complete = true;
            }
            ("pcc_channel_interrupt", Some(command)) => {
                let interrupt = text.split_once("GSI ").map(|(_, gsi)| gsi);
                command.interrupt = interrupt.map(str::to_owned);
            }
            ("pcc_responder_acknowledge", _) => {
                self.idle = text.ends_with('1').then_some(subspace);
            }
            ("pcc_responder_doorbell", _) if self.idle == Some(subspace) => {
                self.idle_rings.insert(subspace);
            }
            _ => {}
        }
    }

    /// What is worth saying of it, in at most two lines.
    pub fn lines(&self) -> Vec<String> {
        let mut telling: Vec<String> = Vec::new();
        for record in &self.records {
            let Some(text) = telling_text(record) else { continue };
            if !telling.iter().any(|other| other.ends_with(&text)) {
                telling.push(format!("{}: {text}", time(record)));
            }
        }
        if !telling.is_empty() {
            let from = telling.len().saturating_sub(LINES);
            return telling.split_off(from);
        }
        let last = self.records.iter().rfind(|r| r.event == Event::Received);
        let Some(request) = last else {
            let mut lines =
                vec!["no request has come from the guest meanwhile".to_owned()];
            lines.extend(self.idle_rings.first().map(|subspace| {
                format!(
                    "the guest rang the doorbell of subspace {subspace}, \
                     which carries messages to the guest, when there was none"
                )
            }));
            return lines;
        };
        let reply = self
            .records
            .iter()
            .find(|r| r.event == Event::Replied && r.request == request.name);
        let summary = |record: &Record| {
            record.decoded.as_ref().map_or("", |d| &d.summary).to_owned()
        };
        let mut lines =
            vec![format!("{}: {}", time(request), summary(request))];
        lines.push(match reply {
            Some(reply) => format!(
                "{}: {} by {}{}",
                time(reply),
                summary(reply),
                reply.handler.as_deref().unwrap_or("nobody"),
                self.delivery(request)
            ),
            None => "it is not answered yet".to_owned(),
        });
        lines
    }

    /// Whether the device told the guest of an answer, as far as is known.
    fn delivery(&self, request: &Record) -> String {
        let subspace = request.subspace.unwrap_or(0);
        match self.commands.get(&subspace) {
            Some(Command { interrupt: Some(gsi), .. }) => {
                format!(", delivered with interrupt {gsi}")
            }
            Some(Command { is_complete: true, wants_interrupt, .. }) => {
                let why = match wants_interrupt {
                    true => "",
                    false => ", which the command did not ask for",
                };
                format!(", delivered without an interrupt{why}")
            }
            _ => String::new(),
        }
    }
}

fn time(record: &Record) -> String {
    record.time.format("%H:%M:%S%.3f").to_string()
}

/// What a record says that explains a failure, if it does.
fn telling_text(record: &Record) -> Option<String> {
    let reason = record.reason.as_deref().unwrap_or_default();
    let by = match &record.handler {
        Some(handler) => format!(" (by {handler})"),
        None => String::new(),
    };
    match record.event {
        Event::Conduct => {
            let rule = record.rule.as_deref().unwrap_or("a rule");
            Some(format!("the driver breaks {rule}: {reason}"))
        }
        Event::Error | Event::Failed => Some(format!("{reason}{by}")),
        Event::Rejected => Some(format!("rejected: {reason}")),
        Event::Ignored => Some(format!("no answer{by}: {reason}")),
        Event::Note if record.name.is_some() => Some(format!("{reason}{by}")),
        Event::Replied => {
            let summary = &record.decoded.as_ref()?.summary;
            summary
                .split(", ")
                .any(|word| word == "error")
                .then(|| format!("{summary}{by}"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of a command, of which QEMU traces this.
    fn said(records: &[&str], trace: &[&str]) -> Vec<String> {
        let mut moment = Moment::default();
        let records = records.iter().map(|record| {
            let record =
                format!("{{\"time\":\"2026-11-27T12:24:15Z\",{record}}}");
            serde_json::from_str(&record).unwrap()
        });
        moment.records.extend(records);
        for line in trace {
            moment.trace(&format!("7@1795782255.646225:{line}"));
        }
        moment.lines()
    }

    const REQUEST: &str = r#""event":"received","name":"1.pcc","subspace":0,
        "decoded":{"summary":"fan: set","fields":[]}"#;
    const REPLY: &str = r#""event":"replied","name":"1.r1.pcc","subspace":0,
        "request":"1.pcc","handler":"fan/set",
        "decoded":{"summary":"fan: answer to set","fields":[]}"#;

    #[test]
    fn how_an_answer_was_delivered_is_said() {
        const ASKS: &str =
            "pcc_outbox_command subspace 0: 20 bytes, interrupt wanted: 1";
        const ASKS_NOT: &str =
            "pcc_outbox_command subspace 0: 20 bytes, interrupt wanted: 0";
        const COMPLETE: &str = "pcc_outbox_complete subspace 0";
        const RAISED: &str = "pcc_channel_interrupt subspace 0: GSI 112";
        const OTHER: &str = "pcc_channel_interrupt subspace 1: GSI 113";
        let cases: &[(&[&str], &str)] = &[
            (&[ASKS, COMPLETE, RAISED], ", delivered with interrupt 112"),
            (&[ASKS, COMPLETE, OTHER], ", delivered without an interrupt"),
            (
                &[ASKS, COMPLETE, RAISED, ASKS_NOT, COMPLETE],
                ", delivered without an interrupt, which the command did not \
                 ask for",
            ),
            (&[ASKS], ""),
            (&[], ""),
        ];
        for (trace, wanted) in cases {
            let lines = said(&[REQUEST, REPLY], trace);
            let [request, reply] = &lines[..] else { panic!("{lines:?}") };
            assert!(request.ends_with("fan: set"), "{request}");
            let wanted = format!("fan: answer to set by fan/set{wanted}");
            assert!(reply.ends_with(&wanted), "{trace:?}: {reply}");
        }
        let lines = said(&[REQUEST], &[ASKS]);
        assert_eq!(lines[1], "it is not answered yet");
    }

    #[test]
    fn a_command_on_the_wrong_channel_is_said() {
        let acknowledge = |nothing: u8| {
            format!(
                "pcc_responder_acknowledge subspace 1: nothing to \
                 acknowledge: {nothing}"
            )
        };
        const DOORBELL: &str = "pcc_responder_doorbell subspace 1";
        let lines = said(&[], &[&acknowledge(1), DOORBELL]);
        assert!(lines[1].contains("the doorbell of subspace 1"), "{lines:?}");
        // A message was there; a driver has bound to its channel.
        for trace in [&[&*acknowledge(0), DOORBELL][..], &[&*acknowledge(1)]] {
            assert_eq!(said(&[], trace).len(), 1, "{trace:?}");
        }
    }
}
