//! The mailbox folder: naming, order, publishing by rename, refusing by
//! moving aside. It knows nothing of what messages say.
//!
//! The contract is `docs/mailbox.md`; section numbers refer to it.

mod breaches;
mod channels;
mod error;
mod folder;
mod name;
mod rejected;
mod state;
mod watch;

use std::cell::RefCell;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::path::Path;

use rustix::fs::Dir;

pub use breaches::Breaches;
pub use channels::{Channel, Channels, ChannelsError, Completion};
pub(crate) use error::MailboxError;
use folder::trimmed;
pub(crate) use folder::{Folder, ReadError};
pub use name::{BadName, Epoch, RequestName, UnaskedName};
use rejected::Names;
pub(crate) use rejected::{Aside, Moved};
pub(crate) use state::StateFolder;
pub(crate) use watch::Watch;

/// The daemon's lock file.
const LOCK: &str = "daemon.lock";

/// An open mailbox. The daemon's holds its lock; one opened to send does
/// not.
#[derive(Debug)]
pub(crate) struct Mailbox {
    base: Folder,
    outbox: Folder,
    outbox_lister: RefCell<Dir>,
    /// The last request that was listed.
    last: RefCell<Option<RequestName>>,
    inbox: Folder,
    tmp: Folder,
    rejected: Folder,
    stale: Folder,
    /// What lies in those two.
    listed: RefCell<[Names; 2]>,
    prefix: String,
    count: u64,
    /// A file in `tmp` for the next reply: making one may take longer than
    /// filling and moving it.
    spare: Option<(String, File)>,
    lock: Option<File>,
}

/// Requests, and names that are none, with the reason.
type Listed = (Vec<RequestName>, Vec<(OsString, String)>);

/// Whether a number is missing before one of these requests, of which the
/// `last` was known before: a device counts without gaps.
fn is_gap(last: Option<&RequestName>, requests: &[RequestName]) -> bool {
    let mut before = last;
    let mut new = requests.iter().filter(|name| Some(*name) > last);
    new.any(|name| {
        let next = match before {
            Some(before) if before.epoch == name.epoch => before.seq + 1,
            _ => 1,
        };
        before = Some(name);
        name.seq != next
    })
}

/// Who holds the lock of a mailbox.
enum Locking<'a> {
    Without,
    Take,
    /// It is held already.
    Held(&'a File),
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        if let Some((name, _)) = self.spare.take() {
            // The next daemon would remove it as well.
            let _ = self.tmp.unlink(OsStr::new(&name));
        }
    }
}

impl Mailbox {
    fn open(
        path: &Path,
        prefix: &str,
        locking: Locking<'_>,
    ) -> Result<Self, MailboxError> {
        let path = trimmed(path);
        let base = Folder::open(&path)?;
        let lock = match locking {
            Locking::Without => None,
            Locking::Held(lock) if base.names(LOCK, lock) => {
                let failed = |source| MailboxError::Io {
                    doing: "keep the lock",
                    path: path.join(LOCK),
                    source,
                };
                Some(lock.try_clone().map_err(failed)?)
            }
            Locking::Held(_) | Locking::Take => Some(base.lock(LOCK)?),
        };
        let folder = |name: &str| {
            let folder = Folder::open(&path.join(name))?;
            match folder.is_beside(&base) {
                true => Ok(folder),
                false => {
                    let path = folder.path().to_owned();
                    Err(MailboxError::Elsewhere { path })
                }
            }
        };
        let outbox = folder("outbox")?;
        let failed = |source| MailboxError::Io {
            doing: "list",
            path: path.join("outbox"),
            source,
        };
        Ok(Self {
            outbox_lister: RefCell::new(outbox.lister().map_err(failed)?),
            last: RefCell::default(),
            outbox,
            inbox: folder("inbox")?,
            tmp: folder("tmp")?,
            rejected: folder("rejected")?,
            stale: folder("stale")?,
            listed: RefCell::default(),
            base,
            prefix: format!("{prefix}-{}", std::process::id()),
            count: 0,
            spare: None,
            lock,
        })
    }

    /// Opens it as the daemon: makes what is missing, takes the lock unless
    /// it is the one that is `kept`, and removes what an earlier daemon left
    /// half written.
    pub fn open_daemon(
        path: &Path,
        kept: Option<&File>,
    ) -> Result<Self, MailboxError> {
        let locking = kept.map_or(Locking::Take, Locking::Held);
        let mailbox = Self::open(path, "d", locking)?;
        let names = mailbox.tmp.list().unwrap_or_default();
        for name in names {
            if name.as_encoded_bytes().starts_with(b"d-") {
                // What cannot be removed does no harm there.
                let _ = mailbox.tmp.unlink(&name);
            }
        }
        Ok(mailbox)
    }

    /// Opens it to publish only, next to a daemon.
    pub fn open_sender(path: &Path) -> Result<Self, MailboxError> {
        if !trimmed(path).join("inbox").exists() {
            return Err(MailboxError::Missing { path: path.to_owned() });
        }
        Self::open(path, "s", Locking::Without)
    }

    /// The lock, to be kept when folders in the mailbox went away: nobody
    /// else may take it for that. None if the mailbox itself went.
    pub fn lock(&self) -> Option<File> {
        let lock = self.lock.as_ref()?;
        let ours = self.base.is_current() && self.base.names(LOCK, lock);
        ours.then(|| lock.try_clone().ok())?
    }

    pub fn path(&self) -> &Path {
        self.base.path()
    }

    /// Path of the folder the daemon watches.
    pub fn outbox_path(&self) -> &Path {
        self.outbox.path()
    }

    /// Whether all its folders are still the ones that were opened.
    pub fn is_current(&self) -> bool {
        self.base.is_current()
            && [
                &self.outbox,
                &self.inbox,
                &self.tmp,
                &self.rejected,
                &self.stale,
            ]
            .iter()
            .all(|folder| folder.is_in(&self.base))
    }

    /// What lies in the outbox: requests in the order of sending, and names
    /// that are none. There is none that was sent before one that is there.
    pub fn list(&self) -> io::Result<Listed> {
        self.listed.take();
        let (mut requests, mut others) = self.list_once()?;
        let mut last = self.last.borrow_mut();
        if is_gap(last.as_ref(), &requests) {
            // One pass over a large folder is no picture of a moment: a name
            // may come in behind it, and a later one before it. What was there
            // when the pass ended is in the next; the rest has its turn.
            let end = requests.pop();
            (requests, others) = self.list_once()?;
            requests.retain(|name| Some(name) <= end.as_ref());
        }
        if requests.last() > last.as_ref() {
            *last = requests.last().cloned();
        }
        Ok((requests, others))
    }

    fn list_once(&self) -> io::Result<Listed> {
        let mut requests = Vec::new();
        let mut others = Vec::new();
        for name in Folder::list_by(&mut self.outbox_lister.borrow_mut())? {
            match name.to_str().map(str::parse::<RequestName>) {
                Some(Ok(request)) => requests.push(request),
                Some(Err(error)) => others.push((name, error.to_string())),
                None => others.push((name, "the name is not text".into())),
            }
        }
        requests.sort();
        others.sort();
        Ok((requests, others))
    }

    /// Whether a request is still in the outbox.
    pub fn holds(&self, request: &str) -> bool {
        self.outbox.contains(OsStr::new(request))
    }

    pub fn read(
        &self,
        name: &RequestName,
        most: usize,
    ) -> Result<Vec<u8>, ReadError> {
        self.outbox.read(OsStr::new(&name.to_string()), most)
    }

    /// Removes a request that is done with.
    pub fn unlink(&self, request: &str) -> io::Result<()> {
        self.outbox.unlink(OsStr::new(request))
    }

    fn new_name(&mut self) -> String {
        self.count += 1;
        format!("{}-{}", self.prefix, self.count)
    }

    fn stage(&mut self, content: &[u8]) -> io::Result<String> {
        let name = self.new_name();
        self.tmp.write(&name, content)?;
        Ok(name)
    }

    /// Makes the file for the next reply, when there is time.
    pub fn prepare(&mut self) {
        if self.spare.is_none() {
            let name = self.new_name();
            // What hinders it shows when there is something to write.
            self.spare = self.tmp.create(&name).ok().map(|file| (name, file));
        }
    }

    /// Publishes a reply in the file made for it; false if that cannot be.
    fn publish_prepared(&mut self, name: &str, content: &[u8]) -> bool {
        let Some((staged, open)) = self.spare.take() else { return false };
        let filled = self.tmp.fill(open, &staged, content);
        let moved = filled.and_then(|()| {
            let name = OsStr::new(name);
            self.tmp.rename(OsStr::new(&staged), &self.inbox, name)
        });
        self.clean_up(&staged, moved).is_ok()
    }

    /// Leaves nothing in `tmp` of what could not be published.
    fn clean_up<T>(
        &self,
        staged: &str,
        published: io::Result<T>,
    ) -> io::Result<T> {
        if published.is_err() {
            // What counts is why it could not be published.
            let _ = self.tmp.unlink(OsStr::new(staged));
        }
        published
    }

    /// Publishes a reply. Publishing the same name again is harmless.
    pub fn publish_reply(
        &mut self,
        name: &str,
        content: &[u8],
    ) -> io::Result<()> {
        if self.publish_prepared(name, content) {
            return Ok(());
        }
        let staged = self.stage(content)?;
        let name = OsStr::new(name);
        let moved = self.tmp.rename(OsStr::new(&staged), &self.inbox, name);
        self.clean_up(&staged, moved)
    }

    /// Publishes a message nobody asked for. If its name is taken by
    /// another message the number in the name counts up.
    pub fn publish_unasked(
        &mut self,
        mut name: UnaskedName,
        content: &[u8],
    ) -> io::Result<UnaskedName> {
        let staged = self.stage(content)?;
        loop {
            let text = name.to_string();
            let taken = self.tmp.rename_new(
                OsStr::new(&staged),
                &self.inbox,
                OsStr::new(&text),
            );
            match taken {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    let there =
                        self.inbox.read(OsStr::new(&text), content.len());
                    if there.is_ok_and(|there| there == content) {
                        // Published before an interruption.
                        self.tmp.unlink(OsStr::new(&staged))?;
                        return Ok(name);
                    }
                    name.number += 1;
                }
                other => {
                    return self.clean_up(&staged, other.map(|()| name));
                }
            }
        }
    }

    /// Moves a request aside.
    pub fn set_aside(
        &self,
        name: &OsStr,
        aside: Aside<'_>,
    ) -> io::Result<Moved> {
        let [in_rejected, in_stale] = &mut *self.listed.borrow_mut();
        let (to, listed) = match aside {
            Aside::Rejected(_) => (&self.rejected, in_rejected),
            Aside::Stale => (&self.stale, in_stale),
        };
        rejected::set_aside(&self.outbox, name, to, listed, aside)
    }

    /// `channels.json`, with a stamp to tell when it changes.
    pub fn channels_stamp(&self) -> Option<(u64, i64, i64, u64)> {
        self.base.stamp("channels.json")
    }

    /// Reads `channels.json`.
    pub fn channels(&self) -> Result<Option<Channels>, ChannelsError> {
        const MOST: usize = 1 << 20;
        match self.base.read(OsStr::new("channels.json"), MOST) {
            Ok(bytes) => Channels::decode(&bytes).map(Some),
            Err(ReadError::Gone) => Ok(None),
            Err(ReadError::Refused(reason)) => {
                Err(ChannelsError::Malformed(reason))
            }
            Err(ReadError::System(error)) => {
                Err(ChannelsError::Unread(error.to_string()))
            }
        }
    }
}

#[cfg(test)]
mod tests;
