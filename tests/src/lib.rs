//! What the whole-system tests share; the cases are in `tests/tests/`.

pub mod broken;
pub mod peer;
pub use acpi_tools::extract::{firmware, qtest};

use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A folder that stays when the test fails, with everything in it.
pub struct Logs(Option<TempDir>);

impl Logs {
    /// A new one.
    ///
    /// # Panics
    /// When it cannot be made.
    #[expect(clippy::new_without_default, reason = "not a value")]
    pub fn new() -> Logs {
        Logs(Some(tempfile::tempdir().expect("a temporary folder")))
    }

    /// Where it is.
    ///
    /// # Panics
    /// Never: it is gone only when dropped.
    pub fn path(&self) -> &Path {
        self.0.as_ref().expect("there until dropped").path()
    }
}

impl Drop for Logs {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Some(folder) = self.0.take()
        {
            eprintln!("console, QEMU's and pccd's logs: {:?}", folder.keep());
        }
    }
}

/// A path from the lab, by the name `pcclab env` prints it under.
///
/// # Panics
/// When it was not built: a part that cannot run is a failure, not a skip.
pub fn built(name: &str) -> PathBuf {
    pcclab::lab::paths().remove(name).unwrap_or_else(|| {
        panic!("{name} is not built: run the tests through make test")
    })
}

/// Waits for a child, at most so long; its exit status.
///
/// # Panics
/// When it does not end, and is killed.
pub fn wait(child: &mut Child, limit: Duration) -> Option<i32> {
    let until = Instant::now() + limit;
    loop {
        match child.try_wait().expect("a child of ours") {
            Some(status) => return status.code(),
            None if Instant::now() > until => {
                child.kill().expect("a child of ours");
                panic!("it did not end within {limit:?}");
            }
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// Guests at a time.
pub const JOBS: usize = 2;

/// Does `work`, which boots a guest, for each of them, `jobs` at a time; gives
/// what came of it in their order.
///
/// # Panics
/// When `work` does.
pub fn each_of<T: Sync, R: Send>(
    jobs: usize,
    list: &[T],
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = list.get(at) else { break };
                    let result = work(item);
                    done.lock()
                        .expect("no work panics here")
                        .push((at, result));
                }
            });
        }
    });
    let mut done = done.into_inner().expect("no work panics here");
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}
