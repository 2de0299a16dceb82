//! A matrix in parts: which runs a part has, and their results as files, a
//! file a run. Each holds what the whole matrix is, so that any of them tells
//! what is missing.

pub mod merge;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hasher;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use fnv::FnvHasher;
use serde::{Deserialize, Serialize};

use crate::matrix::{Cell, Column, Options, Task, Wanted};
use crate::platform::Platform;
use crate::result::save;
use crate::verdict::exit;
use crate::{Usage, usage};

/// More bytes than this are no result.
const MOST_BYTES: u64 = 64 << 20;
/// More files than this are not read.
const MOST_FILES: usize = 100_000;
/// Folders in folders are looked into so far.
const DEPTH: usize = 4;
const VERSION: u8 = 1;

/// A part of a matrix, written K/N: 1/3, 2/3, 3/3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partition {
    number: u64,
    of: u64,
}

impl Partition {
    /// The one of so many, at least one, that has the run of this name.
    ///
    /// The name's FNV-1a hash decides, so a run stays where it is whatever
    /// else is in the matrix.
    pub fn having(name: &str, of: u64) -> Partition {
        let hash = hash(name.as_bytes());
        // The lowest bits alone know only the lowest bits of the name.
        let number = (hash ^ (hash >> 32)) % of.max(1) + 1;
        Partition { number, of }
    }

    /// K and N.
    pub fn place(self) -> (u64, u64) {
        (self.number, self.of)
    }

    /// Whether it has the run of this name.
    pub fn has(self, name: &str) -> bool {
        Partition::having(name, self.of) == self
    }
}

impl std::fmt::Display for Partition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

impl std::str::FromStr for Partition {
    type Err = Usage;

    fn from_str(text: &str) -> Result<Partition, Usage> {
        let read = || {
            let (number, of) = text.split_once('/')?;
            let (number, of) = (number.parse().ok()?, of.parse().ok()?);
            let is_one = (1..=of).contains(&number) && of <= 65_536;
            is_one.then_some(Partition { number, of })
        };
        read().ok_or_else(|| {
            Usage("a partition is K/N, with K from 1 to N, as 2/3".into())
        })
    }
}

/// What a whole matrix is made of. Parts go together when it is the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The version of pcclab.
    pcclab: String,
    /// The kernels' names, with a hash of the image.
    kernels: BTreeMap<String, String>,
    /// The platforms' names, with a hash of their files.
    platforms: BTreeMap<String, String>,
    /// Whether what takes long is left out.
    quick: bool,
    /// Words for the kernels' command lines.
    append: String,
    /// The runs, in the order of the table.
    wanted: Vec<Wanted>,
}

impl Plan {
    /// That of these runs.
    ///
    /// # Errors
    /// When two runs have the same name, or a file cannot be read.
    pub fn of(
        columns: &[Column],
        platforms: &[String],
        tasks: &[Task<'_>],
        options: &Options,
    ) -> Result<Plan> {
        let wanted: Vec<_> = tasks.iter().map(|t| t.wanted.clone()).collect();
        let mut names = BTreeSet::new();
        if let Some(twice) =
            wanted.iter().map(Wanted::name).find(|n| !names.insert(n.clone()))
        {
            return Err(usage(format!(
                "two runs are called {twice}: in parts each needs a name of \
                 its own; rename a platform's folder, or leave out a kernel"
            )));
        }
        let mut plan = Plan {
            pcclab: env!("CARGO_PKG_VERSION").to_owned(),
            kernels: BTreeMap::new(),
            platforms: BTreeMap::new(),
            quick: options.quick,
            append: options.append.clone(),
            wanted,
        };
        for column in columns {
            let bytes = read_file(&column.kernel.image)?;
            let digest = format!("{:016x}", hash(&bytes));
            plan.kernels.insert(column.name.clone(), digest);
        }
        for name in platforms {
            let platform = Platform::load(name)?;
            let mut hasher = FnvHasher::default();
            for folder in platform.folders()? {
                for path in files(&folder)? {
                    let name = path.strip_prefix(&folder).unwrap_or(&path);
                    hasher.write(name.as_os_str().as_encoded_bytes());
                    let bytes = read_file(&path)?;
                    hasher.write(&bytes.len().to_le_bytes());
                    hasher.write(&bytes);
                }
            }
            let digest = format!("{:016x}", hasher.finish());
            plan.platforms.insert(platform.name, digest);
        }
        Ok(plan)
    }

    /// What is not the same in another.
    fn difference(&self, other: &Plan) -> Option<String> {
        let differs = |a: &BTreeMap<String, String>, b| {
            let b: &BTreeMap<_, _> = b;
            let name =
                a.keys().chain(b.keys()).find(|k| a.get(*k) != b.get(*k));
            name.cloned()
        };
        if self == other {
            return None;
        }
        let text = if self.pcclab != other.pcclab {
            format!("pcclab {} and {}", self.pcclab, other.pcclab)
        } else if let Some(name) = differs(&self.kernels, &other.kernels) {
            format!("kernel {name}")
        } else if let Some(name) = differs(&self.platforms, &other.platforms) {
            format!("platform {name}")
        } else if self.quick != other.quick {
            "--quick".to_owned()
        } else if self.append != other.append {
            "--append".to_owned()
        } else {
            "other runs, or in another order".to_owned()
        };
        Some(text)
    }
}

/// A file: the result of one run.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    version: u8,
    plan: Plan,
    /// The words behind `pcclab matrix`, but for the partition.
    command: Vec<String>,
    /// How many partitions there are, of which this run is in one.
    partitions: u64,
    /// When it ended, in milliseconds since 1970.
    ended_ms: u64,
    cell: Cell,
}

/// A folder that results are written into.
#[derive(Debug)]
pub struct Results {
    folder: PathBuf,
    plan: Plan,
    command: Vec<String>,
    partitions: u64,
}

impl Results {
    /// The folder, made if it is not there. What it holds of these runs is
    /// removed: no result of an earlier run survives.
    ///
    /// # Errors
    /// When it holds what is no result, or one of another matrix.
    pub fn open(
        folder: &Path,
        plan: Plan,
        partition: Option<Partition>,
        mine: &[Wanted],
    ) -> Result<Results> {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("making {}", folder.display()))?;
        for path in files(folder)?.into_iter().filter(|it| is_json(it)) {
            let Some(record) = Record::read(&path)? else { continue };
            if let Some(what) = plan.difference(&record.plan) {
                return Err(usage(format!(
                    "{} is a result of another matrix ({what}): remove the \
                     folder, or name another",
                    path.display()
                )));
            }
        }
        let words: Vec<String> = std::env::args_os()
            .map(|word| word.to_string_lossy().into_owned())
            .skip_while(|word| word != "matrix")
            .skip(1)
            .collect();
        let results = Results {
            folder: folder.to_owned(),
            plan,
            command: without_partition(words),
            partitions: partition.map_or(1, |it| it.of),
        };
        for wanted in mine {
            let path = results.path(&wanted.name());
            match std::fs::remove_file(&path) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                    return Err(e).with_context(|| {
                        format!("removing {}", path.display())
                    });
                }
                _ => {}
            }
        }
        Ok(results)
    }

    /// Writes the result of a run, unless it was interrupted.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep(&self, cell: &Cell) -> Result<()> {
        if cell.verdict.code == exit::INTERRUPTED {
            return Ok(());
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let record = Record {
            version: VERSION,
            plan: self.plan.clone(),
            command: self.command.clone(),
            partitions: self.partitions,
            ended_ms: now.map_or(0, |it| it.as_millis() as u64),
            cell: cell.clone(),
        };
        let text = serde_json::to_string_pretty(&record)? + "\n";
        save(&self.path(&cell.name()), &text)
    }

    fn path(&self, name: &str) -> PathBuf {
        let plain = |c: char| match c {
            c if c.is_ascii_alphanumeric() || ".-+".contains(c) => c,
            _ => '_',
        };
        let short: String = name.chars().take(100).map(plain).collect();
        // Hidden files are not read.
        let short = short.trim_start_matches('.');
        // Two names may look the same in plain letters.
        let hash = hash(name.as_bytes());
        self.folder.join(format!("{short}-{hash:016x}.json"))
    }
}

impl Record {
    /// That of this file; none if there is no such file any more.
    fn read(path: &Path) -> Result<Option<Record>> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u64,
        }
        let name = path.display();
        let read = |path: &Path| {
            let mut bytes = Vec::new();
            std::fs::File::open(path)?
                .take(MOST_BYTES + 1)
                .read_to_end(&mut bytes)?;
            Ok::<_, std::io::Error>(bytes)
        };
        let bytes = match read(path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                return Ok(None);
            }
            bytes => bytes.with_context(|| format!("reading {name}"))?,
        };
        if bytes.len() as u64 > MOST_BYTES {
            bail!("{name} is longer than a result can be");
        }
        let none = || {
            format!(
                "{name} is no whole result of pcclab matrix --results; when \
                 it is removed, pcclab merge says what to run again"
            )
        };
        let Versioned { version } =
            serde_json::from_slice(&bytes).with_context(none)?;
        if version != u64::from(VERSION) {
            bail!(
                "{name} has version {version} of the format, not {VERSION}: \
                 take the pcclab that wrote it"
            );
        }
        let mut json = serde_json::Deserializer::from_slice(&bytes);
        let record: Record =
            serde_path_to_error::deserialize(&mut json).with_context(none)?;
        json.end().with_context(none)?;
        let name_of = record.cell.name();
        if record.plan.wanted.iter().all(|one| one.name() != name_of) {
            bail!(
                "{name} has the result of {name_of:?}, which it does not want"
            );
        }
        Ok(Some(record))
    }
}

/// The words without those that choose a partition.
fn without_partition(words: Vec<String>) -> Vec<String> {
    let mut words = words.into_iter();
    let mut left = Vec::new();
    while let Some(word) = words.next() {
        if word == "--partition" {
            words.next();
        } else if !word.starts_with("--partition=") {
            left.push(word);
        }
    }
    left
}

fn is_json(path: &Path) -> bool {
    path.extension().is_some_and(|it| it == "json")
}

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = FnvHasher::default();
    hasher.write(bytes);
    hasher.finish()
}

fn read_file(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("reading {}", path.display()))
}

/// The files in a folder and its folders, but for hidden ones, sorted.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    walk(folder, DEPTH, &mut found)
        .with_context(|| format!("listing {}", folder.display()))?;
    if found.len() > MOST_FILES {
        bail!("{} has more than {MOST_FILES} files", folder.display());
    }
    found.sort();
    Ok(found)
}

fn walk(
    folder: &Path,
    depth: usize,
    found: &mut Vec<PathBuf>,
) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        if entry.file_type()?.is_dir() {
            if depth > 0 {
                walk(&path, depth - 1, found)?;
            }
        } else if path.is_file() {
            found.push(path);
        }
        if found.len() > MOST_FILES {
            break;
        }
    }
    Ok(())
}
