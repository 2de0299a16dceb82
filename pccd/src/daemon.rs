//! The one loop: it sleeps until a signal, a thread that is done, an event in
//! a mailbox or a deadline wakes it, and looks at what woke it.
//!
//! One look does all there is to do in a mailbox. The order of its steps is
//! what the promise of docs/mailbox.md §7 rests on: decide, commit, publish the
//! replies, then what nobody asked for, then unlink the requests.

mod loader;

use std::collections::HashSet;
use std::io::Write;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, anyhow};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use sd_notify::NotifyState;

pub use self::loader::{Files, load};
use self::loader::{Loader, replace};
use crate::clock::{Clock, Now};
use crate::log::Log;
use crate::platform::Platform;
use crate::record::{Event, Record};
use crate::recording::{self, Recording, Replay};
use crate::script::problem::Problem;
use crate::station::Station;
use crate::wake::{Waker, Woken};

/// What the daemon is asked to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Mailbox folders, each with its state folder.
    pub mailboxes: Vec<(PathBuf, PathBuf)>,
    /// Handler files.
    pub files: Files,
    /// Seed of random numbers.
    pub seed: u64,
    /// A recording that answers instead of the handlers.
    pub replay: Option<Recorded>,
    /// The file of a scenario that varies what is answered, if there is one
    /// or as soon as there is.
    pub vary: Option<PathBuf>,
}

/// A recording to be played.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The capture.
    pub capture: PathBuf,
    /// Whether its requests are looked up, wherever they stand in it.
    pub by_request: bool,
}

/// What a recording plays for each of so many mailboxes, and what should be
/// known of it.
fn replays(
    recorded: &Recorded,
    mailboxes: usize,
) -> Result<(Vec<Replay>, Vec<String>)> {
    let path = recorded.capture.display();
    let read = recording::read(&recorded.capture);
    let read = read.with_context(|| format!("the capture {path}"))?;
    let Recording { sides, notes } = read;
    if sides.len() != mailboxes {
        return Err(anyhow!(
            "{path} has {} mailboxes, and --mailbox names {mailboxes}: give as \
             many, in the capture's order",
            sides.len()
        ));
    }
    let by_request = recorded.by_request;
    let replays = sides.into_iter().map(Arc::new);
    let replays = replays.map(|side| Replay::new(side, by_request)).collect();
    Ok((replays, notes))
}

/// A mailbox's station, and when to look at it without being told to.
struct Turn {
    station: Station,
    next: Option<Instant>,
}

/// Sleeps until a signal comes, a thread is done, a mailbox has something, or
/// it is time. True for the first two.
fn sleep(
    woken: &Woken,
    turns: &[Turn],
    next: Option<Instant>,
    now: Now,
) -> Result<bool> {
    let next = turns.iter().filter_map(|turn| turn.next).chain(next).min();
    let left = next.map(|next| {
        let left = next.saturating_duration_since(now.instant);
        Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: left.subsec_nanos().into(),
        }
    });
    let watches = turns.iter().filter_map(|turn| turn.station.watch());
    let mut ready: Vec<PollFd<'_>> = std::iter::once(woken.as_fd())
        .chain(watches)
        .map(|one| PollFd::from_borrowed_fd(one, PollFlags::IN))
        .collect();
    match poll(&mut ready, left.as_ref()) {
        Ok(_) => Ok(ready.first().is_some_and(|one| !one.revents().is_empty())),
        Err(Errno::INTR) => Ok(true),
        Err(error) => Err(error).context("cannot sleep"),
    }
}

/// Runs until the waker's stop. Returns whether all expectations were met.
///
/// # Errors
///
/// A mailbox cannot be used at the start, handler files are wrong, or
/// `channels.json` is of another version.
pub fn run<W: Write>(
    config: &Config,
    clock: Clock,
    mut log: Log<W>,
    waker: &Waker,
    mut woken: Woken,
) -> Result<bool> {
    // What is saved while they are read is read again.
    let watched = config.files.watch(waker);
    let handlers = Arc::new(config.files.load()?);
    let (mut _watch, unwatched) = watched?;
    let recorded = config.replay.as_ref();
    let recorded = recorded.map(|one| replays(one, config.mailboxes.len()));
    let (replays, notes) = recorded.transpose()?.unwrap_or_default();
    let mut replays = replays.into_iter();
    let mut turns = Vec::new();
    let mut seen = HashSet::new();
    for (path, state) in &config.mailboxes {
        if !seen.insert(path) {
            return Err(anyhow!("{} is named twice", path.display()));
        }
        let mut platform = Platform::new(Arc::clone(&handlers), config.seed);
        if let Some(replay) = replays.next() {
            platform = platform.replaying(replay);
        }
        let mut station =
            Station::open(path, state, platform, clock, waker.clone())
                .with_context(|| format!("mailbox {}", path.display()))?;
        if let Some(scenario) = &config.vary {
            station.vary(scenario.clone());
        }
        turns.push(Turn { station, next: None });
    }
    for Turn { station, .. } in &turns {
        let mut record = Record::new(clock().time, Event::Started);
        record.mailbox = Some(station.path().display().to_string());
        let played = station.replayed().zip(config.replay.as_ref());
        let answers = match played {
            Some((side, Recorded { capture, .. })) => {
                format!("plays {} of {}", side.summary(), capture.display())
            }
            None => format!("answers for EID {}", station.eid()),
        };
        let with = match played {
            Some(_) => String::new(),
            None => format!(
                " with {} handlers from {}",
                handlers.handlers().len(),
                handlers.source
            ),
        };
        log.write(&record.because(format!(
            "pccd {} {answers} in {}{with}",
            env!("CARGO_PKG_VERSION"),
            station.path().display(),
        )));
    }
    let bare = handlers.bare();
    let bare = bare.iter().map(Problem::sentence);
    for text in notes.into_iter().chain(unwatched).chain(bare) {
        log.write(&Record::new(clock().time, Event::Note).because(text));
    }
    for Turn { station, .. } in &mut turns {
        station.announce(&mut log);
    }
    tell(NotifyState::Ready, clock, &mut log);
    let mut loader = Loader::default();
    // Whoever was there before the watches is found now.
    let mut all = true;
    while !waker.is_stopped() {
        let now = clock().instant;
        let read = loader.turn(&config.files, waker, now);
        if let Some((again, handlers)) = read {
            let stations = turns.iter_mut().map(|turn| &mut turn.station);
            replace(handlers, clock, stations, &mut log);
            if again.is_some() {
                _watch = again;
            }
        }
        if waker.take_stats() {
            write_stats(clock, &turns, &mut log);
        }
        for Turn { station, next } in &mut turns {
            let is_due = next.is_some_and(|next| next <= clock().instant);
            if station.is_told() || is_due || all {
                *next = station.look(&mut log)?;
            }
        }
        all = !waker.is_stopped()
            && sleep(&woken, &turns, loader.next(), clock())?
            && woken.drain();
    }
    tell(NotifyState::Stopping, clock, &mut log);
    let mut met = true;
    for Turn { station, .. } in &mut turns {
        met &= station.conclude(&mut log);
    }
    write_stats(clock, &turns, &mut log);
    log.write(
        &Record::new(clock().time, Event::Stopped).because("asked to end"),
    );
    log.finish_capture(clock().time);
    Ok(met)
}

/// Tells a service manager, if there is one.
fn tell<W: Write>(state: NotifyState<'_>, clock: Clock, log: &mut Log<W>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        let text = format!("cannot tell the service manager: {error}");
        log.write(&Record::new(clock().time, Event::Error).because(text));
    }
}

/// Writes down the counters of all mailboxes.
fn write_stats<W: Write>(clock: Clock, turns: &[Turn], log: &mut Log<W>) {
    for Turn { station, .. } in turns {
        if let Err(error) = station.write_stats(log.counting()) {
            let text = format!("cannot write the counters: {error:#}");
            log.write(&Record::new(clock().time, Event::Error).because(text));
        }
    }
}
