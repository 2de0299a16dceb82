//! What wakes the loop, and what it is asked for: by signals, by threads that
//! are done, by a look that wants another one.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::{flag, low_level::pipe};

/// Wakes the loop. A flood of wakes is as good as one.
#[derive(Clone)]
pub struct Waker {
    sender: Arc<UnixStream>,
    stop: Arc<AtomicBool>,
    reload: Arc<AtomicBool>,
    stats: Arc<AtomicBool>,
}

/// What the loop sleeps on.
pub struct Woken(UnixStream);

impl Woken {
    /// Takes all wakes so far.
    pub fn drain(&mut self) -> bool {
        let mut woken = false;
        while self.0.read(&mut [0; 64]).is_ok_and(|count| count > 0) {
            woken = true;
        }
        woken
    }
}

impl AsFd for Woken {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Waker {
    pub fn new() -> io::Result<(Self, Woken)> {
        let (sender, woken) = UnixStream::pair()?;
        sender.set_nonblocking(true)?;
        woken.set_nonblocking(true)?;
        let flag = || Arc::new(AtomicBool::new(false));
        let (stop, reload, stats) = (flag(), flag(), flag());
        let sender = Arc::new(sender);
        Ok((Self { sender, stop, reload, stats }, Woken(woken)))
    }

    /// SIGTERM and SIGINT end the loop, SIGHUP reads the handler files again,
    /// SIGUSR1 writes down the counters.
    pub fn obey_signals(&self) -> io::Result<()> {
        for (signal, flag) in [
            (SIGTERM, &self.stop),
            (SIGINT, &self.stop),
            (SIGHUP, &self.reload),
            (SIGUSR1, &self.stats),
        ] {
            flag::register(signal, Arc::clone(flag))?;
            pipe::register(signal, self.sender.try_clone()?)?;
        }
        Ok(())
    }

    /// If the loop is awake already, it will look once more.
    pub fn wake(&self) {
        // Full means that a wake is waiting; gone means that nobody sleeps.
        let _ = (&*self.sender).write(&[0]);
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

    /// Whether the counters are wanted; asks once.
    pub fn take_stats(&self) -> bool {
        self.stats.swap(false, Ordering::SeqCst)
    }

    /// Whether the loop was asked to end.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_one_wake() {
        let (waker, mut woken) = Waker::new().unwrap();
        assert!(!woken.drain());
        for _ in 0..100_000 {
            waker.wake();
        }
        assert!(woken.drain());
        assert!(!woken.drain());
        waker.reload();
        assert!(woken.drain() && waker.take_reload());
        assert!(!waker.take_reload(), "once");
    }
}
