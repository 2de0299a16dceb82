//! The requests of one mailbox, and what becomes of them: decide, commit,
//! publish, remove.

mod act;

use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use super::echo::Echoes;
use super::held::{Held, Waiting};
use super::intake::{Intake, Receipt};
use super::ledger::Journal;
use super::ledger::file::Due;
use super::opened::Opened;
use super::site::Site;
use super::timers::{self, Timers};
use super::varied::Varied;
use super::verdict::Verdict;
use crate::clock::Now;
use crate::log::Log;
use crate::mailbox::{
    Aside, Channel, Channels, ChannelsError, Completion, Epoch, ReadError,
    RequestName,
};
use crate::messages::Messages;
use crate::platform::Decision;
use crate::record::{Event, until};
use crate::script::delay::Wait;
use crate::stats::ANEW;
use crate::wake::Waker;

/// Longest content of any channel that says no size.
const MOST_CONTENT: usize = 16 << 20;
/// Most messages of a recording that are sent before requests are looked at.
const MOST_TIMED: usize = 64;

/// A name the device cannot have made.
const LATER: &str = "its name claims a later life of the guest than the \
                     device's, which channels.json tells";

type Stamp = (u64, i64, i64, u64);

/// What is known of a mailbox as long as this process lives.
pub struct Service {
    pub site: Site,
    waker: Waker,
    stamp: Option<Stamp>,
    pub journal: Journal,
    pub intake: Intake,
    held: Held,
    timers: Timers,
    pub verdict: Verdict,
    echoes: Echoes,
    varied: Option<Varied>,
}

/// Whether the command that a request is needs an answer to come to an end.
fn is_needed(channels: &Channels, name: &RequestName) -> bool {
    let on = channels.get(name.subspace);
    on.is_some_and(|on| on.completion == Completion::Answered)
}

impl Service {
    pub fn new(site: Site, journal: Journal, waker: Waker) -> Self {
        Self {
            site,
            held: Held::new(waker.clone()),
            waker,
            stamp: None,
            journal,
            intake: Intake::default(),
            timers: Timers::default(),
            verdict: Verdict::default(),
            echoes: Echoes::default(),
            varied: None,
        }
    }

    /// A file with what is to be said otherwise.
    pub fn vary(&mut self, path: PathBuf) {
        self.varied = Some(Varied::new(path));
    }

    /// The scenario's file, if there may be one.
    pub fn scenario(&self) -> Option<&Path> {
        self.varied.as_ref().map(Varied::path)
    }

    /// Tells what there is of it before the first request.
    pub fn announce<W: Write>(&mut self, log: &mut Log<W>) {
        let found = self.varied.as_mut().map(Varied::announce);
        match found {
            Some(Ok(text)) => self.site.note(log, &text),
            Some(Err(wrong)) => {
                log.write(&self.site.record(Event::Error).because(wrong));
            }
            None => {}
        }
    }

    /// The folder went away, with all that was in it.
    pub fn forget(&mut self) {
        self.site.platform.forget();
        self.held.forget();
        self.intake.forget();
        self.journal.unpublish();
        self.stamp = None;
    }

    /// Takes other handlers from the next request on.
    pub fn replace(&mut self, handlers: Arc<Messages>) {
        let Site { platform, channels, clock, .. } = &mut self.site;
        let before = platform.timed(channels);
        platform.replace(handlers);
        self.held.restart();
        let after = platform.timed(channels);
        let ledger = &mut self.journal.ledger;
        self.timers.change(&before, after, ledger, clock());
    }

    /// When something is due without a request.
    pub fn next(&self) -> Option<Instant> {
        let parts = [self.journal.next(), self.timers.next(), self.held.next()];
        parts.into_iter().flatten().min()
    }

    /// Does all there is to do; true if some of it came up on the way and is
    /// left.
    pub fn work<W: Write>(
        &mut self,
        opened: &mut Opened,
        log: &mut Log<W>,
        now: Now,
    ) -> Result<bool, Trouble> {
        if !self.journal.ledger.answers.is_empty() || !self.held.is_empty() {
            // They may be of a life that is over.
            self.read_channels(opened, log)?;
        }
        self.end_commands();
        self.finish(opened, log, &mut None)?;
        self.go_on(opened, log, now)?;
        let (requests, others) =
            opened.mailbox.list().map_err(later("list the outbox"))?;
        // The device says before the first message of an epoch; who fills
        // a mailbox by hand does not.
        self.read_channels(opened, log)?;
        if let Some(last) = requests.last() {
            // A life that is over holds nothing back.
            self.life(opened, log, last)?;
        }
        let mut known = true;
        let mut unread: Option<io::Error> = None;
        let (mut waits, mut passed) = (Vec::new(), Vec::new());
        for name in requests {
            if self.waker.is_stopped() {
                break;
            }
            if self.is_new(&name) {
                // What it would wait for may be over then.
                self.take_scenario(opened, log, &name)?;
            }
            // Nothing overtakes what could not be read.
            if waits.contains(&name.subspace) || self.intake.holds(&name) {
                continue;
            }
            if self.is_later(&name) {
                passed.push(name);
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
        // What they waited for may have become due since.
        let again = passed.iter().any(|name| !self.is_later(name));
        let mailbox = &opened.mailbox;
        let done = match unread {
            Some(error) => Err(Trouble::Unread(error)),
            None => self
                .intake
                .remove(|name| mailbox.unlink(name))
                .map_err(later("remove a request")),
        };
        // Nobody waits for an answer to what is no request.
        for (name, reason) in others {
            let aside = Aside::Rejected(&reason);
            self.set_aside(opened, log, &name, aside, &[]);
        }
        done.map(|()| again)
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
            Ok(Some(channels)) => self.site.channels = channels,
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
                log.write(&self.site.record(Event::Error).because(text));
            }
        }
        if let Some(epoch) = self.site.channels.epoch.clone()
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
        let (now, endpoint) =
            ((self.site.clock)(), self.site.platform.initial());
        let begun = self.journal.begin(&opened.state, epoch, endpoint, now);
        begun.map_err(later("write the ledger"))?;
        self.judge(log);
        let Site { platform, channels, .. } = &mut self.site;
        platform.reset(channels);
        let told = platform.take_told();
        self.tell(log, None, told);
        self.site.platform.set_began(now.time);
        self.held.forget();
        self.intake.begin();
        self.timers.clear();
        if let Some(varied) = &mut self.varied {
            varied.forget();
        }
        self.site.note(log, &format!("{ANEW}{epoch}"));
        Ok(())
    }

    /// Has the answers go out that commands still need when the scenario that
    /// kept them back is over: a driver that sees one pending does not send
    /// the next, with which the next scenario would be taken.
    fn end_commands(&mut self) {
        let waits = self.journal.waits();
        if waits && self.varied.as_ref().is_some_and(Varied::is_over) {
            let channels = &self.site.channels;
            self.journal.hasten(|name| is_needed(channels, name));
        }
    }

    /// Whether a request has its answer coming, or comes after one that has.
    fn is_later(&self, name: &RequestName) -> bool {
        self.journal.holds(name) || self.held.holds(name)
    }

    /// Whether nothing is decided about a request.
    fn is_new(&self, name: &RequestName) -> bool {
        !self.intake.holds(name)
            && !self.held.holds(name)
            && !self.journal.answers(name)
    }

    /// Takes a scenario if there is another one than before: this request and
    /// those after it meet a platform that begins anew.
    fn take_scenario<W: Write>(
        &mut self,
        opened: &mut Opened,
        log: &mut Log<W>,
        first: &RequestName,
    ) -> Result<(), Trouble> {
        let found = self.varied.as_ref().and_then(Varied::look);
        let Some(found) = found else { return Ok(()) };
        let (now, endpoint) =
            ((self.site.clock)(), self.site.platform.initial());
        let needed = |name: &RequestName| is_needed(&self.site.channels, name);
        let begun = self.journal.restart(&opened.state, endpoint, now, needed);
        begun.map_err(later("write the ledger"))?;
        let Site { platform, channels, .. } = &mut self.site;
        platform.reset(channels);
        platform.set_began(now.time);
        platform.set_first(first.seq);
        self.timers.clear();
        self.echoes = Echoes::default();
        let incomplete = self.intake.incomplete();
        let why = "the rest of its message did not come before a scenario was";
        let dropped = (!incomplete.is_empty())
            .then(|| (incomplete, format!("{why} taken")));
        self.intake.ignore(&self.site, &opened.mailbox, log, dropped);
        match &found.wrong {
            Some(_) if found.is_said => {}
            Some(text) => {
                let record = self.site.record(Event::Error);
                log.write(&record.because(text.as_str()));
            }
            None => self.site.note(log, &found.note),
        }
        if let Some(varied) = &mut self.varied {
            varied.take(found);
        }
        self.finish(opened, log, &mut None)
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
            let told = self.site.channels.epoch.is_some();
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

    fn set_aside<W: Write>(
        &mut self,
        opened: &Opened,
        log: &mut Log<W>,
        name: &OsStr,
        aside: Aside<'_>,
        content: &[u8],
    ) {
        let mailbox = &opened.mailbox;
        self.intake.set_aside(&self.site, mailbox, log, name, aside, content);
    }

    fn request<W: Write>(
        &mut self,
        opened: &mut Opened,
        log: &mut Log<W>,
        name: &RequestName,
    ) -> Result<(), Trouble> {
        let text = name.to_string();
        let aside = match self.life(opened, log, name)? {
            Life::Current => None,
            Life::Over => Some(Aside::Stale),
            // Read below where no device told: that says what is wrong.
            Life::Unknown if self.site.channels.epoch.is_none() => None,
            Life::Unknown => Some(Aside::Rejected(LATER)),
        };
        let file = OsStr::new(&text);
        if let Some(aside) = aside {
            self.set_aside(opened, log, file, aside, &[]);
            return Ok(());
        }
        let now = (self.site.clock)();
        let start = now.instant;
        let size = self
            .site
            .channels
            .get(name.subspace)
            .map_or(MOST_CONTENT, Channel::most_content);
        let content = match opened.mailbox.read(name, size) {
            Ok(content) => content,
            Err(ReadError::Gone) => {
                self.intake.gone(&text);
                return Ok(());
            }
            Err(ReadError::System(error)) => {
                return Err(Trouble::Unread(error));
            }
            Err(ReadError::Refused(reason)) => {
                let aside = Aside::Rejected(&reason);
                self.set_aside(opened, log, file, aside, &[]);
                return Ok(());
            }
        };
        let time = now.time;
        let Site { platform, channels, .. } = &mut self.site;
        let decision = platform.receive(channels, name, &content, time);
        let breaches = platform.take_breaches();
        let told = platform.take_told();
        let receipt = |content, message, packets| {
            let name = text.clone();
            Some(Receipt { name, content, message, packets, time, breaches })
        };
        match decision {
            Decision::Rejected(reason) => {
                let aside = Aside::Rejected(&reason);
                self.set_aside(opened, log, file, aside, &content);
                self.tell(log, Some(name), told);
            }
            Decision::Waiting { dropped } => {
                let mut receipt = receipt(content, Vec::new(), 1);
                self.intake.write_receipt(&self.site, log, &mut receipt);
                self.intake.wait(name.clone());
                self.tell(log, Some(name), told);
                self.intake.ignore(&self.site, &opened.mailbox, log, dropped);
            }
            Decision::Dropped(dropped) => {
                let mut receipt = receipt(content, Vec::new(), 1);
                self.intake.write_receipt(&self.site, log, &mut receipt);
                let dropped = Some(dropped);
                self.tell(log, Some(name), told);
                self.intake.ignore(&self.site, &opened.mailbox, log, dropped);
            }
            Decision::Complete { requests, message, mut action, dropped } => {
                self.verdict.served = true;
                self.echoes.stop(&message, &mut action, start);
                let mut receipt = receipt(content, message, requests.len());
                if dropped.is_some() || !told.is_empty() {
                    self.intake.write_receipt(&self.site, log, &mut receipt);
                }
                self.tell(log, Some(name), told);
                self.intake.ignore(&self.site, &opened.mailbox, log, dropped);
                self.act(opened, log, requests, *action, start, receipt)?;
            }
            Decision::Command(action) => {
                self.verdict.served = true;
                let requests = vec![name.clone()];
                let mut receipt = receipt(content, Vec::new(), 1);
                if !told.is_empty() {
                    self.intake.write_receipt(&self.site, log, &mut receipt);
                }
                self.tell(log, Some(name), told);
                self.act(opened, log, requests, *action, start, receipt)?;
            }
        }
        Ok(())
    }

    /// Writes what a recording that is played has to say.
    fn tell<W: Write>(
        &self,
        log: &mut Log<W>,
        name: Option<&RequestName>,
        told: Vec<(Event, String)>,
    ) {
        for (event, text) in told {
            let mut record = self.site.record(event).because(text);
            record.name = name.map(ToString::to_string);
            record.subspace = name.map(|name| name.subspace);
            log.write(&record);
        }
    }

    /// Goes on with the messages whose programs have answered.
    fn go_on<W: Write>(
        &mut self,
        opened: &mut Opened,
        log: &mut Log<W>,
        now: Now,
    ) -> Result<(), Trouble> {
        let (answered, notes) = self.held.work(now);
        for text in notes {
            self.site.note(log, &text);
        }
        let mut done = Ok(());
        for (Waiting { requests, held, start, .. }, answer) in answered {
            let Site { platform, channels, clock, .. } = &self.site;
            let (now, message) = (clock(), held.message.clone());
            let mut action = platform.go_on(channels, *held, answer, now.time);
            self.echoes.stop(&message, &mut action, now.instant);
            // One that cannot be written down is read and asked again.
            let acted = self.act(opened, log, requests, action, start, None);
            done = done.and(acted);
        }
        done
    }

    /// Sends the messages by the clock that are due.
    fn tick<W: Write>(
        &mut self,
        opened: &mut Opened,
        log: &mut Log<W>,
    ) -> Result<(), Trouble> {
        if self.journal.ledger.epoch.is_empty() {
            return Ok(());
        }
        // Of a recording only the next is known, until it is sent.
        let mut rounds = match self.site.platform.replayed() {
            Some(_) => MOST_TIMED,
            None => 1,
        };
        loop {
            let timed = self.site.platform.timed(&self.site.channels);
            let now = (self.site.clock)();
            let all = self.timers.due(timed, &self.journal.ledger, now);
            if all.is_empty() || rounds == 0 {
                // What is left is due still.
                return Ok(());
            }
            rounds -= 1;
            for due in all {
                self.send_timed(opened, log, due)?;
            }
        }
    }

    fn send_timed<W: Write>(
        &mut self,
        opened: &mut Opened,
        log: &mut Log<W>,
        due: timers::Due,
    ) -> Result<(), Trouble> {
        let (now, name) = ((self.site.clock)(), &due.name);
        let Some(made) =
            self.site.platform.tick(&self.site.channels, name, now.time)
        else {
            return Ok(());
        };
        let (sending, changes) = made.unwrap_or_else(|wrong| {
            let mut record = self.site.record(Event::Error);
            record.handler = Some(name.clone());
            log.write(&record.because(wrong.to_string()));
            // It counts as sent, or it would fail again at once.
            let mut changes = self.journal.changes();
            changes.memory.count(name);
            (None, changes)
        });
        let answers = sending.map(|sending| {
            let (by, one) = (name.clone(), vec![sending]);
            self.journal.answer(&[], by, None, one, Wait::Ms(0), now)
        });
        let next = due.next.unwrap_or(due.at);
        let timers = &mut self.journal.ledger.timers;
        let before = timers.insert(name.clone(), next);
        let answers = answers.into_iter().collect();
        if let Err(trouble) = self.commit(opened, answers, Some(changes), false)
        {
            let timers = &mut self.journal.ledger.timers;
            match before {
                Some(before) => timers.insert(name.clone(), before),
                None => timers.remove(name),
            };
            return Err(trouble);
        }
        self.timers.sent(due, now);
        self.finish(opened, log, &mut None)
    }

    /// Judges the life of the guest that ends; says what was not met.
    fn judge<W: Write>(&mut self, log: &mut Log<W>) {
        if self.site.platform.replayed().is_some() || self.varied.is_some() {
            // Handlers answer nothing then, or not what they say.
            return;
        }
        let handlers = self.site.platform.handlers();
        let judged = self.verdict.judge(handlers, self.site.platform.memory());
        let Some(unmet) = judged else { return };
        if unmet.is_empty() {
            self.site.note(log, "all expectations are met");
        }
        for text in unmet {
            log.write(&self.site.record(Event::Failed).because(text));
        }
    }

    /// Says which answers are still to come.
    fn tell_due<W: Write>(&self, log: &mut Log<W>) {
        let now = (self.site.clock)().time;
        for answer in &self.journal.ledger.answers {
            let (Due::At(due), Some(name)) =
                (answer.due, answer.requests.last())
            else {
                continue;
            };
            let left = until(now, due).as_millis();
            if left == 0 {
                continue;
            }
            let text = format!("the end comes {left} ms before its answer");
            let mut record = self.site.record(Event::Note).named(name);
            record.handler = Some(answer.handler.clone());
            log.write(&record.because(text));
        }
    }

    /// Judges all that this process has seen: whether everything that was
    /// expected came about.
    pub fn conclude<W: Write>(&mut self, log: &mut Log<W>) -> bool {
        // Who expects something and hears nothing is not served.
        self.verdict.served = true;
        self.judge(log);
        self.tell_due(log);
        let Site { platform, channels, .. } = &self.site;
        let (is_as_recorded, told) = platform.conclude(channels);
        self.tell(log, None, told);
        is_as_recorded && !self.verdict.failed()
    }
}

/// A life of the guest, as a request's name tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Current,
    Over,
    /// A later one that nobody but the name knows of.
    Unknown,
}

/// Why a look was cut short.
pub enum Trouble {
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
