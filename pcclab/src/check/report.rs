//! What is said of a platform, to people and to programs.

use std::fmt::Write as _;

use anyhow::Result;
use pccd::script::problem::Problem;
use schemars::JsonSchema;
use serde::Serialize;

use crate::json;

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
