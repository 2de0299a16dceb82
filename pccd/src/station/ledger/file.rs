//! What must outlive the daemon within a life of the guest: the endpoint's
//! state, what handlers remember, when messages by the clock are due, and
//! answers that are decided but perhaps not yet published. One file,
//! replaced by rename, so that all change together.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use serde::{Deserialize, Serialize};

use crate::endpoint::State;
use crate::mailbox::{ReadError, StateFolder};
use crate::record::Time;
use crate::script::memory::Memory;

/// Version of the file. Version 1 had neither memory nor times.
const VERSION: u32 = 2;

/// Its name in the state folder.
pub const FILE: &str = "ledger.json";

/// Longest time to sleep before the clock is looked at again: a committed
/// time can lie no further off.
pub const LONGEST: Duration = Duration::from_secs(2 * 86_400);

/// A file that belongs into the inbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outgoing {
    /// Its name there.
    pub name: String,
    /// Its content.
    #[serde(with = "hex::serde")]
    pub content: Vec<u8>,
}

/// When something is published.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Due {
    /// At once.
    #[default]
    Now,
    /// Not before this time.
    At(Time),
    /// Not in this life of the guest.
    Never,
}

fn yes() -> bool {
    true
}

/// An answer, decided and not to be decided again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// File names of the requests it answers, in order; none for messages
    /// that nobody asked for and that have a time of their own.
    pub requests: Vec<String>,
    /// Name of the handler, or `endpoint`.
    pub handler: String,
    /// The reply as a message, for the log.
    #[serde(with = "hex::serde")]
    pub reply: Vec<u8>,
    /// Replies, in order.
    pub replies: Vec<Outgoing>,
    /// Messages nobody asked for, sent after the replies.
    pub unasked: Vec<Outgoing>,
    /// When it is published.
    #[serde(default)]
    pub due: Due,
    /// Whether later requests of its channel wait for it.
    #[serde(default = "yes")]
    pub in_order: bool,
    /// For how long it was to wait when it was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<u64>,
    /// How far this process has come with it.
    #[serde(skip)]
    pub progress: Progress,
}

/// What this process knows of an answer, and the next one need not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// When it is due by a clock that nobody can set.
    pub deadline: Option<Instant>,
    /// When its request was read; none if it waits for its time.
    pub start: Option<Instant>,
    /// How many of its files are published.
    pub published: usize,
    /// Whether another process decided it.
    pub inherited: bool,
}

impl Answer {
    /// Whether it may be published.
    pub fn is_due(&self, now: Instant) -> bool {
        match self.due {
            Due::Now => true,
            Due::At(_) => self.progress.deadline.is_none_or(|at| at <= now),
            Due::Never => false,
        }
    }
}

/// The ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    version: u32,
    /// Life of the guest all this belongs to; empty before the first.
    pub epoch: String,
    /// When that life began for us.
    #[serde(default)]
    pub began: Time,
    /// State of the endpoint.
    pub endpoint: State,
    /// What handlers remember.
    #[serde(default)]
    pub memory: Memory,
    /// When messages by the clock are due next.
    #[serde(default)]
    pub timers: BTreeMap<String, Time>,
    /// Answers decided and perhaps not yet published.
    pub answers: Vec<Answer>,
}

impl Ledger {
    /// A ledger for an epoch that begins now.
    pub fn new(epoch: String, began: Time, endpoint: State) -> Self {
        Self {
            version: VERSION,
            epoch,
            began,
            endpoint,
            memory: Memory::default(),
            timers: BTreeMap::new(),
            answers: Vec::new(),
        }
    }

    /// What an earlier process stored; none before the first.
    pub(crate) fn read(state: &StateFolder) -> Result<Option<Self>> {
        const MOST: usize = 64 << 20;
        match state.read(OsStr::new(FILE), MOST) {
            Ok(bytes) => Self::decode(&bytes).map(Some),
            Err(ReadError::Gone) => Ok(None),
            Err(ReadError::Refused(reason)) => Err(anyhow!(reason)),
            Err(ReadError::System(error)) => {
                Err(error).context("cannot be read")
            }
        }
    }

    /// Stores it: a crash leaves this one whole, or the one before.
    pub(crate) fn store(&self, state: &StateFolder) -> io::Result<()> {
        state.replace(FILE, &self.encode())
    }

    /// Reads a file; fails if it is none of this version.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let mut ledger: Self = serde_json::from_slice(bytes)?;
        let version = ledger.version;
        if !(1..=VERSION).contains(&version) {
            bail!("version {version}, this pccd writes {VERSION}");
        }
        ledger.version = VERSION;
        Ok(ledger)
    }

    /// Writes the file's bytes.
    pub fn encode(&self) -> Vec<u8> {
        // Plain values under text keys: nothing here can fail.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_goes_there_and_back() {
        let state = State { eid: 9, ..State::default() };
        let time = crate::record::now();
        let mut ledger = Ledger::new("e".to_owned(), time, state);
        ledger.memory.count("counted");
        ledger.timers.insert("beat".to_owned(), time);
        ledger.answers.push(Answer {
            requests: vec!["a".to_owned()],
            handler: "endpoint".to_owned(),
            reply: vec![0, 1],
            replies: vec![Outgoing {
                name: "a.r1".to_owned(),
                content: vec![1, 0xff],
            }],
            unasked: Vec::new(),
            due: Due::At(time),
            in_order: false,
            delay_ms: Some(7),
            progress: Progress::default(),
        });
        let bytes = ledger.encode();
        assert_eq!(Ledger::decode(&bytes).unwrap(), ledger);
        for end in 0..bytes.len() {
            assert!(Ledger::decode(&bytes[..end]).is_err());
        }
        let text = |version: u32| {
            format!(
                r#"{{"version":{version},"epoch":"e",
                "endpoint":{{"eid":9,"discovered":false}},"answers":[
                {{"requests":["a"],"handler":"h","reply":"00",
                  "replies":[],"unasked":[]}}]}}"#
            )
        };
        let error = Ledger::decode(text(3).as_bytes()).unwrap_err();
        assert!(error.to_string().contains("version 3"));
        let old = Ledger::decode(text(1).as_bytes()).unwrap();
        assert!(old.answers[0].in_order);
        assert!(old.answers[0].is_due(Instant::now()));
        assert_eq!(old.version, VERSION);
    }
}
