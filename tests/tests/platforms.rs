//! Every platform of `messages/`, in each of its modes, on each kernel; that
//! its test notices the mistakes that its `platform.json` names.

use std::path::{Path, PathBuf};
use std::time::Duration;

use pccd_tests::{JOBS, each_of};
use pcclab::defects::{Noticed, spoil};
use pcclab::matrix::{Cell, Column, Options, cell, markdown, run_all, text};
use pcclab::platform::{Platform, names};
use pcclab::run::exit;

/// What stands around the README's table.
const BEGIN: &str = "<!-- by make matrix -->\n";
const END: &str = "<!-- to here -->\n";

fn options(quick: bool, logs: &Path) -> Options {
    Options {
        quick,
        // The debug kernel takes minutes on a busy machine.
        limit: Duration::from_secs(if quick { 180 } else { 600 }),
        jobs: JOBS,
        append: String::new(),
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

/// Runs all platforms; panics when one does not do what is written down.
fn all(kernels: &[&str], quick: bool) -> Vec<Cell> {
    let columns = columns(kernels);
    let cells = run_all(
        &columns,
        &names().unwrap(),
        &options(quick, &logs()),
        |cell| {
            let mode = cell.mode.name();
            println!(
                "{} {} {mode}: {}",
                cell.kernel, cell.platform, cell.verdict.text
            );
        },
    )
    .unwrap();
    let wrong: Vec<_> = cells
        .iter()
        .filter(|cell| {
            // What a kernel cannot do is written down, in platform.json or in
            // its own configuration; so is nothing else.
            let column = columns.iter().find(|c| c.name == cell.kernel);
            let platform = Platform::load(&cell.platform).unwrap();
            let lacks = platform.lacks(&column.unwrap().kernel);
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

#[test]
fn every_platform_on_every_kernel() {
    let mut cells = all(&["7.x"], false);
    cells.extend(all(&["6.12", "debian", "debian-6.12"], true));
    println!("{}", text(&cells, None));
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let text = std::fs::read_to_string(&readme).unwrap();
    let (head, rest) = text.split_once(BEGIN).unwrap();
    let (old, tail) = rest.split_once(END).unwrap();
    let table = format!("\n{}\n", markdown(&cells));
    if std::env::var_os("PCCD_UPDATE").is_some() {
        let text = format!("{head}{BEGIN}{table}{END}{tail}");
        std::fs::write(&readme, text).unwrap();
    } else {
        assert_eq!(table, old, "make matrix writes the table of the README");
    }
}

#[test]
#[ignore = "minutes; part of make test-long"]
fn every_platform_on_the_debug_kernel() {
    let cells = all(&["debug"], false);
    println!("{}", text(&cells, None));
}

#[test]
fn mistakes_of_a_platform_are_noticed() {
    let column = &columns(&["7.x"])[0];
    let mut defects = Vec::new();
    for name in names().unwrap() {
        let platform = Platform::load(&name).unwrap();
        defects.extend(
            platform.defects().iter().cloned().map(|d| (platform.clone(), d)),
        );
    }
    assert!(!defects.is_empty());
    let missed: Vec<_> = each_of(&defects, |(platform, defect)| {
        let root = tempfile::tempdir().unwrap();
        let folder = spoil(platform, defect, root.path()).unwrap();
        let folder = folder.to_str().unwrap();
        let mode = defect.mode.unwrap_or(platform.modes()[0]);
        let logs = logs();
        let cell = cell(folder, mode, column, &options(true, &logs));
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
