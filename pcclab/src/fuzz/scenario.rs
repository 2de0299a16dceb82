//! One input of the search: a JSON file that `pccd run --vary` and `pcclab run
//! --vary` take as it is.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::{Deref, DerefMut};
use std::path::Path;

use libafl::corpus::CorpusId;
use libafl::inputs::Input;
use pccd::vary::{AnswerFile, ScenarioFile};
use serde::{Deserialize, Serialize};

use crate::result::save;

/// How many actions one scenario has at most: its line for the guest is short.
pub const MOST_ACTIONS: usize = 24;

/// How many messages come on while the guest does something else: some hundred
/// milliseconds of them.
pub const FLOOD: u64 = 200;

/// Milliseconds between two of them, if they are to leave the guest time for
/// what it does with each: some jiffies.
pub const SPACING_MS: u32 = 3;

/// What is done in the guest, and what becomes of the platform's answers.
#[derive(
    Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Scenario(ScenarioFile);

impl Deref for Scenario {
    type Target = ScenarioFile;

    fn deref(&self) -> &ScenarioFile {
        &self.0
    }
}

impl DerefMut for Scenario {
    fn deref_mut(&mut self) -> &mut ScenarioFile {
        &mut self.0
    }
}

impl Scenario {
    /// One that varies nothing, of a platform (or several, with blanks
    /// between) and actions by the names of its `search`.
    pub fn plain(platform: &str, actions: Vec<String>) -> Scenario {
        let platform = Some(platform.to_owned());
        Scenario(ScenarioFile { platform, actions, ..ScenarioFile::default() })
    }

    /// Scenarios one after the other as one: each with how many requests the
    /// platform decided about in it.
    pub fn joined(parts: &[(Scenario, u64)]) -> Scenario {
        let mut whole = Scenario::default();
        let mut before = 0;
        for (part, requests) in parts {
            whole.platform.clone_from(&part.platform);
            whole.actions.extend(part.actions.iter().cloned());
            let moved = part.answers.iter().map(|entry| AnswerFile {
                answer: entry.answer + before,
                ..entry.clone()
            });
            whole.answers.extend(moved);
            before += requests;
        }
        whole.fit();
        whole
    }

    /// Keeps to what pccd and the guest take, and to floods that are over when
    /// the platform is to answer as it should.
    pub fn trim(&mut self) {
        for entry in &mut self.answers {
            if entry.repeat.is_some_and(|count| count >= FLOOD)
                && let Some(envelope) = &mut entry.envelope
                && let Some(ms) = &mut envelope.delay_ms
            {
                *ms = (*ms).min(SPACING_MS.into());
            }
        }
        self.fit();
        self.actions.truncate(MOST_ACTIONS);
    }

    /// Whether the platform says something else than it would in this field of
    /// PCC's header, the longest of which has 16 bytes.
    pub fn says(&self, field: &str) -> bool {
        self.answers.iter().any(|entry| {
            entry.set.contains_key(field)
                || entry.at.iter().any(|at| at.offset < 16)
        })
    }

    /// The file.
    pub fn to_json(&self) -> String {
        // Plain data: nothing here can fail.
        let json = serde_json::to_string_pretty(self).unwrap_or_default();
        json + "\n"
    }

    /// What it is called: the same on every machine.
    pub fn name(&self) -> String {
        format!("{:016x}.json", self.hash(0))
    }

    /// A number that is the same on every machine, another one for each seed.
    pub fn hash(&self, seed: u64) -> u64 {
        let mut hasher = DefaultHasher::new();
        Hash::hash(self, &mut hasher);
        if seed != 0 {
            seed.hash(&mut hasher);
        }
        hasher.finish()
    }

    /// How much of the whole is in it, for the one that makes it small.
    pub fn size(&self) -> usize {
        let entries = self.answers.iter().map(|entry| {
            let options = [
                entry.length.is_some(),
                entry.drop,
                entry.repeat.is_some(),
                entry.delay_ms.is_some(),
                entry.later.is_some(),
                entry.unasked.is_some(),
                entry.envelope.as_ref().is_some_and(|e| e.delay_ms.is_some()),
            ];
            let flags = entry.envelope.as_ref().map_or(0, |e| e.flags.len());
            1 + entry.set.len()
                + entry.at.len()
                + flags
                + options.iter().filter(|is| **is).count()
        });
        self.actions.len() + entries.sum::<usize>()
    }
}

impl Input for Scenario {
    fn to_file<P: AsRef<Path>>(&self, path: P) -> Result<(), libafl::Error> {
        // LibAFL's own takes one name for half a file, whoever writes it, and
        // workers keep the same scenario at the same time.
        save(path.as_ref(), &self.to_json())
            .map_err(|error| libafl::Error::unknown(format!("{error:#}")))
    }

    fn from_file<P: AsRef<Path>>(path: P) -> Result<Self, libafl::Error> {
        let text = std::fs::read(path)?;
        serde_json::from_slice(&text).map_err(|error| {
            libafl::Error::serialize(format!("no scenario: {error}"))
        })
    }

    fn generate_name(&self, _id: Option<CorpusId>) -> String {
        self.name()
    }
}

#[cfg(test)]
mod tests {
    use pccd::vary::{MOST_COPIES, SettingFile, TellFile};

    use super::*;

    /// What pccd and people write.
    const TEXT: &str = r#"{
        "platform": "fan", "actions": ["read", "unbind", "bind"],
        "answers": [
          { "answer": 0, "set": { "fan.speed": 4294967295, "fan.t": -1, "fan.name": "00ff" } },
          { "answer": 2, "delay-ms": 40, "envelope": { "flags": ["double-interrupt"], "delay_ms": 3 } },
          { "answer": 3, "drop": true },
          { "answer": 4, "repeat": 2, "at": [ { "offset": 17, "hex": "ff" } ], "length": 12 },
          { "answer": 5, "later": 1 },
          { "answer": 6, "unasked": "50434300", "subspace": 3 } ] }"#;

    fn scenario() -> Scenario {
        serde_json::from_str(TEXT).unwrap()
    }

    #[test]
    fn what_the_platform_says_in_the_header_is_known() {
        let mut one = scenario();
        assert!(!one.says("pcc.flags"));
        one.answers[0].set.insert("pcc.flags".into(), SettingFile::Number(0));
        assert!(one.says("pcc.flags") && !one.says("pcc.length"));
        one.answers[3].at[0].offset = 8;
        assert!(one.says("pcc.length"));
    }

    #[test]
    fn workers_may_keep_the_same_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("same.json");
        let scenario = scenario();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        scenario.to_file(&path).unwrap();
                    }
                });
            }
        });
        assert_eq!(Scenario::from_file(&path).unwrap(), scenario);
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
    }

    #[test]
    fn files_are_read_and_written() {
        let scenario = scenario();
        assert_eq!(scenario.answers[0].set["fan.t"], SettingFile::Negative(-1));
        assert_eq!(scenario.answers[3].at[0].offset, 17);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(scenario.name());
        scenario.to_file(&path).unwrap();
        assert_eq!(Scenario::from_file(&path).unwrap(), scenario);
        let text = std::fs::read_to_string(&path).unwrap();
        // What does not apply is not there.
        assert_eq!(text.matches("drop").count(), 1, "{text}");
        std::fs::write(&path, r#"{"anwers": []}"#).unwrap();
        let error = Scenario::from_file(&path).unwrap_err().to_string();
        assert!(error.contains("anwers"), "{error}");
    }

    #[test]
    fn one_after_the_other_is_one() {
        let whole = Scenario::joined(&[(scenario(), 9), (scenario(), 9)]);
        assert_eq!(whole.actions.len(), 6);
        let answers: Vec<_> = whole.answers.iter().map(|e| e.answer).collect();
        assert_eq!(answers, [0, 2, 3, 4, 5, 6, 9, 11, 12, 13, 14, 15]);
        assert!(whole.size() > scenario().size());
        // Only so much fits into a file: the last is what led to the end.
        let flood = |answer| {
            let repeat = Some(MOST_COPIES - 10);
            let entry = AnswerFile { repeat, ..AnswerFile::of(answer) };
            let answers = vec![entry];
            (Scenario(ScenarioFile { answers, ..ScenarioFile::default() }), 1)
        };
        let both = Scenario::joined(&[flood(0), flood(0)]);
        let repeats = both.answers.iter().map(|it| it.repeat);
        assert!(repeats.eq([Some(10), Some(MOST_COPIES - 10)]));
        let envelope = Some(TellFile { delay_ms: Some(500), flags: vec![] });
        let mut slow = flood(0).0;
        slow.answers[0].envelope = envelope;
        slow.trim();
        let envelope = slow.answers[0].envelope.as_ref().unwrap();
        assert_eq!(envelope.delay_ms, Some(3), "it would take two minutes");
        let mut empty = whole.clone();
        empty.answers = vec![AnswerFile::of(3)];
        empty.trim();
        assert!(empty.answers.is_empty());
    }
}
