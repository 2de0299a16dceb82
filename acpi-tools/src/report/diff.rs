//! Differences, for people, tools and pull requests.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{Style, plural, wrap};
use crate::diff::Change;
use crate::field::Impact;

const ORDER: &[Impact] =
    &[Impact::Breaks, Impact::Risky, Impact::Cosmetic, Impact::Noise];

fn counts(changes: &[Change]) -> String {
    let count = |impact: Impact| {
        let n = changes.iter().filter(|c| c.impact == impact).count();
        let verb = match (impact, n) {
            (_, 0) => return None,
            (Impact::Breaks, 1) => "breaks the contract",
            (Impact::Breaks, _) => "break the contract",
            (other, _) => other.text(),
        };
        Some(format!("{n} {verb}"))
    };
    let parts: Vec<_> = ORDER.iter().filter_map(|i| count(*i)).collect();
    format!("{}: {}", plural(changes.len(), "change"), parts.join(", "))
}

fn values(change: &Change) -> String {
    match (&change.old, &change.new) {
        (Some(old), Some(new)) => format!(": {old} → {new}"),
        (Some(old), None) => format!(": was {old}"),
        (None, Some(new)) => format!(": {new}"),
        (None, None) => String::new(),
    }
}

/// For people.
pub fn text(changes: &[Change], style: Style) -> String {
    if changes.is_empty() {
        return "no difference\n".to_owned();
    }
    let mut out = String::new();
    for change in changes {
        let impact = change.impact.text();
        let impact = match change.impact {
            Impact::Breaks => style.red(impact),
            Impact::Risky => style.yellow(impact),
            _ => style.dim(impact),
        };
        let _ = writeln!(
            out,
            "{} {}{} [{impact}]",
            style.bold(&change.place),
            change.what,
            values(change)
        );
        let _ = writeln!(out, "{}", wrap(&change.why, 76, "    "));
    }
    let _ = writeln!(out, "{}", style.bold(&counts(changes)));
    out
}

/// For tools.
pub fn json(changes: &[Change]) -> Value {
    json!({ "same": changes.is_empty(), "changes": changes })
}

/// For pull requests.
pub fn markdown(changes: &[Change]) -> String {
    if changes.is_empty() {
        return "**ACPI tables: no difference**\n".to_owned();
    }
    let mut out = format!("**ACPI tables, {}**\n\n", counts(changes));
    out.push_str("| | what | before | after | why it matters |\n");
    out.push_str("|---|---|---|---|---|\n");
    let cell = |text: &str| text.replace('|', "\\|").replace('\n', " ");
    for change in changes {
        let value = |value: &Option<String>| match value {
            Some(text) if !text.is_empty() => {
                format!("`{}`", cell(text).replace('`', "'"))
            }
            _ => "–".to_owned(),
        };
        let _ = writeln!(
            out,
            "| {} | {}: {} | {} | {} | {} |",
            match change.impact {
                Impact::Breaks => "**breaks the contract**",
                other => other.text(),
            },
            cell(&change.place),
            cell(&change.what),
            value(&change.old),
            value(&change.new),
            cell(&change.why)
        );
    }
    out
}
