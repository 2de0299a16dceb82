//! Every platform of `messages/`, in each of its modes, on each kernel, in part
//! or, as the README's table has them, all; that its test notices the mistakes
//! that its `platform.json` names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pccd_tests::{JOBS, each_of};
use pcclab::defects::{Noticed, spoil};
use pcclab::lab::unbuilt;
use pcclab::matrix::{
    Cell, Column, Options, cell, markdown, run_all, tasks, text,
};
use pcclab::platform::{Platform, names};
use pcclab::run::exit;

/// What stands around the README's table.
const BEGIN: &str = "<!-- by make matrix -->\n";
const END: &str = "<!-- to here -->\n";
/// The kernel whose column of that table has the tests in full, and the others.
const WHOLE: &str = "7.x";
const OTHERS: [&str; 3] = ["6.12", "debian", "debian-6.12"];
/// The kernel of somebody else's that `make test` has.
const THEIRS: &str = "debian";

fn options(quick: bool, logs: &Path) -> Options {
    Options {
        quick,
        // The debug kernel takes minutes on a busy machine.
        limit: Duration::from_secs(if quick { 180 } else { 600 }),
        jobs: JOBS,
        append: String::new(),
        modules: Vec::new(),
        warm: pcclab::lab::cache("warm").ok(),
        logs: logs.to_owned(),
    }
}

/// A folder for logs; what fails stays in it.
fn logs() -> PathBuf {
    tempfile::Builder::new().prefix("platforms-").tempdir().unwrap().keep()
}

fn columns(names: &[&str]) -> Vec<Column> {
    names
        .iter()
        .map(|name| {
            Column::of(Path::new(name)).unwrap_or_else(|error| {
                panic!("{name}: {error:#}: run the tests through make test")
            })
        })
        .collect()
}

/// Which platforms are run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    /// Each in each of its modes.
    All,
    /// Those machines that several share.
    Shared,
}

/// Runs all platforms; panics when one does not do what is written down.
fn all(kernels: &[&str], which: Which, quick: bool) -> Vec<Cell> {
    let columns = columns(kernels);
    let names = names().unwrap();
    let mut tasks = tasks(&columns, &names).unwrap();
    let all: BTreeMap<_, _> =
        names.iter().map(|n| (n, Platform::load(n).unwrap())).collect();
    tasks.retain(|task| {
        let platform = &all[&task.wanted.platform];
        which == Which::All || !platform.parts().is_empty()
    });
    let cells = run_all(&tasks, &options(quick, &logs()), |cell| {
        println!("{}: {}", cell.name(), cell.verdict.text);
    });
    let wrong: Vec<_> = cells
        .iter()
        .filter(|cell| {
            // What a kernel cannot do is written down, in platform.json or in
            // its own configuration; so is nothing else.
            let column = columns.iter().find(|c| c.name == cell.kernel);
            let platform = &all[&cell.platform];
            let lacks = platform.lacks(&column.unwrap().kernel);
            let path = Path::new(&cell.kernel);
            let unbuilt = unbuilt(Some(path), platform.modules()).unwrap();
            let lacks = lacks.or_else(|| unbuilt.into_iter().next());
            match lacks {
                None => cell.verdict.code != exit::PASS,
                Some(option) => !cell.verdict.missing.contains(&option),
            }
        })
        .map(|cell| format!("{cell:#?}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.concat());
    cells
}

/// The README up to its table, the table, and the rest.
fn readme() -> (PathBuf, String, String, String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (head, rest) = text.split_once(BEGIN).unwrap();
    let (table, tail) = rest.split_once(END).unwrap();
    let [head, table, tail] = [head, table, tail].map(str::to_owned);
    (path, head, table, tail)
}

/// The words between the bars of a table's lines.
fn rows(table: &str) -> Vec<Vec<&str>> {
    let lines = table.lines().filter(|line| line.starts_with('|'));
    lines
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect()
}

/// What a table says of a kernel on a row with this name; none if it has none.
fn says<'t>(rows: &[Vec<&'t str>], row: &str, kernel: &str) -> Option<&'t str> {
    let column = rows.first()?.iter().position(|head| *head == kernel)?;
    rows.iter().find(|one| one.get(1) == Some(&row))?.get(column).copied()
}

/// Every platform in every mode, and those that share a machine on a kernel of
/// Debian's, quick. `make test-long` has the whole table.
#[test]
fn every_platform_and_another_kernel() {
    // In full they may have more that is known to fail.
    let mut cells = all(&[WHOLE], Which::All, true);
    let theirs = all(&[THEIRS], Which::Shared, true);
    let (_, _, table, _) = readme();
    let (wanted, found) = (rows(&table), markdown(&theirs));
    for row in rows(&found).into_iter().skip(2) {
        let is = says(&rows(&found), row[1], THEIRS);
        let was = says(&wanted, row[1], THEIRS);
        assert_eq!(is, was, "{} on {THEIRS}: make matrix", row[1]);
    }
    cells.extend(theirs);
    println!("{}", text(&cells, None));
}

#[test]
#[ignore = "minutes; part of make test-long"]
fn every_platform_on_every_kernel() {
    let mut cells = all(&[WHOLE], Which::All, false);
    cells.extend(all(&OTHERS, Which::All, true));
    println!("{}", text(&cells, None));
    let (path, head, old, tail) = readme();
    let table = format!("\n{}\n", markdown(&cells));
    if std::env::var_os("PCCD_UPDATE").is_some() {
        let text = format!("{head}{BEGIN}{table}{END}{tail}");
        std::fs::write(path, text).unwrap();
    } else {
        assert_eq!(table, old, "make matrix writes the table of the README");
    }
}

#[test]
#[ignore = "minutes; part of make test-long"]
fn every_platform_on_the_debug_kernel() {
    let cells = all(&["debug"], Which::All, false);
    println!("{}", text(&cells, None));
}

/// Spoils each platform by the mistakes that its file names, or by so many of
/// them; panics when its test does not notice one.
fn mistakes_are_noticed(most: usize) {
    let column = &columns(&["7.x"])[0];
    let mut defects = Vec::new();
    for name in names().unwrap() {
        let platform = Platform::load(&name).unwrap();
        if platform.lacks(&column.kernel).is_some() {
            continue;
        }
        let some = platform.defects().iter().take(most).cloned();
        defects.extend(some.map(|defect| (platform.clone(), defect)));
    }
    assert!(!defects.is_empty());
    let missed: Vec<_> = each_of(JOBS, &defects, |(platform, defect)| {
        let root = tempfile::tempdir().unwrap();
        let folder = spoil(platform, defect, root.path()).unwrap();
        let folder = folder.to_str().unwrap();
        let mode = defect.mode.unwrap_or(platform.modes()[0]);
        let logs = logs();
        // Nobody starts a second one of it.
        let options = Options { warm: None, ..options(true, &logs) };
        let cell = cell(folder, mode, column, &options);
        println!("{} {defect:?}: {}", platform.name, cell.verdict.text);
        let _ = std::fs::remove_dir_all(logs);
        match Noticed::of(&cell) {
            Noticed::At(_) => None,
            _ => Some(format!("{defect:?}: {:?}", cell.verdict)),
        }
    })
    .into_iter()
    .flatten()
    .collect();
    assert!(missed.is_empty(), "{missed:#?}");
}

#[test]
fn a_mistake_of_each_platform_is_noticed() {
    mistakes_are_noticed(1);
}

#[test]
#[ignore = "minutes; part of make test-long"]
fn all_mistakes_of_platforms_are_noticed() {
    mistakes_are_noticed(usize::MAX);
}

/// Linux kernels of 2024 took the id in `_CPC` for a size, and shifted by it.
#[test]
fn cppc_in_subspaces_above_31() {
    let column = &columns(&["7.x"])[0];
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("cppc-40");
    std::fs::create_dir(&folder).unwrap();
    let from = pcclab::platform::folder().join("cppc-4");
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = folder.join(path.file_name().unwrap());
        std::fs::copy(path, to).unwrap();
    }
    let file = folder.join("platform.json");
    let text = std::fs::read_to_string(&file).unwrap();
    let mut spare = String::from("\"channels\": [");
    for n in 0..38 {
        let device = r#"{ "subspace-type": 2, "trigger": "level" }"#;
        spare += &format!(r#"{{ "name": "spare-{n}", "device": {device} }},"#);
    }
    std::fs::write(&file, text.replacen("\"channels\": [", &spare, 1)).unwrap();
    let mode = Platform::load(folder.to_str().unwrap()).unwrap().modes()[0];
    let logs = logs();
    let folder = folder.to_str().unwrap();
    let cell = cell(folder, mode, column, &options(true, &logs));
    assert_eq!(cell.verdict.code, exit::PASS, "{:#?}", cell.verdict);
    let _ = std::fs::remove_dir_all(logs);
}

/// What `_PSD` says of a processor that never came is no reason to have none.
#[test]
fn cppc_with_one_of_two_processors() {
    let column = &columns(&["7.x"])[0];
    let logs = logs();
    let mut options = options(true, &logs);
    "maxcpus=1".clone_into(&mut options.append);
    let platform = Platform::load("cppc-ryzen").unwrap();
    let cell = cell("cppc-ryzen", platform.modes()[0], column, &options);
    assert_eq!(cell.verdict.code, exit::PASS, "{:#?}", cell.verdict);
    assert!(cell.verdict.text.contains("17 passed"), "{:#?}", cell.verdict);
    let _ = std::fs::remove_dir_all(logs);
}

#[test]
fn parts_of_a_matrix_are_the_matrix() {
    let pcclab = |words: &[&str]| {
        let program = pccd_tests::built("PCCLAB");
        let mut command = std::process::Command::new(program);
        let output = command.args(words).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.code(), text)
    };
    let folder = tempfile::tempdir().unwrap();
    let results = folder.path().join("results");
    let results = results.to_str().unwrap();
    let words = ["matrix", "--kernel", "7.x", "--platform", "cppc", "--quick"];
    let table = ["--format", "markdown"];
    let whole = pcclab(&[&words[..], &table].concat());
    assert_eq!(whole.0, Some(0), "{whole:?}");
    for part in ["1/2", "2/2"] {
        let more = ["--results", results, "--partition", part];
        let (code, text) = pcclab(&[&words[..], &more].concat());
        assert_eq!(code, Some(0), "{text}");
    }
    let merge = ["merge", results];
    assert_eq!(pcclab(&[&merge[..], &table].concat()), whole);
}
