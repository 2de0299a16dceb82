//! One mailbox and the platform behind it: a look at the folder, a decision
//! for each request, and the steps that keep the promise when the daemon
//! dies between any two of them.

mod publish;

use std::collections::{BTreeSet, HashSet};
use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};

use crate::daemon::Clock;
use crate::exchange::{Dropped, Platform, Verdict};
use crate::handlers::Handlers;
use crate::log::Log;
use crate::mailbox::{
    Aside, Channels, ChannelsError, Epoch, Ledger, Mailbox, ReadError,
    RequestName, StateFolder, Waker, Watch,
};
use crate::record::{Event, Record};

/// How long to wait before what the system refused is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// How long to wait before a folder that went away is made again: whoever
/// removes it should be done.
const SETTLE: Duration = Duration::from_millis(200);
/// Longest content of any channel that says no size.
const MOST_CONTENT: usize = 16 << 20;

type Stamp = (u64, i64, i64, u64);

/// An open mailbox, watched.
struct Opened {
    mailbox: Mailbox,
    state: StateFolder,
    _watch: Watch,
}

/// One mailbox and the platform behind it.
pub struct Station<'a> {
    path: PathBuf,
    state_path: PathBuf,
    clock: Clock,
    waker: Waker,
    opened: Option<Opened>,
    platform: Platform<'a>,
    channels: Channels,
    stamp: Option<Stamp>,
    ledger: Ledger,
    /// Requests whose message is not complete yet.
    waiting: BTreeSet<RequestName>,
    /// Names that could not even be moved aside.
    stuck: HashSet<OsString>,
    /// Time and number of the last message nobody asked for.
    last_unasked: Option<(Epoch, u32)>,
    /// When a mailbox that went away may be made again.
    away_until: Option<Instant>,
    /// The failure last logged, so that a retry does not fill the log.
    failure: Option<String>,
}

impl<'a> Station<'a> {
    /// Opens a mailbox and takes up where an earlier daemon stopped.
    ///
    /// # Errors
    ///
    /// The mailbox, its state or its `channels.json` cannot be used.
    pub fn open(
        path: &Path,
        state_path: &Path,
        handlers: &'a Handlers,
        clock: Clock,
        waker: Waker,
    ) -> Result<Self> {
        let platform = Platform::new(handlers);
        let ledger = Ledger::new(String::new(), platform.state());
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
            stuck: HashSet::new(),
            last_unasked: None,
            away_until: None,
            failure: None,
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

    /// EID in force.
    pub fn eid(&self) -> u8 {
        self.platform.state().eid
    }

    fn open_folders(&self) -> Result<Opened> {
        let mailbox = Mailbox::open_daemon(&self.path)?;
        let state = StateFolder::open(&self.state_path)?;
        let watch = Watch::arm(
            mailbox.path(),
            mailbox.outbox_path(),
            self.waker.clone(),
        )
        .with_context(|| {
            format!(
                "cannot watch {}; if it says that there are too many \
                 watches, raise fs.inotify.max_user_instances with sysctl",
                mailbox.path().display()
            )
        })?;
        Ok(Opened { mailbox, state, _watch: watch })
    }

    fn load_ledger(&mut self, opened: &Opened) -> Result<()> {
        let loaded = opened.state.load().map_err(|reason| {
            let path = opened.state.path().join("ledger.json");
            anyhow!(
                "{0} cannot be used: {reason}; remove it (rm {0}) to start \
                 with the endpoint's initial state",
                path.display()
            )
        })?;
        if let Some(ledger) = loaded {
            self.platform.set_state(ledger.endpoint);
            self.ledger = ledger;
        }
        Ok(())
    }

    fn record(&self, event: Event) -> Record {
        let mut record = Record::new((self.clock)(), event);
        record.mailbox = Some(self.path.display().to_string());
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
            self.waiting.clear();
            self.stuck.clear();
            self.stamp = None;
            self.away_until = Instant::now().checked_add(SETTLE);
            return Ok(Some(SETTLE));
        }
        let done = self.work(&mut opened, log);
        self.opened = Some(opened);
        match done {
            Ok(()) => {
                self.failure = None;
                Ok(None)
            }
            Err(Trouble::Fatal(error)) => Err(error),
            Err(Trouble::Later(doing, error)) => {
                self.fail(log, format!("{doing}: {error}; tried again"));
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
        self.read_channels(opened, log)?;
        self.finish(opened, log, None)?;
        let (requests, others) =
            opened.mailbox.list().map_err(later("list the outbox"))?;
        for (name, reason) in others {
            let aside = Aside::Rejected(&reason);
            self.set_aside(opened, log, &name, aside, &[]);
        }
        for name in requests {
            if self.waker.is_stopped() {
                break;
            }
            if !self.waiting.contains(&name) {
                self.request(opened, log, &name)?;
            }
        }
        Ok(())
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
            Err(error) => {
                let text = format!("{error}; the channels known before stay");
                log.write(&self.record(Event::Error).because(text));
                return Ok(());
            }
        }
        if let Some(epoch) = self.channels.epoch.clone()
            && self.ledger.epoch != epoch.to_string()
        {
            self.begin(opened, log, &epoch)?;
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
        self.platform.reset();
        self.waiting.clear();
        self.ledger = Ledger::new(epoch.to_string(), self.platform.state());
        opened.state.store(&self.ledger).map_err(later("write the ledger"))?;
        let text = format!("the guest starts anew: epoch {epoch}");
        log.write(&self.record(Event::Note).because(text));
        Ok(())
    }

    /// Moves a file aside and says so. One that cannot be moved is left
    /// alone from then on.
    fn set_aside<W: Write>(
        &mut self,
        opened: &Opened,
        log: &mut Log<W>,
        name: &OsStr,
        aside: Aside<'_>,
        content: &[u8],
    ) {
        if self.stuck.contains(name) {
            return;
        }
        let shown = name.to_string_lossy();
        let (event, reason) = match aside {
            Aside::Rejected(reason) => (Event::Rejected, reason),
            Aside::Stale => {
                (Event::Stale, "it belongs to an earlier life of the guest")
            }
        };
        let mut record = self.record(event).named(&shown).because(reason);
        if !content.is_empty() {
            record = record.with_content(content);
        }
        match opened.mailbox.set_aside(name, aside) {
            Ok(gone) => {
                log.write(&record);
                for name in gone {
                    let text = "removed to make room for newer ones";
                    let name = name.to_string_lossy();
                    let note = self.record(Event::Note);
                    log.write(&note.named(name).because(text));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                log.write(&record);
                let text = format!("cannot be moved aside: {error}");
                let note = self.record(Event::Error);
                log.write(&note.named(&shown).because(text));
                self.stuck.insert(name.to_owned());
            }
        }
    }

    /// Whether a request belongs to the current life; begins a new one if
    /// its name says so.
    fn is_current<W: Write>(
        &mut self,
        opened: &Opened,
        log: &mut Log<W>,
        name: &RequestName,
    ) -> Result<bool, Trouble> {
        // The device says before the first message of an epoch; who fills
        // a mailbox by hand does not.
        self.read_channels(opened, log)?;
        let epoch = name.epoch.to_string();
        if epoch > self.ledger.epoch {
            self.begin(opened, log, &name.epoch)?;
        }
        Ok(epoch == self.ledger.epoch)
    }

    fn request<W: Write>(
        &mut self,
        opened: &mut Opened,
        log: &mut Log<W>,
        name: &RequestName,
    ) -> Result<(), Trouble> {
        let text = name.to_string();
        if self.stuck.contains(OsStr::new(&text)) {
            return Ok(());
        }
        if !self.is_current(opened, log, name)? {
            let aside = Aside::Stale;
            self.set_aside(opened, log, OsStr::new(&text), aside, &[]);
            return Ok(());
        }
        let start = Instant::now();
        let size = self
            .channels
            .get(name.subspace)
            .map_or(MOST_CONTENT, |channel| channel.size);
        let content = match opened.mailbox.read(name, size) {
            Ok(content) => content,
            Err(ReadError::Gone) => return Ok(()),
            Err(ReadError::Refused(reason)) => {
                let aside = Aside::Rejected(&reason);
                self.set_aside(opened, log, OsStr::new(&text), aside, &[]);
                return Ok(());
            }
        };
        let verdict = self.platform.receive(&self.channels, name, &content);
        let received =
            self.record(Event::Received).named(name).with_content(&content);
        match verdict {
            Verdict::Rejected(reason) => {
                let aside = Aside::Rejected(&reason);
                let name = OsStr::new(&text);
                self.set_aside(opened, log, name, aside, &content);
            }
            Verdict::Waiting { dropped } => {
                log.write(&received);
                self.waiting.insert(name.clone());
                self.give_up(opened, log, dropped)?;
            }
            Verdict::Dropped(dropped) => {
                log.write(&received);
                self.give_up(opened, log, Some(dropped))?;
            }
            Verdict::Complete { requests, message, action, dropped } => {
                let received = received.with_message(&message, requests.len());
                log.write(&received);
                self.give_up(opened, log, dropped)?;
                self.act(opened, log, requests, action, start)?;
            }
        }
        Ok(())
    }

    /// Requests that get no answer.
    fn give_up<W: Write>(
        &mut self,
        opened: &Opened,
        log: &mut Log<W>,
        dropped: Option<Dropped>,
    ) -> Result<(), Trouble> {
        let Some((names, reason)) = dropped else {
            return Ok(());
        };
        for name in names {
            self.waiting.remove(&name);
            let record = self.record(Event::Ignored).named(&name);
            log.write(&record.because(reason.clone()));
            opened
                .mailbox
                .unlink(&name.to_string())
                .map_err(later("remove a request"))?;
        }
        Ok(())
    }
}

/// Why a look was cut short.
enum Trouble {
    /// No retry will mend it.
    Fatal(anyhow::Error),
    /// What was tried; it is tried again.
    Later(&'static str, io::Error),
}

fn later(doing: &'static str) -> impl FnOnce(io::Error) -> Trouble {
    move |error| Trouble::Later(doing, error)
}
