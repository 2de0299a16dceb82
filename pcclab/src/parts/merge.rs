//! One result of the parts of a matrix.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::{Result, bail};

use super::{Partition, Record, files, is_json};
use crate::lab::shell_quote;
use crate::matrix::Cell;
use crate::usage;
use crate::verdict::{Verdict, exit};

/// What the parts amount to.
#[derive(Clone, Debug)]
pub struct Merged {
    /// All runs, in the order of the table; those without a result say so.
    pub cells: Vec<Cell>,
    /// What is to be run so that none is without a result.
    pub again: Vec<String>,
    /// What is odd, for people.
    pub notes: Vec<String>,
}

/// The results in these files, and in those that end in `.json` in these
/// folders. Of a run that was done twice the newest counts.
///
/// # Errors
/// When there is none, when one is not whole, or when they are not of one
/// matrix.
pub fn merge(paths: &[PathBuf]) -> Result<Merged> {
    let mut all = BTreeSet::new();
    for path in paths {
        match path.is_dir() {
            true => {
                all.extend(files(path)?.into_iter().filter(|it| is_json(it)))
            }
            false => drop(all.insert(path.clone())),
        }
    }
    let mut newest: BTreeMap<String, (u64, Cell)> = BTreeMap::new();
    let mut one: Option<(PathBuf, Record)> = None;
    let mut notes = Vec::new();
    for path in all {
        let Some(record) = Record::read(&path)? else {
            bail!("there is no file {}", path.display());
        };
        if let Some((other, one)) = &one
            && let Some(what) = one.plan.difference(&record.plan)
        {
            return Err(usage(format!(
                "{} and {} are not of the same matrix: {what}",
                other.display(),
                path.display()
            )));
        }
        let name = record.cell.name();
        let this = (record.ended_ms, record.cell.clone());
        let (new, old) = match newest.remove(&name) {
            Some(other) if rank(&other) > rank(&this) => (other, Some(this)),
            other => (this, other),
        };
        let code = new.1.verdict.code;
        if let Some(old) = old.map(|(_, it)| it.verdict.code)
            && old != code
        {
            notes.push(format!(
                "{name} was run twice: exit status {old}, then {code}, which \
                 counts"
            ));
        }
        newest.insert(name, new);
        // How to run it again: as it was run last.
        if one.as_ref().is_none_or(|(_, it)| it.ended_ms < record.ended_ms) {
            one = Some((path, record));
        }
    }
    let Some((_, one)) = one else {
        bail!(
            "there are no results: `pcclab matrix --results DIR` writes them \
             as files that end in .json"
        );
    };
    let mut again = BTreeMap::new();
    let mut cells = Vec::new();
    for wanted in &one.plan.wanted {
        let name = wanted.name();
        cells.push(match newest.remove(&name) {
            Some((_, cell)) => cell,
            None => {
                let part = Partition::having(&name, one.partitions);
                again.entry(part.number).or_insert_with(|| one.again(part));
                let text = format!(
                    "it has no result: part {part} did not end, or never began"
                );
                Cell::of(wanted, Verdict::new(exit::NO_RESULT, text))
            }
        });
    }
    Ok(Merged { cells, again: again.into_values().collect(), notes })
}

impl Record {
    /// The command that runs this part of the matrix.
    fn again(&self, part: Partition) -> String {
        let mut words = vec!["pcclab".to_owned(), "matrix".to_owned()];
        words.extend(self.command.iter().cloned());
        if part.of > 1 {
            words.extend(["--partition".to_owned(), part.to_string()]);
        }
        let quoted = words.iter().map(|word| match is_plain(word) {
            true => word.clone(),
            false => shell_quote(&OsString::from(word)),
        });
        quoted.collect::<Vec<_>>().join(" ")
    }
}

/// The greater counts: the newer, of two of the same moment the worse.
fn rank((ended, cell): &(u64, Cell)) -> (u64, u8) {
    (*ended, cell.verdict.code)
}

fn is_plain(word: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@".contains(c);
    !word.is_empty() && word.chars().all(plain)
}
