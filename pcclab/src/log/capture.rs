//! What pccd and the device say of a run, as one capture for Wireshark
//! (docs/capture.md), in the order of their times.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use chrono::DateTime;
use pccd::capture::{Capture, Entry, Kind};
use pccd::mailbox::Channels;
use pccd::record::{Record, compact_nanos, now};

use super::lines::Lines;
use super::trace::{TraceLine, channel, trace_line, words};

/// The capture's name in the folder of a run.
pub const FILE: &str = "capture.pcapng";
/// Lines are out of order by less than this, in microseconds.
const SLACK: i64 = 1_000_000;
/// Most events that wait for their place.
const MOST_WAITING: usize = 65_536;

/// What one of the two logs says.
pub enum What {
    /// A record of pccd's.
    Pccd(Box<Record>),
    /// An event of the device.
    Device(Box<Entry>),
    /// A line of pccd's log that looks like a record and is none, by the byte
    /// of the log where it begins.
    Broken(u64),
}

/// Makes the capture of a run from its `pccd.log` and `qemu.log`.
///
/// # Errors
/// When a log cannot be read or the capture not be written.
pub fn write(folder: &Path, mailbox: &Path) -> Result<()> {
    let path = folder.join(FILE);
    let writing = || format!("writing {}", path.display());
    let mut capture = Capture::create(&path).with_context(writing)?;
    let name = mailbox.display().to_string();
    let mut told = None;
    each(folder, mailbox, |micros, what| {
        let said = match what {
            What::Pccd(record) => capture.write(&record),
            What::Device(entry) => {
                let time = DateTime::from_timestamp_micros(micros);
                capture.write_entry(&name, time.unwrap_or_default(), &entry)
            }
            What::Broken(_) => None,
        };
        told = told.take().or(said);
    })?;
    let end = capture.finish(now());
    if let Some(reason) = end.or(told).and_then(|record| record.reason) {
        bail!(reason);
    }
    Ok(())
}

/// Hands on what pccd and the device say of a run, in the order of its time,
/// in microseconds since 1970.
///
/// # Errors
/// When a log cannot be read.
pub fn each(
    folder: &Path,
    mailbox: &Path,
    mut take: impl FnMut(i64, What),
) -> Result<()> {
    let lines = Lines::of(folder.join("pccd.log"));
    let mut pccd = Pccd { lines, time: 0 };
    let mut device = Device {
        lines: Lines::of(folder.join("qemu.log")),
        types: types(mailbox),
        time: 0,
        epoch: None,
    };
    let mut heads = [pccd.next()?, device.next()?];
    let mut waiting: BTreeMap<(i64, u64), What> = BTreeMap::new();
    let (mut count, mut latest) = (0, i64::MIN);
    loop {
        let [one, other] = &heads;
        let is_device = match (one, other) {
            (Some((one, _)), Some((other, _))) => other < one,
            (one, _) => one.is_none(),
        };
        let head = heads.get_mut(usize::from(is_device));
        let Some((time, what)) = head.and_then(Option::take) else { break };
        heads[usize::from(is_device)] = match is_device {
            true => device.next()?,
            false => pccd.next()?,
        };
        latest = latest.max(time);
        count += 1;
        waiting.insert((time, count), what);
        let is_over = |micros: i64, waiting: usize| {
            micros < latest.saturating_sub(SLACK) || waiting > MOST_WAITING
        };
        while let Some(((micros, _), _)) = waiting.first_key_value()
            && is_over(*micros, waiting.len())
            && let Some(((micros, _), what)) = waiting.pop_first()
        {
            take(micros, what);
        }
    }
    waiting.into_iter().for_each(|((micros, _), what)| take(micros, what));
    Ok(())
}

/// [`each`], all of it as the events that a capture has.
///
/// # Errors
/// As [`each`].
pub fn entries(
    folder: &Path,
    mailbox: &Path,
    mut take: impl FnMut(i64, &Entry),
) -> Result<()> {
    let mut epoch = None;
    each(folder, mailbox, |time, what| match what {
        What::Pccd(record) => take(time, &Entry::of(&record, &mut epoch)),
        What::Device(entry) => take(time, &entry),
        What::Broken(_) => {}
    })
}

/// Pccd's log.
struct Pccd {
    lines: Lines,
    /// Of the record before: a line that is none has no time of its own.
    time: i64,
}

impl Pccd {
    /// The next record. What does not look like one is in the log only.
    fn next(&mut self) -> Result<Option<(i64, What)>> {
        while let Some(line) = self.lines.next(true)? {
            if let Ok(record) = serde_json::from_str::<Record>(&line.text) {
                self.time = record.time.timestamp_micros();
                return Ok(Some((self.time, What::Pccd(Box::new(record)))));
            }
            let is_record = line.text.starts_with('{') || !line.begins;
            // An end that is missing is told by what reads the file's end.
            if is_record && line.ends {
                return Ok(Some((self.time, What::Broken(line.offset))));
            }
        }
        Ok(None)
    }
}

/// The types of the channels, as far as the device has told them.
fn types(mailbox: &Path) -> BTreeMap<u8, u8> {
    let text = std::fs::read(mailbox.join("channels.json"));
    let channels = text.ok().and_then(|text| Channels::decode(&text).ok());
    let channels = channels.unwrap_or_default().channels.into_iter();
    channels.map(|one| (one.subspace, one.kind as u8)).collect()
}

/// The device's log.
struct Device {
    lines: Lines,
    types: BTreeMap<u8, u8>,
    /// Of the line before: a complaint has no time of its own.
    time: i64,
    epoch: Option<u64>,
}

impl Device {
    fn next(&mut self) -> Result<Option<(i64, What)>> {
        while let Some(line) = self.lines.next(true)? {
            let Some(trace) = trace_line(&line.text) else { continue };
            self.time = trace.time.unwrap_or(self.time);
            if let Some(entry) = self.entry(&trace) {
                return Ok(Some((self.time, What::Device(Box::new(entry)))));
            }
        }
        Ok(None)
    }

    /// The event of a line; none for accesses to registers and the like.
    fn entry(&mut self, trace: &TraceLine<'_>) -> Option<Entry> {
        let (_, rest) = trace.text.split_once(": ").unwrap_or_default();
        let kind = match trace.event {
            "pcc_outbox_command" | "pcc_responder_doorbell" => Kind::Doorbell,
            "pcc_outbox_complete" => Kind::Complete,
            "pcc_outbox_timeout" => Kind::Failure,
            "pcc_channel_interrupt" | "pcc_responder_remind" => Kind::Interrupt,
            "pcc_channel_acknowledge" | "pcc_responder_acknowledge" => {
                Kind::Acknowledge
            }
            "pcc_mailbox_publish" => Kind::Published,
            "pcc_mailbox_deliver" => Kind::Taken,
            "pcc_channel_load" => Kind::Loaded,
            "pcc_mailbox_epoch" => Kind::Epoch,
            "pcc_channel_breach" | "guest_error" => Kind::Guest,
            _ => Kind::Device,
        };
        let mut entry = Entry::new(kind);
        entry.note = match (kind, trace.event) {
            (Kind::Device, _) => words(trace)?,
            (Kind::Guest, "guest_error") => trace.text.to_owned(),
            (_, "pcc_responder_remind") => "once more".to_owned(),
            _ => rest.to_owned(),
        };
        if kind == Kind::Epoch {
            self.epoch = compact_nanos(rest);
        }
        if let Kind::Published | Kind::Taken = kind {
            let (name, bytes) = rest.split_once(", ").unwrap_or((rest, ""));
            entry.set_name(name);
            entry.note = bytes.to_owned();
        }
        entry.subspace = trace.subspace.or_else(|| channel(trace.text));
        entry.subspace_type =
            entry.subspace.and_then(|id| self.types.get(&id).copied());
        entry.epoch = entry.epoch.or(self.epoch);
        Some(entry)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use pccd::capture::Reader;

    use super::*;

    const NAME: &str = "20261121T044142.000000000Z-00000001-000.pcc";

    fn made(pccd: &str, qemu: &str) -> Vec<Entry> {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("pccd.log"), pccd).unwrap();
        fs::write(at("qemu.log"), qemu).unwrap();
        write(folder.path(), &at("mailbox")).unwrap();
        let mut reader = Reader::open(&at(FILE)).unwrap();
        let mut entries = Vec::new();
        while let Some(packet) = reader.next_packet().unwrap() {
            if reader.interfaces()[packet.interface].name == "pcc" {
                entries.push(Entry::decode(&packet.data).unwrap());
            }
        }
        entries
    }

    #[test]
    fn events_are_in_the_order_of_their_times() {
        let line = |micros: u32, event: &str, text: &str| {
            format!("7@1795236102.{micros:06}:{event} {text}\n")
        };
        let record = |micros: u32, event: &str| {
            format!(r#"{{"time":"2026-11-21T04:41:42.{micros:06}Z","event":"#)
                + &format!("\"{event}\",\"name\":\"{NAME}\"}}\n")
        };
        let qemu = [
            line(10, "pcc_mailbox_epoch", "m: 20261121T044142.000000000Z"),
            line(20, "pcc_channel_mem_write", "subspace 0: 0x0 <== 0x1"),
            line(30, "pcc_outbox_command", "subspace 0: 9 bytes"),
            line(40, "pcc_mailbox_publish", &format!("m: {NAME}, 9 bytes")),
            "pcc: subspace 0: the guest errs\n".to_owned(),
            line(70, "pcc_channel_interrupt", "subspace 1: GSI 113"),
        ];
        let pccd = record(60, "replied") + &record(50, "received");
        let entries = made(&(pccd + "no record\n"), &qemu.concat());
        let kinds: Vec<Kind> = entries.iter().map(|one| one.kind).collect();
        let wanted = [
            Kind::Epoch,
            Kind::Doorbell,
            Kind::Published,
            Kind::Guest,
            Kind::Request,
            Kind::Reply,
            Kind::Interrupt,
        ];
        assert_eq!(kinds, wanted);
        assert_eq!(entries[2].sequence, Some(1));
        assert_eq!(entries[2].name, NAME);
        assert_eq!(entries[6].subspace, Some(1));
        assert_eq!(entries[6].epoch, entries[2].epoch);
    }

    #[test]
    fn a_run_without_logs_has_an_empty_one() {
        assert_eq!(made("", ""), []);
    }
}
