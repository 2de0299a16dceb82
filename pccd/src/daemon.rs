//! The loop that joins mailbox, platform and log.
//!
//! One wake-up is one look at every mailbox; what arrives in one mailbox is
//! looked at on the thread that is told of it, if nobody works already. The
//! order of the steps is what the promise of docs/mailbox.md §7 rests on:
//! decide, commit, publish the replies, then what nobody asked for, then unlink
//! the requests.

use std::collections::HashSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use sd_notify::NotifyState;

use crate::log::Log;
use crate::mailbox::{Look, Waker, Watch, sleep};
use crate::messages::Messages;
use crate::record::{Event, Record, Time};
use crate::script::problem::Problems;
use crate::station::Station;

/// What the daemon is asked to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Mailbox folders, each with its state folder.
    pub mailboxes: Vec<(PathBuf, PathBuf)>,
    /// Folders of handler files; none for those built in.
    pub messages: Vec<PathBuf>,
    /// Channels of registers that play subspaces, whatever the files say.
    pub channels: Vec<(u8, String)>,
    /// Seed of random numbers.
    pub seed: u64,
}

/// The time, as the daemon is told it.
pub type Clock = fn() -> Time;

/// Loads the handlers a configuration names.
///
/// # Errors
///
/// Everything that is wrong in them.
pub fn load(messages: &[PathBuf]) -> Result<Messages> {
    let handlers = if messages.is_empty() {
        Messages::builtin()
    } else {
        Messages::load(messages)
    };
    Ok(handlers?)
}

/// The same, with channels where the configuration wants them.
fn load_all(config: &Config) -> Result<Messages> {
    let mut handlers = load(&config.messages)?;
    for (subspace, name) in &config.channels {
        let assigned = handlers.registers_mut().assign(*subspace, name);
        assigned.map_err(|reason| anyhow!("--channel: {reason}"))?;
    }
    Ok(handlers)
}

/// What is worked on, by one thread at a time.
struct Shared<W> {
    stations: Vec<Station>,
    log: Log<W>,
    /// Until when the loop sleeps, if not for ever.
    until: Option<Instant>,
    /// What ended the work on another thread than the loop's.
    failed: Option<anyhow::Error>,
}

impl<W: Write> Shared<W> {
    /// Looks at every mailbox. Returns how long the loop may sleep.
    fn look(&mut self) -> Result<Option<Duration>> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let mut retry: Option<Duration> = None;
        for station in &mut self.stations {
            let wanted = station.look(&mut self.log)?;
            retry = match (retry, wanted) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
        }
        self.until = retry.and_then(|wait| Instant::now().checked_add(wait));
        Ok(retry)
    }

    /// Looks at one mailbox, for a thread that must not wait. False if the
    /// loop has to do something.
    fn look_at(&mut self, path: &Path) -> bool {
        let mut open = self.stations.iter_mut().filter(|one| one.is_open());
        let Some(station) = open.find(|one| one.path() == path) else {
            return false;
        };
        match station.look(&mut self.log) {
            Ok(None) => true,
            Ok(Some(wait)) => {
                let next = Instant::now().checked_add(wait);
                self.until.is_some_and(|until| Some(until) <= next)
            }
            Err(error) => {
                self.failed = Some(error);
                false
            }
        }
    }
}

/// Wakes the loop when its thread panics: the loop ends with it.
struct Alarm<'a>(&'a Waker);

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.wake();
        }
    }
}

/// How other threads look at a mailbox.
fn look<W: Write + Send + 'static>(shared: &Arc<Mutex<Shared<W>>>) -> Look {
    let shared = Arc::downgrade(shared);
    Box::new(move |waker, path| {
        let _alarm = Alarm(waker);
        let Some(shared) = shared.upgrade() else { return true };
        // Whoever works may be waiting for this thread.
        let Ok(mut shared) = shared.try_lock() else { return false };
        !waker.has_orders() && shared.look_at(path)
    })
}

/// Runs until the waker's stop. Returns whether all expectations were met.
///
/// # Errors
///
/// A mailbox cannot be used at the start, handler files are wrong, or
/// `channels.json` is of another version.
pub fn run<W: Write + Send + 'static>(
    config: &Config,
    clock: Clock,
    mut log: Log<W>,
    waker: &Waker,
    woken: &Receiver<()>,
) -> Result<bool> {
    // What is saved while they are read is read again.
    let watched = watch(config, waker);
    let handlers = Arc::new(load_all(config)?);
    let mut watch = watched?;
    let mut stations = Vec::new();
    let mut seen = HashSet::new();
    for (path, state) in &config.mailboxes {
        if !seen.insert(path) {
            return Err(anyhow!("{} is named twice", path.display()));
        }
        let station = Station::open(
            path,
            state,
            Arc::clone(&handlers),
            config.seed,
            clock,
            waker.clone(),
        )
        .with_context(|| format!("mailbox {}", path.display()))?;
        stations.push(station);
    }
    for station in &stations {
        let mut record = Record::new(clock(), Event::Started);
        record.mailbox = Some(station.path().display().to_string());
        log.write(&record.because(format!(
            "pccd {} answers for EID {} in {} with {} handlers from {}",
            env!("CARGO_PKG_VERSION"),
            station.eid(),
            station.path().display(),
            handlers.handlers().len(),
            handlers.source(),
        )));
    }
    tell(NotifyState::Ready, clock, &mut log);
    let (until, failed) = (None, None);
    let shared = Arc::new(Mutex::new(Shared { stations, log, until, failed }));
    let lock = || shared.lock().expect("no thread panicked while it worked");
    waker.set_look(look(&shared));
    let mut loader = Loader { reading: None, again: false };
    while !waker.is_stopped() {
        loader.again |= waker.take_reload();
        let read = loader.turn(config, waker);
        let mut working = lock();
        let Shared { stations, log, .. } = &mut *working;
        if let Some((again, handlers)) = read {
            replace(handlers, clock, stations, log);
            if let Ok(again) = again {
                watch = again;
            }
        }
        if waker.take_stats() {
            write_stats(clock, stations, log);
        }
        let retry = working.look()?;
        drop(working);
        if !waker.is_stopped() && !sleep(woken, retry) {
            break;
        }
    }
    drop(watch);
    let Shared { stations, log, .. } = &mut *lock();
    tell(NotifyState::Stopping, clock, log);
    let mut met = true;
    for station in &mut *stations {
        met &= station.conclude(log);
    }
    write_stats(clock, stations, log);
    log.write(&Record::new(clock(), Event::Stopped).because("asked to end"));
    // Another thread may hold on to what is empty now.
    stations.clear();
    Ok(met)
}

/// Tells a service manager, if there is one.
fn tell<W: Write>(state: NotifyState<'_>, clock: Clock, log: &mut Log<W>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        let text = format!("cannot tell the service manager: {error}");
        log.write(&Record::new(clock(), Event::Error).because(text));
    }
}

/// Writes down the counters of all mailboxes.
fn write_stats<W: Write>(clock: Clock, stations: &[Station], log: &mut Log<W>) {
    for station in stations {
        if let Err(error) = station.write_stats(log.counting()) {
            let text = format!("cannot write the counters: {error:#}");
            log.write(&Record::new(clock(), Event::Error).because(text));
        }
    }
}

/// Watches the folders of handler files, if there are any.
fn watch(config: &Config, waker: &Waker) -> Result<Option<Watch>> {
    if config.messages.is_empty() {
        return Ok(None);
    }
    let watch = Watch::handlers(&config.messages, waker.clone());
    let names: Vec<String> =
        config.messages.iter().map(|path| path.display().to_string()).collect();
    watch.map(Some).with_context(|| {
        format!("cannot watch the handler files in {}", names.join(", "))
    })
}

/// A new watch on the handler files, and what they hold.
type Read = (Result<Option<Watch>>, Result<Messages>);

/// Reads handler files on a thread of its own: the old ones answer meanwhile.
struct Loader {
    reading: Option<Receiver<Read>>,
    /// Whether something was saved since they began to be read.
    again: bool,
}

impl Loader {
    /// Takes what was read, and begins anew if that is wanted.
    fn turn(&mut self, config: &Config, waker: &Waker) -> Option<Read> {
        let read = match self.reading.as_ref().map(Receiver::try_recv) {
            Some(Err(TryRecvError::Empty)) => return None,
            Some(Err(TryRecvError::Disconnected)) => {
                let error = || anyhow!("the thread that reads them ended");
                Some((Err(error()), Err(error())))
            }
            Some(Ok(read)) => Some(read),
            None => None,
        };
        self.reading = std::mem::take(&mut self.again).then(|| {
            let (sender, receiver) = sync_channel(1);
            let (config, waker) = (config.clone(), waker.clone());
            thread::spawn(move || {
                // Wakes if reading panics, once the sender is gone.
                let _alarm = Alarm(&waker);
                let sender = sender;
                // A folder that was replaced is another one. What is saved
                // from now on is read again.
                let watch = watch(&config, &waker);
                // Gone means that the daemon ends.
                let _ = sender.send((watch, load_all(&config)));
                waker.wake();
            });
            receiver
        });
        read
    }
}

/// Puts handlers in force that were read again. Wrong ones are refused as a
/// whole, and the old handlers go on.
fn replace<W: Write>(
    handlers: Result<Messages>,
    clock: Clock,
    stations: &mut [Station],
    log: &mut Log<W>,
) {
    match handlers {
        Ok(handlers) => {
            let text = format!(
                "handlers read again: {} from {}",
                handlers.handlers().len(),
                handlers.source()
            );
            let handlers = Arc::new(handlers);
            for station in stations {
                station.replace(Arc::clone(&handlers));
            }
            log.write(&Record::new(clock(), Event::Note).because(text));
        }
        Err(error) => {
            // Readers of one line at a time see the place at least.
            let first = match error.downcast_ref::<Problems>() {
                Some(problems) => format!(
                    "{}; the handlers read before go on\n",
                    problems.line()
                ),
                None => String::new(),
            };
            let text =
                format!("{first}{error:#}; the handlers read before go on");
            log.write(&Record::new(clock(), Event::Error).because(text));
        }
    }
}

/// Microseconds since a point in time.
pub(crate) fn micros_since(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX)
}
