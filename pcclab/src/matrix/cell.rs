//! One run of a matrix.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::platform::Mode;
use crate::verdict::{Verdict, exit};

/// A run that is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// The kernel's name in the table.
    pub kernel: String,
    /// Whom it tests.
    pub driver: String,
    /// The platform.
    pub platform: String,
    /// Its mode.
    pub mode: Mode,
}

impl Wanted {
    /// What it is called among others: kernel, platform, mode.
    pub fn name(&self) -> String {
        format!("{} {} {}", self.kernel, self.platform, self.mode.name())
    }
}

/// One run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cell {
    /// The kernel's name in the table.
    pub kernel: String,
    /// Whom it tests.
    pub driver: String,
    /// The platform.
    pub platform: String,
    /// Its mode.
    pub mode: Mode,
    /// How it went.
    pub verdict: Verdict,
    /// Parts of the platform that were left out, with the options they need.
    pub left_out: Vec<(String, String)>,
    /// Where the logs are, if they were kept.
    pub logs: Option<PathBuf>,
}

impl Cell {
    /// A run with this verdict.
    pub fn of(wanted: &Wanted, verdict: Verdict) -> Cell {
        Cell {
            kernel: wanted.kernel.clone(),
            driver: wanted.driver.clone(),
            platform: wanted.platform.clone(),
            mode: wanted.mode,
            logs: verdict.logs.clone(),
            verdict,
            left_out: Vec::new(),
        }
    }

    /// Whether nothing went wrong: it passed, or the kernel has no driver.
    pub fn fine(&self) -> bool {
        self.verdict.code == exit::PASS || !self.verdict.missing.is_empty()
    }

    /// What it is called among others.
    pub fn name(&self) -> String {
        format!("{} {}", self.kernel, self.row())
    }

    /// What its row is called.
    pub(super) fn row(&self) -> String {
        format!("{} {}", self.platform, self.mode.name())
    }

    /// What stands in the table.
    pub(super) fn text(&self) -> String {
        let verdict = &self.verdict;
        if !verdict.missing.is_empty() {
            return format!("no {}", verdict.missing.join(", "));
        }
        match verdict.code {
            exit::PASS => match verdict.known {
                0 => "pass".to_owned(),
                known => format!("pass, {known} known to fail"),
            },
            exit::FAIL => "FAIL".to_owned(),
            exit::NO_RESULT => "no result".to_owned(),
            exit::PANIC => "PANIC".to_owned(),
            exit::HANG => "HANG".to_owned(),
            _ => "trouble".to_owned(),
        }
    }
}
