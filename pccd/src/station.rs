//! One mailbox and the platform behind it: a look at the folder, a decision
//! for each request, and the steps that keep the promise of docs/mailbox.md §7
//! when the daemon dies between any two of them: decide, commit, publish,
//! remove. Each part that remembers something is a child of its own; here is
//! what the folder itself does: it is opened, goes away and comes again.

mod echo;
mod held;
mod intake;
pub mod ledger;
mod opened;
mod service;
mod site;
mod timers;
mod varied;
mod verdict;

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use self::ledger::Journal;
use self::opened::Opened;
use self::service::{Service, Trouble};
use self::site::Site;
use crate::clock::{Clock, Now};
use crate::log::Log;
use crate::mailbox::{Channels, Watch};
use crate::messages::Messages;
use crate::platform::{Changes, Platform};
use crate::record::Event;
use crate::recording::Side;
use crate::stats::{self, Counting};
use crate::wake::Waker;

/// How long to wait before what the system refused is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// How long to wait before a folder that went away is made again: whoever
/// removes it should be done.
const SETTLE: Duration = Duration::from_millis(200);

/// One mailbox and the platform behind it.
pub struct Station {
    state_path: PathBuf,
    opened: Option<Opened>,
    away: Away,
    service: Service,
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

impl Station {
    /// Opens a mailbox of a platform and takes up where an earlier daemon stopped.
    ///
    /// # Errors
    ///
    /// The mailbox, its state or its `channels.json` cannot be used.
    pub fn open(
        path: &Path,
        state_path: &Path,
        mut platform: Platform,
        clock: Clock,
        waker: Waker,
    ) -> Result<Self> {
        let opened = Opened::open(path, state_path, None)?;
        let journal = Journal::open(&opened.state, platform.state(), clock())?;
        let Changes { endpoint, memory } = journal.changes();
        platform.set(endpoint, memory);
        platform.set_began(journal.ledger.began);
        let channels = Channels::default();
        let site = Site { path: path.to_owned(), clock, platform, channels };
        Ok(Self {
            state_path: state_path.to_owned(),
            opened: Some(opened),
            away: Away::default(),
            service: Service::new(site, journal, waker),
            failure: None,
        })
    }

    pub fn path(&self) -> &Path {
        &self.service.site.path
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
        self.service.replace(handlers);
    }

    pub fn eid(&self) -> u8 {
        self.service.site.platform.state().eid
    }

    /// A file with what is to be said otherwise.
    pub fn vary(&mut self, path: PathBuf) {
        self.service.vary(path);
        if let Some(opened) = &mut self.opened {
            opened.watch_file(self.service.scenario());
        }
    }

    /// Tells what there is of that file before the first request.
    pub fn announce<W: Write>(&mut self, log: &mut Log<W>) {
        self.service.announce(log);
    }

    /// What is played in it, if a recording is.
    pub fn replayed(&self) -> Option<&Side> {
        self.service.site.platform.replayed()
    }

    /// Writes down what was counted of this mailbox.
    pub fn write_stats(&self, counting: &Counting) -> Result<()> {
        let Some(opened) = &self.opened else { return Ok(()) };
        let (mailbox, now) =
            (self.path().display().to_string(), (self.service.site.clock)());
        let stats = counting.stats(&mailbox, std::process::id(), now.time);
        let text = serde_json::to_vec(&stats)?;
        Ok(opened.state.replace(stats::FILE, &text)?)
    }

    /// Looks at the mailbox and does all there is to do. Returns when it
    /// wants to look again without being woken.
    pub fn look<W: Write>(
        &mut self,
        log: &mut Log<W>,
    ) -> Result<Option<Instant>> {
        let now = (self.service.site.clock)();
        let retry = Some(now.after(RETRY));
        let Some(mut opened) = self.opened.take() else {
            return Ok(self.reopen(log, now));
        };
        if !opened.mailbox.is_current() || !opened.state.is_current() {
            let text = "the mailbox went away; waiting, then making it again";
            self.service.site.note(log, text);
            self.service.forget();
            let until = Some(now.after(SETTLE));
            self.away = Away { until, lock: opened.mailbox.lock() };
            return Ok(until);
        }
        if let Some(reason) = opened.unwatched.take() {
            let text =
                format!("{reason}; the mailbox is looked at once a second");
            self.service.site.note(log, &text);
        }
        let done = self.service.work(&mut opened, log, now);
        let polls = opened.watch.is_none() || self.service.intake.any_stuck();
        if self.service.verdict.served {
            opened.mailbox.prepare();
        }
        self.opened = Some(opened);
        let text = match done {
            Ok(again) => {
                self.failure = None;
                let again = again.then_some(now.instant);
                let poll = retry.filter(|_| polls);
                let all = [self.service.next(), again, poll];
                return Ok(all.into_iter().flatten().min());
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
            log.write(
                &self.service.site.record(Event::Error).because(text.clone()),
            );
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
        let opened =
            Opened::open(&self.service.site.path, &self.state_path, lock);
        let opened = opened.and_then(|opened| {
            // The ledger may have gone with the mailbox; the life of the
            // guest has not.
            let stored = self.service.journal.store(&opened.state);
            stored.context("cannot write the ledger")?;
            Ok(opened)
        });
        match opened {
            Ok(mut opened) => {
                opened.watch_file(self.service.scenario());
                self.opened = Some(opened);
                self.away = Away::default();
                self.failure = None;
                self.service.site.note(log, "the mailbox is there again");
                // What came before the watch was armed is found now.
                Some(now.instant)
            }
            Err(error) => {
                self.fail(log, format!("{error:#}; tried again"));
                Some(now.after(RETRY))
            }
        }
    }

    /// Judges all that this process has seen: whether everything that was
    /// expected came about.
    pub fn conclude<W: Write>(&mut self, log: &mut Log<W>) -> bool {
        self.service.conclude(log)
    }
}
