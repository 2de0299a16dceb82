//! The exchanges of a run, both sides beside each other: what the guest says
//! it sent and got (lines `# mctp …` of its output), and what pccd logged.
//!
//! Reads text and records; does no I/O.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use pccd::record::{Decoded, Event, Record, describe_message};
use pccd::wire::assembly::{Assembled, Assembler};
use pccd::wire::mctp::Packet;
use pccd::wire::pcc;

use crate::console::kernel_line;
use crate::ktap::{Report, Status};
use crate::sign::{Kind, report};

/// One message as the guest saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// `# mctp > eid=9 msg=…`
    Sent(Vec<u8>),
    /// `# mctp < eid=9 msg=… us=…`
    Got(Vec<u8>, Option<u64>),
    /// `# mctp * eid=9 msg=…`: came without having been asked for.
    Unasked(Vec<u8>),
    /// `# mctp ! …`: what the guest waited for did not come.
    Nothing(String),
}

/// What happened between two results of the guest's test.
#[derive(Clone, Debug, Default)]
pub struct Step {
    /// Number and name of the test, once it has ended.
    pub test: Option<(u32, String)>,
    /// Passed, failed or skipped, likewise.
    pub status: Option<Status>,
    /// The messages, in order.
    pub seen: Vec<Line>,
    /// Other remarks of the guest, such as why a comparison failed.
    pub remarks: Vec<String>,
    /// Depth of nesting, 0 at the top.
    pub depth: usize,
    /// From the result before, or the start, to this one.
    pub time: Duration,
}

/// Groups the guest's lines into steps.
#[derive(Default)]
pub struct Script {
    report: Report,
    steps: Vec<Step>,
    open: Step,
    now: String,
    outer: String,
    last: Duration,
    splat: Option<String>,
}

impl Script {
    /// Takes one line of the guest's output, which came so long after the
    /// start; tells the result it held, if it held one.
    pub fn line(&mut self, line: &str, at: Duration) -> Option<&mut Step> {
        if let Some(test) = self.report.line(line) {
            let mut step = std::mem::take(&mut self.open);
            step.test = Some((test.number, test.name.clone()));
            step.status = Some(test.status.clone());
            step.depth = test.depth;
            step.time = at.saturating_sub(self.last);
            self.last = at;
            self.steps.push(step);
            return self.steps.last_mut();
        }
        self.kernel(line);
        self.remark(line);
        None
    }

    /// Keeps the kernel's first report, if no test has failed before it. That
    /// somebody waits follows from what the test was at.
    fn kernel(&mut self, line: &str) {
        let Some((_, text)) = kernel_line(line) else { return };
        let waits = |kind| matches!(kind, Kind::HungTask | Kind::Stall);
        let is_first = report(text).is_some_and(|kind| !waits(kind))
            && self.splat.is_none()
            && self.first_failure().is_none();
        if is_first {
            self.splat = Some(text.to_owned());
        }
    }

    fn remark(&mut self, line: &str) {
        let Some(text) = line.trim().strip_prefix("# ") else { return };
        match text.strip_prefix("mctp ") {
            Some(event) => match seen(event) {
                Some(seen) => self.open.seen.push(seen),
                None => self
                    .open
                    .remarks
                    .push(event.strip_prefix("# ").unwrap_or(event).to_owned()),
            },
            None if text.starts_with("step ") => {
                text["step ".len()..].clone_into(&mut self.now);
                if !line.starts_with(' ') {
                    self.outer.clone_from(&self.now);
                }
            }
            None => self.open.remarks.push(text.to_owned()),
        }
    }

    /// The KTAP in the lines so far.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// The test that began last.
    pub fn now(&self) -> &str {
        &self.now
    }

    /// The outermost test that began last.
    pub fn outer(&self) -> &str {
        &self.outer
    }

    /// What the kernel reported before the first result that is a failure.
    pub fn splat(&self) -> Option<&str> {
        self.splat.as_deref()
    }

    /// The first result that is a failure, with the last remark before it.
    pub fn first_failure(&self) -> Option<String> {
        let (step, name) = self.steps.iter().find_map(|step| {
            let (_, name) = step.test.as_ref()?;
            let failed = matches!(
                step.status,
                Some(Status::Failed | Status::Unexpected(_))
            );
            failed.then_some((step, name))
        })?;
        // What was claimed stands among the remarks, but went well.
        let is_own = |remark: &&String| {
            !remark.starts_with("asked ") && !remark.starts_with("pccd: ")
        };
        let why = step.remarks.iter().rfind(is_own);
        let why = why.map(|remark| format!(": {remark}"));
        Some(format!("{name}{}", why.unwrap_or_default()))
    }

    /// All steps; what came after the last result is a step without a test.
    pub fn steps(mut self) -> Vec<Step> {
        if !self.open.seen.is_empty() {
            self.steps.push(self.open);
        }
        self.steps
    }
}

fn seen(event: &str) -> Option<Line> {
    let (sign, rest) = event.split_once(' ')?;
    let value = |key: &str| {
        rest.split(' ').find_map(|w| w.strip_prefix(key)?.strip_prefix('='))
    };
    let message = || hex::decode(value("msg")?).ok();
    match sign {
        ">" => Some(Line::Sent(message()?)),
        "<" => Some(Line::Got(
            message()?,
            value("us").and_then(|v| v.parse().ok()),
        )),
        "*" => Some(Line::Unasked(message()?)),
        "!" => Some(Line::Nothing(rest.to_owned())),
        _ => None,
    }
}

/// pccd's log as records; lines that are none (its last words, say) are left
/// out here, they stay in the file.
pub fn records(log: &str) -> Vec<Record> {
    log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// Width of one side, in characters.
const SIDE: usize = 44;

/// The exchanges as text for people.
pub fn render(steps: &[Step], records: &[Record]) -> String {
    let records = assembled(records);
    let mut left = Unmatched(records.iter().collect());
    let mut out = String::new();
    if steps.iter().any(|step| !step.seen.is_empty()) {
        row(
            &mut out,
            "THE GUEST, through its driver",
            "",
            "PCCD, the platform",
        );
        row(
            &mut out,
            "(whole messages in hexadecimal; the first",
            "",
            "(as logged; \"by\" names the handler",
        );
        row(&mut out, " byte is the MCTP message type)", "", " that answered)");
        out.push('\n');
    }
    for step in steps {
        heading(&mut out, step);
        let mut request = None;
        for seen in &step.seen {
            match seen {
                Line::Sent(message) => {
                    let record = left.take(Event::Received, message, None);
                    request = record.and_then(|r| r.name.clone());
                    pair(
                        &mut out,
                        ("sent", message),
                        "──▶",
                        ("saw", record),
                        "pccd did not see it",
                    );
                }
                Line::Got(message, _) => {
                    let name = request.as_deref();
                    let record = left.take(Event::Replied, message, name);
                    // What arrived may differ from what was sent.
                    let record =
                        record.or_else(|| name.and_then(|n| left.reply_to(n)));
                    pair(
                        &mut out,
                        ("got", message),
                        "◀──",
                        ("answered", record),
                        "pccd did not answer this",
                    );
                }
                Line::Unasked(message) => {
                    let record = left.take(Event::Unasked, message, None);
                    pair(
                        &mut out,
                        ("got", message),
                        "◀══",
                        ("sent", record),
                        "pccd did not send this",
                    );
                }
                Line::Nothing(what) => {
                    let record =
                        request.as_deref().and_then(|name| left.reply_to(name));
                    let text = format!("got nothing: {what}");
                    match record {
                        Some(record) => {
                            let side = side("answered", record);
                            columns(&mut out, &[text], "╳", &side);
                        }
                        None => columns(
                            &mut out,
                            &[text],
                            "",
                            &["answered nothing".to_owned()],
                        ),
                    }
                }
            }
        }
        if step.status != Some(Status::Passed) {
            for remark in &step.remarks {
                let _ = writeln!(out, "     {remark}");
            }
        }
        if !step.seen.is_empty() {
            out.push('\n');
        }
    }
    let rest: Vec<_> = left
        .0
        .into_iter()
        .filter(|r| {
            use Event::{Error, Received, Rejected, Replied, Unasked};
            matches!(r.event, Received | Replied | Unasked | Rejected | Error)
        })
        .collect();
    if !rest.is_empty() {
        out.push_str("pccd also noted:\n");
        for record in rest {
            let why = record.reason.as_deref().unwrap_or("");
            let what = record
                .decoded
                .as_ref()
                .map_or("", |decoded| decoded.summary.as_str());
            let _ = writeln!(
                out,
                "     {:?} {} {what} {why}",
                record.event,
                record.name.as_deref().unwrap_or("")
            );
        }
    }
    out
}

fn heading(out: &mut String, step: &Step) {
    let Some((number, name)) = &step.test else {
        out.push_str("after the last result:\n");
        return;
    };
    let verdict = match &step.status {
        Some(Status::Passed) => "ok".to_owned(),
        Some(Status::Skipped(why)) => format!("skipped: {why}"),
        Some(Status::Known(why)) => format!("failed, as known: {why}"),
        _ => "FAILED".to_owned(),
    };
    let time = step
        .seen
        .iter()
        .filter_map(|seen| match seen {
            Line::Got(_, us) => *us,
            _ => None,
        })
        .map(|us| format!(", answered in {}.{} ms", us / 1000, us % 1000 / 100))
        .collect::<String>();
    let _ = writeln!(out, "{number:>3}. {name}: {verdict}{time}");
}

fn pair(
    out: &mut String,
    (left_word, message): (&str, &[u8]),
    arrow: &str,
    (right_word, record): (&str, Option<&Record>),
    missing: &str,
) {
    let mut left = vec![format!("{left_word:<9}{}", spaced(message))];
    left.push(text(&describe_message(message)));
    let right = match record {
        Some(record) => side(right_word, record),
        None => vec![missing.to_owned()],
    };
    columns(out, &left, arrow, &right);
}

fn side(word: &str, record: &Record) -> Vec<String> {
    let message = record.message.as_deref().unwrap_or("");
    let bytes = hex::decode(message).unwrap_or_default();
    let mut lines = vec![format!("{word:<9}{}", spaced(&bytes))];
    match &record.decoded {
        Some(decoded) => lines.push(text(decoded)),
        None => lines.push("         not decoded".to_owned()),
    }
    if let Some(handler) = &record.handler {
        lines.push(format!("         by {handler}"));
    }
    lines
}

/// The records, each unasked one with the message it completes, which pccd
/// notes of replies only. The packets before that are left out.
fn assembled(records: &[Record]) -> Vec<Record> {
    let mut mailboxes = BTreeMap::new();
    let mut out: Vec<_> = records.iter().cloned().map(Some).collect();
    for (at, record) in records.iter().enumerate() {
        let Some(content) = packet_of(record) else { continue };
        let Ok(packet) = Packet::decode(&content) else { continue };
        let messages: &mut Assembler<usize> =
            mailboxes.entry(&record.mailbox).or_default();
        let subspace = record.subspace.unwrap_or_default();
        if let Assembled::Complete { message, parts, .. } =
            messages.push(subspace, &packet, at)
        {
            for part in &parts {
                out[*part] = None;
            }
            let whole = record.clone().with_message(&message, parts.len());
            out[at] = Some(whole);
        }
    }
    out.into_iter().flatten().collect()
}

/// The MCTP packet of an unasked record, whatever its envelope and its
/// signature are.
fn packet_of(record: &Record) -> Option<Vec<u8>> {
    if record.event != Event::Unasked {
        return None;
    }
    let mut content = hex::decode(record.content.as_deref()?).ok()?;
    if content.starts_with(&pcc::ENVELOPE_MAGIC) {
        content.drain(..pcc::ENVELOPE_LEN.min(content.len()));
    }
    let command = content.get(pcc::UNCOUNTED_LEN..pcc::HEADER_LEN)?;
    (command == pcc::COMMAND_MCTP).then(|| content.split_off(pcc::HEADER_LEN))
}

fn text(decoded: &Decoded) -> String {
    format!("         {}", decoded.summary)
}

fn spaced(bytes: &[u8]) -> String {
    let pairs: Vec<_> = bytes.iter().map(|b| format!("{b:02x}")).collect();
    pairs.join(" ")
}

fn row(out: &mut String, left: &str, middle: &str, right: &str) {
    let line = format!("     {left:<SIDE$} {middle:^3} {right}");
    out.push_str(line.trim_end());
    out.push('\n');
}

/// Two columns of wrapped lines with an arrow between their first lines.
fn columns(out: &mut String, left: &[String], arrow: &str, right: &[String]) {
    let left: Vec<_> = left.iter().flat_map(|l| wrap(l)).collect();
    let right: Vec<_> = right.iter().flat_map(|l| wrap(l)).collect();
    for index in 0..left.len().max(right.len()) {
        row(
            out,
            left.get(index).map_or("", String::as_str),
            if index == 0 { arrow } else { "" },
            right.get(index).map_or("", String::as_str),
        );
    }
}

/// Breaks a line at spaces; what follows is indented as the text was.
fn wrap(line: &str) -> Vec<String> {
    let indent = " ".repeat(9);
    let mut lines = Vec::new();
    let mut current = String::new();
    let head = line.len() - line.trim_start().len();
    current.push_str(&line[..head]);
    for word in line[head..].split(' ') {
        let glue = usize::from(!current.trim().is_empty());
        if glue == 1
            && current.chars().count() + 1 + word.chars().count() > SIDE
        {
            lines.push(std::mem::replace(&mut current, indent.clone()));
            current.push_str(word);
            continue;
        }
        if glue == 1 {
            current.push(' ');
        }
        current.push_str(word);
    }
    lines.push(current);
    lines
}

/// Records that no step has claimed yet.
struct Unmatched<'a>(Vec<&'a Record>);

impl<'a> Unmatched<'a> {
    /// The first record of this event with this message; a reply must also
    /// be one to `request`, when that is known.
    fn take(
        &mut self,
        event: Event,
        message: &[u8],
        request: Option<&str>,
    ) -> Option<&'a Record> {
        let message = hex::encode(message);
        self.pull(|record| {
            record.event == event
                && record.message.as_ref() == Some(&message)
                && (request.is_none() || record.request.as_deref() == request)
        })
    }

    /// The first reply to this request, whatever it says.
    fn reply_to(&mut self, request: &str) -> Option<&'a Record> {
        self.pull(|record| {
            record.event == Event::Replied
                && record.request.as_deref() == Some(request)
        })
    }

    fn pull(&mut self, want: impl Fn(&Record) -> bool) -> Option<&'a Record> {
        let index = self.0.iter().position(|record| want(record))?;
        Some(self.0.remove(index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guests_lines_become_steps() {
        let mut script = Script::default();
        for line in [
            "KTAP version 1",
            "1..2",
            "# step Get Endpoint ID",
            "# mctp > eid=9 msg=008002",
            "# mctp < eid=9 msg=00000200090000 us=1234",
            "ok 1 Get Endpoint ID",
            "# mctp ! eid=9 timeout after 5000 ms",
            "# mctp # expected 00",
            "not ok 2 echo",
        ] {
            script.line(line, Duration::ZERO);
        }
        let steps = script.steps();
        assert_eq!(steps.len(), 2);
        assert_eq!(
            steps[0].seen,
            [
                Line::Sent(vec![0, 0x80, 2]),
                Line::Got(vec![0, 0, 2, 0, 9, 0, 0], Some(1234)),
            ]
        );
        assert_eq!(steps[0].status, Some(Status::Passed));
        assert_eq!(steps[1].remarks, ["expected 00"]);
        assert_eq!(steps[1].status, Some(Status::Failed));
    }

    #[test]
    fn a_step_without_pccd_says_so() {
        let mut script = Script::default();
        for line in [
            "KTAP version 1",
            "1..1",
            "# mctp > eid=9 msg=008002",
            "# mctp ! eid=9 timeout after 50 ms",
            "not ok 1 Get Endpoint ID",
        ] {
            script.line(line, Duration::ZERO);
        }
        let text = render(&script.steps(), &[]);
        assert!(text.contains("1. Get Endpoint ID: FAILED"), "{text}");
        assert!(text.contains("pccd did not see it"), "{text}");
        assert!(text.contains("got nothing"), "{text}");
    }

    /// What pccd logs of an unasked packet for EID 8, with or without an
    /// envelope; flags and tag of its header, and its body.
    fn unasked(envelope: bool, flags: u8, body: &[u8]) -> Record {
        let mut content = Vec::new();
        if envelope {
            content.extend(b"PCCE\x01\x00\x20\x00");
            content.resize(32, 0);
        }
        let length = u32::try_from(body.len()).unwrap() + 8;
        content.extend([1, b'C', b'C', b'P', 0, 0, 0, 0]);
        content.extend(length.to_le_bytes());
        content.extend(b"MCTP\x01\x08\x09");
        content.push(flags);
        content.extend(body);
        Record::new(pccd::record::Time::default(), Event::Unasked)
            .with_content(&content)
    }

    #[test]
    fn an_unasked_message_is_found_in_envelopes_and_packets() {
        let body = [[0x7e; 64], [0x11; 64]].concat();
        let first = |flags| unasked(false, flags, &body[..64]);
        let cases = [
            ("plain", vec![unasked(false, 0xc8, &body)]),
            ("in an envelope", vec![unasked(true, 0xc8, &body)]),
            ("in packets", vec![first(0x88), unasked(true, 0x58, &body[64..])]),
            (
                "among others",
                vec![
                    first(0x88),
                    unasked(false, 0xc9, &[0x7e, 1]),
                    unasked(false, 0x58, &body[64..]),
                ],
            ),
        ];
        for (what, records) in cases {
            let mut script = Script::default();
            let line = format!("# mctp * eid=9 msg={}", hex::encode(&body));
            script.line(&line, Duration::ZERO);
            let text = render(&script.steps(), &records);
            assert!(!text.contains("pccd did not send this"), "{what}: {text}");
            let noted = text.contains("pccd also noted");
            assert_eq!(noted, what == "among others", "{what}: {text}");
        }
        let half = render(&[], &[first(0x88)]);
        assert!(half.contains("pccd also noted"), "{half}");
    }

    #[test]
    fn long_lines_wrap_at_spaces() {
        for line in wrap(&format!("sent     {}", spaced(&[0xab; 64]))) {
            assert!(line.chars().count() <= SIDE, "{line}");
        }
        assert_eq!(wrap("a b"), ["a b"]);
        let long = "x".repeat(SIDE * 2);
        assert_eq!(wrap(&long), [long]);
    }
}
