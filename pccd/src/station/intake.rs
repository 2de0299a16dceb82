//! Requests: read, decided about, or moved aside; and those in the outbox that
//! are known already.

use std::collections::{BTreeSet, HashSet};
use std::ffi::{OsStr, OsString};
use std::io::{self, Write};

use super::{Life, MOST_CONTENT, Opened, Station, Trouble};
use crate::conduct::{self, Breach};
use crate::log::Log;
use crate::mailbox::{Aside, Channel, Moved, ReadError, RequestName};
use crate::platform::{Action, Dropped, Verdict};
use crate::record::{Event, Time};

/// A name the device cannot have made.
const LATER: &str = "its name claims a later life of the guest than the \
                     device's, which channels.json tells";

/// What the log says of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Said {
    /// That it was read.
    Received,
    /// What is decided about it.
    Decided,
}

/// What is known of names in the outbox.
#[derive(Default)]
pub struct Intake {
    /// Their message is not complete yet.
    incomplete: BTreeSet<RequestName>,
    /// They get no answer and could not be removed yet.
    given_up: BTreeSet<RequestName>,
    /// What the log has of them, for as long as they may be read again.
    logged: HashSet<(Said, String)>,
    /// They could not be moved aside yet.
    stuck: HashSet<OsString>,
}

impl Intake {
    /// Another life of the guest.
    pub fn begin(&mut self) {
        *self =
            Self { stuck: std::mem::take(&mut self.stuck), ..Self::default() };
    }

    /// The folder went away: all that comes is looked at again.
    pub fn forget(&mut self) {
        *self = Self {
            logged: std::mem::take(&mut self.logged),
            ..Self::default()
        };
    }

    /// Whether a request need not be read now.
    pub fn holds(&self, name: &RequestName) -> bool {
        self.incomplete.contains(name) || self.given_up.contains(name)
    }

    /// More packets are needed.
    pub fn wait(&mut self, name: RequestName) {
        self.incomplete.insert(name);
    }

    /// Their message is complete, and decided about or not: if not, they are
    /// read again.
    pub fn complete(&mut self, names: &[RequestName]) {
        for name in names {
            self.incomplete.remove(name);
        }
    }

    /// They get no answer. One that cannot be removed at once is part of no
    /// later message all the same.
    pub fn give_up(&mut self, names: Vec<RequestName>) {
        self.complete(&names);
        self.given_up.extend(names);
    }

    /// Removes what gets no answer, as far as that can be done.
    ///
    /// # Errors
    ///
    /// The first that could not be removed.
    pub fn remove(
        &mut self,
        unlink: impl Fn(&str) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut done = Ok(());
        let logged = &mut self.logged;
        self.given_up.retain(|name| {
            let name = name.to_string();
            let removed = unlink(&name);
            let stays = removed.is_err();
            if !stays {
                logged.retain(|(_, logged)| *logged != name);
            }
            done = std::mem::replace(&mut done, Ok(())).and(removed);
            stays
        });
        done
    }

    /// Whether the log is to be told so much of a request; once.
    pub fn log(&mut self, said: Said, name: &str) -> bool {
        self.logged.insert((said, name.to_owned()))
    }

    /// It is gone from the outbox.
    pub fn gone(&mut self, name: &str) {
        self.logged.retain(|(_, logged)| logged != name);
        self.stuck.remove(OsStr::new(name));
    }

    /// It could not be moved aside. True the first time.
    pub fn stick(&mut self, name: &OsStr) -> bool {
        self.stuck.insert(name.to_owned())
    }

    pub fn is_stuck(&self, name: &OsStr) -> bool {
        self.stuck.contains(name)
    }

    pub fn any_stuck(&self) -> bool {
        !self.stuck.is_empty()
    }
}

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
            && self.intake.log(Said::Received, &receipt.name)
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
    pub(super) fn write_breaches<W: Write>(
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
        let is_known = self.intake.is_stuck(name);
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
                self.intake.gone(&shown);
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
                self.intake.gone(&shown);
            }
            Err(_) if is_known => {}
            Err(error) => {
                log.write(&record);
                let text =
                    format!("cannot be moved aside: {error}; tried again");
                let note = self.record(Event::Error);
                log.write(&note.named(&shown).because(text));
                self.intake.stick(name);
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
        let now = (self.clock)();
        let start = now.instant;
        let size = self
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
                self.set_aside(opened, log, OsStr::new(&text), aside, &[]);
                return Ok(());
            }
        };
        let time = now.time;
        let verdict =
            self.platform.receive(&self.channels, name, &content, time);
        let breaches = self.platform.take_breaches();
        let receipt = |content, message, packets| {
            let name = text.clone();
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
                self.intake.wait(name.clone());
                self.give_up(opened, log, dropped);
            }
            Verdict::Dropped(dropped) => {
                let none = Vec::new();
                self.write_receipt(log, &mut receipt(content, none, 1));
                self.give_up(opened, log, Some(dropped));
            }
            Verdict::Complete { requests, message, mut action, dropped } => {
                self.verdict.served = true;
                self.stop_echo(&message, &mut action);
                let mut receipt = receipt(content, message, requests.len());
                if dropped.is_some() {
                    self.write_receipt(log, &mut receipt);
                }
                self.give_up(opened, log, dropped);
                self.act(opened, log, requests, *action, start, receipt)?;
            }
            Verdict::Command(action) => {
                self.verdict.served = true;
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
            || self.echoes.may_send(message, sent, (self.clock)().instant)
        {
            return;
        }
        action.unasked.clear();
        let text = "what it sends unasked comes back and makes it send \
                    again: stopped here";
        action.notes.push(text.to_owned());
    }

    /// Requests that get no answer.
    pub(super) fn give_up<W: Write>(
        &mut self,
        opened: &Opened,
        log: &mut Log<W>,
        dropped: Option<Dropped>,
    ) {
        let Some((names, reason)) = dropped else { return };
        for name in &names {
            let record = self.record(Event::Ignored).named(name);
            log.write(&record.because(reason.clone()));
        }
        self.intake.give_up(names);
        // What stays is tried again, and said then.
        let _ = self.intake.remove(|name| opened.mailbox.unlink(name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_removed_is_given_up_all_the_same() {
        let name = |seq| RequestName {
            epoch: "20261121T044142.123456789Z".parse().unwrap(),
            seq,
            subspace: 0,
        };
        let mut intake = Intake::default();
        intake.wait(name(1));
        intake.wait(name(2));
        assert!(intake.log(Said::Received, &name(1).to_string()));
        intake.give_up(vec![name(1), name(3)]);
        let first = name(1).to_string();
        let unlink = |asked: &str| match asked == first {
            true => Err(io::Error::other("no")),
            false => Ok(()),
        };
        assert!(intake.remove(unlink).is_err());
        let held = [1, 2, 3].map(|seq| intake.holds(&name(seq)));
        assert_eq!(held, [true, true, false]);
        assert!(!intake.log(Said::Received, &first), "it is in the log");
        assert!(intake.log(Said::Decided, &first));
        assert!(intake.remove(|_| Ok(())).is_ok());
        assert!(!intake.holds(&name(1)));
        assert!(
            intake.log(Said::Received, &first),
            "another of its name is another one"
        );
        intake.forget();
        assert!(!intake.holds(&name(2)));
    }
}
