//! What a run amounts to.

use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::conduct::Break;
use crate::exchange::Step;
use crate::ktap::Status;

/// Exit codes of `pcclab run`; `git bisect run` skips a revision on 125.
pub mod exit {
    /// The command succeeded.
    pub const PASS: u8 = 0;
    /// The command or one of its tests failed.
    pub const FAIL: u8 = 1;
    /// Of a matrix in parts: a run has no result.
    pub const NO_RESULT: u8 = 2;
    /// Panic, oops, lockdep or KASAN report.
    pub const PANIC: u8 = 3;
    /// It did not end in time.
    pub const HANG: u8 = 4;
    /// Somebody pressed Ctrl-C.
    pub const INTERRUPTED: u8 = 130;
    /// Our own trouble: missing file, missing kernel option.
    pub const TROUBLE: u8 = 125;
    /// Wrong usage, at which `git bisect run` stops.
    pub const USAGE: u8 = 129;
}

/// A verdict: an exit code and the sentence that goes with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// One of [`exit`].
    pub code: u8,
    /// One line; more only when a program's last words follow.
    pub text: String,
    /// Why it is no pass, as far as the text does not say it.
    pub reasons: Vec<String>,
    /// The tests of the guest.
    pub tests: Vec<TestResult>,
    /// How many passed, of those at the top.
    pub passed: usize,
    /// How many failed.
    pub failed: usize,
    /// How many failed as known.
    pub known: usize,
    /// How many were skipped.
    pub skipped: usize,
    /// The rules of conduct that the driver broke.
    pub conduct: Vec<Break>,
    /// Options that the kernel lacks.
    pub missing: Vec<String>,
    /// Whether the run started from a saved machine.
    pub warm: bool,
    /// From start to the command's first line.
    pub boot: Option<Duration>,
    /// From start to end.
    pub total: Duration,
    /// What was the first to go wrong, if it did, and is not in the text.
    pub first: Option<String>,
    /// The folder of the logs, if it was kept.
    pub logs: Option<PathBuf>,
    /// The link at which a message's way broke, if its logs were looked at.
    pub broken: Option<String>,
}

impl Verdict {
    /// One that was reached without a guest.
    pub fn new(code: u8, text: String) -> Verdict {
        Verdict {
            code,
            text,
            reasons: Vec::new(),
            tests: Vec::new(),
            passed: 0,
            failed: 0,
            known: 0,
            skipped: 0,
            conduct: Vec::new(),
            missing: Vec::new(),
            warm: false,
            boot: None,
            total: Duration::ZERO,
            first: None,
            logs: None,
            broken: None,
        }
    }

    /// A kernel that lacks these options.
    pub fn missing(options: &[String]) -> Verdict {
        let names: Vec<_> =
            options.iter().map(|o| format!("CONFIG_{o}")).collect();
        Verdict {
            missing: options.to_vec(),
            ..Verdict::new(
                exit::TROUBLE,
                format!(
                    "this kernel lacks {}; guest-scripts/kernel.config has \
                     what a guest needs",
                    names.join(", ")
                ),
            )
        }
    }

    /// Of a kernel that is without these things, each with the reason.
    pub fn without(things: &[(String, String)]) -> Verdict {
        let texts = things.iter().map(|(thing, why)| format!("{thing}: {why}"));
        Verdict {
            missing: things.iter().map(|(thing, _)| thing.clone()).collect(),
            ..Verdict::new(
                exit::TROUBLE,
                format!(
                    "this kernel has no {}",
                    texts.collect::<Vec<_>>().join("; no ")
                ),
            )
        }
    }

    /// Of a kernel that these drivers of `guest-scripts/` are not built for.
    pub fn unbuilt(drivers: &[String]) -> Verdict {
        Verdict {
            missing: drivers.to_vec(),
            ..Verdict::new(
                exit::TROUBLE,
                format!(
                    "not built for this kernel: {}; guest-scripts/README.md \
                     says how",
                    drivers.join(", ")
                ),
            )
        }
    }
}

/// How one test of the guest ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TestStatus {
    /// It passed.
    Passed,
    /// It failed.
    Failed,
    /// It was not done.
    Skipped,
    /// It failed, as is written down.
    Known,
    /// It passed, though it was written down that it fails: a failure.
    Unexpected,
}

/// One test of the guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TestResult {
    /// Its name.
    pub name: String,
    /// How deep it is nested, 0 at the top.
    pub depth: usize,
    /// How it ended.
    pub status: TestStatus,
    /// Why it was skipped, or is known to fail.
    pub reason: String,
    /// What the guest said during the test, and what pccd knows of it.
    pub remarks: Vec<String>,
    /// From the result before to this, in milliseconds.
    pub time_ms: u64,
}

impl TestResult {
    /// The result that a step of the guest's script ended with.
    pub fn of(step: &Step) -> Option<TestResult> {
        let (_, name) = step.test.as_ref()?;
        let (status, reason) = match step.status.as_ref()? {
            Status::Passed => (TestStatus::Passed, ""),
            Status::Failed => (TestStatus::Failed, ""),
            Status::Skipped(why) => (TestStatus::Skipped, why.as_str()),
            Status::Known(why) => (TestStatus::Known, why.as_str()),
            Status::Unexpected(why) => (TestStatus::Unexpected, why.as_str()),
        };
        Some(TestResult {
            name: name.clone(),
            depth: step.depth,
            status,
            reason: reason.to_owned(),
            remarks: step.remarks.clone(),
            time_ms: millis(step.time),
        })
    }

    pub(crate) fn failed(&self) -> bool {
        matches!(self.status, TestStatus::Failed | TestStatus::Unexpected)
    }
}

pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
