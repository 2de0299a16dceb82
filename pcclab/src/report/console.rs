//! The guest's console as rows of a report. The kernel's log, which comes as
//! a whole at the end, is put where its times belong.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use anyhow::Result;

use super::rows::{Kept, Row, Texts};
use crate::console::{kernel_line, kernel_time};
use crate::doctor::Evidence;
use crate::ktap::{Report, Status};
use crate::log::{console, shown};

/// Most lines, and most bytes of them.
const MOST: usize = 160_000;
const MOST_BYTES: usize = 16 << 20;
/// Most lines of the kernel's that are told from their repetition.
const MOST_KERNEL: usize = 65_536;
/// The levels from 0 to this are errors.
const ERROR: u8 = 3;

/// The time of a line that has none.
pub(super) const UNKNOWN: i64 = i64::MIN;

/// A line of the kernel's: `<level>[seconds] text`, in its log, or without
/// the level as it happens.
struct Stamped<'a> {
    level: Option<u8>,
    /// Microseconds since the kernel began.
    time: i64,
    text: &'a str,
}

fn stamped(line: &str) -> Option<Stamped<'_>> {
    let (level, text) = kernel_line(line)?;
    let (time, text) = kernel_time(text)?;
    Some(Stamped { level, time, text })
}

/// What has to be known of the whole console before a line of it is placed.
#[derive(Default)]
struct Kernel {
    /// The levels of lines that the log at the end has.
    levels: HashMap<(i64, String), u8>,
    /// Lines that came as they happened.
    live: HashSet<(i64, String)>,
    /// From the kernel's time to ours.
    offset: Option<i64>,
    last: i64,
}

impl Kernel {
    fn line(&mut self, arrived: Option<i64>, line: &str) {
        let Some(Stamped { level, time, text }) = stamped(line) else { return };
        let key = (time, text.to_owned());
        if let Some(level) = level {
            if self.levels.len() < MOST_KERNEL {
                self.levels.insert(key, level);
            }
            return;
        }
        if let Some(arrived) = arrived {
            let offset = arrived.saturating_sub(time);
            // The line that took least to arrive is nearest; another life of
            // the guest begins anew.
            let is_new = time < self.last;
            let least = self.offset.filter(|_| !is_new);
            self.offset = Some(least.map_or(offset, |it| it.min(offset)));
            self.last = time;
        }
        if self.live.len() < MOST_KERNEL {
            self.live.insert(key);
        }
    }
}

/// The lines of a run's console.
///
/// # Errors
/// When it cannot be read.
pub(super) fn rows(
    folder: &Path,
    texts: &mut Texts,
    evidence: &mut Evidence,
) -> Result<Vec<Row>> {
    let mut kernel = Kernel::default();
    console(folder, |time, line| {
        evidence.line(time, line);
        kernel.line(time, line);
    })?;
    let mut kept = Kept::new(MOST, MOST_BYTES);
    let mut report = Report::default();
    let (mut last, mut is_told) = (None, true);
    console(folder, |arrived, line| {
        last = arrived.or(last);
        let line = line.trim_end();
        if line.trim().is_empty() || line == "pcclab: dmesg" {
            return;
        }
        let mut time = last;
        let kind = match stamped(line) {
            Some(Stamped { level, time: since, text }) => {
                let key = (since, text.to_owned());
                if level.is_some() {
                    if kernel.live.contains(&key) {
                        return;
                    }
                    let placed = kernel.offset;
                    time = placed.map(|it| it.saturating_add(since)).or(time);
                }
                // What comes as it happens is an error, until somebody asks
                // the kernel where it stands.
                is_told &= !text.starts_with("sysrq: ");
                let known = level.or(kernel.levels.get(&key).copied());
                match known.map_or(is_told, |level| level <= ERROR) {
                    true => "kernel error",
                    false => "kernel",
                }
            }
            None => match report.line(line).map(|test| &test.status) {
                Some(Status::Failed | Status::Unexpected(_)) => "not ok",
                Some(_) => "ok",
                None if line.starts_with("Bail out!") => "not ok",
                None => "console",
            },
        };
        let row = row(texts, time.unwrap_or(UNKNOWN), kind, line);
        kept.push(texts, row);
    })?;
    let mut rows = kept.rows(texts, "lines of the console");
    let mut next = UNKNOWN;
    for row in rows.iter_mut().rev() {
        if row.time == UNKNOWN {
            row.time = next;
        }
        next = row.time;
    }
    Ok(rows)
}

fn row(texts: &mut Texts, time: i64, kind: &'static str, line: &str) -> Row {
    let line = match kind {
        "kernel" | "kernel error" => {
            let level = line.strip_prefix('<').and_then(|l| l.split_once('>'));
            level.map_or(line, |(_, rest)| rest)
        }
        _ => line,
    };
    let text = texts.keep(&shown(line));
    Row { time, kind, subspace: None, text, message: None }
}
