//! Rules and fields, explained: for `explain` and for the documents.

use std::fmt::Write as _;

use super::wrap;
use crate::check::{Effect, KERNELS, Rule, Severity, rules};
use crate::field::{Field, Impact, Kind};
use crate::table::{header, layout};

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "E: against the specification",
        Severity::Linux => "L: allowed, but Linux cannot take it",
        Severity::Warning => "W: suspicious",
        Severity::Info => "I: worth knowing",
    }
}

fn effect(rule: &Rule) -> Option<String> {
    let does = match rule.effect {
        Effect::None => return None,
        Effect::Unknown => "cannot be told",
        Effect::Channel => "the channel or its user does not work",
        Effect::Table => "refuses the table, no channel works",
    };
    let kernels: Vec<_> =
        rule.kernels.iter().map(|kernel| kernel.name()).collect();
    Some(format!("{}: {does}", kernels.join(" and ")))
}

/// One rule.
pub fn rule(rule: &Rule) -> String {
    let mut out = format!("{}: {}\n", rule.id, rule.title);
    let _ = writeln!(out, "\nseverity  {}", severity(rule.severity));
    let _ = writeln!(out, "source    {}", rule.source);
    if let Some(effect) = effect(rule) {
        let _ = writeln!(out, "Linux     {effect}");
    }
    let _ = writeln!(out, "\n{}", wrap(rule.explanation, 76, ""));
    let _ = writeln!(out, "\nfix: {}", rule.fix);
    out
}

/// All rules, a line each.
pub fn rule_list() -> String {
    let mut out = String::new();
    for rule in rules() {
        let letter = rule.severity.letter();
        let _ = writeln!(out, "{} {letter}  {}", rule.id, rule.title);
    }
    out
}

/// The structures whose fields have names: name, fields.
fn structures() -> Vec<(String, &'static [Field])> {
    let mut all = vec![
        ("header of every table".to_owned(), header::FIELDS),
        ("PCCT".to_owned(), layout::TABLE),
    ];
    for kind in layout::TYPES {
        if let Some(layout) = layout::of(kind) {
            let name = format!("subspace of type {kind}, {}", layout.name);
            all.push((name, layout.fields));
        }
    }
    all.push(("FACS".to_owned(), header::FACS_FIELDS));
    all.push(("RSDP".to_owned(), header::RSDP_FIELDS));
    all
}

/// A field by its name: where it stands, what it is for, what a change means.
pub fn field(name: &str) -> Option<String> {
    let mut out = String::new();
    for (structure, fields) in structures() {
        for field in fields.iter().filter(|field| field.name == name) {
            if out.is_empty() {
                let _ = writeln!(out, "{name}: {}", field.meaning);
                let is = match field.impact {
                    Impact::Breaks => "",
                    _ => "is ",
                };
                let impact = field.impact.text();
                let _ = writeln!(out, "\na change of it {is}{impact}:");
                let _ = writeln!(out, "{}\n", wrap(field.why, 76, ""));
            }
            let width = field.kind.width();
            let _ = writeln!(
                out,
                "{:>4}  {width} bytes in the {structure}",
                field.offset
            );
        }
    }
    (!out.is_empty()).then_some(out)
}

/// The whole reference as Markdown: what `acpi-tools/REFERENCE.md` holds.
pub fn markdown() -> String {
    let mut out = String::from(
        "# Rules and fields of acpi-tools\n\n\
         Made by `acpi-tools explain --format markdown` from the lists the \
         program itself uses; a test compares.\n\n\
         Severities: E against the specification, L allowed but Linux cannot \
         take it, W suspicious, I worth knowing. \"Linux\" says\nwhat 6.12 and \
         7 do.\n\n## Rules\n\n\
         | id | | rule | source | Linux | fix |\n|---|---|---|---|---|---|\n",
    );
    for rule in rules() {
        let linux = match rule.effect {
            Effect::None => String::new(),
            Effect::Unknown => "cannot be told".to_owned(),
            Effect::Channel => "channel fails".to_owned(),
            Effect::Table => "refuses table".to_owned(),
        };
        let linux = match rule.kernels == KERNELS || linux.is_empty() {
            true => linux,
            false => {
                let names = rule.kernels.iter().map(|kernel| kernel.name());
                format!("{linux} ({})", names.collect::<Vec<_>>().join(", "))
            }
        };
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {linux} | {} |",
            rule.id,
            rule.severity.letter(),
            rule.title,
            rule.source,
            rule.fix
        );
    }
    for (structure, fields) in structures() {
        let _ = writeln!(out, "\n## Fields: {structure}\n");
        out.push_str("| offset | bytes | field | meaning | a change |\n");
        out.push_str("|---|---|---|---|---|\n");
        for field in fields {
            let change = match (field.kind, field.impact) {
                (Kind::Reserved(_), _) => "cosmetic",
                (_, Impact::Noise) => "noise",
                (_, impact) => impact.text(),
            };
            let _ = writeln!(
                out,
                "| {} | {} | `{}` | {} | {change} |",
                field.offset,
                field.kind.width(),
                field.name,
                field.meaning
            );
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_and_fields_are_explained() {
        let text = rule(crate::check::rule("pcct-051").unwrap());
        assert!(text.starts_with("PCCT-051: type 1 has an edge interrupt\n"));
        assert!(text.contains("refuses the table"), "{text}");
        let text = field("gsiv").unwrap();
        assert!(text.contains("   2  4 bytes in the subspace of type 4"));
        assert!(text.contains("a change of it breaks the contract:"), "{text}");
        assert!(field("nominal_latency").unwrap().contains("is risky:"));
        assert_eq!(field("nonsense"), None);
        assert_eq!(rule_list().lines().count(), rules().count());
    }
}
