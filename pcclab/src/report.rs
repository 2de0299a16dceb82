//! A run as one page of HTML: what went wrong first, every event of guest,
//! device and platform in its time, each message to open, the latencies.
//!
//! The page loads nothing. Whatever a guest said is text in it.

mod console;
mod data;
mod page;
mod read;
mod rows;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Serialize;

use self::data::Data;
pub(crate) use self::page::grid;
use self::read::Timeline;
use crate::config::mailbox;
pub use crate::doctor::RESULT;
use crate::doctor::{self, Diagnosis, Evidence, Link};
use crate::log::{capture, shown};
use crate::result::{RunResult, save};
use crate::tell;
use crate::verdict::{TestResult, Verdict, exit};

/// The report's name in the folder of a run.
pub const FILE: &str = "report.html";
/// Most remarks of a test, and most reasons, that are shown at the head.
const MOST_LINES: usize = 12;

/// What stands above the chart.
#[derive(Serialize)]
struct Head {
    word: String,
    class: &'static str,
    name: String,
    text: String,
    /// What is wrong with the logs.
    notes: Vec<String>,
    first: Option<String>,
    failed: Option<Failed>,
    /// The link that broke, and whether the chart has its place.
    broken: Option<String>,
    is_placed: bool,
    /// What the doctor says of it.
    advice: Vec<String>,
    links: Vec<Shown>,
    reasons: Vec<String>,
    /// As `pccd stats` shows them.
    counters: Vec<String>,
}

/// The first test that failed.
#[derive(Serialize)]
struct Failed {
    name: String,
    remarks: Vec<String>,
}

/// A link of the doctor's, and how it is.
#[derive(Serialize)]
struct Shown {
    class: &'static str,
    text: String,
}

/// Leaves all that is made of a run's logs in their folder: the result, the
/// capture, the report. What cannot be written is told. Returns the link at
/// which a message's way broke, if one did.
pub fn leave(folder: &Path, name: &str, verdict: &Verdict) -> Option<Link> {
    if !folder.join("console.log").exists() {
        // No guest has run.
        return None;
    }
    let result = serde_json::to_string_pretty(&RunResult::of(name, verdict))
        .context("writing the result")
        .and_then(|text| save(&folder.join(RESULT), &(text + "\n")));
    if let Err(error) = result {
        tell(format_args!("there is no whole result: {error:#}"));
    }
    if let Err(error) = capture::write(folder, &mailbox(folder)) {
        tell(format_args!("there is no whole capture: {error:#}"));
    }
    let made = make(folder).map(|(page, diagnosis)| {
        (save(&folder.join(FILE), &page), diagnosis.broken)
    });
    let (saved, broken) = made.unwrap_or_else(|error| (Err(error), None));
    if let Err(error) = saved {
        tell(format_args!("there is no report: {error:#}"));
    }
    broken
}

/// Writes the report of a run's logs: into their folder, if nothing else is
/// said. Tells where.
///
/// # Errors
/// When there are no logs, one cannot be read, or the report not be written.
pub fn write(folder: &Path, output: Option<&Path>) -> Result<PathBuf> {
    let (page, _) = make(folder)?;
    let path = output.map_or_else(|| folder.join(FILE), Path::to_owned);
    save(&path, &page)?;
    Ok(path)
}

/// The report of a run's logs, and what the doctor says of them.
fn make(folder: &Path) -> Result<(String, Diagnosis)> {
    let mut evidence = Evidence::of(folder)?;
    let Timeline { rows, counters, notes } = read::logs(folder, &mut evidence)?;
    let diagnosis = evidence.diagnosis();
    let (result, wrong) = match result(folder) {
        Ok(result) => (result, None),
        Err(error) => (None, Some(format!("{error:#}"))),
    };
    let mut head = Head::new(folder, result.as_ref(), &diagnosis);
    head.notes.extend(wrong);
    head.notes.extend(notes);
    head.counters = counters;
    if head.failed.is_none()
        && let Some(row) = rows.iter().find(|row| row.kind == "not ok")
    {
        let (name, remarks) = (row.text.to_string(), Vec::new());
        head.failed = Some(Failed { name, remarks });
    }
    let data = Data::new(rows, evidence.into_commands(), diagnosis.at);
    Ok((page::run(&head, &data)?, diagnosis))
}

/// The result that the run left, if it did.
fn result(folder: &Path) -> Result<Option<RunResult>> {
    let Some(text) = doctor::result(folder)? else { return Ok(None) };
    let reading = || format!("reading {}", folder.join(RESULT).display());
    serde_json::from_str(&text).map(Some).with_context(reading)
}

impl Head {
    fn new(
        folder: &Path,
        result: Option<&RunResult>,
        diagnosis: &Diagnosis,
    ) -> Head {
        // The test that failed is named above.
        let lines = diagnosis.text.lines().map(shown);
        let lines = lines.filter(|line| !line.starts_with("failed: "));
        let (links, advice): (Vec<_>, Vec<_>) =
            lines.partition(|line| Shown::class(line).is_some());
        let mut head = Head {
            word: "no verdict".to_owned(),
            class: "odd",
            name: shown(&folder.display().to_string()),
            text: format!(
                "the run did not end, or its folder has no {RESULT}: only \
                 its logs are shown"
            ),
            notes: Vec::new(),
            first: None,
            failed: None,
            broken: diagnosis.broken.map(|link| link.to_string()),
            is_placed: diagnosis.at.is_some(),
            advice,
            links: links.into_iter().map(Shown::of).collect(),
            reasons: Vec::new(),
            counters: Vec::new(),
        };
        let Some(result) = result else { return head };
        let is_pass = result.exit == exit::PASS;
        head.word = shown(&result.verdict.to_uppercase());
        head.class = match result.exit {
            exit::PASS => "good",
            exit::TROUBLE | exit::USAGE | exit::INTERRUPTED => "odd",
            _ => "bad",
        };
        head.name = shown(&result.name);
        head.text =
            result.text.lines().map(shown).collect::<Vec<_>>().join("\n");
        let failed = result.tests.iter().find(|test| test.failed());
        head.failed = failed.map(Failed::of);
        let is_more =
            |first: &&String| failed.is_none_or(|it| it.name != **first);
        head.first = result.first.as_ref().filter(is_more).map(|it| shown(it));
        head.reasons = few(&result.reasons);
        if is_pass {
            // What is broken on purpose is nothing to look at first.
            head.broken = None;
            head.advice.clear();
        }
        head
    }
}

/// The first of some lines.
fn few(lines: &[String]) -> Vec<String> {
    let mut few: Vec<_> =
        lines.iter().take(MOST_LINES).map(|line| shown(line)).collect();
    if let Some(more) = lines.len().checked_sub(MOST_LINES).filter(|n| *n > 0) {
        few.push(format!("and {more} more"));
    }
    few
}

impl Failed {
    fn of(test: &TestResult) -> Failed {
        Failed { name: shown(&test.name), remarks: few(&test.remarks) }
    }
}

impl Shown {
    /// How a line of the doctor's is shown, if it is about a link.
    fn class(line: &str) -> Option<&'static str> {
        match line.split(' ').next()? {
            "ok" => Some("good"),
            "BROKEN" => Some("bad"),
            "part" | "?" => Some("odd"),
            _ => None,
        }
    }

    fn of(text: String) -> Shown {
        Shown { class: Shown::class(&text).unwrap_or_default(), text }
    }
}

#[cfg(test)]
mod tests;
