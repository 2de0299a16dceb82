//! The result of a run for programs: JUnit's XML, which most continuous
//! integration reads, and JSON with a schema.
//!
//! Both files are written when a run begins, as that of one that did not end,
//! and again when it has ended: what an earlier run left never survives.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use quick_junit::{
    NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite, XmlString,
};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::{Deserialize, Serialize};

use crate::verdict::{TestResult, TestStatus, Verdict, exit, millis};

/// Where results go.
#[derive(Clone, Debug, Default)]
pub struct Files {
    /// What they are the results of.
    pub name: String,
    /// JUnit's XML.
    pub junit: Option<PathBuf>,
    /// JSON.
    pub json: Option<PathBuf>,
}

impl Files {
    /// Writes that the run has not ended.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn begin(&self) -> Result<()> {
        let text = "the run was ended before it had a result";
        self.write(&Verdict::new(exit::TROUBLE, text.to_owned()))
    }

    /// Writes the result.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(&self, verdict: &Verdict) -> Result<()> {
        if let Some(path) = &self.junit {
            save(path, &junit(&self.name, &[(self.name.clone(), verdict)])?)?;
        }
        if let Some(path) = &self.json {
            let result = RunResult::of(&self.name, verdict);
            save(path, &(serde_json::to_string_pretty(&result)? + "\n"))?;
        }
        Ok(())
    }
}

/// Replaces a file by one with this text, as a whole.
///
/// # Errors
/// When it cannot be written.
pub fn save(path: &Path, text: &str) -> Result<()> {
    // What is no file, such as /dev/stdout, is written to.
    let is_plain = path.symlink_metadata().map_or(true, |m| m.is_file());
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
    let written = match (is_plain, folder.unwrap_or(Path::new("."))) {
        (true, folder) => {
            tempfile::NamedTempFile::new_in(folder).and_then(|file| {
                std::fs::write(file.path(), text)?;
                let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
                std::fs::set_permissions(file.path(), mode)?;
                file.persist(path)?;
                Ok(())
            })
        }
        (false, _) => std::fs::write(path, text),
    };
    written.with_context(|| format!("writing {}", path.display()))
}

/// A rule of conduct that the driver broke on a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConductResult {
    /// The rule.
    pub rule: String,
    /// Where it stands.
    pub paragraph: String,
    /// The channel's subspace id.
    pub subspace: u8,
    /// How often.
    pub count: u64,
    /// What was wrong the first time.
    pub first: String,
    /// Why that is accepted, if it is.
    pub accepted: Option<String>,
}

/// The result of `pcclab run`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunResult {
    /// Version of this format: 1.
    pub version: u8,
    /// What was run: the platforms' names, or "pcclab".
    pub name: String,
    /// pass, fail, panic, hang, interrupted, or trouble: ours, such as a
    /// kernel option that is missing.
    pub verdict: Cow<'static, str>,
    /// The exit status that goes with it.
    pub exit: u8,
    /// The verdict as a sentence.
    pub text: String,
    /// Why it is no pass.
    pub reasons: Vec<String>,
    /// What was the first to go wrong.
    pub first: Option<String>,
    /// How many tests passed, of those at the top.
    pub passed: usize,
    /// How many failed.
    pub failed: usize,
    /// How many failed as known.
    pub known: usize,
    /// How many were skipped.
    pub skipped: usize,
    /// The tests.
    pub tests: Vec<TestResult>,
    /// The rules that the driver broke.
    pub conduct: Vec<ConductResult>,
    /// Options that the kernel lacks.
    pub missing: Vec<String>,
    /// How it started: cold, or warm, from a saved machine.
    pub start: Cow<'static, str>,
    /// From start to the command's first line, in milliseconds.
    pub boot_ms: Option<u64>,
    /// From start to end.
    pub total_ms: u64,
    /// The folder of the logs, if it was kept.
    pub logs: Option<PathBuf>,
}

impl RunResult {
    /// The result of a run of this name.
    pub fn of(name: &str, verdict: &Verdict) -> RunResult {
        RunResult {
            version: 1,
            name: name.to_owned(),
            verdict: match verdict.code {
                exit::PASS => "pass",
                exit::FAIL => "fail",
                exit::PANIC => "panic",
                exit::HANG => "hang",
                exit::INTERRUPTED => "interrupted",
                _ => "trouble",
            }
            .into(),
            exit: verdict.code,
            text: verdict.text.clone(),
            reasons: verdict.reasons.clone(),
            first: verdict.first.clone(),
            passed: verdict.passed,
            failed: verdict.failed,
            known: verdict.known,
            skipped: verdict.skipped,
            tests: verdict.tests.clone(),
            conduct: verdict
                .conduct
                .iter()
                .map(|one| ConductResult {
                    rule: one.rule.clone().into_owned(),
                    paragraph: one.paragraph.clone().into_owned(),
                    subspace: one.subspace,
                    count: one.count,
                    first: one.first.clone(),
                    accepted: one.accepted.clone(),
                })
                .collect(),
            missing: verdict.missing.clone(),
            start: if verdict.warm { "warm" } else { "cold" }.into(),
            boot_ms: verdict.boot.map(millis),
            total_ms: millis(verdict.total),
            logs: verdict.logs.clone(),
        }
    }

    /// The JSON Schema of what `--json` writes.
    pub fn schema() -> String {
        let generator = SchemaSettings::draft2020_12().into_generator();
        let mut schema = generator.into_root_schema_for::<RunResult>();
        schema.insert("title".into(), "result of pcclab run".into());
        // Maps with text keys and plain values: nothing here can fail.
        serde_json::to_string_pretty(&schema).unwrap_or_default() + "\n"
    }
}

/// Runs as JUnit's XML, a suite each. What no test of the guest accounts for
/// (a panic, a hang, a broken rule) is a test of its own.
///
/// # Errors
/// When it cannot be written as XML.
pub fn junit(name: &str, runs: &[(String, &Verdict)]) -> Result<String> {
    let mut report = Report::new(name);
    for (name, verdict) in runs {
        let mut suite = TestSuite::new(name.as_str());
        suite.set_time(verdict.total);
        let mut accounted = false;
        for test in &verdict.tests {
            accounted |= test.failed();
            suite.add_test_case(case(name, test));
        }
        for one in &verdict.conduct {
            let case_name =
                format!("conduct: {}, subspace {}", one.rule, one.subspace);
            let mut status = match &one.accepted {
                Some(_) => TestCaseStatus::skipped(),
                None => TestCaseStatus::non_success(NonSuccessKind::Failure),
            };
            accounted |= one.accepted.is_none();
            status.set_message(one.to_string());
            let mut case = TestCase::new(case_name, status);
            case.set_classname(name.as_str());
            suite.add_test_case(case);
        }
        let status = match verdict.code {
            exit::PASS => TestCaseStatus::success(),
            _ if !verdict.missing.is_empty() => {
                let mut status = TestCaseStatus::skipped();
                status.set_message(verdict.text.as_str());
                status
            }
            exit::FAIL if accounted => TestCaseStatus::success(),
            code => {
                let kind = match code {
                    exit::FAIL => NonSuccessKind::Failure,
                    _ => NonSuccessKind::Error,
                };
                let mut status = TestCaseStatus::non_success(kind);
                status.set_message(verdict.text.as_str());
                status.set_description(
                    [std::slice::from_ref(&verdict.text), &verdict.reasons]
                        .concat()
                        .join("\n"),
                );
                status
            }
        };
        let mut case = TestCase::new("the run", status);
        case.set_classname(name.as_str());
        case.set_time(verdict.total);
        suite.add_test_case(case);
        report.add_test_suite(suite);
    }
    Ok(report.to_string()?)
}

fn case(class: &str, test: &TestResult) -> TestCase {
    let remarks = test.remarks.join("\n");
    let status = match test.status {
        TestStatus::Passed => TestCaseStatus::success(),
        TestStatus::Failed | TestStatus::Unexpected => {
            let mut status =
                TestCaseStatus::non_success(NonSuccessKind::Failure);
            if test.status == TestStatus::Unexpected {
                status.set_message(format!(
                    "passes, though known to fail: {}",
                    test.reason
                ));
            }
            status.set_description(remarks);
            status
        }
        TestStatus::Skipped | TestStatus::Known => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(test.reason.as_str());
            status
        }
    };
    let mut case = TestCase::new(XmlString::new(&test.name), status);
    case.set_classname(class);
    case.set_time(Duration::from_millis(test.time_ms));
    case
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::Script;

    fn of(lines: &[&str], code: u8) -> Verdict {
        let mut script = Script::default();
        script.line("KTAP version 1", Duration::ZERO);
        for (time, line) in (1..).zip(lines) {
            script.line(line, Duration::from_millis(time));
        }
        let steps = script.steps();
        Verdict {
            tests: steps.iter().filter_map(TestResult::of).collect(),
            ..Verdict::new(code, "why <it> ended".to_owned())
        }
    }

    fn xml(lines: &[&str], code: u8) -> String {
        junit("cppc", &[("cppc".to_owned(), &of(lines, code))]).unwrap()
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
            "ok 5 none # SKIP no such thing",
        ];
        let text = xml(&lines, exit::FAIL);
        for part in [
            "tests=\"6\" skipped=\"2\" errors=\"0\" failures=\"2\"",
            "name=\"a &quot;good&quot; one\" classname=\"cppc\" time=\"0.002\"",
            "expected 1 &amp; got 2</failure>",
            "<skipped message=\"a bug\"/>",
            "though known to fail: a bug",
            "name=\"the run\"",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn a_run_without_a_failing_test_may_fail() {
        let text = xml(&["1..1", "ok 1 a"], exit::HANG);
        assert!(text.contains("errors=\"1\""), "{text}");
        assert!(text.contains("why &lt;it&gt; ended</error>"), "{text}");
        assert!(xml(&["1..1", "ok 1 a"], exit::PASS).contains("errors=\"0\""));
    }

    #[test]
    fn what_an_earlier_run_left_does_not_survive() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name| Some(folder.path().join(name));
        let files = Files {
            name: "cppc".to_owned(),
            junit: path("a.xml"),
            json: path("a.json"),
        };
        files.write(&of(&["1..1", "ok 1 a"], exit::PASS)).unwrap();
        let read =
            |name| std::fs::read_to_string(folder.path().join(name)).unwrap();
        assert!(read("a.json").contains("\"verdict\": \"pass\""));
        files.begin().unwrap();
        assert!(read("a.xml").contains("errors=\"1\""));
        assert!(read("a.json").contains("\"exit\": 125"));
        // Nothing else is left there.
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn the_json_keeps_its_schema() {
        let schema: serde_json::Value =
            serde_json::from_str(&RunResult::schema()).unwrap();
        let verdict = of(&["1..1", "# why", "not ok 1 a"], exit::FAIL);
        let json = serde_json::to_value(RunResult::of("x", &verdict)).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let errors: Vec<_> =
            validator.iter_errors(&json).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(json["tests"][0]["remarks"][0], "why");
        assert!(!validator.is_valid(&serde_json::json!({ "version": 1 })));
    }
}
