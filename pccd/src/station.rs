//! One mailbox and the platform behind it: a look at the folder, a decision
//! for each request, and the steps that keep the promise of docs/mailbox.md §7
//! when the daemon dies between any two of them: decide, commit, publish,
//! remove. Each part that remembers something is a child of its own.

mod echo;
mod held;
mod intake;
mod journal;
pub mod ledger;
mod timers;
mod verdict;

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use self::echo::Echoes;
use self::held::Held;
use self::intake::{Intake, Receipt, Said};
use self::journal::Journal;
use self::ledger::{Answer, Due, Progress};
use self::timers::Timers;
use self::verdict::Verdict;
use crate::clock::{Clock, Now};
use crate::log::Log;
use crate::mailbox::{
    Aside, Channels, ChannelsError, Epoch, Mailbox, RequestName, StateFolder,
    Watch,
};
use crate::messages::Messages;
use crate::platform::{Action, Changes, Platform};
use crate::record::{Event, Record};
use crate::script::delay::Wait;
use crate::stats::{self, Counting, NEVER};
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
    away: Away,
    platform: Platform,
    channels: Channels,
    stamp: Option<Stamp>,
    journal: Journal,
    intake: Intake,
    held: Held,
    timers: Timers,
    verdict: Verdict,
    echoes: Echoes,
    /// The failure last logged, so that a retry does not fill the log.
    failure: Option<String>,
}

/// What is left of a mailbox that went away.
#[derive(Default)]
struct Away {
    /// When it may be made again.
    until: Option<Instant>,
    /// The lock of one that only lacks folders.
    lock: Option<File>,
}

fn open_folders(
    path: &Path,
    state_path: &Path,
    lock: Option<&File>,
) -> Result<Opened> {
    let mailbox = Mailbox::open_daemon(path, lock)?;
    let state = StateFolder::open(state_path)?;
    let armed = Watch::arm(mailbox.path(), mailbox.outbox_path());
    let (watch, unwatched) = match armed {
        Ok(watch) => (Some(watch), None),
        Err(reason) => (None, Some(reason.to_string())),
    };
    Ok(Opened { mailbox, state, watch, unwatched })
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
        let mut platform = Platform::new(handlers, seed);
        let opened = open_folders(path, state_path, None)?;
        let journal = Journal::open(&opened.state, platform.state(), clock())?;
        let Changes { endpoint, memory } = journal.changes();
        platform.set(endpoint, memory);
        platform.set_began(journal.ledger.began);
        Ok(Self {
            path: path.to_owned(),
            state_path: state_path.to_owned(),
            clock,
            held: Held::new(waker.clone()),
            waker,
            opened: Some(opened),
            away: Away::default(),
            platform,
            channels: Channels::default(),
            stamp: None,
            journal,
            intake: Intake::default(),
            timers: Timers::default(),
            verdict: Verdict::default(),
            echoes: Echoes::default(),
            failure: None,
        })
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
        let watch = self.opened.as_ref().and_then(|one| one.watch.as_ref());
        watch.is_some_and(Watch::drain)
    }

    /// Takes other handlers from the next request on.
    pub fn replace(&mut self, handlers: Arc<Messages>) {
        let before = self.platform.timed(&self.channels);
        self.platform.replace(handlers);
        self.held.restart();
        let after = self.platform.timed(&self.channels);
        let ledger = &mut self.journal.ledger;
        self.timers.change(&before, after, ledger, (self.clock)());
    }

    /// EID in force.
    pub fn eid(&self) -> u8 {
        self.platform.state().eid
    }

    /// Writes down what was counted of this mailbox.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn write_stats(&self, counting: &Counting) -> Result<()> {
        let Some(opened) = &self.opened else { return Ok(()) };
        let (mailbox, now) = (self.path.display().to_string(), (self.clock)());
        let stats = counting.stats(&mailbox, std::process::id(), now.time);
        let text = serde_json::to_vec(&stats)?;
        Ok(opened.state.replace(stats::FILE, &text)?)
    }

    fn record(&self, event: Event) -> Record {
        let mut record = Record::new((self.clock)().time, event);
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

    fn note<W: Write>(&self, log: &mut Log<W>, text: &str) {
        log.write(&self.record(Event::Note).because(text));
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
    ) -> Result<Option<Instant>> {
        let now = (self.clock)();
        let retry = Some(now.after(RETRY));
        let Some(mut opened) = self.opened.take() else {
            return Ok(self.reopen(log, now));
        };
        if !opened.mailbox.is_current() || !opened.state.is_current() {
            let text = "the mailbox went away; waiting, then making it again";
            self.note(log, text);
            self.platform.forget();
            self.held.forget();
            self.intake.forget();
            self.journal.unpublish();
            self.stamp = None;
            let until = Some(now.after(SETTLE));
            self.away = Away { until, lock: opened.mailbox.lock() };
            return Ok(until);
        }
        if let Some(reason) = opened.unwatched.take() {
            let text =
                format!("{reason}; the mailbox is looked at once a second");
            self.note(log, &text);
        }
        let done = self.work(&mut opened, log, now);
        let polls = opened.watch.is_none() || self.intake.any_stuck();
        if self.verdict.served {
            opened.mailbox.prepare();
        }
        self.opened = Some(opened);
        let text = match done {
            Ok(()) => {
                self.failure = None;
                let parts = [self.journal.next(), self.timers.next()];
                let parts = parts.into_iter().chain([self.held.next()]);
                let next = parts.flatten().min();
                let poll = retry.filter(|_| polls);
                return Ok(next.into_iter().chain(poll).min());
            }
            Err(Trouble::Fatal(error)) => return Err(error),
            Err(Trouble::Later(doing, error)) => format!("{doing}: {error}"),
            Err(Trouble::Unread(error)) => format!("read a request: {error}"),
        };
        self.fail(log, format!("{text}; tried again"));
        Ok(retry)
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
        now: Now,
    ) -> Option<Instant> {
        // Whoever removes it wakes us with every file.
        if self.away.until.is_some_and(|until| until > now.instant) {
            return self.away.until;
        }
        self.away.until = None;
        let lock = self.away.lock.as_ref();
        let opened = open_folders(&self.path, &self.state_path, lock);
        let opened = opened.and_then(|opened| {
            // The ledger may have gone with the mailbox; the life of the
            // guest has not.
            let stored = self.journal.store(&opened.state);
            stored.context("cannot write the ledger")?;
            Ok(opened)
        });
        match opened {
            Ok(opened) => {
                self.opened = Some(opened);
                self.away = Away::default();
                self.failure = None;
                self.note(log, "the mailbox is there again");
                // What came before the watch was armed is found now.
                Some(now.instant)
            }
            Err(error) => {
                self.fail(log, format!("{error:#}; tried again"));
                Some(now.after(RETRY))
            }
        }
    }

    fn work<W: Write>(
        &mut self,
        opened: &mut Opened,
        log: &mut Log<W>,
        now: Now,
    ) -> Result<(), Trouble> {
        if !self.journal.ledger.answers.is_empty() || !self.held.is_empty() {
            // They may be of a life that is over.
            self.read_channels(opened, log)?;
        }
        self.finish(opened, log, &mut None)?;
        self.go_on(opened, log, now)?;
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
        let mut waits = Vec::new();
        for name in requests {
            if self.waker.is_stopped() {
                break;
            }
            // Nothing overtakes what could not be read.
            if waits.contains(&name.subspace)
                || self.intake.holds(&name)
                || self.journal.holds(&name)
                || self.held.holds(&name)
            {
                continue;
            }
            if !std::mem::take(&mut known) {
                self.read_channels(opened, log)?;
            }
            match self.request(opened, log, &name) {
                Err(Trouble::Unread(error)) => {
                    waits.push(name.subspace);
                    unread.get_or_insert(error);
                }
                other => other?,
            }
        }
        self.tick(opened, log)?;
        if let Some(error) = unread {
            return Err(Trouble::Unread(error));
        }
        let removed = self.intake.remove(|name| opened.mailbox.unlink(name));
        removed.map_err(later("remove a request"))
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
        match opened.mailbox.channels() {
            Ok(Some(channels)) => self.channels = channels,
            // It went away with the folder: what it said stays true.
            Ok(None) => {}
            Err(error @ ChannelsError::Version(_)) => {
                return Err(Trouble::Fatal(error.into()));
            }
            Err(ChannelsError::Unread(reason)) => {
                let error = io::Error::other(reason);
                return Err(later("read channels.json")(error));
            }
            Err(error) => {
                let text = format!("{error}; the channels known before stay");
                log.write(&self.record(Event::Error).because(text));
            }
        }
        if let Some(epoch) = self.channels.epoch.clone()
            && self.journal.ledger.epoch != epoch.to_string()
        {
            self.begin(opened, log, &epoch)?;
        }
        self.stamp = stamp;
        Ok(())
    }

    /// A life of the guest begins: what belongs to the one before is over.
    fn begin<W: Write>(
        &mut self,
        opened: &Opened,
        log: &mut Log<W>,
        epoch: &Epoch,
    ) -> Result<(), Trouble> {
        let (now, endpoint) = ((self.clock)(), self.platform.initial());
        let begun = self.journal.begin(&opened.state, epoch, endpoint, now);
        begun.map_err(later("write the ledger"))?;
        self.judge(log);
        self.platform.reset();
        self.platform.set_began(now.time);
        self.held.forget();
        self.intake.begin();
        self.timers.clear();
        self.note(log, &format!("the guest starts anew: epoch {epoch}"));
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
        if epoch > self.journal.ledger.epoch {
            // It says before the first message, so its file is newer.
            let told = self.channels.epoch.is_some();
            if told || opened.mailbox.read(name, MOST_CONTENT).is_err() {
                return Ok(Life::Unknown);
            }
            self.begin(opened, log, &name.epoch)?;
        }
        Ok(match epoch == self.journal.ledger.epoch {
            true => Life::Current,
            false => Life::Over,
        })
    }

    /// Writes down what is decided about a message, and does what is due.
    fn act<W: Write>(
        &mut self,
        opened: &mut Opened,
        log: &mut Log<W>,
        requests: Vec<RequestName>,
        mut action: Action,
        start: Instant,
        mut receipt: Option<Receipt>,
    ) -> Result<(), Trouble> {
        if action.wait == Wait::Never && action.reason.is_none() {
            action.reason = Some(NEVER.to_owned());
        }
        self.intake.complete(&requests);
        if action.held.is_some()
            || action.reason.is_some()
            || !action.notes.is_empty()
            || !self.journal.ledger.answers.is_empty()
        {
            // There is something to say or to do after it.
            self.write_receipt(log, &mut receipt);
        }
        if let Some(held) = action.held {
            self.held.ask(requests, held, start);
            return Ok(());
        }
        let Some(last) = requests.last() else {
            return Ok(());
        };
        let remarks = {
            let mut reason = self.record(Event::Ignored).named(last);
            reason.handler = action.handler.clone();
            let note = Record { event: Event::Note, ..reason.clone() };
            let reasons = action.reason.map(|text| reason.because(text));
            let notes = action.notes.into_iter();
            let notes = notes.map(move |text| note.clone().because(text));
            // Once, however often it is tried to write it down.
            let all: Vec<Record> = reasons.into_iter().chain(notes).collect();
            let name = last.to_string();
            let says = all.is_empty() || self.intake.log(Said::Decided, &name);
            if says { all } else { Vec::new() }
        };
        let now = (self.clock)();
        let handler = action.handler.unwrap_or_default();
        let (at_once, after): (Vec<_>, Vec<_>) =
            action.unasked.into_iter().partition(|(_, after)| *after == 0);
        let at_once = at_once.into_iter().map(|(sending, _)| sending).collect();
        let (reply, wait) = (action.reply, action.wait);
        let by = handler.clone();
        let mut answer =
            self.journal.answer(&requests, by, reply, at_once, wait, now);
        answer.in_order = action.in_order;
        answer.progress.start = answer.progress.start.map(|_| start);
        let mut answers = vec![answer];
        for (sending, after) in after {
            let wait = match action.wait {
                Wait::Ms(ms) => Wait::Ms(ms.saturating_add(after)),
                Wait::Never => Wait::Never,
            };
            let (by, one) = (handler.clone(), vec![sending]);
            answers.push(self.journal.answer(&[], by, None, one, wait, now));
        }
        // What changes nothing may be decided anew; all else is written
        // down before anybody can see it.
        let plain = action.changes.is_none()
            && !action.timely
            && answers.len() == 1
            && answers.iter().all(|answer| {
                answer.unasked.is_empty()
                    && answer.replies.len() <= 1
                    && answer.requests.len() == 1
                    && answer.due == Due::Now
            });
        if !plain || self.platform.handlers().expects() {
            self.write_receipt(log, &mut receipt);
        }
        for remark in remarks {
            log.write(&remark);
        }
        self.commit(opened, answers, action.changes, plain)?;
        let handlers = self.platform.handlers();
        let exceeded = self.verdict.exceeded(handlers, self.platform.memory());
        for text in exceeded {
            log.write(&self.record(Event::Failed).because(text));
        }
        self.finish(opened, log, &mut receipt)
    }

    fn commit(
        &mut self,
        opened: &Opened,
        answers: Vec<Answer>,
        changes: Option<Changes>,
        plain: bool,
    ) -> Result<(), Trouble> {
        let state = &opened.state;
        let taken = self.journal.commit(state, answers, changes, plain);
        let taken = taken.map_err(later("write the ledger"))?;
        if let Some(Changes { endpoint, memory }) = taken {
            self.platform.set(endpoint, memory);
        }
        Ok(())
    }

    /// Publishes what is decided and due, and removes its requests.
    /// Interrupted anywhere, it may be done again.
    fn finish<W: Write>(
        &mut self,
        opened: &mut Opened,
        log: &mut Log<W>,
        receipt: &mut Option<Receipt>,
    ) -> Result<(), Trouble> {
        let now = (self.clock)();
        let mut from = 0;
        let mut lone = false;
        while let Some((at, answer)) = self.journal.due(from, now) {
            from = at;
            let mailbox = &mut opened.mailbox;
            // When all its requests are gone, everything was published; not
            // so if they were read just now.
            if receipt.is_some()
                || answer.requests.is_empty()
                || answer.requests.iter().any(|name| mailbox.holds(name))
            {
                let mut done = answer.progress.published;
                let published =
                    self.publish(mailbox, log, &answer, &mut done, receipt);
                self.write_receipt(log, receipt);
                self.journal.published(at, done);
                published?;
                for name in &answer.requests {
                    mailbox.unlink(name).map_err(later("remove a request"))?;
                    self.intake.gone(name);
                }
            }
            self.journal.ledger.answers.remove(at);
            lone |= answer.requests.is_empty();
        }
        self.write_receipt(log, receipt);
        if lone {
            // No request tells a later life that these are out.
            let stored = self.journal.store(&opened.state);
            stored.map_err(later("write the ledger"))?;
        }
        Ok(())
    }

    /// Publishes the files of an answer but for the first `done`, and counts
    /// those on.
    fn publish<W: Write>(
        &mut self,
        mailbox: &mut Mailbox,
        log: &mut Log<W>,
        answer: &Answer,
        done: &mut usize,
        receipt: &mut Option<Receipt>,
    ) -> Result<(), Trouble> {
        let Progress { start, inherited, .. } = answer.progress;
        let last = answer.replies.len();
        let replies = answer.replies.iter().map(|file| (file, true));
        let unasked = answer.unasked.iter().map(|file| (file, false));
        for (k, (file, is_reply)) in
            (1..).zip(replies.chain(unasked)).skip(*done)
        {
            let content = &file.content;
            let mut name = file.name.clone();
            if is_reply {
                let published = mailbox.publish_reply(&name, content);
                published.map_err(later("publish a reply"))?;
            } else if let Ok(wanted) = name.parse() {
                let published = mailbox.publish_unasked(wanted, content);
                let taken =
                    published.map_err(later("publish an unasked message"))?;
                name = taken.to_string();
            } else {
                continue;
            }
            *done = k;
            let latency_us =
                start.map(|start| (self.clock)().micros_since(start));
            self.write_receipt(log, receipt);
            let event = if is_reply { Event::Replied } else { Event::Unasked };
            let mut record = self.seen(event, &name, content);
            record.request = answer.requests.last().cloned();
            record.handler =
                Some(answer.handler.clone()).filter(|name| !name.is_empty());
            record.latency_us = latency_us;
            if inherited && answer.due == Due::Now {
                record = record.because("committed before an interruption");
            }
            if k == last {
                record = record.with_message(&answer.reply, last);
            }
            log.write(&record);
        }
        Ok(())
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
