//! Requests: read, decided about, or moved aside; and those in the outbox that
//! are known already.

use std::collections::{BTreeSet, HashSet};
use std::ffi::{OsStr, OsString};
use std::io::{self, Write};

use super::site::Site;
use crate::conduct::{self, Breach};
use crate::log::Log;
use crate::mailbox::{Aside, Mailbox, Moved, RequestName};
use crate::platform::Dropped;
use crate::record::{Event, Time};

/// What the log says of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Said {
    /// That it was read.
    Received,
    /// What is decided about it.
    Decided,
}

/// What the log says of a request that was read. It is written before
/// anything comes of it; where all would come again after an interruption,
/// once the reply is out, as nobody should wait for the log.
pub struct Receipt {
    pub name: String,
    pub content: Vec<u8>,
    /// The message it completes, and the number of its packets.
    pub message: Vec<u8>,
    pub packets: usize,
    pub time: Time,
    /// Rules that it breaks, beyond what its bytes show.
    pub breaches: Vec<Breach>,
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

    /// Requests of messages that are not complete.
    pub fn incomplete(&self) -> Vec<RequestName> {
        self.incomplete.iter().cloned().collect()
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

    /// Writes that a request was read, unless it is written already.
    pub fn write_receipt<W: Write>(
        &mut self,
        site: &Site,
        log: &mut Log<W>,
        receipt: &mut Option<Receipt>,
    ) {
        if let Some(receipt) = receipt.take()
            && self.log(Said::Received, &receipt.name)
        {
            let Receipt { name, content, message, packets, time, breaches } =
                receipt;
            let mut record = site.seen(Event::Received, &name, &content);
            record.time = time;
            let record = record.with_message(&message, packets);
            log.write(&record);
            let whole = record.decoded.as_ref().filter(|_| !message.is_empty());
            let wrong = whole.and_then(conduct::message);
            let list = breaches.into_iter().chain(wrong).collect();
            site.write_breaches(log, &name, &content, time, list);
        }
    }

    /// Moves a file aside and says so. One that cannot be moved now is tried
    /// again, without a further word.
    pub fn set_aside<W: Write>(
        &mut self,
        site: &Site,
        mailbox: &Mailbox,
        log: &mut Log<W>,
        name: &OsStr,
        aside: Aside<'_>,
        content: &[u8],
    ) {
        let is_known = self.is_stuck(name);
        let shown = name.to_string_lossy();
        let (event, reason) = match aside {
            Aside::Rejected(reason) => (Event::Rejected, reason),
            Aside::Stale => {
                (Event::Stale, "it belongs to an earlier life of the guest")
            }
        };
        let record = match content.is_empty() {
            true => site.record(event).named(&shown),
            false => site.seen(event, &shown, content),
        };
        let time = record.time;
        let record = record.because(reason);
        match mailbox.set_aside(name, aside) {
            Ok(Moved { removed, unexplained }) => {
                self.gone(&shown);
                if !is_known {
                    log.write(&record);
                }
                if let Some(error) = unexplained {
                    let text = format!("its reason cannot be written: {error}");
                    let note = site.record(Event::Error);
                    log.write(&note.named(&shown).because(text));
                }
                if let Aside::Rejected(_) = aside {
                    let none = Vec::new();
                    site.write_breaches(log, &shown, content, time, none);
                }
                for name in removed {
                    let text = "removed to make room for newer ones";
                    let name = name.to_string_lossy();
                    let note = site.record(Event::Note);
                    log.write(&note.named(name).because(text));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.gone(&shown);
            }
            Err(_) if is_known => {}
            Err(error) => {
                log.write(&record);
                let text =
                    format!("cannot be moved aside: {error}; tried again");
                let note = site.record(Event::Error);
                log.write(&note.named(&shown).because(text));
                self.stick(name);
            }
        }
    }

    /// Requests that get no answer.
    pub fn ignore<W: Write>(
        &mut self,
        site: &Site,
        mailbox: &Mailbox,
        log: &mut Log<W>,
        dropped: Option<Dropped>,
    ) {
        let Some((names, reason)) = dropped else { return };
        for name in &names {
            let record = site.record(Event::Ignored).named(name);
            log.write(&record.because(reason.clone()));
        }
        self.give_up(names);
        // What stays is tried again, and said then.
        let _ = self.remove(|name| mailbox.unlink(name));
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
