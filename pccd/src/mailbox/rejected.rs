//! Requests that are not answered: moved aside, with the reason beside them, in
//! folders that do not grow without bound (§3).

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::io;

use super::folder::Folder;

/// Most messages `rejected` and `stale` may hold (§3).
pub(super) const MOST_ASIDE: usize = 1024;
/// Suffix of the file that says why another was rejected.
const REASON: &str = ".reason";

/// Where a file is moved to that is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Aside<'a> {
    /// Malformed, for this reason.
    Rejected(&'a str),
    /// Its time is over.
    Stale,
}

/// What became of a file that was moved aside.
#[derive(Debug)]
pub(crate) struct Moved {
    /// Names that had to go to make room.
    pub removed: Vec<OsString>,
    /// Why the file with its reason could not be written.
    pub unexplained: Option<io::Error>,
}

/// The messages in a folder of what was moved aside, as long as one look at
/// the outbox takes: listing it for each file would take for ever.
pub(super) type Names = Option<BTreeSet<OsString>>;

/// Moves a request of the outbox aside, into this folder.
pub fn set_aside(
    outbox: &Folder,
    name: &OsStr,
    to: &Folder,
    listed: &mut Names,
    aside: Aside<'_>,
) -> io::Result<Moved> {
    let messages = match listed {
        Some(messages) => messages,
        None => listed.insert(messages(to)?),
    };
    let removed = make_room(to, messages);
    let mut unexplained = None;
    let mut new = name.to_owned();
    let mut moved = outbox.rename_new(name, to, &new);
    for copy in 2..=MOST_ASIDE {
        match &moved {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                new = name.to_owned();
                new.push(format!("~{copy}"));
                moved = outbox.rename_new(name, to, &new);
            }
            _ => break,
        }
    }
    moved?;
    messages.insert(new.clone());
    if let Aside::Rejected(reason) = aside {
        let mut text = new.to_string_lossy().into_owned();
        // A file name has at most 255 bytes.
        while text.len() + REASON.len() > 255 {
            text.pop();
        }
        let line = format!("{}\n", reason.replace('\n', " "));
        let written = to.write(&format!("{text}{REASON}"), line.as_bytes());
        unexplained = written.err();
    }
    Ok(Moved { removed, unexplained })
}

fn messages(folder: &Folder) -> io::Result<BTreeSet<OsString>> {
    let is_reason =
        |name: &OsStr| name.as_encoded_bytes().ends_with(REASON.as_bytes());
    let names = folder.list()?.into_iter();
    Ok(names.filter(|name| !is_reason(name)).collect())
}

/// Removes the lowest names until one more message fits.
fn make_room(
    folder: &Folder,
    messages: &mut BTreeSet<OsString>,
) -> Vec<OsString> {
    let mut removed = Vec::new();
    while messages.len() >= MOST_ASIDE {
        let Some(name) = messages.pop_first() else { break };
        // A folder somebody put there cannot be unlinked: it stays.
        let _ = folder.unlink(&name);
        let mut reason = name.clone();
        reason.push(REASON);
        let _ = folder.unlink(&reason);
        removed.push(name);
    }
    removed
}
