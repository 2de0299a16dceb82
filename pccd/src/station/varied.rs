//! The scenario that varies what the platform says: its file, looked at with
//! each request, and how far its count of answers is.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::mailbox::RequestName;
use crate::messages::load::read;
use crate::platform::Action;
use crate::vary::{Context, Scenario};

use super::site::Site;

/// How many requests keep their number, should they be decided anew.
const KEPT: usize = 1024;

/// Which file it is: another one has another of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        let found = fs::metadata(path).ok()?;
        Some(Self {
            inode: found.ino(),
            size: found.size(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        })
    }
}

/// What a look at the file found.
#[derive(Debug)]
pub struct Found {
    stamp: Option<Stamp>,
    scenario: Scenario,
    /// What is wrong with the file, if something is.
    pub wrong: Option<String>,
    /// What the log says of it otherwise.
    pub note: String,
    is_taken: bool,
    /// Whether the log has said so already.
    pub is_said: bool,
}

/// A scenario's file, and what of it is in force.
pub struct Varied {
    path: PathBuf,
    stamp: Option<Stamp>,
    /// The file that was there at the start, if it was wrong.
    told: Option<Stamp>,
    scenario: Scenario,
    /// How many scenarios were taken.
    taken: u64,
    /// Number of the next answer.
    next: u64,
    numbers: BTreeMap<RequestName, u64>,
    /// Answers that wait, by their last requests, and for which answer.
    later: Vec<(u64, String)>,
}

impl Varied {
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn new(path: PathBuf) -> Self {
        Self {
            path,
            stamp: None,
            told: None,
            scenario: Scenario::default(),
            taken: 0,
            next: 0,
            numbers: BTreeMap::new(),
            later: Vec::new(),
        }
    }

    /// Whether another file is there than the one in force.
    pub fn is_over(&self) -> bool {
        Stamp::of(&self.path) != self.stamp
    }

    /// What is there, if it is another file than the one in force.
    pub fn look(&self) -> Option<Found> {
        let stamp = Stamp::of(&self.path);
        if stamp == self.stamp {
            return None;
        }
        let path = self.path.display();
        let plain = |note: String| Found {
            stamp,
            scenario: Scenario::default(),
            wrong: None,
            note,
            is_taken: false,
            is_said: stamp.is_some() && stamp == self.told,
        };
        let nothing = "nothing is varied until there is another";
        if stamp.is_none() {
            return Some(plain(format!(
                "the scenario {path} is gone: {nothing}"
            )));
        }
        let wrong = |text: String| {
            let wrong = format!("the scenario {text}; {nothing}");
            Found { wrong: Some(wrong), ..plain(String::new()) }
        };
        let name = path.to_string();
        let text = match read(&self.path) {
            Ok(text) => text,
            Err(unread) => {
                return Some(wrong(unread.problem(&name).sentence()));
            }
        };
        Some(match Scenario::parse(&name, &text) {
            Ok(scenario) => Found {
                scenario,
                is_taken: true,
                ..plain(format!("scenario taken: {}", self.taken + 1))
            },
            Err(problems) => {
                wrong(format!("is wrong: {}", problems.sentences()))
            }
        })
    }

    /// What is to be known of the file before the first request: what is
    /// wrong with it, or a note.
    pub fn announce(&mut self) -> Result<String, String> {
        let path = self.path.display();
        let Some(found) = self.look() else {
            return Ok(format!(
                "there is no scenario {path} yet: nothing is varied until \
                 there is one"
            ));
        };
        match found.wrong {
            Some(wrong) => {
                self.told = found.stamp;
                Err(wrong)
            }
            None => Ok(format!(
                "the scenario {path} is taken with the first request"
            )),
        }
    }

    /// Puts in force what was found.
    pub fn take(&mut self, found: Found) {
        self.taken += u64::from(found.is_taken);
        self.stamp = found.stamp;
        self.scenario = found.scenario;
        self.next = 0;
        self.numbers.clear();
        self.later.clear();
    }

    /// The folder, or the life of the guest, is another: nothing waits.
    pub fn forget(&mut self) {
        self.numbers.clear();
        self.later.clear();
    }

    /// The number of the answer to these requests, the last of which this is.
    /// Decided anew it is the same.
    fn number(&mut self, last: &RequestName) -> u64 {
        if let Some(number) = self.numbers.get(last) {
            return *number;
        }
        if self.numbers.len() >= KEPT {
            self.numbers.pop_first();
        }
        let number = self.next;
        self.numbers.insert(last.clone(), number);
        self.next += 1;
        number
    }

    /// Changes what was decided. The answers that were to wait for this one
    /// come back, by their last requests.
    pub fn vary(
        &mut self,
        site: &Site,
        last: &RequestName,
        action: &mut Action,
    ) -> Vec<String> {
        let number = self.number(last);
        let asked = Context {
            messages: site.platform.messages(),
            channels: &site.channels,
            subspace: last.subspace,
        };
        self.scenario.vary(number, asked, action);
        let due = self.later.iter().filter(|(at, _)| *at <= number);
        due.map(|(_, name)| name.clone()).collect()
    }

    /// An answer is committed: it waits, or those that waited for it do not.
    pub fn committed(
        &mut self,
        last: &RequestName,
        later: Option<u64>,
        released: &[String],
    ) {
        self.later.retain(|(_, name)| !released.contains(name));
        let number = self.numbers.get(last);
        if let (Some(later), Some(number)) = (later, number) {
            let at = number.saturating_add(later);
            self.later.push((at, last.to_string()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(seq: u32) -> RequestName {
        RequestName {
            epoch: "20261121T044142.123456789Z".parse().unwrap(),
            seq,
            subspace: 0,
        }
    }

    #[test]
    fn another_file_is_taken_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s.json");
        let mut varied = Varied::new(path.clone());
        assert!(varied.look().is_none(), "there is none yet");
        let put = |text: &str| {
            let new = dir.path().join("new");
            fs::write(&new, text).unwrap();
            fs::rename(new, &path).unwrap();
        };
        for round in 1..=3 {
            put("{}");
            let found = varied.look().unwrap();
            assert_eq!(found.note, format!("scenario taken: {round}"));
            assert!(varied.look().is_some(), "until it is taken");
            varied.take(found);
            assert!(varied.look().is_none());
            assert_eq!(varied.number(&name(1)), 0);
            assert_eq!(varied.number(&name(2)), 1);
            assert_eq!(varied.number(&name(1)), 0, "decided anew");
        }
        put(r#"{"answers": [{"answer": 0, "dorp": true}]}"#);
        let found = varied.look().unwrap();
        let wrong = found.wrong.clone().unwrap();
        assert!(wrong.contains("did you mean `drop`"), "{wrong}");
        varied.take(found);
        assert!(varied.look().is_none(), "said once");
        fs::remove_file(&path).unwrap();
        let found = varied.look().unwrap();
        assert!(found.note.contains("is gone"), "{}", found.note);
        varied.take(found);
        put("{}");
        assert_eq!(varied.look().unwrap().note, "scenario taken: 4");
    }

    #[test]
    fn what_is_there_at_the_start_is_announced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s.json");
        let shown = path.display().to_string();
        let mut varied = Varied::new(path.clone());
        let none = varied.announce().unwrap();
        assert!(none.starts_with(&format!("there is no scenario {shown} yet")));
        fs::create_dir(&path).unwrap();
        let wrong = varied.announce().unwrap_err();
        assert!(wrong.contains("s.json: cannot be read: it is no"), "{wrong}");
        fs::remove_dir(&path).unwrap();
        for (text, message) in [
            ("", "s.json:1:1: the file is empty"),
            ("hello", "s.json:1:1: the file starts with `h`"),
            (r#"{"answers": 5}"#, "s.json:1:13: this is the number 5"),
        ] {
            fs::write(&path, text).unwrap();
            let wrong = varied.announce().unwrap_err();
            assert_eq!(wrong.matches("s.json").count(), 1, "{wrong}");
            assert!(wrong.contains(message), "{wrong}");
        }
        fs::write(&path, b"{\n\"\xe9\"").unwrap();
        let wrong = varied.announce().unwrap_err();
        assert!(wrong.contains("s.json:2:2: byte 0xe9"), "{wrong}");
        let found = varied.look().unwrap();
        assert!(found.wrong.is_some() && found.is_said, "{found:?}");
        fs::write(&path, "{}").unwrap();
        let right = varied.announce().unwrap();
        assert!(right.ends_with("is taken with the first request"), "{right}");
        assert!(!varied.look().unwrap().is_said);
    }

    #[test]
    fn an_answer_waits_for_another() {
        let mut varied = Varied::new(PathBuf::new());
        for seq in 1..=3 {
            varied.number(&name(seq));
        }
        varied.committed(&name(1), Some(2), &[]);
        assert_eq!(varied.later, [(2, name(1).to_string())]);
        varied.committed(&name(2), None, &[]);
        assert_eq!(varied.later.len(), 1);
        varied.committed(&name(3), None, &[name(1).to_string()]);
        assert!(varied.later.is_empty());
    }

    #[test]
    fn few_numbers_are_kept() {
        let mut varied = Varied::new(PathBuf::new());
        for seq in 1..=3000 {
            assert_eq!(varied.number(&name(seq)), u64::from(seq) - 1);
        }
        assert_eq!(varied.numbers.len(), KEPT);
        assert_eq!(varied.number(&name(3000)), 2999);
    }
}
