//! `pcclab matrix` and `pcclab merge`.

use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use pcclab::log::shown;
use pcclab::logs::Logs;
use pcclab::matrix::{self, Cell, Column};
use pcclab::parts::merge as parts;
use pcclab::parts::{Plan, Results};
use pcclab::report;
use pcclab::result::{junit, save};
use pcclab::table::terminal_width;
use pcclab::verdict::{Verdict, exit};
use pcclab::{catch_interrupts, interrupted, lab, platform, say, tell};

use crate::cli;

/// `pcclab matrix`.
pub fn run(options: cli::Matrix) -> Result<u8> {
    let start = Instant::now();
    let kernels = match options.kernels.is_empty() {
        true => matrix::kernels(),
        false => options.kernels,
    };
    if kernels.is_empty() {
        bail!("no kernel is built yet: run `make lab`, or give --kernel");
    }
    let columns: Vec<_> = kernels
        .iter()
        .map(|kernel| Column::of(kernel))
        .collect::<Result<_>>()?;
    let platforms = match options.platforms.is_empty() {
        true => platform::names()?,
        false => options.platforms,
    };
    let processors =
        std::thread::available_parallelism().map_or(1, usize::from);
    begin(options.junit.as_deref())?;
    let logs = Logs::open(options.logs.as_deref())?;
    let settings = matrix::Options {
        quick: options.quick,
        limit: Duration::from_secs(options.timeout),
        jobs: options.jobs.map_or(processors, usize::from),
        append: options.append,
        warm: (!options.cold).then(|| lab::cache("warm")).transpose()?,
        logs: logs.path().to_owned(),
    };
    let all = matrix::tasks(&columns, &platforms)?;
    let mut mine = all.clone();
    if let Some(partition) = options.partition {
        mine.retain(|task| partition.has(&task.wanted.name()));
    }
    let results = match &options.results {
        None => None,
        Some(folder) => {
            let plan = Plan::of(&columns, &platforms, &all, &settings)?;
            let mine: Vec<_> = mine.iter().map(|t| t.wanted.clone()).collect();
            Some(Results::open(folder, plan, options.partition, &mine)?)
        }
    };
    catch_interrupts()?;
    let unwritten = Mutex::new(None);
    let cells = matrix::run_all(&mine, &settings, |cell| {
        tell_of(cell);
        let kept = results.as_ref().map_or(Ok(()), |it| it.keep(cell));
        if let (Err(error), Ok(mut unwritten)) = (kept, unwritten.lock()) {
            unwritten.get_or_insert(error);
        }
    });
    show(&cells, options.junit.as_deref(), options.format)?;
    tell(format_args!(
        "{} of {} without failure, {} guests at a time, {:.0} s",
        cells.iter().filter(|cell| cell.fine()).count(),
        cells.len(),
        settings.jobs,
        start.elapsed().as_secs_f32()
    ));
    let wanted = cells.iter().any(|cell| cell.logs.is_some());
    if logs.stays(wanted) {
        let path = logs.path().join(report::FILE);
        matrix::page::write(&cells, &path)?;
        tell(format_args!("the table, with links: {}", path.display()));
    }
    logs.close(wanted);
    if let Ok(Some(error)) = unwritten.into_inner() {
        return Err(error);
    }
    Ok(match interrupted() {
        true => exit::INTERRUPTED,
        // Of a part nothing has to be there that a kernel can do.
        false
            if options.partition.is_some() && cells.iter().all(Cell::fine) =>
        {
            exit::PASS
        }
        false => matrix::code(&cells),
    })
}

/// `pcclab merge`.
pub fn merge(options: &cli::Merge) -> Result<u8> {
    begin(options.junit.as_deref())?;
    let merged = parts::merge(&options.paths)?;
    let cells = &merged.cells;
    let lost = |cell: &&Cell| cell.verdict.code == exit::NO_RESULT;
    for cell in cells.iter().filter(|cell| !cell.fine()) {
        tell_of(cell);
    }
    for note in &merged.notes {
        tell(plain(note));
    }
    show(cells, options.junit.as_deref(), options.format)?;
    tell(format_args!(
        "{} of {} without failure, {} without a result",
        cells.iter().filter(|cell| cell.fine()).count(),
        cells.len(),
        cells.iter().filter(lost).count()
    ));
    if let Some(path) = &options.report {
        matrix::page::write(cells, path)?;
    }
    if !merged.again.is_empty() {
        tell("to run again:");
    }
    for command in &merged.again {
        tell(format_args!("  {}", plain(command)));
    }
    Ok(matrix::code(cells))
}

/// Writes that there is no result yet.
fn begin(path: Option<&Path>) -> Result<()> {
    let Some(path) = path else { return Ok(()) };
    let text = "the matrix was ended before it had a result";
    let none = Verdict::new(exit::TROUBLE, text.to_owned());
    save(path, &junit("matrix", &[("matrix".to_owned(), &none)])?)
}

/// Tells people how a run went.
fn tell_of(cell: &Cell) {
    let verdict = &cell.verdict;
    let text = verdict.text.lines().next().unwrap_or_default();
    tell(plain(&format!("{}: {text}", cell.name())));
    if let Some(first) = &verdict.first {
        tell(plain(&format!("  first that went wrong: {first}")));
    }
    for reason in &verdict.reasons {
        tell(plain(&format!("  {reason}")));
    }
    if let Some(logs) = &cell.logs {
        tell(plain(&format!("  logs in {}", logs.display())));
    }
}

/// Prints all, and writes it for continuous integration.
fn show(
    cells: &[Cell],
    path: Option<&Path>,
    format: cli::Format,
) -> Result<()> {
    if let Some(path) = path {
        let suites: Vec<_> =
            cells.iter().map(|cell| (cell.name(), &cell.verdict)).collect();
        save(path, &junit("matrix", &suites)?)?;
    }
    say(match format {
        cli::Format::Text => plain(&matrix::text(cells, terminal_width())),
        cli::Format::Markdown => plain(&matrix::markdown(cells)),
        cli::Format::Json => {
            serde_json::to_string_pretty(&matrix::json(cells))?
        }
    }
    .trim_end());
    Ok(())
}

/// Text for a terminal: results come from files that anybody may have written.
fn plain(text: &str) -> String {
    text.lines().map(shown).collect::<Vec<_>>().join("\n")
}
