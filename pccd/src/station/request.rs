//! One request: read, decided about, or moved aside.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::time::Instant;

use super::{Life, MOST_CONTENT, Opened, Station, Trouble};
use crate::conduct::{self, Breach};
use crate::exchange::{Action, Dropped, Verdict};
use crate::log::Log;
use crate::mailbox::{Aside, Channel, Moved, ReadError, RequestName};
use crate::record::{Event, Time};

/// A name the device cannot have made.
const LATER: &str = "its name claims a later life of the guest than the \
                     device's, which channels.json tells";

/// What the log says of a request that was read. It is written before
/// anything comes of it; where all would come again after an interruption,
/// once the reply is out, as nobody should wait for the log.
pub(super) struct Receipt {
    name: String,
    content: Vec<u8>,
    /// The message it completes, and the number of its packets.
    message: Vec<u8>,
    packets: usize,
    time: Time,
    /// Rules that it breaks, beyond what its bytes show.
    breaches: Vec<Breach>,
}

impl Station {
    /// Writes that a request was read, unless it is written already.
    pub(super) fn write_receipt<W: Write>(
        &mut self,
        log: &mut Log<W>,
        receipt: &mut Option<Receipt>,
    ) {
        if let Some(receipt) = receipt.take()
            && self.logged.insert(receipt.name.clone())
        {
            let Receipt { name, content, message, packets, time, breaches } =
                receipt;
            let mut record = self.seen(Event::Received, &name, &content);
            record.time = time;
            let record = record.with_message(&message, packets);
            log.write(&record);
            let whole = record.decoded.as_ref().filter(|_| !message.is_empty());
            let wrong = whole.and_then(conduct::message);
            let list = breaches.into_iter().chain(wrong).collect();
            self.write_breaches(log, &name, &content, time, list);
        }
    }

    /// Writes which rules a request breaks: those its frame shows, and these.
    fn write_breaches<W: Write>(
        &self,
        log: &mut Log<W>,
        name: &str,
        content: &[u8],
        time: Time,
        others: Vec<Breach>,
    ) {
        let Ok(request) = name.parse::<RequestName>() else { return };
        let subspace = request.subspace;
        let Some(channel) = self.channels.get(subspace) else { return };
        let frame =
            conduct::frame(channel.kind, subspace, channel.size, content);
        for Breach { rule, reason } in frame.into_iter().chain(others) {
            let mut record = self.record(Event::Conduct).named(name);
            record.time = time;
            record.subspace = Some(subspace);
            record.rule = Some(rule.to_owned());
            log.write(&record.because(reason));
        }
    }

    /// Moves a file aside and says so. One that cannot be moved now is tried
    /// again, without a further word.
    pub(super) fn set_aside<W: Write>(
        &mut self,
        opened: &Opened,
        log: &mut Log<W>,
        name: &OsStr,
        aside: Aside<'_>,
        content: &[u8],
    ) {
        let is_known = self.stuck.contains(name);
        let shown = name.to_string_lossy();
        let (event, reason) = match aside {
            Aside::Rejected(reason) => (Event::Rejected, reason),
            Aside::Stale => {
                (Event::Stale, "it belongs to an earlier life of the guest")
            }
        };
        let record = match content.is_empty() {
            true => self.record(event).named(&shown),
            false => self.seen(event, &shown, content),
        };
        let time = record.time;
        let record = record.because(reason);
        match opened.mailbox.set_aside(name, aside) {
            Ok(Moved { removed, unexplained }) => {
                self.stuck.remove(name);
                self.logged.remove(&*shown);
                if !is_known {
                    log.write(&record);
                }
                if let Some(error) = unexplained {
                    let text = format!("its reason cannot be written: {error}");
                    let note = self.record(Event::Error);
                    log.write(&note.named(&shown).because(text));
                }
                if let Aside::Rejected(_) = aside {
                    let none = Vec::new();
                    self.write_breaches(log, &shown, content, time, none);
                }
                for name in removed {
                    let text = "removed to make room for newer ones";
                    let name = name.to_string_lossy();
                    let note = self.record(Event::Note);
                    log.write(&note.named(name).because(text));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.stuck.remove(name);
            }
            Err(_) if is_known => {}
            Err(error) => {
                log.write(&record);
                let text =
                    format!("cannot be moved aside: {error}; tried again");
                let note = self.record(Event::Error);
                log.write(&note.named(&shown).because(text));
                self.stuck.insert(name.to_owned());
            }
        }
    }

    pub(super) fn request<W: Write>(
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
            Life::Unknown if self.channels.epoch.is_none() => None,
            Life::Unknown => Some(Aside::Rejected(LATER)),
        };
        if let Some(aside) = aside {
            self.set_aside(opened, log, OsStr::new(&text), aside, &[]);
            return Ok(());
        }
        let start = Instant::now();
        let size = self
            .channels
            .get(name.subspace)
            .map_or(MOST_CONTENT, Channel::most_content);
        let content = match opened.mailbox.read(name, size) {
            Ok(content) => content,
            Err(ReadError::Gone) => {
                self.logged.remove(&text);
                return Ok(());
            }
            Err(ReadError::System(error)) => {
                return Err(Trouble::Unread(error));
            }
            Err(ReadError::Refused(reason)) => {
                let aside = Aside::Rejected(&reason);
                self.set_aside(opened, log, OsStr::new(&text), aside, &[]);
                return Ok(());
            }
        };
        let now = (self.clock)();
        let verdict =
            self.platform.receive(&self.channels, name, &content, now);
        let breaches = self.platform.take_breaches();
        let receipt = |content, message, packets| {
            let (name, time) = (text.clone(), now);
            Some(Receipt { name, content, message, packets, time, breaches })
        };
        match verdict {
            Verdict::Rejected(reason) => {
                let aside = Aside::Rejected(&reason);
                let name = OsStr::new(&text);
                self.set_aside(opened, log, name, aside, &content);
            }
            Verdict::Waiting { dropped } => {
                let none = Vec::new();
                self.write_receipt(log, &mut receipt(content, none, 1));
                self.waiting.insert(name.clone());
                self.give_up(opened, log, dropped);
            }
            Verdict::Dropped(dropped) => {
                let none = Vec::new();
                self.write_receipt(log, &mut receipt(content, none, 1));
                self.give_up(opened, log, Some(dropped));
            }
            Verdict::Complete { requests, message, mut action, dropped } => {
                self.served = true;
                self.stop_echo(&message, &mut action);
                let mut receipt = receipt(content, message, requests.len());
                if dropped.is_some() {
                    self.write_receipt(log, &mut receipt);
                }
                self.give_up(opened, log, dropped);
                self.act(opened, log, requests, *action, start, receipt)?;
            }
            Verdict::Command(action) => {
                self.served = true;
                let requests = vec![name.clone()];
                let receipt = receipt(content, Vec::new(), 1);
                self.act(opened, log, requests, *action, start, receipt)?;
            }
        }
        Ok(())
    }

    /// Sends nothing unasked that would come back and be sent again for
    /// ever.
    pub(super) fn stop_echo(&mut self, message: &[u8], action: &mut Action) {
        let sent = action.unasked.iter().map(|(sent, _)| &*sent.message);
        if action.unasked.is_empty()
            || self.echoes.may_send(message, sent, Instant::now())
        {
            return;
        }
        action.unasked.clear();
        let text = "what it sends unasked comes back and makes it send \
                    again: stopped here";
        action.notes.push(text.to_owned());
    }

    /// Requests that get no answer. One that cannot be removed now is part of
    /// no later message all the same.
    fn give_up<W: Write>(
        &mut self,
        opened: &Opened,
        log: &mut Log<W>,
        dropped: Option<Dropped>,
    ) {
        let Some((names, reason)) = dropped else { return };
        for name in names {
            self.waiting.remove(&name);
            let record = self.record(Event::Ignored).named(&name);
            log.write(&record.because(reason.clone()));
            self.given_up.insert(name);
        }
        // It is tried again, and said then.
        let _ = self.remove_given_up(opened);
    }

    /// Removes requests that get no answer, as far as that can be done.
    pub(super) fn remove_given_up(
        &mut self,
        opened: &Opened,
    ) -> io::Result<()> {
        let mut done = Ok(());
        let logged = &mut self.logged;
        self.given_up.retain(|name| {
            let name = name.to_string();
            let removed = opened.mailbox.unlink(&name);
            if removed.is_ok() {
                logged.remove(&name);
            }
            let stays = removed.is_err();
            done = std::mem::replace(&mut done, Ok(())).and(removed);
            stays
        });
        done
    }
}
