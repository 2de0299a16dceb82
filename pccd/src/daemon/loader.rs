//! Handler files: watched, and read on a thread of its own. Those read before
//! answer meanwhile.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use notify::event::{
    AccessKind, AccessMode, CreateKind, EventKind, ModifyKind,
};
use notify::{PollWatcher, RecommendedWatcher, RecursiveMode, Watcher};

use crate::clock::Clock;
use crate::log::Log;
use crate::messages::Messages;
use crate::record::{Event, Record};
use crate::script::problem::Problems;
use crate::station::Station;
use crate::wake::Waker;

/// How often the files are looked at where they cannot be watched, and
/// folders of them that are gone.
const POLL: Duration = Duration::from_secs(1);
/// How long a folder without files may still be one that is being removed.
const SETTLE: Duration = Duration::from_millis(300);

/// A watch on the folders of handler files; it ends when dropped.
pub type Watch = Box<dyn Watcher + Send>;

/// A new watch on the handler files, and what they hold.
type Read = (Result<Option<Watch>>, Result<Messages>);

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

/// Whether an event may mean that a handler file in one of these folders was
/// saved, moved or removed. Our own reading must not wake us.
fn changes_handlers(event: &notify::Event, folders: &[PathBuf]) -> bool {
    let kind = matches!(
        event.kind,
        EventKind::Modify(ModifyKind::Name(_))
            | EventKind::Access(AccessKind::Close(AccessMode::Write))
            | EventKind::Remove(_)
            | EventKind::Create(CreateKind::Folder)
    );
    // A name without an extension may be a folder; editors' own files have
    // others than json.
    let is_ours = |path: &PathBuf| {
        path.extension().is_none_or(|extension| extension == "json")
            || folders.contains(path)
    };
    event.need_rescan() || (kind && event.paths.iter().any(is_ours))
}

fn add(watch: &mut dyn Watcher, folders: &[PathBuf]) -> notify::Result<()> {
    folders
        .iter()
        .try_for_each(|folder| watch.watch(folder, RecursiveMode::Recursive))
}

/// Which handlers there are to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// Folders of handler files; none for those built in.
    pub messages: Vec<PathBuf>,
    /// Channels of registers that play subspaces, whatever the files say.
    pub channels: Vec<(u8, String)>,
}

impl Files {
    pub(super) fn load(&self) -> Result<Messages> {
        let mut handlers = load(&self.messages)?;
        self.exist()?;
        for (subspace, name) in &self.channels {
            let assigned = handlers.registers.assign(*subspace, name);
            assigned.map_err(|wrong| anyhow!("--channel: {wrong}"))?;
        }
        Ok(handlers)
    }

    /// Whether the folders are there: an editor, a checkout or a copy may
    /// replace them.
    fn exist(&self) -> Result<()> {
        self.messages.iter().try_for_each(|folder| {
            let found = fs::read_dir(folder).map(drop);
            found.with_context(|| {
                format!("cannot read the folder {}", folder.display())
            })
        })
    }

    /// Loads what is there to stay: a folder that loses its files may be
    /// about to go.
    fn load_again(&self) -> Result<Messages> {
        let read = self.load();
        if read.as_ref().is_ok_and(|messages| messages.files == 0) {
            thread::sleep(SETTLE);
            return self.load();
        }
        read
    }

    /// Watches the folders of handler files, if there are any. Where the system
    /// can watch no more, why comes beside, and the files are looked at.
    pub(super) fn watch(
        &self,
        waker: &Waker,
    ) -> Result<(Option<Watch>, Option<String>)> {
        let folders = &*self.messages;
        if folders.is_empty() {
            return Ok((None, None));
        }
        self.exist()?;
        let wake = |is_poll: bool| {
            let (waker, folders) = (waker.clone(), folders.to_owned());
            move |event: notify::Result<notify::Event>| {
                let changes = |e| is_poll || changes_handlers(&e, &folders);
                if event.is_ok_and(changes) {
                    waker.reload();
                }
            }
        };
        let settings = notify::Config::default().with_poll_interval(POLL);
        let told = RecommendedWatcher::new(wake(false), settings).and_then(
            |mut watch| add(&mut watch, folders).map(|()| Box::new(watch)),
        );
        match told {
            Ok(watch) => Ok((Some(watch), None)),
            Err(error) => {
                let polled = PollWatcher::new(wake(true), settings).and_then(
                    |mut watch| add(&mut watch, folders).map(|()| watch),
                );
                let polled = polled.with_context(|| {
                    let names =
                        folders.iter().map(|one| one.display().to_string());
                    let names = names.collect::<Vec<_>>().join(", ");
                    format!("cannot watch the handler files in {names}")
                })?;
                let limit = match error.kind {
                    notify::ErrorKind::MaxFilesWatch => "max_user_watches",
                    _ => "max_user_instances",
                };
                let reason = format!(
                    "cannot watch the handler files: {error}; they are looked at \
                 once a second; fs.inotify.{limit} may be too low"
                );
                Ok((Some(Box::new(polled)), Some(reason)))
            }
        }
    }
}

/// Reads handler files when asked to, one after the other.
#[derive(Default)]
pub struct Loader {
    reading: Option<Receiver<Read>>,
    /// Whether something was saved since they began to be read.
    again: bool,
    /// When to look again for folders that could not be watched.
    next: Option<Instant>,
    /// Whether that is why they are read: that they are gone was said.
    is_said: bool,
}

/// Wakes the loop when its thread is done, or has panicked.
struct Done(Waker);

impl Drop for Done {
    fn drop(&mut self) {
        self.0.wake();
    }
}

impl Loader {
    /// When there is something to do without a wake.
    pub fn next(&self) -> Option<Instant> {
        self.next
    }

    /// Takes what was read, and begins anew if that is wanted.
    pub fn turn(
        &mut self,
        files: &Files,
        waker: &Waker,
        now: Instant,
    ) -> Option<(Option<Watch>, Result<Messages>)> {
        self.again |= waker.take_reload();
        let ended = || anyhow!("the thread that reads them ended");
        let read = match self.reading.as_ref().map(Receiver::try_recv) {
            Some(Err(TryRecvError::Empty)) => return None,
            Some(Err(TryRecvError::Disconnected)) => {
                Some((Ok(None), Err(ended())))
            }
            Some(Ok(read)) => Some(read),
            None => None,
        };
        let is_said = std::mem::take(&mut self.is_said);
        let read = read.and_then(|(watch, handlers)| {
            // The folder may come back, and nothing tells.
            self.next = watch.is_err().then(|| now + POLL);
            let is_same = is_said && watch.is_err() && handlers.is_err();
            (!is_same).then(|| (watch.ok().flatten(), handlers))
        });
        let is_asked = std::mem::take(&mut self.again);
        let is_due = self.next.is_some_and(|next| next <= now);
        self.reading = (is_asked || is_due).then(|| {
            self.next = None;
            self.is_said = !is_asked;
            begin(files, waker)
        });
        read
    }
}

/// Reads the files on a thread.
fn begin(files: &Files, waker: &Waker) -> Receiver<Read> {
    let (sender, receiver) = sync_channel(1);
    let (files, done) = (files.clone(), Done(waker.clone()));
    // Without a thread the receiver says that it ended.
    let _ = thread::Builder::new().spawn(move || {
        // The sender goes first: then there is something to be told.
        let (done, sender) = (done, sender);
        // A folder that was replaced is another one. What is saved
        // from now on is read again.
        let watch = files.watch(&done.0).map(|(watch, _)| watch);
        // Gone means that the daemon ends.
        let _ = sender.send((watch, files.load_again()));
    });
    receiver
}

/// Puts handlers in force that were read again. Wrong ones are refused as a
/// whole, and the old handlers go on.
pub fn replace<'a, W: Write>(
    handlers: Result<Messages>,
    clock: Clock,
    stations: impl Iterator<Item = &'a mut Station>,
    log: &mut Log<W>,
) {
    let (event, text) = match handlers {
        Ok(handlers) => {
            let text = format!(
                "handlers read again: {} from {}",
                handlers.handlers().len(),
                handlers.source
            );
            let handlers = Arc::new(handlers);
            for station in stations {
                station.replace(Arc::clone(&handlers));
            }
            (Event::Note, text)
        }
        Err(error) => {
            let wrong = match error.downcast_ref::<Problems>() {
                Some(problems) => problems.sentences(),
                None => format!("{error:#}"),
            };
            let text = format!("{wrong}; the handlers read before go on");
            (Event::Error, text)
        }
    };
    log.write(&Record::new(clock().time, event).because(text));
}

#[cfg(test)]
mod tests {
    use super::*;
    use notify::event::{Flag, RemoveKind, RenameMode};

    #[test]
    fn what_reads_the_handlers_again() {
        let event =
            |kind, path: &str| notify::Event::new(kind).add_path(path.into());
        let close = EventKind::Access(AccessKind::Close(AccessMode::Write));
        let open = EventKind::Access(AccessKind::Open(AccessMode::Any));
        let moved = EventKind::Modify(ModifyKind::Name(RenameMode::To));
        let lost = notify::Event::new(EventKind::Other);
        let cases = [
            (event(close, "/h/a.json"), true),
            (event(close, "/h/.a.json.swp"), false),
            (event(open, "/h/a.json"), false),
            (event(moved, "/h/a.json"), true),
            (event(moved, "/h/folder"), true),
            (event(moved, "/h/a.json~"), false),
            (event(EventKind::Remove(RemoveKind::File), "/h/a.json"), true),
            (event(EventKind::Create(CreateKind::Folder), "/h/f"), true),
            (event(moved, "/h/my.files"), true),
            (event(moved, "/h/other.files"), false),
            (lost.set_flag(Flag::Rescan), true),
        ];
        let folders = ["/h/my.files".into()];
        for (event, reloads) in cases {
            let changes = changes_handlers(&event, &folders);
            assert_eq!(changes, reloads, "{event:?}");
        }
    }
}
