//! Kernels × platforms: each platform in each of its modes on each kernel,
//! several guests at a time, and the table of what came out.

mod cell;
pub mod page;
mod print;

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Result;

use crate::config::Config;
use crate::kernel::Kernel;
use crate::lab::{self, KERNELS, Lab};
use crate::logs::Logs;
use crate::machine::Machine;
use crate::platform::{Mode, Platform, short};
use crate::report;
use crate::run::{Output, run};
use crate::verdict::{Verdict, exit};

pub use cell::{Cell, Wanted};
pub use print::{json, markdown, text};

/// How each run is done.
#[derive(Clone, Debug)]
pub struct Options {
    /// Leave out what takes the platforms' tests long.
    pub quick: bool,
    /// How long each may take.
    pub limit: Duration,
    /// Guests at a time.
    pub jobs: usize,
    /// Words for the kernels' command lines.
    pub append: String,
    /// Modules to load instead of what the platforms need, each with its
    /// parameters.
    pub modules: Vec<(PathBuf, String)>,
    /// Folder of saved machines; without it each run is cold.
    pub warm: Option<PathBuf>,
    /// Folder for the logs, one folder a run. Those of what passed are
    /// removed.
    pub logs: PathBuf,
}

/// A kernel, by the name it has in the table.
#[derive(Clone, Debug)]
pub struct Column {
    /// The name.
    pub name: String,
    /// The kernel itself.
    pub kernel: Kernel,
    path: PathBuf,
}

impl Column {
    /// What `--kernel` names.
    ///
    /// # Errors
    /// When there is none there.
    pub fn of(path: &Path) -> Result<Column> {
        let kernel = lab::kernel(Some(path))?;
        let named = path.to_str().filter(|name| {
            KERNELS.iter().any(|(known, _)| known == name) && !path.exists()
        });
        let name = named.or(kernel.release()).map(str::to_owned);
        let name = name.unwrap_or_else(|| path.display().to_string());
        Ok(Column { name, path: path.to_owned(), kernel })
    }
}

/// The kernels of the lab that were built, but for the debug kernel.
pub fn kernels() -> Vec<PathBuf> {
    let built = lab::built();
    KERNELS
        .iter()
        .filter(|(name, _)| *name != "debug")
        .filter(|(_, suffix)| built.contains_key(&format!("KERNEL{suffix}")))
        .map(|(name, _)| PathBuf::from(name))
        .collect()
}

/// One run to be done.
#[derive(Clone, Debug)]
pub struct Task<'a> {
    /// What it is.
    pub wanted: Wanted,
    /// The platform's name or folder.
    platform: &'a str,
    column: &'a Column,
}

/// Every platform in every mode on every kernel, in the order of the table.
///
/// # Errors
/// When a platform cannot be read.
pub fn tasks<'a>(
    columns: &'a [Column],
    platforms: &'a [String],
) -> Result<Vec<Task<'a>>> {
    let mut tasks = Vec::new();
    for name in platforms {
        let platform = Platform::load(name)?;
        for &mode in platform.modes() {
            tasks.extend(columns.iter().map(|column| Task {
                wanted: Wanted {
                    kernel: column.name.clone(),
                    driver: platform.driver.clone(),
                    platform: short(name).to_owned(),
                    mode,
                },
                platform: name,
                column,
            }));
        }
    }
    Ok(tasks)
}

/// Runs them; `each` is told of each as it ends, in no order. The result is in
/// the order of the tasks; after Ctrl-C those are missing that did not begin.
/// What goes wrong in a run is its verdict.
pub fn run_all(
    tasks: &[Task<'_>],
    options: &Options,
    each: impl Fn(&Cell) + Sync,
) -> Vec<Cell> {
    let next = AtomicUsize::new(0);
    let cells = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..options.jobs.min(tasks.len()) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(task) = tasks.get(at) else { break };
                    if crate::interrupted() {
                        break;
                    }
                    let (mode, column) = (task.wanted.mode, task.column);
                    let cell = cell(task.platform, mode, column, options);
                    each(&cell);
                    if let Ok(mut cells) = cells.lock() {
                        cells.push((at, cell));
                    }
                }
            });
        }
    });
    let mut cells = cells.into_inner().unwrap_or_default();
    cells.sort_by_key(|(at, _)| *at);
    cells.into_iter().map(|(_, cell)| cell).collect()
}

/// One run, of the platform of this name or in this folder.
pub fn cell(
    name: &str,
    mode: Mode,
    column: &Column,
    options: &Options,
) -> Cell {
    let short = short(name);
    let logs = options.logs.join(format!(
        "{}-{short}-{}",
        column.name.replace('/', "_"),
        mode.name()
    ));
    let (verdict, left_out) = one(name, mode, column, options, &logs)
        .unwrap_or_else(|error| {
            (Verdict::new(exit::TROUBLE, format!("{error:#}")), Vec::new())
        });
    let keep = verdict.code != exit::PASS && verdict.missing.is_empty();
    if !keep {
        let _ = std::fs::remove_dir_all(&logs);
    }
    let driver = Platform::load(name).map(|it| it.driver);
    let mut verdict = verdict;
    verdict.logs = keep.then(|| logs.clone());
    let cell = Cell {
        kernel: column.name.clone(),
        driver: driver.unwrap_or_default(),
        platform: short.to_owned(),
        mode,
        verdict,
        left_out,
        logs: keep.then_some(logs),
    };
    if let Some(logs) = &cell.logs {
        report::leave(logs, &cell.name(), &cell.verdict);
    }
    cell
}

type Parts = Vec<(String, String)>;

fn one(
    name: &str,
    mode: Mode,
    column: &Column,
    options: &Options,
    logs: &Path,
) -> Result<(Verdict, Parts)> {
    let names = [name.to_owned()];
    let machine = Machine::on_kernel(&names, Some(mode), Some(&column.kernel))?;
    let left_out = machine.left_out.clone();
    if let Some(unfit) = machine.unfit(&column.kernel) {
        return Ok((unfit, left_out));
    }
    let unbuilt = lab::unbuilt(Some(&column.path), &machine.modules)?;
    if !unbuilt.is_empty() {
        return Ok((Verdict::unbuilt(&unbuilt), left_out));
    }
    let logs = Logs::open(Some(logs))?;
    let drivers: Vec<_> = machine.modules.iter().map(String::as_str).collect();
    let modules: Vec<_> =
        options.modules.iter().map(|(path, _)| path.clone()).collect();
    let lab = Lab::with_drivers(Some(&column.path), &modules, &drivers)?;
    let mut config = Config {
        quick: options.quick,
        parameters: options.modules.clone(),
        limit: options.limit,
        append: options.append.clone(),
        warm: options.warm.clone(),
        ..Config::new(lab, logs.path(), &[])
    };
    machine.fit(&mut config);
    let contract = machine.enter(&mut config, &[])?;
    let output = Output {
        quiet: true,
        ktap: Some(logs.path().join("ktap.log")),
        ..Output::default()
    };
    Ok((run(config, &output, &contract)?, left_out))
}

/// The exit code of all together: the worst, a hang being worse than a panic,
/// a run without a result better than a failure.
pub fn code(cells: &[Cell]) -> u8 {
    let bad = || cells.iter().filter(|cell| !cell.fine());
    match bad().map(|cell| cell.verdict.code).min() {
        _ if cells.iter().all(|cell| !cell.verdict.missing.is_empty()) => {
            exit::TROUBLE
        }
        None => exit::PASS,
        Some(_) => {
            let real = |code: &u8| *code < exit::TROUBLE;
            // What went wrong says more than what is missing.
            bad()
                .map(|cell| cell.verdict.code)
                .filter(real)
                .max_by_key(|&code| (code != exit::NO_RESULT, code))
                .unwrap_or(exit::TROUBLE)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(kernel: &str, platform: &str, verdict: Verdict) -> Cell {
        Cell {
            kernel: kernel.to_owned(),
            driver: format!("acme-{platform}"),
            platform: platform.to_owned(),
            mode: Mode::Irq,
            verdict,
            left_out: Vec::new(),
            logs: None,
        }
    }

    fn passed(passed: usize, known: usize) -> Verdict {
        let mut verdict = Verdict::new(exit::PASS, "PASS".to_owned());
        (verdict.passed, verdict.known) = (passed, known);
        verdict.total = Duration::from_millis(1250);
        verdict
    }

    #[test]
    fn a_table_is_made_of_cells() {
        let fail = Verdict::new(exit::FAIL, "FAIL".to_owned());
        let cells = [
            cell("a", "fan", passed(3, 0)),
            cell("b", "fan", Verdict::missing(&["FAN".to_owned()])),
            cell("a", "pump", passed(2, 1)),
            cell("b", "pump", fail),
        ];
        assert_eq!(
            markdown(&cells),
            "| driver | platform | a | b |\n\
             |---|---|---|---|\n\
             | acme-fan | fan irq | pass | no FAN |\n\
             | acme-pump | pump irq | pass, 1 known to fail | FAIL |\n"
        );
        let text = text(&cells, None);
        assert!(text.contains("pass (1.2 s)"), "{text}");
        assert!(text.contains("no FAN\n"), "{text}");
        assert_eq!(json(&cells)[2]["known"], 1);
    }

    #[test]
    fn the_worst_decides() {
        let of = |codes: &[u8]| {
            let cells: Vec<_> = codes
                .iter()
                .map(|&code| cell("k", "p", Verdict::new(code, String::new())))
                .collect();
            code(&cells)
        };
        assert_eq!(of(&[0, 0]), exit::PASS);
        assert_eq!(of(&[0, 1, 125]), exit::FAIL);
        assert_eq!(of(&[3, 1, 4]), exit::HANG);
        assert_eq!(of(&[0, 125]), exit::TROUBLE);
        assert_eq!(of(&[0, 125, 2]), exit::NO_RESULT);
        assert_eq!(of(&[2, 1, 2]), exit::FAIL);
        let lacks = || Verdict::missing(&["X".to_owned()]);
        assert_eq!(code(&[cell("k", "p", lacks())]), exit::TROUBLE);
        let cells = [cell("k", "p", lacks()), cell("k", "q", passed(1, 0))];
        assert_eq!(code(&cells), exit::PASS);
    }
}
