//! The folder of a search: scenarios worth keeping, findings, how far it has
//! come. Folders of searches of one platform can be copied into each other.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use super::scenario::Scenario;
use crate::result::save;
use crate::sign::{Kind, Sign};
use crate::usage;

/// Names in the folder.
const CORPUS: &str = "corpus";
const FINDINGS: &str = "findings";
const UNCONFIRMED: &str = "unconfirmed";
const STATE: &str = "state.json";
const LOCK: &str = "search.lock";
/// Names in the folder of a finding.
pub const SCENARIO: &str = "scenario.json";
const README: &str = "README.txt";

/// How far a search has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// Arguments of `pcclab run` for the machine that is searched, and for the
    /// one that it is compared with.
    #[serde(default)]
    pub machines: Vec<String>,
    /// What chance begins with.
    pub seed: u64,
    /// Scenarios that were run.
    pub inputs: u64,
    /// Seconds of all workers.
    pub seconds: u64,
    /// How many of the scenarios with one change are done.
    pub swept: usize,
}

/// A bug, and how to show it.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What it looks like.
    pub sign: Sign,
    /// What shows it.
    pub scenario: Scenario,
    /// How often it showed, of how many fresh guests.
    pub shown: (usize, usize),
    /// How many scenarios had been run.
    pub inputs: u64,
    /// How many seconds the search had taken.
    pub seconds: u64,
}

/// The folder.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    /// Arguments of `pcclab run` that make the same machine.
    machine: String,
    /// Of the one that is compared with, if there is one.
    other: Option<String>,
    /// Keys of what is known.
    known: Mutex<BTreeSet<String>>,
    lock: File,
}

impl Drop for Store {
    /// A child that another thread just made may hold the file open, and with
    /// it the lock, until it runs a program of its own.
    fn drop(&mut self) {
        let _ = self.lock.unlock();
    }
}

impl Store {
    /// The folder of a search, made if need be. `machine` are the arguments of
    /// `pcclab run` that make the machine that is searched, `other` those of
    /// the one that it is compared with.
    ///
    /// # Errors
    /// When another search uses it (wrong usage), or it cannot be made.
    pub fn open(
        folder: &Path,
        machine: &str,
        other: Option<&str>,
    ) -> Result<Store> {
        for name in [CORPUS, FINDINGS] {
            let path = folder.join(name);
            fs::create_dir_all(&path)
                .with_context(|| format!("making {}", path.display()))?;
        }
        let path = folder.join(LOCK);
        let lock = File::options()
            .create(true)
            .append(true)
            .open(&path)
            .with_context(|| format!("opening {}", path.display()))?;
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Err(usage(format!(
                "another search uses {}: give each its own folder \
                 (--output), and copy them together afterwards",
                folder.display()
            )));
        }
        let store = Store {
            folder: folder.to_owned(),
            machine: machine.to_owned(),
            other: other.map(str::to_owned),
            known: Mutex::default(),
            lock,
        };
        let found = store.found()?;
        store.known().extend(found);
        let state = store.state()?.unwrap_or_default();
        let machines = store.machines();
        match state.machines.as_slice() {
            [] => store.save(&State { machines, ..state })?,
            same if same == machines => {}
            others => {
                return Err(usage(format!(
                    "{} is of a search of {}, not of {}: give each its own \
                     folder (--output)",
                    folder.display(),
                    others.join(" against "),
                    machines.join(" against "),
                )));
            }
        }
        Ok(store)
    }

    /// The arguments for both machines.
    pub fn machines(&self) -> Vec<String> {
        let all = std::iter::once(&self.machine).chain(&self.other);
        all.cloned().collect()
    }

    fn known(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Scenarios worth keeping, a file each.
    pub fn corpus(&self) -> PathBuf {
        self.folder.join(CORPUS)
    }

    /// The keys of the findings that lie there.
    ///
    /// # Errors
    /// When the folder cannot be listed.
    pub fn found(&self) -> Result<Vec<String>> {
        let path = self.folder.join(FINDINGS);
        let mut keys = Vec::new();
        for entry in fs::read_dir(&path)
            .with_context(|| format!("listing {}", path.display()))?
        {
            let entry = entry?;
            if entry.path().join(SCENARIO).is_file() {
                keys.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        keys.sort();
        Ok(keys)
    }

    /// Whether this is new. From then on it is not.
    pub fn claim(&self, key: &str) -> bool {
        self.known().insert(key.to_owned())
    }

    /// Whether this was claimed.
    pub fn knows(&self, key: &str) -> bool {
        self.known().contains(key)
    }

    /// It may be claimed once more.
    pub fn release(&self, key: &str) {
        self.known().remove(key);
    }

    /// The folder for a finding of this key; `confirmed` or not.
    fn place(&self, key: &str, confirmed: bool) -> PathBuf {
        let kind = if confirmed { FINDINGS } else { UNCONFIRMED };
        self.folder.join(kind).join(key)
    }

    /// Writes a finding down; `keep` adds what the guest left. One that never
    /// showed again lies apart.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(
        &self,
        finding: &Finding,
        keep: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<PathBuf> {
        let key = finding.sign.key();
        let place = self.place(&key, finding.shown.0 > 0);
        fs::create_dir_all(&place)
            .with_context(|| format!("making {}", place.display()))?;
        keep(&place)?;
        save(&place.join(README), &self.readme(finding, &place))?;
        // It counts once this is there.
        save(&place.join(SCENARIO), &finding.scenario.to_json())?;
        Ok(place)
    }

    /// What a person reads first.
    fn readme(&self, finding: &Finding, place: &Path) -> String {
        let Finding { sign, scenario, shown, .. } = finding;
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}\n\n{}\n", sign.key(), sign.title);
        let _ = writeln!(
            text,
            "Shown by {} of {} fresh guests; found after {} scenarios, {} s.\n",
            shown.0, shown.1, finding.inputs, finding.seconds
        );
        let _ = writeln!(
            text,
            "To show it, from the folder where the search was started:\n"
        );
        let (some, of) = *shown;
        // Three times as often as it takes.
        let count = match some {
            0 => of,
            some if some == of => 1,
            some => 3 * of.div_ceil(some),
        };
        let count = match count {
            1 => String::new(),
            count => format!(" --count {count}"),
        };
        let other = self.other.iter().filter(|_| sign.kind == Kind::Differs);
        for machine in std::iter::once(&self.machine).chain(other) {
            let scenario = place.join(SCENARIO);
            let scenario = scenario.display();
            let _ = writeln!(
                text,
                "    pcclab run {machine} --vary {scenario}{count}"
            );
        }
        let _ = writeln!(
            text,
            "\nThe guest does: {}. What becomes of the platform's answers, counted \
             from 0, is in {SCENARIO}; console.log, pccd.log and qemu.log are of \
             the last guest that showed it.\n",
            scenario.actions.join(", ")
        );
        if sign.kind == Kind::Dead {
            let _ = writeln!(
                text,
                "Afterwards the platform answers as it should, and the driver's \
                 \"alive\" of platform.json fails.\n"
            );
        }
        if !sign.lines.is_empty() {
            let heading = match sign.kind {
                Kind::Differs => {
                    "What each action gave: its exit status, and \
                     what it printed"
                }
                _ => "What the kernel said",
            };
            let _ = writeln!(text, "{heading}:\n");
            for line in &sign.lines {
                let _ = writeln!(text, "    {line}");
            }
        }
        text
    }

    /// How far the search in this folder had come.
    ///
    /// # Errors
    /// When what is there is no state.
    pub fn state(&self) -> Result<Option<State>> {
        let path = self.folder.join(STATE);
        match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text)
                .map(Some)
                .with_context(|| format!("{}: remove it", path.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Ok(None)
            }
            Err(error) => {
                Err(error).with_context(|| format!("{}", path.display()))
            }
        }
    }

    /// Writes down how far it has come.
    ///
    /// # Errors
    /// When it cannot.
    pub fn save(&self, state: &State) -> Result<()> {
        let text = serde_json::to_string_pretty(state)? + "\n";
        save(&self.folder.join(STATE), &text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(folder: &Path) -> Result<Store> {
        Store::open(folder, "--platform fan --platform pump", None)
    }

    fn finding(shown: usize) -> Finding {
        Finding {
            sign: Sign::new(Kind::Oops, "fan_read", "an oops".to_owned()),
            scenario: Scenario::plain("fan pump", vec!["read".to_owned()]),
            shown: (shown, 3),
            inputs: 7,
            seconds: 8,
        }
    }

    #[test]
    fn a_search_goes_on_where_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path()).unwrap();
        let machines = store.machines();
        let begun = State { machines: machines.clone(), ..State::default() };
        assert_eq!(store.state().unwrap(), Some(begun));
        let state =
            State { machines, seed: 1, inputs: 2, seconds: 3, swept: 4 };
        store.save(&state).unwrap();
        assert!(store.claim("oops-fan_read"));
        assert!(!store.claim("oops-fan_read"));
        store.release("oops-fan_read");
        let place = store.write(&finding(2), |place| {
            Ok(fs::write(place.join("console.log"), "x")?)
        });
        let place = place.unwrap();
        assert!(open(folder.path()).is_err(), "it is in use");
        drop(store);

        let other = Store::open(folder.path(), "--platform pump", None);
        let error = other.unwrap_err();
        assert!(error.to_string().contains("not of --platform pump"));
        assert!(error.is::<crate::Usage>());
        let store = open(folder.path()).unwrap();
        assert_eq!(store.state().unwrap(), Some(state));
        assert_eq!(store.found().unwrap(), ["oops-fan_read"]);
        assert!(!store.claim("oops-fan_read"), "it was found before");
        let text = fs::read_to_string(place.join(README)).unwrap();
        for words in [
            "Shown by 2 of 3",
            "pcclab run --platform fan --platform pump --vary ",
            "scenario.json --count 6\n",
            "an oops",
        ] {
            assert!(text.contains(words), "{words}: {text}");
        }
        fs::write(folder.path().join(STATE), "{").unwrap();
        assert!(store.state().is_err());
    }

    #[test]
    fn what_never_showed_again_is_no_finding() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path()).unwrap();
        let place = store.write(&finding(0), |_| Ok(())).unwrap();
        assert!(place.starts_with(folder.path().join(UNCONFIRMED)));
        assert_eq!(store.found().unwrap(), Vec::<String>::new());
    }
}
