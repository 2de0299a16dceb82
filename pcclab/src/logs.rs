//! The folder of a run's logs: nobody else's files are touched, no two runs
//! share one, and those of failed runs do not pile up.

use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::fs::{FlockOperation, OFlags, flock};
use tempfile::TempDir;

use crate::usage;

/// Marks a folder as a run's; locked while the run goes on.
const LOCK: &str = "run.lock";

/// What a run leaves in its folder, which the next run there removes.
const FILES: &[&str] = &[
    "console.log",
    "console.times",
    "pccd.log",
    "qemu.log",
    "capture.pcapng",
    "report.html",
    "result.json",
    "initrd.img",
    "run.cpio",
    "ktap.log",
    "room",
    "gdb.sock",
];
const FOLDERS: &[&str] = &["mailbox", "subspaces"];

/// Marks a folder as what nobody reads later; locked while it is in use.
const SCRATCH: &str = "scratch.lock";

/// How old a folder is whose lock was surely taken since it was made.
const AGE: Duration = Duration::from_secs(60);

/// How many folders of failed runs are kept that nobody asked for by name.
const KEPT: usize = 20;

/// A folder for the logs of a run that goes on.
#[derive(Debug)]
pub struct Logs {
    path: PathBuf,
    /// Whether it may be removed after a pass.
    own: bool,
    lock: File,
}

impl Logs {
    /// The folder asked for, or a new one.
    ///
    /// # Errors
    /// When it holds something else or another run uses it (wrong usage), or
    /// it cannot be made.
    pub fn open(wanted: Option<&Path>) -> Result<Logs> {
        match wanted {
            Some(path) => Logs::at(&std::path::absolute(path)?),
            None => {
                let root = root()?;
                // Before there is one more; what cannot be removed stays.
                let _ = prune(&root, KEPT - 1);
                let now = pccd::record::now().format("%Y%m%dT%H%M%S-");
                let path = tempfile::Builder::new()
                    .prefix(&now.to_string())
                    .tempdir_in(&root)
                    .with_context(|| {
                        format!("making a folder in {}", root.display())
                    })?
                    .keep();
                Ok(Logs { own: true, ..Logs::at(&path)? })
            }
        }
    }

    fn at(path: &Path) -> Result<Logs> {
        fs::create_dir_all(path)
            .with_context(|| format!("making {}", path.display()))?;
        let lock = path.join(LOCK);
        let is_ours = lock.symlink_metadata().is_ok_and(|m| m.is_file());
        let is_empty = fs::read_dir(path)
            .with_context(|| format!("listing {}", path.display()))?
            .next()
            .is_none();
        if !is_ours && !is_empty {
            return Err(usage(format!(
                "{} holds something else than the logs of a run: give a new \
                 folder, an empty one, or one of an earlier run",
                path.display()
            )));
        }
        let lock = take(&lock)?.ok_or_else(|| {
            usage(format!(
                "another run uses {}: give each its own folder",
                path.display()
            ))
        })?;
        for name in FILES {
            let _ = fs::remove_file(path.join(name));
        }
        for name in FOLDERS {
            let _ = fs::remove_dir_all(path.join(name));
        }
        Ok(Logs { path: path.to_owned(), own: false, lock })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the folder stays when the run is over.
    pub fn stays(&self, wanted: bool) -> bool {
        !self.own || wanted
    }

    /// The run is over. Removes the folder if nobody asked for it by name and
    /// nobody wants to read it; tells whether it is there still.
    pub fn close(self, wanted: bool) -> Option<PathBuf> {
        let stays = self.stays(wanted);
        let Logs { path, lock, .. } = self;
        drop(lock);
        if !stays {
            let _ = fs::remove_dir_all(&path);
            return None;
        }
        Some(path)
    }
}

/// A folder for what nobody reads later, which goes with it. That of a program
/// that was killed goes when the next is made.
#[derive(Debug)]
pub struct Scratch {
    folder: TempDir,
    /// Held as long as the folder is there.
    _lock: File,
}

impl Scratch {
    /// A new one.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new() -> Result<Scratch> {
        Scratch::within(&root()?, AGE)
    }

    fn within(root: &Path, age: Duration) -> Result<Scratch> {
        // What cannot be removed stays.
        let _ = Scratch::clear(root, age);
        let folder = tempfile::Builder::new()
            .prefix("scratch-")
            .tempdir_in(root)
            .with_context(|| {
                format!("making a folder in {}", root.display())
            })?;
        let lock = take(&folder.path().join(SCRATCH))?;
        let lock = lock.context("somebody else has our folder")?;
        Ok(Scratch { folder, _lock: lock })
    }

    /// Removes those that nobody uses any more.
    fn clear(root: &Path, age: Duration) -> Result<()> {
        for path in list(root, SCRATCH)? {
            let about = path.join(SCRATCH).symlink_metadata();
            let made = about.and_then(|about| about.modified()).ok();
            let since = made.and_then(|made| made.elapsed().ok());
            if since.is_some_and(|since| since >= age) {
                remove_unused(&path, SCRATCH)?;
            }
        }
        Ok(())
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Takes a lock; none if somebody has it.
fn take(path: &Path) -> Result<Option<File>> {
    let file = File::options()
        .create(true)
        .append(true)
        .mode(0o600)
        .custom_flags(
            (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed(),
        )
        .open(path)
        .with_context(|| format!("opening {}", path.display()))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(file)),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(error) => {
            Err(error).with_context(|| format!("locking {}", path.display()))
        }
    }
}

/// Whether a run goes on in this folder.
///
/// # Errors
/// When its lock cannot be looked at.
pub fn goes_on(folder: &Path) -> Result<bool> {
    let lock = folder.join(LOCK);
    if !lock.symlink_metadata().is_ok_and(|about| about.is_file()) {
        return Ok(false);
    }
    Ok(take(&lock)?.is_none())
}

/// Where folders go that nobody named: one for each user.
fn root() -> Result<PathBuf> {
    let user = rustix::process::getuid().as_raw();
    let root = std::env::temp_dir().join(format!("pcclab-{user}"));
    match DirBuilder::new().mode(0o700).create(&root) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            return Err(error)
                .with_context(|| format!("making {}", root.display()));
        }
        _ => {}
    }
    let about = root.symlink_metadata()?;
    if !about.is_dir() || about.uid() != user || about.mode() & 0o022 != 0 {
        bail!(
            "{} is not a folder of ours that nobody else can write to: give \
             --logs, or set TMPDIR",
            root.display()
        );
    }
    Ok(root)
}

/// The folders that were kept, oldest first.
///
/// # Errors
/// When they cannot be listed.
pub fn kept() -> Result<Vec<PathBuf>> {
    list(&root()?, LOCK)
}

/// The folders that have a lock of this name, oldest first.
fn list(root: &Path, lock: &str) -> Result<Vec<PathBuf>> {
    let mut paths: Vec<_> = fs::read_dir(root)
        .with_context(|| format!("listing {}", root.display()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.join(lock).symlink_metadata().is_ok_and(|m| m.is_file())
        })
        .collect();
    // Their names begin with the time.
    paths.sort();
    Ok(paths)
}

/// Removes the folders that were kept; tells which.
///
/// # Errors
/// When one cannot be removed.
pub fn clean() -> Result<Vec<PathBuf>> {
    prune(&root()?, 0)
}

/// Removes a folder unless somebody has its lock; tells whether it did.
fn remove_unused(path: &Path, lock: &str) -> Result<bool> {
    let is_unused = take(&path.join(lock))?.is_some();
    if is_unused {
        fs::remove_dir_all(path)
            .with_context(|| format!("removing {}", path.display()))?;
    }
    Ok(is_unused)
}

/// Removes all but the newest of those that no run uses.
fn prune(root: &Path, keep: usize) -> Result<Vec<PathBuf>> {
    let all = list(root, LOCK)?;
    let old = all.len().saturating_sub(keep);
    let mut removed = Vec::new();
    for path in all.into_iter().take(old) {
        if remove_unused(&path, LOCK)? {
            removed.push(path);
        }
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_something_else_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let other = folder.path().join("thesis.txt");
        fs::write(&other, "").unwrap();
        let error = Logs::open(Some(folder.path())).unwrap_err();
        assert!(error.to_string().contains("holds something else"), "{error}");
        assert!(other.exists());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_is_one_runs_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/logs");
        let first = Logs::open(Some(&path)).unwrap();
        fs::write(path.join("console.log"), "old").unwrap();
        fs::create_dir_all(path.join("mailbox/inbox")).unwrap();
        fs::write(path.join("notes"), "mine").unwrap();
        let error = Logs::open(Some(&path)).unwrap_err();
        assert!(error.to_string().contains("another run"), "{error}");
        assert!(path.join("console.log").exists());
        assert_eq!(first.close(false), Some(path.clone()));
        // The next run there begins anew, and keeps what is not a run's.
        let again = Logs::open(Some(&path)).unwrap();
        assert!(!path.join("console.log").exists());
        assert!(!path.join("mailbox").exists());
        assert!(path.join("notes").exists());
        drop(again);
    }

    #[test]
    fn those_of_failed_runs_do_not_pile_up() {
        let root = tempfile::tempdir().unwrap();
        let path = |n: u32| root.path().join(format!("2026-{n}"));
        for n in 1..=5 {
            Logs::at(&path(n)).unwrap().close(true);
        }
        fs::create_dir(root.path().join("1-not-ours")).unwrap();
        let running = Logs::at(&path(1)).unwrap();
        let removed = prune(root.path(), 2).unwrap();
        assert_eq!(removed, [path(2), path(3)]);
        drop(running);
        assert_eq!(prune(root.path(), 0).unwrap().len(), 3);
        assert!(root.path().join("1-not-ours").exists());
    }

    #[test]
    fn scratch_of_who_was_killed_goes_and_that_of_others_stays() {
        let root = tempfile::tempdir().unwrap();
        let new = |age| Scratch::within(root.path(), age).unwrap();
        let (used, killed) = (new(AGE), new(AGE));
        let left = killed.path().to_owned();
        std::mem::forget(killed.folder);
        drop(killed._lock);
        // It may be that of one that has not taken it yet.
        drop(new(AGE));
        assert!(left.exists());
        let next = new(Duration::ZERO);
        assert!(!left.exists());
        assert!(used.path().exists() && next.path().exists());
        let paths = [used.path().to_owned(), next.path().to_owned()];
        drop((used, next));
        assert!(paths.iter().all(|path| !path.exists()));
    }
}
