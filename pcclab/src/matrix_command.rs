//! `pcclab matrix`, `pcclab merge` and `pcclab regressions`.

use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use pcclab::log::shown;
use pcclab::logs::Logs;
use pcclab::matrix::{self, Cell, Column};
use pcclab::parts::merge as parts;
use pcclab::parts::{Plan, Results};
use pcclab::regressions::{self, Finding, Regression};
use pcclab::report;
use pcclab::result::{junit, save};
use pcclab::table::terminal_width;
use pcclab::verdict::{Verdict, exit};
use pcclab::{catch_interrupts, interrupted, lab, platform, say, tell, usage};

use crate::cli;

/// `pcclab matrix`.
pub fn run(options: cli::Matrix) -> Result<u8> {
    let start = Instant::now();
    let columns = columns(&options.guests)?;
    let platforms = match options.platforms.is_empty() {
        true => platform::names()?,
        false => options.platforms,
    };
    begin(options.junit.as_deref())?;
    let logs = Logs::open(options.guests.logs.as_deref())?;
    let settings = settings(&options.guests, options.quick, &logs)?;
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

/// `--kernel`, or without it the lab's own.
fn columns(guests: &cli::Guests) -> Result<Vec<Column>> {
    let kernels = match guests.kernels.is_empty() {
        true => matrix::kernels(),
        false => guests.kernels.clone(),
    };
    if kernels.is_empty() {
        bail!("no kernel is built yet: run `make lab`, or give --kernel");
    }
    kernels.iter().map(|kernel| Column::of(kernel)).collect()
}

/// How each run is done.
fn settings(
    guests: &cli::Guests,
    quick: bool,
    logs: &Logs,
) -> Result<matrix::Options> {
    Ok(matrix::Options {
        quick,
        limit: Duration::from_secs(guests.timeout),
        jobs: guests.jobs.count(1),
        append: guests.append.clone(),
        modules: Vec::new(),
        warm: (!guests.cold).then(|| lab::cache("warm")).transpose()?,
        logs: logs.path().to_owned(),
    })
}

/// `pcclab regressions`.
pub fn regressions(options: cli::Regressions) -> Result<u8> {
    let mut pack = regressions::pack()?;
    let unknown = |name: &&String| pack.iter().all(|one| one.name != **name);
    if let Some(name) = options.names.iter().find(unknown) {
        let names: Vec<_> = pack.iter().map(|one| &*one.name).collect();
        return Err(usage(format!(
            "there is no regression '{name}'; there are {}",
            names.join(", ")
        )));
    }
    if !options.names.is_empty() {
        pack.retain(|one| options.names.contains(&one.name));
    }
    let columns = columns(&options.guests)?;
    let logs = Logs::open(options.guests.logs.as_deref())?;
    let settings = settings(&options.guests, false, &logs)?;
    let mut platforms: Vec<_> =
        pack.iter().map(|one| one.platform.clone()).collect();
    platforms.sort();
    platforms.dedup();
    let mut tasks = matrix::tasks(&columns, &platforms)?;
    tasks.retain(|task| pack.iter().any(|one| one.is_shown_by(&task.wanted)));
    catch_interrupts()?;
    let cells = matrix::run_all(&tasks, &settings, tell_of);
    let kernels: Vec<_> = columns.iter().map(|one| one.name.clone()).collect();
    say(match options.json {
        true => serde_json::to_string_pretty(&regressions::json(
            &pack, &kernels, &cells,
        ))?,
        false => {
            let width = terminal_width();
            plain(&regressions::text(&pack, &kernels, &cells, width))
        }
    }
    .trim_end());
    for line in regressions::remarks(&pack, &kernels, &cells) {
        tell(plain(&line));
    }
    logs.close(cells.iter().any(|cell| cell.logs.is_some()));
    Ok(match interrupted() {
        true => exit::INTERRUPTED,
        false => status(&pack, &kernels, &cells),
    })
}

/// The exit status of what was found.
fn status(pack: &[Regression], kernels: &[String], cells: &[Cell]) -> u8 {
    let findings = pack.iter().flat_map(|one| {
        kernels.iter().map(|kernel| one.finding(kernel, cells))
    });
    let codes = findings.map(|finding| match finding {
        Finding::Present(_) => exit::FAIL,
        Finding::Absent => exit::PASS,
        Finding::NotShown(_) => exit::TROUBLE,
    });
    // What is there says more than what was not looked for.
    codes.max_by_key(|&code| (code == exit::FAIL, code)).unwrap_or(exit::PASS)
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
    let mut lines = verdict.text.lines();
    let text = lines.next().unwrap_or_default();
    tell(plain(&format!("{}: {text}", cell.name())));
    for line in lines {
        tell(plain(&format!("  {line}")));
    }
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
