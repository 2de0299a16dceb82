//! Being told that something may have changed. Events are a hint and carry
//! nothing: whoever is woken lists the folder (docs/mailbox.md §3).

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use notify::event::{
    AccessKind, AccessMode, CreateKind, EventKind, ModifyKind, RemoveKind,
    RenameMode,
};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};

/// For so long after a look an event may tell of what it found already.
const RECENT: Duration = Duration::from_micros(100);

/// Looks at a mailbox at once, on the thread that noticed something there.
/// False if somebody works already or more is to be done: the loop has to.
pub type Look = Box<dyn Fn(&Waker, &Path) -> bool + Send + Sync>;

/// Wakes the loop. At most one wake waits: a flood of events costs nothing.
#[derive(Clone)]
pub struct Waker {
    sender: SyncSender<()>,
    stop: Arc<AtomicBool>,
    reload: Arc<AtomicBool>,
    stats: Arc<AtomicBool>,
    look: Arc<OnceLock<Look>>,
}

impl Waker {
    /// A waker, and what it wakes.
    pub fn new() -> (Self, Receiver<()>) {
        let (sender, receiver) = sync_channel(1);
        let stop = Arc::new(AtomicBool::new(false));
        let reload = Arc::new(AtomicBool::new(false));
        let stats = Arc::new(AtomicBool::new(false));
        let look = Arc::new(OnceLock::new());
        (Self { sender, stop, reload, stats, look }, receiver)
    }

    /// Says how to look at a mailbox without waking the loop; once.
    pub fn set_look(&self, look: Look) {
        // Only the first counts.
        let _ = self.look.set(look);
    }

    /// Something has come to a mailbox. Handing it to another thread takes
    /// longer than all the rest: it is looked at here if it can be.
    fn arrived(&self, mailbox: &Path) {
        let looked = self.look.get().is_some_and(|look| look(self, mailbox));
        if !looked {
            self.wake();
        }
    }

    /// Whether the loop was asked for something that goes before looking.
    pub fn has_orders(&self) -> bool {
        self.is_stopped() || self.reload.load(Ordering::SeqCst)
    }

    /// Wakes the loop; if it is awake already, it will look once more.
    pub fn wake(&self) {
        // Full means that a wake is waiting; gone means that nobody sleeps.
        let _ = self.sender.try_send(());
    }

    /// Asks the loop to read the handler files again.
    pub fn reload(&self) {
        self.reload.store(true, Ordering::SeqCst);
        self.wake();
    }

    /// Whether the handler files are to be read again; asks once.
    pub fn take_reload(&self) -> bool {
        self.reload.swap(false, Ordering::SeqCst)
    }

    /// Asks the loop to write down what it has counted.
    pub fn stats(&self) {
        self.stats.store(true, Ordering::SeqCst);
        self.wake();
    }

    /// Whether the counters are wanted; asks once.
    pub fn take_stats(&self) -> bool {
        self.stats.swap(false, Ordering::SeqCst)
    }

    /// Asks the loop to end.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::SeqCst);
        self.wake();
    }

    /// Whether the loop was asked to end.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }
}

/// Sleeps until woken, or for so long. False when nobody can wake any more.
pub fn sleep(woken: &Receiver<()>, limit: Option<Duration>) -> bool {
    match limit {
        None => woken.recv().is_ok(),
        Some(limit) => {
            woken.recv_timeout(limit) != Err(RecvTimeoutError::Disconnected)
        }
    }
}

/// Whether an event may mean a new message, a new `channels.json`, or that
/// a folder is gone. Our own reading, unlinking and writing must not wake
/// us.
fn matters(event: &Event, base: &Path, outbox: &Path) -> bool {
    if event.need_rescan() {
        return true;
    }
    match event.kind {
        // To comes with every rename into a folder; Both repeats it.
        EventKind::Modify(ModifyKind::Name(RenameMode::To)) => true,
        // Somebody who does not know of renaming closed a file.
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => {
            event.paths.iter().any(|path| path.parent() == Some(outbox))
        }
        EventKind::Remove(RemoveKind::Folder) => true,
        // A watched folder, or one in the mailbox, was moved away.
        EventKind::Modify(ModifyKind::Name(_)) => {
            event.paths.iter().any(|path| {
                path == base || path == outbox || path.parent() == Some(base)
            })
        }
        _ => false,
    }
}

/// Whether an event tells only of a file in the outbox that is answered and
/// gone: of many that come together, the first look finds all.
fn is_over(event: &Event, outbox: &Path) -> bool {
    !event.need_rescan()
        && matches!(&*event.paths, [path] if path.parent() == Some(outbox)
            && path.symlink_metadata().is_err())
}

/// Whether an event may mean that a handler file was saved, moved or
/// removed. Our own reading must not wake us.
fn changes_handlers(event: &Event) -> bool {
    if event.need_rescan() {
        return true;
    }
    let kind = matches!(
        event.kind,
        EventKind::Modify(ModifyKind::Name(_))
            | EventKind::Access(AccessKind::Close(AccessMode::Write))
            | EventKind::Remove(_)
            | EventKind::Create(CreateKind::Folder)
    );
    // A name without an extension may be a folder; editors' own files have
    // others than json.
    kind && event
        .paths
        .iter()
        .any(|path| path.extension().is_none_or(|end| end == "json"))
}

/// A watch on a mailbox; it ends when dropped.
#[derive(Debug)]
pub struct Watch {
    _watcher: RecommendedWatcher,
}

impl Watch {
    /// Watches a mailbox and its outbox.
    ///
    /// # Errors
    ///
    /// What the system refused.
    pub fn arm(
        base: &Path,
        outbox: &Path,
        waker: Waker,
    ) -> notify::Result<Self> {
        let (base_path, outbox_path): (PathBuf, PathBuf) =
            (base.to_owned(), outbox.to_owned());
        let mut looked: Option<Instant> = None;
        let mut watcher = notify::recommended_watcher(
            move |event: notify::Result<Event>| {
                let wakes = match &event {
                    Ok(event) => matters(event, &base_path, &outbox_path),
                    // Look; what is wrong shows there.
                    Err(_) => true,
                };
                let over = || {
                    looked.is_some_and(|at| at.elapsed() < RECENT)
                        && event
                            .as_ref()
                            .is_ok_and(|e| is_over(e, &outbox_path))
                };
                if wakes && !over() {
                    waker.arrived(&base_path);
                    looked = Some(Instant::now());
                }
            },
        )?;
        watcher.watch(outbox, RecursiveMode::NonRecursive)?;
        watcher.watch(base, RecursiveMode::NonRecursive)?;
        Ok(Self { _watcher: watcher })
    }

    /// Watches folders of handler files, and what lies under them.
    ///
    /// # Errors
    ///
    /// What the system refused.
    pub fn handlers(folders: &[PathBuf], waker: Waker) -> notify::Result<Self> {
        let mut watcher = notify::recommended_watcher(
            move |event: notify::Result<Event>| {
                if event.as_ref().is_ok_and(changes_handlers) {
                    waker.reload();
                }
            },
        )?;
        for folder in folders {
            watcher.watch(folder, RecursiveMode::Recursive)?;
        }
        Ok(Self { _watcher: watcher })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use notify::event::Flag;

    #[test]
    fn what_wakes() {
        let base = Path::new("/m");
        let outbox = Path::new("/m/outbox");
        let event = |kind, path: &str| Event::new(kind).add_path(path.into());
        let name = |mode| EventKind::Modify(ModifyKind::Name(mode));
        let close = EventKind::Access(AccessKind::Close(AccessMode::Write));
        let cases = [
            (event(name(RenameMode::To), "/m/outbox/a"), true),
            (event(name(RenameMode::Both), "/m/outbox/a"), false),
            (event(name(RenameMode::From), "/m/outbox/a"), false),
            (event(name(RenameMode::From), "/m/outbox"), true),
            (event(close, "/m/outbox/a"), true),
            (event(close, "/m/daemon.lock"), false),
            (event(EventKind::Create(CreateKind::File), "/m/outbox/a"), false),
            (event(EventKind::Remove(RemoveKind::File), "/m/outbox/a"), false),
            (event(EventKind::Remove(RemoveKind::Folder), "/m/outbox"), true),
            (Event::new(EventKind::Other).set_flag(Flag::Rescan), true),
        ];
        for (event, wakes) in cases {
            assert_eq!(matters(&event, base, outbox), wakes, "{event:?}");
        }
    }

    #[test]
    fn what_reads_the_handlers_again() {
        let event = |kind, path: &str| Event::new(kind).add_path(path.into());
        let close = EventKind::Access(AccessKind::Close(AccessMode::Write));
        let open = EventKind::Access(AccessKind::Open(AccessMode::Any));
        let moved = EventKind::Modify(ModifyKind::Name(RenameMode::To));
        let cases = [
            (event(close, "/h/a.json"), true),
            (event(close, "/h/.a.json.swp"), false),
            (event(open, "/h/a.json"), false),
            (event(moved, "/h/a.json"), true),
            (event(moved, "/h/folder"), true),
            (event(moved, "/h/a.json~"), false),
            (event(EventKind::Remove(RemoveKind::File), "/h/a.json"), true),
            (event(EventKind::Create(CreateKind::Folder), "/h/f"), true),
            (Event::new(EventKind::Other).set_flag(Flag::Rescan), true),
        ];
        for (event, reloads) in cases {
            assert_eq!(changes_handlers(&event), reloads, "{event:?}");
        }
        let (waker, woken) = Waker::new();
        waker.reload();
        assert!(woken.try_recv().is_ok());
        assert!(waker.take_reload());
        assert!(!waker.take_reload(), "once");
    }

    #[test]
    fn what_is_answered_and_gone_is_over() {
        let dir = tempfile::tempdir().unwrap();
        let outbox = dir.path().join("outbox");
        let path = outbox.join("a");
        let to = EventKind::Modify(ModifyKind::Name(RenameMode::To));
        let event = |path: &Path| Event::new(to).add_path(path.to_owned());
        std::fs::create_dir(&outbox).unwrap();
        std::fs::write(&path, "").unwrap();
        assert!(!is_over(&event(&path), &outbox));
        std::fs::remove_file(&path).unwrap();
        assert!(is_over(&event(&path), &outbox));
        assert!(!is_over(&event(&dir.path().join("b")), &outbox));
        let lost = event(&path).set_flag(Flag::Rescan);
        assert!(!is_over(&lost, &outbox));
    }

    #[test]
    fn what_cannot_be_looked_at_at_once_wakes() {
        let (waker, woken) = Waker::new();
        waker.arrived(Path::new("/a"));
        assert!(woken.try_recv().is_ok(), "nobody looks yet");
        waker.set_look(Box::new(|_, path| path == Path::new("/a")));
        waker.arrived(Path::new("/a"));
        assert!(woken.try_recv().is_err());
        waker.arrived(Path::new("/b"));
        assert!(woken.try_recv().is_ok());
        assert!(!waker.has_orders());
        waker.reload();
        assert!(waker.has_orders());
    }

    #[test]
    fn a_flood_is_one_wake() {
        let (waker, woken) = Waker::new();
        for _ in 0..1000 {
            waker.wake();
        }
        assert!(sleep(&woken, Some(Duration::ZERO)));
        assert!(woken.try_recv().is_err());
        waker.stop();
        assert!(waker.is_stopped());
        assert!(woken.try_recv().is_ok(), "stop wakes");
    }
}
