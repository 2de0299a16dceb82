//! Bugs that Linux had: which test of which platform shows each, and whether
//! a kernel has it.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::matrix::{Cell, Wanted};
use crate::platform::Mode;
use crate::table;
use crate::verdict::TestStatus;

/// A bug that a kernel had, and what shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Regression {
    /// A name for it; `tests/broken/list` brings it back under that name.
    pub name: String,
    /// What goes wrong for whom, in a sentence.
    pub bug: String,
    /// File and function in Linux.
    pub code: String,
    /// Who had it until when.
    pub mended: String,
    /// The platform whose test shows it.
    pub platform: String,
    /// The mode that it is shown in.
    pub mode: Mode,
    /// The test of that platform that fails with it, at the top.
    pub test: String,
}

/// All there are, in the order of the code they are in.
///
/// # Errors
/// Never, but by a mistake in the file that this was built with.
pub fn pack() -> Result<Vec<Regression>> {
    serde_json::from_str(include_str!("../regressions.json"))
        .context("the pack of regressions that pcclab was built with")
}

/// Whether a kernel has a bug.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "finding", content = "why", rename_all = "kebab-case")]
pub enum Finding {
    /// The test passed.
    Absent,
    /// The test failed, or is written down as known to fail, and why.
    Present(String),
    /// The test was not done.
    NotShown(String),
}

impl Finding {
    /// For a cell of the table.
    pub fn text(&self) -> &'static str {
        match self {
            Finding::Absent => "absent",
            Finding::Present(_) => "PRESENT",
            Finding::NotShown(_) => "not shown",
        }
    }

    /// Why, if there is something to say.
    pub fn why(&self) -> Option<&str> {
        match self {
            Finding::Absent => None,
            Finding::Present(why) | Finding::NotShown(why) => Some(why),
        }
    }
}

impl Regression {
    /// Whether this is the run that shows it.
    pub fn is_shown_by(&self, wanted: &Wanted) -> bool {
        wanted.platform == self.platform && wanted.mode == self.mode
    }

    /// What the runs on a kernel say of it.
    pub fn finding(&self, kernel: &str, cells: &[Cell]) -> Finding {
        let cell = cells.iter().find(|cell| {
            cell.kernel == kernel
                && cell.platform == self.platform
                && cell.mode == self.mode
        });
        let Some(Cell { verdict, .. }) = cell else {
            return Finding::NotShown("it was not run".to_owned());
        };
        let test = verdict
            .tests
            .iter()
            .find(|test| test.depth == 0 && test.name == self.test);
        let Some(test) = test else {
            return Finding::NotShown(verdict.text.clone());
        };
        match test.status {
            TestStatus::Passed | TestStatus::Unexpected => Finding::Absent,
            TestStatus::Skipped => Finding::NotShown(test.reason.clone()),
            TestStatus::Known => Finding::Present(test.reason.clone()),
            TestStatus::Failed => {
                let remark = test.remarks.first().map_or("", String::as_str);
                Finding::Present(remark.trim_start_matches("# ").to_owned())
            }
        }
    }
}

/// The table: a bug a row, a kernel a column, no wider than so many columns.
pub fn text(
    pack: &[Regression],
    kernels: &[String],
    cells: &[Cell],
    width: Option<u16>,
) -> String {
    let head = ["bug".to_owned()].into_iter().chain(kernels.iter().cloned());
    let mut rows = vec![head.chain(["what it is".to_owned()]).collect()];
    rows.extend(pack.iter().map(|one| {
        let mut row = vec![one.name.clone()];
        row.extend(
            kernels
                .iter()
                .map(|kernel| one.finding(kernel, cells).text().to_owned()),
        );
        row.push(one.bug.clone());
        row
    }));
    table::lines(&rows, width)
}

/// What is to be known of what is not absent, a line each.
pub fn remarks(
    pack: &[Regression],
    kernels: &[String],
    cells: &[Cell],
) -> Vec<String> {
    let mut lines = Vec::new();
    for one in pack {
        for kernel in kernels {
            let finding = one.finding(kernel, cells);
            if let Some(why) = finding.why() {
                let Regression { name, code, mended, test, .. } = one;
                let said =
                    if why.is_empty() { "no more is known" } else { why };
                lines.push(match finding {
                    Finding::Present(_) => format!(
                        "{kernel}: {name}: {code}; {mended}; the test \
                         \"{test}\" of {}: {said}",
                        one.platform
                    ),
                    _ => format!("{kernel}: {name}: {said}"),
                });
            }
        }
    }
    lines
}

/// The same for programs.
pub fn json(
    pack: &[Regression],
    kernels: &[String],
    cells: &[Cell],
) -> serde_json::Value {
    let rows = pack.iter().map(|one| {
        let on = kernels.iter().map(|kernel| {
            (kernel.clone(), serde_json::json!(one.finding(kernel, cells)))
        });
        let mut row = serde_json::json!(one);
        row["kernels"] = on.collect::<serde_json::Map<_, _>>().into();
        row
    });
    rows.collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::verdict::{TestResult, Verdict, exit};

    fn cell(status: TestStatus, remarks: &[&str]) -> Cell {
        let mut verdict = Verdict::new(exit::PASS, "PASS".to_owned());
        verdict.tests = vec![TestResult {
            name: "one".to_owned(),
            depth: 0,
            status,
            reason: "because".to_owned(),
            remarks: remarks.iter().map(|one| (*one).to_owned()).collect(),
            time_ms: 0,
        }];
        Cell {
            kernel: "7.x".to_owned(),
            driver: String::new(),
            platform: "fan".to_owned(),
            mode: Mode::Irq,
            verdict,
            left_out: Vec::new(),
            logs: None,
        }
    }

    fn regression(test: &str) -> Regression {
        let text = str::to_owned;
        Regression {
            name: text("forgets"),
            bug: text("it forgets"),
            code: text("fan.c, fan_probe()"),
            mended: text("7.1"),
            platform: text("fan"),
            mode: Mode::Irq,
            test: text(test),
        }
    }

    #[test]
    fn a_test_says_whether_a_kernel_has_it() {
        let is = |test, status, remarks: &[&str]| {
            regression(test).finding("7.x", &[cell(status, remarks)])
        };
        use Finding::*;
        assert_eq!(is("one", TestStatus::Passed, &[]), Absent);
        assert_eq!(is("one", TestStatus::Unexpected, &[]), Absent);
        let why = "because".to_owned();
        assert_eq!(is("one", TestStatus::Known, &[]), Present(why.clone()));
        assert_eq!(is("one", TestStatus::Skipped, &[]), NotShown(why));
        let said = is("one", TestStatus::Failed, &["# expected 1, got 2"]);
        assert_eq!(said, Present("expected 1, got 2".to_owned()));
        let none = is("two", TestStatus::Passed, &[]);
        assert_eq!(none, NotShown("PASS".to_owned()));
        let other = regression("one").finding("6.12", &[]);
        assert_eq!(other, NotShown("it was not run".to_owned()));
    }

    #[test]
    fn the_table_names_what_is_there() {
        let (pack, kernels) = ([regression("one")], ["7.x".to_owned()]);
        let cells = [cell(TestStatus::Failed, &["# late"])];
        let table = text(&pack, &kernels, &cells, None);
        assert!(table.contains("forgets  PRESENT  it forgets"), "{table}");
        assert_eq!(
            remarks(&pack, &kernels, &cells),
            [
                "7.x: forgets: fan.c, fan_probe(); 7.1; the test \"one\" of fan: \
              late"
            ]
        );
        let all = json(&pack, &kernels, &cells);
        assert_eq!(all[0]["kernels"]["7.x"]["finding"], "present");
    }

    #[test]
    fn the_pack_can_be_read_and_names_each_once() {
        let pack = pack().unwrap();
        let names: HashSet<_> = pack.iter().map(|one| &one.name).collect();
        assert_eq!(names.len(), pack.len());
    }
}
