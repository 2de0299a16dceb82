//! Rules, and what they find.
//!
//! A rule is data: id, severity, paragraph, explanation, fix, and a function
//! over the facts. Rules read facts and add findings; they print nothing and
//! know no other rule.

pub mod accepted;
mod rule;
mod rules;

use std::collections::HashMap;

use self::rule::Sink;
pub use self::rule::{Effect, Finding, KERNELS, Rule, Severity, Target};
use crate::platform::{Facts, Platform};

/// All rules, by id.
///
/// ```
/// let ids: Vec<_> = acpi_tools::check::rules().map(|rule| rule.id).collect();
/// assert!(ids.contains(&"PCCT-051"));
/// ```
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    let mut all: Vec<_> = rules::ALL.iter().flat_map(|part| *part).collect();
    all.sort_by_key(|rule| rule.id);
    all.into_iter()
}

/// The rule with that id.
pub fn rule(id: &str) -> Option<&'static Rule> {
    rules().find(|rule| rule.id.eq_ignore_ascii_case(id))
}

/// Judges a platform by all rules, for every target.
///
/// ```
/// use acpi_tools::{check, platform::Platform};
/// let mut platform = Platform::default();
/// platform.add("x", "x", b"PCCT\x30\0\0\0".repeat(6)).unwrap();
/// let ids: Vec<_> =
///     check::check(&platform).iter().map(|found| found.rule.id).collect();
/// assert!(ids.contains(&"PCCT-002"));
/// ```
pub fn check(platform: &Platform) -> Vec<Finding> {
    check_facts(&Facts::of(platform))
}

/// As [`check`], with facts that were read before.
pub fn check_facts(facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    for rule in rules() {
        let mut sink = Sink { rule, findings: Vec::new() };
        (rule.check)(facts, &mut sink);
        findings.extend(sink.findings);
    }
    findings
}

/// The verdict over findings that were not accepted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Number of findings by severity for the target.
    pub counts: HashMap<Severity, usize>,
    /// Findings that make the exit status 1.
    pub fatal: usize,
}

impl Verdict {
    /// Counts. With `strict`, warnings are fatal.
    pub fn of<'f>(
        findings: impl Iterator<Item = &'f Finding>,
        target: Target,
        strict: bool,
    ) -> Verdict {
        let mut verdict = Verdict::default();
        for finding in findings.filter(|found| found.concerns(target)) {
            let severity = finding.severity(target);
            *verdict.counts.entry(severity).or_default() += finding.count();
            let fatal = match severity {
                Severity::Error | Severity::Linux => true,
                Severity::Warning => strict,
                Severity::Info => false,
            };
            verdict.fatal += if fatal { finding.count() } else { 0 };
        }
        verdict
    }

    /// How many of that severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.counts.get(&severity).copied().unwrap_or(0)
    }
}

/// What a kernel does with the table: the worst of its findings.
pub fn linux<'f>(
    findings: impl Iterator<Item = &'f Finding>,
    kernel: Target,
) -> Effect {
    findings
        .filter(|finding| {
            finding.kernels.contains(&kernel) && finding.concerns(kernel)
        })
        .map(|finding| finding.effect)
        .max()
        .unwrap_or(Effect::None)
}

#[cfg(test)]
mod tests;
