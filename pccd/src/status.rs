//! What can be told of a mailbox and its daemon from the files alone: the
//! daemon is not asked, and a dead one can be looked at, too.

use std::fmt::Write;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use rustix::fs::OFlags;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde::Serialize;

use crate::conduct;
use crate::mailbox::{Breaches, Channels};
use crate::record::iso;
use crate::station::ledger::file::{Due, FILE, Ledger};
use crate::stats::{self, Stats};

/// How a mailbox stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    pub mailbox: PathBuf,
    /// Process id of the daemon, if one runs.
    pub daemon: Option<i32>,
    /// The life of the guest, if there is one.
    pub epoch: Option<String>,
    /// Channels: subspace id and type.
    pub channels: Vec<(u8, u8)>,
    /// Requests that wait for an answer.
    pub outbox: usize,
    /// Messages that the guest has not taken yet.
    pub inbox: usize,
    pub rejected: usize,
    /// Files whose time is over.
    pub stale: usize,
    pub eid: Option<u8>,
    /// Answers that are decided and wait for their time.
    pub delayed: usize,
    /// What the device saw the guest do that it should not, by channel.
    pub conduct: Vec<Breaches>,
    /// Why files could not be read, of which nothing is said then.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<String>,
}

/// Larger files are none of ours.
const MOST: u64 = 64 << 20;

/// Opens a regular file. Whatever else lies there, nobody waits for it.
fn open(path: &Path) -> Option<File> {
    let flags = OFlags::NONBLOCK | OFlags::NOFOLLOW;
    let flags = i32::try_from(flags.bits()).ok()?;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path);
    file.ok().filter(|f| f.metadata().is_ok_and(|about| about.is_file()))
}

fn read(path: &Path) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.take(MOST).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// The process id of who has a lock, if it runs. Whether it does, the lock
/// says and not the number in its file, which may be another's by now; but
/// where there is no such process nobody is kept from taking the lock.
fn holder(lock: &Path) -> Option<i32> {
    let mut file = open(lock)?;
    let mut text = String::new();
    (&mut file).take(32).read_to_string(&mut text).ok()?;
    let number: i32 = text.trim().parse().ok()?;
    test_kill_process(Pid::from_raw(number)?).ok()?;
    let tried = file.try_lock_shared();
    matches!(tried, Err(TryLockError::WouldBlock)).then_some(number)
}

fn daemon(mailbox: &Path) -> Option<i32> {
    holder(&mailbox.join("daemon.lock"))
}

/// The process id of the QEMU that has a mailbox, if one runs.
pub fn device(mailbox: &Path) -> Option<i32> {
    holder(&mailbox.join("qemu.lock"))
}

fn count(folder: &Path) -> usize {
    let names = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = names.map(|entry| entry.file_name());
    names.filter(|name| !name.as_encoded_bytes().ends_with(b".reason")).count()
}

/// Reads a ledger; none if there is none yet.
pub fn ledger(state: &Path) -> Result<Option<Ledger>> {
    let path = state.join(FILE);
    let Some(bytes) = read(&path) else {
        return Ok(None);
    };
    let ledger = Ledger::decode(&bytes)
        .map_err(|reason| anyhow!("{}: {reason}", path.display()))?;
    Ok(Some(ledger))
}

impl Status {
    /// Looks at a mailbox.
    pub fn of(mailbox: &Path, state: &Path) -> Result<Self> {
        if !mailbox.is_dir() {
            return Err(anyhow!(
                "there is no mailbox {}; name one with --mailbox, or start \
                 pccd or QEMU, which make it",
                mailbox.display()
            ));
        }
        let mut unread = Vec::new();
        let path = mailbox.join("channels.json");
        let channels = read(&path).map(|bytes| Channels::decode(&bytes));
        let channels = match channels.transpose() {
            Ok(channels) => channels,
            Err(error) => {
                unread.push(format!("{}: {error}", path.display()));
                None
            }
        };
        let channels =
            channels.unwrap_or(Channels { epoch: None, channels: Vec::new() });
        let ledger = ledger(state).unwrap_or_else(|error| {
            unread.push(error.to_string());
            None
        });
        let began = ledger.as_ref().map(|ledger| ledger.epoch.clone());
        let epoch = channels.epoch.map(|epoch| epoch.to_string());
        let epoch = epoch.or(began).filter(|epoch| !epoch.is_empty());
        let path = mailbox.join("conduct.json");
        let conduct = match (read(&path), &epoch) {
            (Some(bytes), Some(epoch)) => Breaches::decode(&bytes, epoch)
                .unwrap_or_else(|error| {
                    unread.push(format!("{}: {error}", path.display()));
                    Vec::new()
                }),
            _ => Vec::new(),
        };
        let listed = channels.channels.iter();
        Ok(Self {
            mailbox: mailbox.to_owned(),
            daemon: daemon(mailbox),
            epoch,
            conduct,
            unread,
            channels: listed
                .map(|one| (one.subspace, one.kind as u8))
                .collect(),
            outbox: count(&mailbox.join("outbox")),
            inbox: count(&mailbox.join("inbox")),
            rejected: count(&mailbox.join("rejected")),
            stale: count(&mailbox.join("stale")),
            eid: ledger.as_ref().map(|ledger| ledger.endpoint.eid),
            delayed: ledger.map_or(0, |ledger| {
                let delayed = |due| due != Due::Now;
                let answers = ledger.answers.iter();
                answers.filter(|answer| delayed(answer.due)).count()
            }),
        })
    }

    pub fn text(&self) -> String {
        let mut text = format!("mailbox {}\n", self.mailbox.display());
        let mut line = |name: &str, value: String| {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "  {name:<10} {value}");
        };
        line(
            "daemon",
            match self.daemon {
                Some(pid) => format!("process {pid}"),
                None => "none runs".to_owned(),
            },
        );
        let epoch = self.epoch.clone();
        line("guest", epoch.unwrap_or_else(|| "none yet".to_owned()));
        let channels: Vec<String> = self
            .channels
            .iter()
            .map(|(subspace, kind)| format!("{subspace} (type {kind})"))
            .collect();
        line(
            "channels",
            match channels.is_empty() {
                true => {
                    "not said; 0 (type 3) and 1 (type 4) are assumed".into()
                }
                false => channels.join(", "),
            },
        );
        if let Some(eid) = self.eid {
            line("EID", eid.to_string());
        }
        line("outbox", format!("{} waiting", self.outbox));
        line("inbox", format!("{} waiting", self.inbox));
        line("delayed", self.delayed.to_string());
        line("rejected", self.rejected.to_string());
        line("stale", self.stale.to_string());
        for Breaches { subspace, counts } in &self.conduct {
            for (id, count) in counts {
                let rule = conduct::named(id).map(|rule| {
                    format!(": {} ({})", rule.says, rule.paragraph)
                });
                let rule = rule.unwrap_or_default();
                let id = id.escape_debug();
                let broken = format!("subspace {subspace}, {count} × {id}");
                line("conduct", broken + &rule);
            }
        }
        text
    }
}

/// What a ledger says, for people.
pub fn ledger_text(ledger: &Ledger) -> String {
    let mut text = String::new();
    let mut line = |name: String, value: String| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name:<32} {value}");
    };
    line("guest".into(), ledger.epoch.clone());
    line("began".into(), iso(ledger.began));
    line("EID".into(), ledger.endpoint.eid.to_string());
    for (name, value) in &ledger.memory.variables {
        line(format!("state.{name}"), value.json().to_string());
    }
    for (name, count) in &ledger.memory.counts {
        line(format!("answered: {name}"), count.times.to_string());
    }
    for (name, at) in &ledger.timers {
        line(format!("by the clock: {name}"), iso(*at));
    }
    for answer in &ledger.answers {
        let due = match answer.due {
            Due::Now => continue,
            Due::At(at) => iso(at),
            Due::Never => "never".to_owned(),
        };
        line(format!("delayed: {}", answer.handler), due);
    }
    text
}

/// What the daemon of a mailbox has counted; what the last one had, if none
/// runs.
pub fn stats(mailbox: &Path, state: &Path) -> Result<Stats> {
    const LIMIT: Duration = Duration::from_secs(10);
    let path = state.join(stats::FILE);
    let written =
        || -> Option<Stats> { serde_json::from_slice(&read(&path)?).ok() };
    let before = written();
    let Some(number) = daemon(mailbox) else {
        return before.ok_or_else(|| {
            anyhow!(
                "no pccd answers for {}, and none has left {}",
                mailbox.display(),
                path.display()
            )
        });
    };
    if let Some(pid) = Pid::from_raw(number) {
        kill_process(pid, Signal::USR1)?;
    }
    let start = Instant::now();
    while start.elapsed() < LIMIT {
        let now = written().filter(|now| before.as_ref() != Some(now));
        if let Some(now) = now {
            return Ok(now);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    Err(anyhow!("process {number} does not write {}", path.display()))
}

/// Asks the daemon of a mailbox to read its handlers again.
pub fn reload(mailbox: &Path) -> Result<i32> {
    let number = daemon(mailbox).ok_or_else(|| {
        anyhow!(
            "no pccd answers for {}; start one with pccd run --mailbox {0}",
            mailbox.display()
        )
    })?;
    let pid = Pid::from_raw(number)
        .ok_or_else(|| anyhow!("{number} is no process id"))?;
    kill_process(pid, Signal::HUP)?;
    Ok(number)
}
