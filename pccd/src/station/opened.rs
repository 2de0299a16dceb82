//! A mailbox and its state folder, open and watched.

use std::fs::File;
use std::path::Path;

use anyhow::Result;

use crate::mailbox::{Mailbox, StateFolder, Watch};

/// An open mailbox, watched.
pub struct Opened {
    pub mailbox: Mailbox,
    pub state: StateFolder,
    /// None where the system can watch no more.
    pub watch: Option<Watch>,
    /// Why, until it is said.
    pub unwatched: Option<String>,
}

impl Opened {
    pub fn open(
        path: &Path,
        state_path: &Path,
        lock: Option<&File>,
    ) -> Result<Self> {
        let mailbox = Mailbox::open_daemon(path, lock)?;
        let state = StateFolder::open(state_path)?;
        let armed = Watch::arm(mailbox.path(), mailbox.outbox_path());
        let (watch, unwatched) = match armed {
            Ok(watch) => (Some(watch), None),
            Err(reason) => (None, Some(reason.to_string())),
        };
        Ok(Self { mailbox, state, watch, unwatched })
    }

    /// Watches a file elsewhere, too. Where that is not possible it is still
    /// looked at with each request.
    pub fn watch_file(&mut self, path: Option<&Path>) {
        if let (Some(watch), Some(path)) = (&mut self.watch, path) {
            let _ = watch.add_file(path);
        }
    }
}
