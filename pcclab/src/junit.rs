//! Results as JUnit's XML, which most continuous integration reads.
//!
//! Writes text; does no I/O.

use std::fmt::Write as _;

use crate::exchange::Step;
use crate::ktap::Status;
use crate::run::{Verdict, exit};

/// The results of a run named `suite`. A verdict that no test accounts for (a
/// panic, a hang, a claim that the log does not bear out) is a test of its own.
pub fn xml(suite: &str, steps: &[Step], verdict: &Verdict) -> String {
    let tests: Vec<_> = steps
        .iter()
        .filter_map(|step| Some((step, &step.test.as_ref()?.1)))
        .collect();
    let failures = |step: &Step| {
        matches!(step.status, Some(Status::Failed | Status::Unexpected(_)))
    };
    let failed = tests.iter().filter(|(step, _)| failures(step)).count();
    let bad = verdict.code != exit::PASS;
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        out,
        "<testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\">",
        escape(suite),
        tests.len() + 1,
        failed,
        u8::from(bad && failed == 0),
    );
    for (step, name) in tests {
        let _ = write!(
            out,
            "  <testcase classname=\"{}\" name=\"{}\"",
            escape(suite),
            escape(name)
        );
        let remarks = escape(&step.remarks.join("\n"));
        let inside = match &step.status {
            Some(Status::Failed) => {
                format!("<failure>{remarks}</failure>")
            }
            Some(Status::Unexpected(why)) => format!(
                "<failure message=\"passes, though known to fail: {}\"/>",
                escape(why)
            ),
            Some(Status::Known(why) | Status::Skipped(why)) => {
                format!("<skipped message=\"{}\"/>", escape(why))
            }
            _ => String::new(),
        };
        out.push_str(&match inside.as_str() {
            "" => "/>\n".to_owned(),
            inside => format!(">{inside}</testcase>\n"),
        });
    }
    let _ = write!(
        out,
        "  <testcase classname=\"{}\" name=\"the run\"",
        escape(suite)
    );
    out.push_str(&match bad && failed == 0 {
        true => {
            format!("><error>{}</error></testcase>\n", escape(&verdict.text))
        }
        false => "/>\n".to_owned(),
    });
    out.push_str("</testsuite>\n");
    out
}

/// Text as XML has it; what XML cannot hold becomes a question mark.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(c),
            c if c < ' ' || matches!(c, '\u{fffe}' | '\u{ffff}') => {
                out.push('?')
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::Script;

    fn of(lines: &[&str], code: u8) -> String {
        let mut script = Script::default();
        script.line("KTAP version 1");
        for line in lines {
            script.line(line);
        }
        let verdict = Verdict::new(code, "why <it> ended".to_owned());
        xml("cppc", &script.steps(), &verdict)
    }

    #[test]
    fn results_become_cases() {
        let lines = [
            "1..4",
            "ok 1 a \"good\" one",
            "# expected 1 & got 2\u{1b}",
            "not ok 2 bad",
            "not ok 3 old # TODO a bug",
            "ok 4 odd # TODO a bug",
        ];
        let text = of(&lines, exit::FAIL);
        for part in [
            "tests=\"5\" failures=\"2\" errors=\"0\"",
            "name=\"a &quot;good&quot; one\"/>",
            "<failure>expected 1 &amp; got 2?</failure>",
            "<skipped message=\"a bug\"/>",
            "though known to fail: a bug",
            "name=\"the run\"/>",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn a_run_without_a_failing_test_may_fail() {
        let text = of(&["1..1", "ok 1 a"], exit::HANG);
        assert!(text.contains("errors=\"1\""), "{text}");
        assert!(text.contains("<error>why &lt;it&gt; ended</error>"), "{text}");
        assert!(of(&["1..1", "ok 1 a"], exit::PASS).contains("errors=\"0\""));
    }
}
