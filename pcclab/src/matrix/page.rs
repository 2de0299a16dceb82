//! A matrix as a page of HTML, with a link to the report of each run whose
//! logs were kept.

use std::path::{Path, PathBuf};

use anyhow::Result;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use super::cell::Cell;
use super::print::rows;
use crate::log::shown;
use crate::report;
use crate::result::save;
use crate::verdict::exit;

/// What a path has of its own in a link.
const LINK: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.');

#[derive(Serialize)]
struct Page {
    title: String,
    head: Vec<String>,
    rows: Vec<Row>,
    wrong: Vec<Wrong>,
}

#[derive(Serialize)]
struct Row {
    driver: String,
    name: String,
    cells: Vec<Shown>,
}

/// What stands in a place of the table.
#[derive(Default, Serialize)]
struct Shown {
    text: String,
    class: &'static str,
    why: String,
    link: Option<String>,
}

/// A run that went wrong.
#[derive(Serialize)]
struct Wrong {
    name: String,
    link: Option<String>,
    lines: Vec<String>,
}

/// Writes the page of these runs to a file.
///
/// # Errors
/// When it cannot be written.
pub fn write(cells: &[Cell], path: &Path) -> Result<()> {
    let folder = std::path::absolute(path)?;
    let folder = folder.parent().unwrap_or(Path::new("/"));
    let table = rows(cells, Cell::text);
    let head = table.first().map_or(&[][..], |head| &head[1..]);
    let of = |name: &str, kernel: &String| {
        let mut all = cells.iter();
        all.find(|cell| cell.row() == name && cell.kernel == *kernel)
    };
    let line = |row: &Vec<String>| {
        let name = &row[0];
        let mut all = cells.iter();
        let driver = all.find(|cell| cell.row() == *name);
        Row {
            driver: shown(driver.map_or("", |cell| &cell.driver)),
            name: shown(name),
            cells: head
                .iter()
                .map(|kernel| {
                    let cell = of(name, kernel);
                    cell.map_or_else(Shown::default, |it| Shown::of(it, folder))
                })
                .collect(),
        }
    };
    let good = cells.iter().filter(|cell| cell.fine()).count();
    let page = Page {
        title: format!(
            "pcclab matrix: {good} of {} without failure",
            cells.len()
        ),
        head: ["driver", "platform"]
            .map(str::to_owned)
            .into_iter()
            .chain(head.iter().map(|kernel| shown(kernel)))
            .collect(),
        rows: table.iter().skip(1).map(line).collect(),
        wrong: cells
            .iter()
            .filter(|cell| !cell.fine())
            .map(|cell| Wrong::of(cell, folder))
            .collect(),
    };
    save(path, &report::grid(&page)?)
}

impl Shown {
    fn of(cell: &Cell, folder: &Path) -> Shown {
        let verdict = &cell.verdict;
        let why = if cell.fine() { "" } else { verdict.text.as_str() };
        Shown {
            text: shown(&cell.text()),
            class: match verdict.code {
                _ if !verdict.missing.is_empty() => "",
                exit::PASS if verdict.known > 0 => "odd",
                exit::PASS => "good",
                exit::NO_RESULT | exit::TROUBLE => "odd",
                _ => "bad",
            },
            why: shown(why),
            link: link(cell, folder),
        }
    }
}

impl Wrong {
    fn of(cell: &Cell, folder: &Path) -> Wrong {
        let verdict = &cell.verdict;
        let first = verdict.first.as_ref();
        let first = first.map(|it| format!("first that went wrong: {it}"));
        let text = verdict.text.lines().map(str::to_owned);
        let reasons = verdict.reasons.iter().cloned();
        let lines = text.chain(first).chain(reasons);
        Wrong {
            name: shown(&cell.name()),
            link: link(cell, folder),
            lines: lines.map(|line| shown(&line)).collect(),
        }
    }
}

/// Where a run's report is, as seen from a page in this folder, if there is
/// one.
fn link(cell: &Cell, folder: &Path) -> Option<String> {
    let report: PathBuf = cell.logs.as_ref()?.join(report::FILE);
    if !report.is_absolute() || !report.is_file() {
        return None;
    }
    let (before, path) = match report.strip_prefix(folder) {
        Ok(path) => ("./", path),
        Err(_) => ("", report.as_path()),
    };
    // A name that is no UTF-8 cannot be written down here.
    let path = utf8_percent_encode(path.to_str()?, LINK);
    Some(format!("{before}{path}"))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::platform::Mode;
    use crate::verdict::Verdict;

    #[test]
    fn cells_are_links_and_nothing_is_markup() {
        let folder = tempfile::tempdir().unwrap();
        let logs = folder.path().join("a #1?");
        fs::create_dir(&logs).unwrap();
        fs::write(logs.join(report::FILE), "").unwrap();
        let cell = |kernel: &str, code, logs: Option<PathBuf>| Cell {
            kernel: kernel.to_owned(),
            driver: "<img src=x onerror=alert(1)>".to_owned(),
            platform: "fan".to_owned(),
            mode: Mode::Irq,
            verdict: Verdict::new(code, "\"><script>".to_owned()),
            left_out: Vec::new(),
            logs,
        };
        let cells = [
            cell("a", exit::FAIL, Some(logs)),
            cell("b", exit::PASS, None),
            cell("c", exit::HANG, Some("javascript:alert(1)".into())),
        ];
        let path = folder.path().join("report.html");
        write(&cells, &path).unwrap();
        let page = fs::read_to_string(path).unwrap().replace("&#x2f;", "/");
        assert!(page.contains("href=\"./a%20%231%3F/report.html\""), "{page}");
        for bad in ["<script", "<img", "javascript:"] {
            assert!(!page.contains(bad), "{bad} in {page}");
        }
        assert!(page.contains("1 of 3 without failure"), "{page}");
    }
}
