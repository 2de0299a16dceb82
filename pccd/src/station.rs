//! One mailbox and the platform behind it: a look at the folder, a decision
//! for each request, and the steps that keep the promise when the daemon
//! dies between any two of them.

mod echo;
mod held;
mod publish;
mod request;
mod timed;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};

use crate::daemon::Clock;
use crate::exchange::Platform;
use crate::log::Log;
use crate::mailbox::{
    Aside, Channels, ChannelsError, Due, Epoch, Ledger, Mailbox, RequestName,
    StateFolder, Watch,
};
use crate::messages::Messages;
use crate::programs::Programs;
use crate::record::{Event, Record};
use crate::stats::{self, Counting};
use crate::wake::Waker;

/// How long to wait before what the system refused is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// How long to wait before a folder that went away is made again: whoever
/// removes it should be done.
const SETTLE: Duration = Duration::from_millis(200);
/// Longest time to sleep before the clock is looked at again: a committed
/// time can lie no further off.
const LONGEST: Duration = Duration::from_secs(2 * 86_400);
/// Longest content of any channel that says no size.
const MOST_CONTENT: usize = 16 << 20;

type Stamp = (u64, i64, i64, u64);

/// An open mailbox, watched.
struct Opened {
    mailbox: Mailbox,
    state: StateFolder,
    /// None where the system can watch no more.
    watch: Option<Watch>,
    /// Why, until it is said.
    unwatched: Option<String>,
}

/// One mailbox and the platform behind it.
pub struct Station {
    path: PathBuf,
    state_path: PathBuf,
    clock: Clock,
    waker: Waker,
    opened: Option<Opened>,
    platform: Platform,
    channels: Channels,
    stamp: Option<Stamp>,
    ledger: Ledger,
    /// Requests whose message is not complete yet.
    waiting: BTreeSet<RequestName>,
    /// Requests that get no answer and could not be removed yet.
    given_up: BTreeSet<RequestName>,
    /// Requests that the log has, for as long as they may be read again.
    logged: HashSet<String>,
    /// Names that could not be moved aside yet.
    stuck: HashSet<OsString>,
    /// Time and number of the last message nobody asked for.
    last_unasked: Option<(Epoch, u32)>,
    /// The lock of a mailbox that lacks folders.
    lock: Option<File>,
    /// When a mailbox that went away may be made again.
    away_until: Option<Instant>,
    /// The failure last logged, so that a retry does not fill the log.
    failure: Option<String>,
    /// When messages by the clock are due, by a clock nobody can set.
    deadlines: BTreeMap<String, Instant>,
    /// Whether this life of the guest was answered by this process.
    served: bool,
    /// Handlers whose expectation is known to be exceeded.
    told: HashSet<String>,
    /// Whether expectations of an earlier life were not met.
    failed: bool,
    echoes: echo::Echoes,
    programs: Programs,
    /// Messages that wait for one of them.
    held: Vec<held::Waiting>,
}

impl Station {
    /// Opens a mailbox and takes up where an earlier daemon stopped.
    ///
    /// # Errors
    ///
    /// The mailbox, its state or its `channels.json` cannot be used.
    pub fn open(
        path: &Path,
        state_path: &Path,
        handlers: Arc<Messages>,
        seed: u64,
        clock: Clock,
        waker: Waker,
    ) -> Result<Self> {
        let platform = Platform::new(handlers, seed);
        let programs = Programs::new(waker.clone());
        let ledger = Ledger::new(String::new(), clock(), platform.state());
        let mut station = Self {
            path: path.to_owned(),
            state_path: state_path.to_owned(),
            clock,
            waker,
            opened: None,
            platform,
            channels: Channels::default(),
            stamp: None,
            ledger,
            waiting: BTreeSet::new(),
            given_up: BTreeSet::new(),
            logged: HashSet::new(),
            stuck: HashSet::new(),
            last_unasked: None,
            lock: None,
            away_until: None,
            failure: None,
            deadlines: BTreeMap::new(),
            served: false,
            told: HashSet::new(),
            failed: false,
            echoes: echo::Echoes::default(),
            programs,
            held: Vec::new(),
        };
        let opened = station.open_folders()?;
        station.load_ledger(&opened)?;
        station.opened = Some(opened);
        Ok(station)
    }

    /// The mailbox's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What has something to read when the mailbox has something new.
    pub fn watch(&self) -> Option<BorrowedFd<'_>> {
        Some(self.opened.as_ref()?.watch.as_ref()?.as_fd())
    }

    /// Whether something may be new in the mailbox since this was asked last.
    pub fn is_told(&self) -> bool {
        let watch = self.opened.as_ref().and_then(|o| o.watch.as_ref());
        watch.is_some_and(Watch::drain)
    }

    /// Takes other handlers from the next request on.
    pub fn replace(&mut self, handlers: Arc<Messages>) {
        let before = self.platform.timed(&self.channels);
        self.platform.replace(handlers);
        self.programs.restart();
        self.retime(&before);
    }

    /// EID in force.
    pub fn eid(&self) -> u8 {
        self.platform.state().eid
    }

    fn open_folders(&self) -> Result<Opened> {
        let mailbox = Mailbox::open_daemon(&self.path, self.lock.as_ref())?;
        let state = StateFolder::open(&self.state_path)?;
        let armed = Watch::arm(mailbox.path(), mailbox.outbox_path());
        let (watch, unwatched) = match armed {
            Ok(watch) => (Some(watch), None),
            Err(reason) => (None, Some(reason)),
        };
        Ok(Opened { mailbox, state, watch, unwatched })
    }

    fn load_ledger(&mut self, opened: &Opened) -> Result<()> {
        let loaded = opened.state.load().map_err(|reason| {
            let path = opened.state.path().join("ledger.json");
            anyhow!(
                "{0} cannot be used: {reason}; look at what it is, and at \
                 who else writes there; to start with the endpoint's initial \
                 state, move it away or name another folder with --state",
                path.display()
            )
        })?;
        if let Some(mut ledger) = loaded {
            for answer in &mut ledger.answers {
                answer.progress.inherited = true;
                if let Due::At(at) = answer.due {
                    // The clock may have been set since.
                    let delay = answer.delay_ms;
                    let most = delay.map_or(LONGEST, Duration::from_millis);
                    answer.progress.deadline = Some(self.deadline(at, most));
                }
            }
            self.platform.set(ledger.endpoint, ledger.memory.clone());
            self.platform.set_began(ledger.began);
            self.ledger = ledger;
        }
        Ok(())
    }

    /// Writes down what was counted of this mailbox.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn write_stats(&self, counting: &Counting) -> Result<()> {
        let Some(opened) = &self.opened else { return Ok(()) };
        let (mailbox, now) = (self.path.display().to_string(), (self.clock)());
        let stats = counting.stats(&mailbox, std::process::id(), now);
        let text = serde_json::to_vec(&stats)?;
        Ok(opened.state.replace(stats::FILE, &text)?)
    }

    fn record(&self, event: Event) -> Record {
        let mut record = Record::new((self.clock)(), event);
        record.mailbox = Some(self.path.display().to_string());
        record
    }

    /// A record of a file of the mailbox, decoded as its channel wants it.
    fn seen(&self, event: Event, name: &str, content: &[u8]) -> Record {
        let number = name.split('-').nth(2).and_then(|rest| rest.get(..3));
        let subspace = number.and_then(|digits| digits.parse().ok());
        let is_request = !matches!(event, Event::Replied | Event::Unasked);
        let decoded = self.platform.describe(
            &self.channels,
            subspace.unwrap_or(0),
            content,
            is_request,
            event == Event::Unasked,
        );
        let record = self.record(event).named(name);
        let mut record = record.with_decoded(content, decoded);
        // What a guest wrote there may be anything.
        if is_request || record.subspace.is_none() {
            record.subspace = subspace.or(record.subspace);
        }
        record
    }

    /// Looks at the mailbox and does all there is to do. Returns when it
    /// wants to look again without being woken.
    ///
    /// # Errors
    ///
    /// What no retry will mend.
    pub fn look<W: Write>(
        &mut self,
        log: &mut Log<W>,
    ) -> Result<Option<Duration>> {
        let Some(mut opened) = self.opened.take() else {
            return self.reopen(log);
        };
        if !opened.mailbox.is_current() || !opened.state.is_current() {
            let text = "the mailbox went away; waiting, then making it again";
            log.write(&self.record(Event::Note).because(text));
            self.platform.forget();
            self.forget_held();
            self.waiting.clear();
            self.given_up.clear();
            self.stuck.clear();
            for answer in &mut self.ledger.answers {
                // What was published may be gone as well.
                answer.progress.published = 0;
            }
            self.stamp = None;
            self.away_until = Instant::now().checked_add(SETTLE);
            self.lock = opened.mailbox.lock();
            return Ok(Some(SETTLE));
        }
        if let Some(reason) = opened.unwatched.take() {
            let text =
                format!("{reason}; the mailbox is looked at once a second");
            log.write(&self.record(Event::Note).because(text));
        }
        let done = self.work(&mut opened, log);
        let is_watched = opened.watch.is_some();
        if self.served {
            opened.mailbox.prepare();
        }
        self.opened = Some(opened);
        match done {
            Ok(()) if self.stuck.is_empty() && is_watched => {
                self.failure = None;
                Ok(self.next_wake())
            }
            Ok(()) => {
                Ok(Some(self.next_wake().map_or(RETRY, |next| next.min(RETRY))))
            }
            Err(Trouble::Fatal(error)) => Err(error),
            Err(Trouble::Later(doing, error)) => {
                self.fail(log, format!("{doing}: {error}; tried again"));
                Ok(Some(RETRY))
            }
            Err(Trouble::Unread(error)) => {
                self.fail(log, format!("read a request: {error}; tried again"));
                Ok(Some(RETRY))
            }
        }
    }

    fn fail<W: Write>(&mut self, log: &mut Log<W>, text: String) {
        if self.failure.as_ref() != Some(&text) {
            log.write(&self.record(Event::Error).because(text.clone()));
            self.failure = Some(text);
        }
    }

    fn reopen<W: Write>(
        &mut self,
        log: &mut Log<W>,
    ) -> Result<Option<Duration>> {
        if let Some(until) = self.away_until {
            // Whoever removes it wakes us with every file.
            let left = until.saturating_duration_since(Instant::now());
            if !left.is_zero() {
                return Ok(Some(left));
            }
            self.away_until = None;
        }
        let opened = self.open_folders().and_then(|opened| {
            // The ledger may have gone with the mailbox; the life of the
            // guest has not.
            let stored = opened.state.store(&self.ledger);
            stored.context("cannot write the ledger")?;
            Ok(opened)
        });
        match opened {
            Ok(opened) => {
                self.opened = Some(opened);
                self.lock = None;
                self.failure = None;
                let text = "the mailbox is there again";
                log.write(&self.record(Event::Note).because(text));
                // What came before the watch was armed is found now.
                Ok(Some(Duration::ZERO))
            }
            Err(error) => {
                self.fail(log, format!("{error:#}; tried again"));
                Ok(Some(RETRY))
            }
        }
    }

    fn work<W: Write>(
        &mut self,
        opened: &mut Opened,
        log: &mut Log<W>,
    ) -> Result<(), Trouble> {
        if !self.ledger.answers.is_empty() || !self.held.is_empty() {
            // They may be of a life that is over.
            self.read_channels(opened, log)?;
        }
        self.finish(opened, log, &mut None)?;
        self.go_on(opened, log)?;
        let (requests, others) =
            opened.mailbox.list().map_err(later("list the outbox"))?;
        // The device says before the first message of an epoch; who fills
        // a mailbox by hand does not.
        self.read_channels(opened, log)?;
        for (name, reason) in others {
            let aside = Aside::Rejected(&reason);
            self.set_aside(opened, log, &name, aside, &[]);
        }
        if let Some(last) = requests.last() {
            // A life that is over holds nothing back.
            self.life(opened, log, last)?;
        }
        let mut known = true;
        let mut unread: Option<io::Error> = None;
        let mut waits = BTreeSet::new();
        for name in requests {
            if self.waker.is_stopped() {
                break;
            }
            // Nothing overtakes what could not be read.
            if !waits.contains(&name.subspace)
                && !self.given_up.contains(&name)
                && !self.waiting.contains(&name)
                && !self.is_held(&name)
                && !self.waits(&name)
            {
                if !std::mem::take(&mut known) {
                    self.read_channels(opened, log)?;
                }
                match self.request(opened, log, &name) {
                    Err(Trouble::Unread(error)) => {
                        waits.insert(name.subspace);
                        unread.get_or_insert(error);
                    }
                    other => other?,
                }
            }
        }
        self.tick(opened, log)?;
        if let Some(error) = unread {
            return Err(later("read a request")(error));
        }
        let removed = self.remove_given_up(opened);
        removed.map_err(later("remove a request"))
    }

    /// Whether a request is answered already, only not yet, or comes after
    /// one whose answer it must not overtake.
    fn is_held(&self, name: &RequestName) -> bool {
        // What is due is held as well, until it is published.
        if self.ledger.answers.is_empty() {
            return false;
        }
        let text = name.to_string();
        self.ledger.answers.iter().any(|answer| {
            let last = answer.requests.last();
            let last = last.and_then(|last| last.parse::<RequestName>().ok());
            let before = last.is_some_and(|last| {
                last.subspace == name.subspace && last.epoch == name.epoch
            });
            answer.requests.contains(&text) || (answer.in_order && before)
        })
    }

    fn read_channels<W: Write>(
        &mut self,
        opened: &Opened,
        log: &mut Log<W>,
    ) -> Result<(), Trouble> {
        let stamp = opened.mailbox.channels_stamp();
        if stamp == self.stamp {
            return Ok(());
        }
        self.stamp = stamp;
        match opened.mailbox.channels() {
            Ok(Some(channels)) => self.channels = channels,
            // It went away with the folder: what it said stays true.
            Ok(None) => return Ok(()),
            Err(error @ ChannelsError::Version(_)) => {
                return Err(Trouble::Fatal(error.into()));
            }
            Err(ChannelsError::Unread(reason)) => {
                self.stamp = None;
                let error = io::Error::other(reason);
                return Err(later("read channels.json")(error));
            }
            Err(error) => {
                let text = format!("{error}; the channels known before stay");
                log.write(&self.record(Event::Error).because(text));
                return Ok(());
            }
        }
        if let Some(epoch) = self.channels.epoch.clone()
            && self.ledger.epoch != epoch.to_string()
        {
            self.begin(opened, log, &epoch).inspect_err(|_| {
                self.stamp = None;
            })?;
        }
        Ok(())
    }

    /// A life of the guest begins: what belongs to the one before is over.
    fn begin<W: Write>(
        &mut self,
        opened: &Opened,
        log: &mut Log<W>,
        epoch: &Epoch,
    ) -> Result<(), Trouble> {
        let (now, state) = ((self.clock)(), self.platform.initial());
        let ledger = Ledger::new(epoch.to_string(), now, state);
        opened.state.store(&ledger).map_err(later("write the ledger"))?;
        self.ledger = ledger;
        self.verdict(log);
        self.served = false;
        self.platform.reset();
        self.platform.set_began(now);
        self.forget_held();
        self.waiting.clear();
        self.given_up.clear();
        self.logged.clear();
        self.deadlines.clear();
        let text = format!("the guest starts anew: epoch {epoch}");
        log.write(&self.record(Event::Note).because(text));
        Ok(())
    }

    /// Whose life a request belongs to. Where no device says when one
    /// begins, the first message of a later one does.
    fn life<W: Write>(
        &mut self,
        opened: &Opened,
        log: &mut Log<W>,
        name: &RequestName,
    ) -> Result<Life, Trouble> {
        let epoch = name.epoch.to_string();
        if epoch > self.ledger.epoch {
            // It says before the first message, so its file is newer.
            let told = self.channels.epoch.is_some();
            if told || opened.mailbox.read(name, MOST_CONTENT).is_err() {
                return Ok(Life::Unknown);
            }
            self.begin(opened, log, &name.epoch)?;
        }
        Ok(match epoch == self.ledger.epoch {
            true => Life::Current,
            false => Life::Over,
        })
    }
}

/// A life of the guest, as a request's name tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    /// The current one.
    Current,
    /// An earlier one.
    Over,
    /// A later one that nobody but the name knows of.
    Unknown,
}

/// Why a look was cut short.
enum Trouble {
    /// No retry will mend it.
    Fatal(anyhow::Error),
    /// What was tried; it is tried again.
    Later(&'static str, io::Error),
    /// A request could not be read; others may be.
    Unread(io::Error),
}

fn later(doing: &'static str) -> impl FnOnce(io::Error) -> Trouble {
    move |error| Trouble::Later(doing, error)
}
