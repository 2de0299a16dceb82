//! Findings.

use std::collections::HashSet;
use std::fmt::Write as _;

use serde::Serialize;
use serde_json::{Value, json};

use super::{Style, plural};
use crate::check::{
    Effect, Finding, KERNELS, Severity, Target, Verdict, linux,
};

/// What `validate` prints.
pub struct Report<'a> {
    /// Findings that count.
    pub open: &'a [Finding],
    /// Findings that were accepted, and why.
    pub accepted: &'a [(Finding, &'a str)],
    /// Rules of the accepted file that nothing needed.
    pub unused: Vec<&'a str>,
    /// Who is to use the tables.
    pub target: Target,
    /// The verdict over the open ones.
    pub verdict: Verdict,
}

#[derive(Serialize)]
struct Item<'a> {
    rule: &'a str,
    severity: &'a str,
    table: &'a str,
    origin: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<usize>,
    subject: &'a str,
    text: &'a str,
    source: &'a str,
    fix: &'a str,
    linux: &'a str,
    /// So many more are not in the list.
    #[serde(skip_serializing_if = "is_zero")]
    more: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    accepted: Option<&'a str>,
}

// Serde calls it with a reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(n: &usize) -> bool {
    *n == 0
}

fn effect(effect: Effect) -> &'static str {
    match effect {
        Effect::None => "works",
        Effect::Unknown => "unknown",
        Effect::Channel => "channel_fails",
        Effect::Table => "refuses_table",
    }
}

/// So many findings of a rule are printed; JSON has all of them.
const FEW: usize = 8;
/// Of a rule about processors so many of the first one.
const FEW_OF_ONE: usize = 3;

fn of_processor(finding: &Finding) -> bool {
    finding.subject.ends_with("._CPC")
}

/// Those of a group that are printed: of processors the first one's.
fn few<'f>(group: &[&'f Finding]) -> Vec<&'f Finding> {
    let all = group.iter().copied();
    match group[0] {
        first if of_processor(first) => {
            let of_first = all.filter(|f| f.subject == first.subject);
            of_first.take(FEW_OF_ONE).collect()
        }
        _ => all.take(FEW).collect(),
    }
}

/// The others of a group: how many, and of what.
fn rest(few: usize, group: &[&Finding]) -> Option<String> {
    let all: usize = group.iter().map(|finding| finding.count()).sum();
    let left = all - few;
    if left == 0 {
        return None;
    }
    let first = &group[0].subject;
    let subjects = group.iter().map(|finding| &finding.subject);
    let others: HashSet<_> = subjects.filter(|s| *s != first).collect();
    if !of_processor(group[0]) || others.is_empty() {
        return Some(format!("{left} more of this rule"));
    }
    let of_first = group.iter().filter(|f| f.subject == *first).count();
    let same = match of_first - few {
        0 => String::new(),
        n => format!("{n} more of {first}, "),
    };
    let left = left - (of_first - few);
    let each_has_one = left == others.len();
    let others = plural(others.len(), "other processor");
    Some(match each_has_one {
        true => format!("{same}{others}"),
        false => format!("{same}{left} of {others}"),
    })
}

impl Report<'_> {
    fn all(&self) -> impl Iterator<Item = &Finding> {
        self.open.iter().chain(self.accepted.iter().map(|(found, _)| found))
    }

    /// For tools.
    pub fn json(&self) -> Value {
        let item = |finding: &Finding, accepted: Option<&str>| {
            json!(Item {
                rule: finding.rule.id,
                severity: finding.severity(self.target).letter(),
                table: &finding.table,
                origin: &finding.origin,
                offset: finding.at,
                subject: &finding.subject,
                text: &finding.text,
                source: finding.rule.source,
                fix: finding.rule.fix,
                linux: effect(finding.effect),
                more: finding.more,
                accepted,
            })
        };
        let shown = |found: &&Finding| found.concerns(self.target);
        let open = self.open.iter().filter(shown).map(|f| item(f, None));
        let accepted = self.accepted.iter().map(|(f, why)| item(f, Some(why)));
        let kernels: serde_json::Map<_, _> = KERNELS
            .iter()
            .map(|kernel| {
                let linux = effect(linux(self.all(), *kernel));
                (kernel.name().to_owned(), json!(linux))
            })
            .collect();
        json!({
            "target": self.target.name(),
            "valid": self.verdict.fatal == 0,
            "findings": open.collect::<Vec<_>>(),
            "accepted": accepted.collect::<Vec<_>>(),
            "unused_acceptances": self.unused,
            "linux": kernels,
        })
    }

    /// For people.
    pub fn text(&self, style: Style) -> String {
        let mut out = String::new();
        let shown = self.open.iter().filter(|f| f.concerns(self.target));
        let mut shown: Vec<_> = shown.collect();
        // The worst first; the order of the rules stays within.
        shown.sort_by_key(|f| std::cmp::Reverse(f.severity(self.target)));
        let first = shown.first().map(|finding| finding.rule.id);
        for group in shown.chunk_by(|a, b| self.alike(a, b)) {
            let few = few(group);
            for finding in &few {
                self.one(finding, style, &mut out);
            }
            if let Some(rest) = rest(few.len(), group) {
                let _ = writeln!(out, "    and:  {rest}");
            }
        }
        for (finding, reason) in self.accepted {
            let _ = writeln!(
                out,
                "accepted {}  {}: {} (because: {reason})",
                finding.rule.id, finding.subject, finding.text
            );
        }
        for rule in &self.unused {
            let _ = writeln!(
                out,
                "note: {rule} is accepted, but nothing was found by it: \
                 remove the entry"
            );
        }
        if let Some(first) = first {
            let hint = format!("acpi-tools explain {first} says more");
            let _ = writeln!(out, "{}", style.dim(&hint));
        }
        let _ = writeln!(out, "{}", style.bold(&self.summary()));
        out
    }

    /// One rule, one severity, and both of processors or neither.
    fn alike(&self, a: &Finding, b: &Finding) -> bool {
        a.rule == b.rule
            && a.severity(self.target) == b.severity(self.target)
            && of_processor(a) == of_processor(b)
    }

    fn one(&self, finding: &Finding, style: Style, out: &mut String) {
        let severity = finding.severity(self.target);
        let place = match finding.at {
            Some(at) => format!("{}+{at:#x}", finding.origin),
            None => finding.origin.clone(),
        };
        let head = format!("{} {}", severity.letter(), finding.rule.id);
        let head = match severity {
            Severity::Error | Severity::Linux => style.red(&head),
            Severity::Warning => style.yellow(&head),
            Severity::Info => style.dim(&head),
        };
        let (subject, text) = (&finding.subject, &finding.text);
        let _ = writeln!(out, "{head}  {subject}: {text}");
        let rule = format!("{} ({})", finding.rule.title, finding.rule.source);
        let _ = writeln!(out, "    rule: {rule}");
        let _ = writeln!(out, "    at:   {place}");
        let _ = writeln!(out, "    fix:  {}", finding.rule.fix);
    }

    fn summary(&self) -> String {
        let count = |severity, word: &str| {
            let n = self.verdict.count(severity);
            (n > 0).then(|| plural(n, word))
        };
        let counts: Vec<_> = [
            count(Severity::Error, "error"),
            count(Severity::Linux, "Linux error"),
            count(Severity::Warning, "warning"),
            count(Severity::Info, "note"),
        ]
        .into_iter()
        .flatten()
        .collect();
        let valid = if self.verdict.fatal == 0 { "valid" } else { "not valid" };
        let counts = match counts.is_empty() {
            true => "nothing found".to_owned(),
            false => counts.join(", "),
        };
        let name = self.target.name();
        let mut line = format!("{valid} for {name}: {counts}");
        for (wanted, says) in [
            (Effect::Table, "no channel works with"),
            (Effect::Channel, "some channel does not work with"),
            (Effect::Unknown, "the file is cut, no verdict on"),
        ] {
            let kernels: Vec<_> = KERNELS
                .iter()
                .filter(|kernel| linux(self.all(), **kernel) == wanted)
                .map(|kernel| kernel.name())
                .collect();
            if !kernels.is_empty() {
                line.push_str(&format!("; {says} {}", kernels.join(", ")));
            }
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::check;
    use crate::testing::{buffer, cpc_package, device, pcct, register};

    #[test]
    fn the_target_decides() {
        let platform = pcct(&[3]).set(0, "gsiv", 0).build();
        let findings = check(&platform);
        let report = |target| {
            let verdict = Verdict::of(findings.iter(), target, false);
            let open = &findings;
            let (accepted, unused) = (&[][..], vec!["PCCT-001"]);
            Report { open, accepted, unused, target, verdict }
        };
        let text = report(Target::Spec).text(Style::default());
        assert!(text.contains("PCCT-001 is accepted, but"), "{text}");
        assert!(
            text.contains(
                "valid for spec: nothing found; no channel works with"
            )
        );
        let text = report(Target::Linux612).text(Style::default());
        assert!(
            text.starts_with("L PCCT-054  subspace 0 (type 3): "),
            "{text}"
        );
        assert!(
            text.contains("not valid for linux-6.12: 1 Linux error"),
            "{text}"
        );
        let json = report(Target::Linux7).json();
        assert_eq!(json["findings"][0]["offset"], 50);
        assert_eq!(json["linux"]["linux-7"], "refuses_table");
        assert_eq!(json["valid"], false);
        assert_eq!(report(Target::Spec).json()["valid"], true);
    }

    /// 420 registers outside a region are 420 findings, told in a few lines.
    #[test]
    fn counts_are_true_and_processors_are_grouped() {
        let processors: Vec<u8> = (0..20u8).flat_map(outside).collect();
        let case = pcct(&[1]).set(0, "memory_length", 0x20);
        let findings = check(&case.ssdt(&processors).build());
        let verdict = Verdict::of(findings.iter(), Target::Spec, false);
        let report = Report {
            open: &findings,
            accepted: &[],
            unused: Vec::new(),
            target: Target::Spec,
            verdict,
        };
        let json = report.json();
        let all = json["findings"].as_array().unwrap();
        let of = |rule| all.iter().filter(|f| f["rule"] == rule).count();
        assert_eq!(of("PCCT-086"), 420);
        let text = report.text(Style::default());
        let heads = text.matches("E PCCT-086").count();
        assert_eq!(heads, FEW_OF_ONE, "{text}");
        assert!(
            text.contains(
                "and:  18 more of \\C000._CPC, 399 of 19 other processors"
            ),
            "{text}"
        );
        assert!(text.contains("not valid for spec: 420 errors"), "{text}");
    }

    #[test]
    fn one_mistake_of_each_processor_is_one_line() {
        let old = cpc_package(1, &vec![vec![0]; 15]);
        let one = |n: u8| {
            let name = format!("C{n:03}").into_bytes();
            let name: [u8; 4] = name.try_into().unwrap();
            device(&name, &[&b"\x08_CPC"[..], &old].concat())
        };
        let all: Vec<u8> = (0..48).flat_map(one).collect();
        let findings = check(&pcct(&[1]).ssdt(&all).build());
        let target = Target::Linux7;
        let verdict = Verdict::of(findings.iter(), target, false);
        let (open, accepted, unused) = (&findings, &[][..], Vec::new());
        let report = Report { open, accepted, unused, target, verdict };
        let text = report.text(Style::default());
        assert!(text.contains("and:  47 other processors"), "{text}");
        assert!(text.contains("48 Linux errors"), "{text}");
    }

    /// A processor whose 21 registers lie behind a region of 32 bytes.
    fn outside(n: u8) -> Vec<u8> {
        let name = format!("C{n:03}");
        let one = register(0, 0x40, 32);
        let registers: Vec<_> = (0..21).map(|_| buffer(&one)).collect();
        let cpc = cpc_package(3, &registers);
        let name: &[u8; 4] = name.as_bytes().try_into().unwrap();
        device(name, &[&b"\x08_CPC"[..], &cpc].concat())
    }
}
