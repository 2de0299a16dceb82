//! One mailbox and the platform behind it: a look at the folder, a decision
//! for each request, and the steps that keep the promise when the daemon
//! dies between any two of them.

use std::collections::{BTreeSet, HashSet};
use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};

use crate::daemon::{Clock, micros_since};
use crate::exchange::{Action, Dropped, Platform, Sending, Verdict};
use crate::handlers::Handlers;
use crate::log::Log;
use crate::mailbox::{
    Answer, Aside, Channels, ChannelsError, Epoch, Ledger, Mailbox, Outgoing,
    ReadError, RequestName, StateFolder, UnaskedName, Waker, Watch,
};
use crate::record::{Event, Record, compact};

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
        if !opened.mailbox.is_current() {
            let text = "the mailbox went away; waiting, then making it again";
            log.write(&self.record(Event::Note).because(text));
            self.platform.forget();
            self.waiting.clear();
            self.stuck.clear();
            self.stamp = None;
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
        self.ledger =
            Ledger::new(epoch.to_string(), self.platform.state());
        opened
            .state
            .store(&self.ledger)
            .map_err(later("write the ledger"))?;
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
        let verdict =
            self.platform.receive(&self.channels, name, &content);
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
        let Some((names, reason)) = dropped else { return Ok(()) };
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

    fn act<W: Write>(
        &mut self,
        opened: &mut Opened,
        log: &mut Log<W>,
        requests: Vec<RequestName>,
        action: Action,
        start: Instant,
    ) -> Result<(), Trouble> {
        for name in &requests {
            self.waiting.remove(name);
        }
        let Some(last) = requests.last().cloned() else { return Ok(()) };
        let before = self.platform.state();
        let (handler, reply, unasked, state) = match action {
            Action::Ignore { reason, handler, unasked, state } => {
                let mut record = self.record(Event::Ignored).named(&last);
                record.handler = handler.clone();
                log.write(&record.because(reason));
                (handler.unwrap_or_default(), None, unasked, state)
            }
            Action::Answer { handler, reply, unasked, state } => {
                (handler, Some(reply), unasked, state)
            }
        };
        let (message, replies) = match reply {
            Some(Sending { message, contents, .. }) => {
                let files = (1..).zip(contents).map(|(k, content)| {
                    Outgoing { name: last.reply(k), content }
                });
                (message, files.collect())
            }
            None => (Vec::new(), Vec::new()),
        };
        let answer = Answer {
            requests: requests.iter().map(ToString::to_string).collect(),
            handler,
            reply: message,
            replies,
            unasked: self.name_unasked(unasked),
        };
        // What changes nothing may be decided anew; all else is written
        // down before anybody can see it.
        let plain = state == before
            && answer.unasked.is_empty()
            && answer.replies.len() <= 1
            && answer.requests.len() == 1;
        self.ledger.answers.push(answer);
        self.ledger.endpoint = state;
        if !plain && let Err(error) = opened.state.store(&self.ledger) {
            // Nothing is decided; the requests are read again.
            self.ledger.answers.pop();
            self.ledger.endpoint = before;
            return Err(Trouble::Later("write the ledger", error));
        }
        self.platform.set_state(state);
        self.finish(opened, log, Some(start))
    }

    fn name_unasked(&self, unasked: Vec<Sending>) -> Vec<Outgoing> {
        let now = compact((self.clock)());
        let Ok(time) = now.parse::<Epoch>() else {
            // A year beyond 9999: there is no name for that.
            return Vec::new();
        };
        let numbered = unasked
            .into_iter()
            .flat_map(|sending| {
                let subspace = sending.subspace;
                sending
                    .contents
                    .into_iter()
                    .map(move |content| (subspace, content))
            })
            .zip(1..);
        numbered
            .map(|((subspace, content), number)| {
                let time = time.clone();
                let name = UnaskedName { time, number, subspace };
                Outgoing { name: name.to_string(), content }
            })
            .collect()
    }

    /// Publishes what is decided and removes its requests. Interrupted
    /// anywhere, it may be done again.
    fn finish<W: Write>(
        &mut self,
        opened: &mut Opened,
        log: &mut Log<W>,
        start: Option<Instant>,
    ) -> Result<(), Trouble> {
        while let Some(answer) = self.ledger.answers.first().cloned() {
            let mailbox = &mut opened.mailbox;
            // When all its requests are gone, everything was published.
            if answer.requests.iter().any(|name| mailbox.holds(name)) {
                self.publish(mailbox, log, &answer, start)?;
                for name in &answer.requests {
                    mailbox
                        .unlink(name)
                        .map_err(later("remove a request"))?;
                }
            }
            self.ledger.answers.remove(0);
        }
        Ok(())
    }

    fn publish<W: Write>(
        &self,
        mailbox: &mut Mailbox,
        log: &mut Log<W>,
        answer: &Answer,
        start: Option<Instant>,
    ) -> Result<(), Trouble> {
        let request = answer.requests.last();
        let handler = (!answer.handler.is_empty()).then_some(&answer.handler);
        let sent = |event, name: &str, content: &[u8]| {
            let mut record =
                self.record(event).named(name).with_content(content);
            record.request = request.cloned();
            record.handler = handler.cloned();
            record.latency_us = start.map(micros_since);
            match start {
                Some(_) => record,
                None => record.because("committed before an interruption"),
            }
        };
        let last = answer.replies.len();
        for (k, reply) in (1..).zip(&answer.replies) {
            mailbox
                .publish_reply(reply)
                .map_err(later("publish a reply"))?;
            let mut record =
                sent(Event::Replied, &reply.name, &reply.content);
            if k == last {
                record = record.with_message(&answer.reply, last);
            }
            log.write(&record);
        }
        for unasked in &answer.unasked {
            let Ok(name) = unasked.name.parse::<UnaskedName>() else {
                continue;
            };
            let name = mailbox
                .publish_unasked(name, &unasked.content)
                .map_err(later("publish an unasked message"))?;
            log.write(&sent(
                Event::Unasked,
                &name.to_string(),
                &unasked.content,
            ));
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
