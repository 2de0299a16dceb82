//! Findings that were looked at and accepted, with reasons.
//!
//! A JSON file: a list of objects with `rule`, `reason`, and optionally
//! `subject` (as printed in the finding; without it all of the rule).

use serde::Deserialize;

use super::Finding;

/// One accepted kind of finding.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accepted {
    /// Id of the rule.
    pub rule: String,
    /// The finding's subject; none for all of the rule.
    pub subject: Option<String>,
    /// Why it is accepted.
    pub reason: String,
}

impl Accepted {
    /// The finding is meant.
    pub fn covers(&self, finding: &Finding) -> bool {
        self.rule.eq_ignore_ascii_case(finding.rule.id)
            && self.subject.as_ref().is_none_or(|s| *s == finding.subject)
    }
}

/// Reads the file.
///
/// ```
/// let text = r#"[{"rule": "PCCT-084", "reason": "our driver knows it"}]"#;
/// assert_eq!(acpi_tools::check::accepted::parse(text).unwrap().len(), 1);
/// ```
///
/// # Errors
/// When it is not of that form, names a rule that does not exist, or gives
/// no reason.
pub fn parse(text: &str) -> Result<Vec<Accepted>, String> {
    let list: Vec<Accepted> =
        serde_json::from_str(text).map_err(|error| error.to_string())?;
    for (n, accepted) in list.iter().enumerate() {
        if super::rule(&accepted.rule).is_none() {
            return Err(format!(
                "entry {}: there is no rule {}; acpi-tools explain lists them",
                n + 1,
                accepted.rule
            ));
        }
        if accepted.reason.trim().is_empty() {
            return Err(format!(
                "entry {}: {} is accepted without a reason; say why",
                n + 1,
                accepted.rule
            ));
        }
    }
    Ok(list)
}

/// Splits findings into those that count and those that were accepted, each
/// with its reason; and the entries that nothing needed.
pub fn split(
    findings: Vec<Finding>,
    list: &[Accepted],
) -> (Vec<Finding>, Vec<(Finding, &str)>, Vec<&Accepted>) {
    let mut open = Vec::new();
    let mut done = Vec::new();
    let mut used = vec![false; list.len()];
    for finding in findings {
        match list.iter().position(|accepted| accepted.covers(&finding)) {
            Some(n) => {
                used[n] = true;
                done.push((finding, list[n].reason.as_str()));
            }
            None => open.push(finding),
        }
    }
    let unused = list.iter().zip(used).filter(|(_, used)| !used);
    (open, done, unused.map(|(accepted, _)| accepted).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_files_say_what_to_do() {
        for (text, wanted) in [
            ("{}", "expected a sequence"),
            (r#"[{"rule": "PCCT-999", "reason": "x"}]"#, "no rule PCCT-999"),
            (r#"[{"rule": "PCCT-084", "reason": " "}]"#, "without a reason"),
            (r#"[{"rule": "PCCT-084"}]"#, "missing field `reason`"),
            (r#"[{"rule": "PCCT-084", "reson": "x"}]"#, "unknown field"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(wanted), "{error}");
        }
    }
}
