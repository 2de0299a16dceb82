//! Why a mailbox cannot be used, and what to do about it.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// A mailbox, or a folder in it, that cannot be used.
#[derive(Debug)]
#[non_exhaustive]
pub enum MailboxError {
    Link {
        path: PathBuf,
    },
    NoFolder {
        /// What stands in its place.
        path: PathBuf,
    },
    Foreign {
        path: PathBuf,
        owner: u32,
        us: u32,
    },
    /// Others may write into it.
    Writable {
        path: PathBuf,
        mode: u32,
    },
    /// Nothing can be renamed into it from the rest of the mailbox.
    Elsewhere {
        path: PathBuf,
    },
    /// Nobody has made it.
    Missing {
        path: PathBuf,
    },
    /// A lock file that is somewhat else.
    NoLock {
        path: PathBuf,
    },
    /// Another daemon has it.
    Locked {
        /// The mailbox or state folder.
        path: PathBuf,
        /// What the lock file says of the other one.
        holder: Option<u32>,
    },
    /// The system refused something.
    Io {
        doing: &'static str,
        path: PathBuf,
        source: io::Error,
    },
}

impl fmt::Display for MailboxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Link { path } => write!(
                f,
                "{0} is a symbolic link, which is refused: see with ls -l \
                 {0} where it leads, and name the folder itself with \
                 --mailbox or --state",
                path.display()
            ),
            Self::NoLock { path } => write!(
                f,
                "{0} is no lock file of ours: it is not a regular file, or \
                 has another name, too; see with ls -l {0} what it is, and \
                 name another folder with --mailbox or --state",
                path.display()
            ),
            Self::Elsewhere { path } => write!(
                f,
                "{0} lies on another file system than the rest of its \
                 mailbox, so that nothing can be renamed into it: see with \
                 findmnt -T {0} which, and unmount it or name another mailbox",
                path.display()
            ),
            Self::Missing { path } => write!(
                f,
                "there is no mailbox at {}: whoever starts first, pccd run or \
                 QEMU, makes it; or name another one with --mailbox",
                path.display()
            ),
            Self::NoFolder { path } => write!(
                f,
                "{0} is not a folder: see with ls -l {0} what it is, and \
                 name a folder with --mailbox or --state",
                path.display()
            ),
            Self::Foreign { path, owner, us } => write!(
                f,
                "{0} belongs to user {owner}, and we are user {us}: name \
                 another folder with --mailbox",
                path.display()
            ),
            Self::Writable { path, mode } => write!(
                f,
                "{0} can be written by others (mode {mode:04o}): name a \
                 folder of your own with --mailbox; one that is only for \
                 pccd is closed with chmod 700 {0}",
                path.display()
            ),
            Self::Locked { path, holder: Some(pid) } => write!(
                f,
                "another pccd, process {pid}, uses {}: see with ps -p {pid} \
                 what it is for and stop it, or name another folder with \
                 --mailbox",
                path.display()
            ),
            Self::Locked { path, holder: None } => write!(
                f,
                "another pccd uses {}: stop it, or name another folder \
                 with --mailbox",
                path.display()
            ),
            Self::Io { doing, path, source } => {
                write!(f, "cannot {doing} {}", path.display())?;
                match source.kind() {
                    io::ErrorKind::NotFound => f.write_str(
                        ": make the folder it lies in first, with mkdir -p",
                    ),
                    io::ErrorKind::PermissionDenied => f.write_str(
                        ": choose a folder of your own with --mailbox",
                    ),
                    io::ErrorKind::ReadOnlyFilesystem => f.write_str(
                        ": choose a folder that can be written, with \
                         --mailbox",
                    ),
                    _ => Ok(()),
                }
            }
        }
    }
}

impl std::error::Error for MailboxError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What stands in the way may be anything, even `/dev/null`.
    #[test]
    fn advice_takes_nothing_away() {
        let path = PathBuf::from("/dev/null");
        let error = || io::Error::from(io::ErrorKind::PermissionDenied);
        let errors = [
            MailboxError::Link { path: path.clone() },
            MailboxError::NoFolder { path: path.clone() },
            MailboxError::NoLock { path: path.clone() },
            MailboxError::Foreign { path: path.clone(), owner: 0, us: 1 },
            MailboxError::Writable { path: path.clone(), mode: 0o777 },
            MailboxError::Locked { path: path.clone(), holder: Some(7) },
            MailboxError::Locked { path: path.clone(), holder: None },
            MailboxError::Io { doing: "make", path, source: error() },
        ];
        for error in errors {
            let said = error.to_string();
            for command in ["rm ", "remove", "kill"] {
                assert!(!said.contains(command), "{command} in {said}");
            }
            assert!(said.contains("--mailbox"), "{said}");
        }
    }
}
