//! Folders and the files in them, through directory handles: no path is
//! looked up twice, and no symbolic link is followed.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{self, AtFlags, CWD, Dir, FileType, Mode, OFlags};
use rustix::fs::{RenameFlags, Stat};
use rustix::io::Errno;
use rustix::process;

use super::error::MailboxError;

/// What tells a folder from another that takes its place.
type Identity = (u64, u64);

fn identity(stat: &Stat) -> Identity {
    (stat.st_dev, stat.st_ino)
}

/// An open folder of ours.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    handle: OwnedFd,
    identity: Identity,
}

/// How often, and how long after, a lock is tried again that is held.
const MOMENTS: usize = 5;
const MOMENT: Duration = Duration::from_millis(10);

/// Why a file could not be read as a message.
#[derive(Debug)]
pub enum ReadError {
    /// It is not there (any more).
    Gone,
    /// It is no regular file, too long, or not ours to read: a reason.
    Refused(String),
    /// The system refuses for now, whatever the file is.
    System(io::Error),
}

impl Folder {
    /// Opens a folder, making it with mode 0700 if it is not there. Refuses
    /// links, other people's folders, and those others may write into.
    pub fn open(path: &Path) -> Result<Self, MailboxError> {
        let failed = |doing| {
            move |errno: Errno| MailboxError::Io {
                doing,
                path: path.to_owned(),
                source: errno.into(),
            }
        };
        match fs::mkdirat(CWD, path, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(failed("make the folder")(errno)),
        }
        let stat = fs::statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW)
            .map_err(failed("look at"))?;
        let path_owned = path.to_owned();
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => {}
            FileType::Symlink => {
                return Err(MailboxError::Link { path: path_owned });
            }
            _ => return Err(MailboxError::NoFolder { path: path_owned }),
        }
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let handle = fs::openat(CWD, path, flags, Mode::empty())
            .map_err(failed("open the folder"))?;
        // What counts is the folder that was opened.
        let stat = fs::fstat(&handle).map_err(failed("look at"))?;
        let us = process::geteuid().as_raw();
        if stat.st_uid != us {
            let owner = stat.st_uid;
            return Err(MailboxError::Foreign { path: path_owned, owner, us });
        }
        let mode = stat.st_mode & 0o7777;
        if mode & 0o022 != 0 {
            return Err(MailboxError::Writable { path: path_owned, mode });
        }
        Ok(Self { path: path_owned, handle, identity: identity(&stat) })
    }

    /// Its path as given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether its path still leads to it.
    pub fn is_current(&self) -> bool {
        fs::statat(CWD, &self.path, AtFlags::SYMLINK_NOFOLLOW)
            .is_ok_and(|stat| identity(&stat) == self.identity)
    }

    /// Whether a file can be renamed from one to the other.
    pub fn is_beside(&self, other: &Self) -> bool {
        self.identity.0 == other.identity.0
    }

    /// What lists it, again and again.
    pub fn lister(&self) -> io::Result<Dir> {
        Ok(Dir::read_from(&self.handle)?)
    }

    /// Whether its name in another folder still leads to it.
    pub fn is_in(&self, base: &Self) -> bool {
        self.path.file_name().is_some_and(|name| {
            fs::statat(&base.handle, name, AtFlags::SYMLINK_NOFOLLOW)
                .is_ok_and(|stat| identity(&stat) == self.identity)
        })
    }

    /// Names of all that is in it, in no order.
    pub fn list(&self) -> io::Result<Vec<OsString>> {
        Self::list_by(&mut self.lister()?)
    }

    /// The same, by what lists it.
    pub fn list_by(lister: &mut Dir) -> io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        lister.rewind();
        for entry in lister {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                names.push(OsStr::from_bytes(name).to_owned());
            }
        }
        Ok(names)
    }

    /// Whether a name is there.
    pub fn contains(&self, name: &OsStr) -> bool {
        fs::statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW).is_ok()
    }

    /// Size and time of a file, to notice when it changes.
    pub fn stamp(&self, name: &str) -> Option<(u64, i64, i64, u64)> {
        let stat =
            fs::statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        Some((
            stat.st_ino,
            stat.st_mtime,
            i64::try_from(stat.st_mtime_nsec).unwrap_or(0),
            u64::try_from(stat.st_size).unwrap_or(0),
        ))
    }

    /// Reads a regular file of at most `most` bytes.
    pub fn read(
        &self,
        name: &OsStr,
        most: usize,
    ) -> Result<Vec<u8>, ReadError> {
        let refused = |errno: Errno| match errno {
            Errno::NOENT => ReadError::Gone,
            Errno::LOOP => ReadError::Refused("not a regular file".to_owned()),
            other => ReadError::System(other.into()),
        };
        let stat = fs::statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW)
            .map_err(refused)?;
        // Of the folder it was said above.
        let refused = |errno: Errno| match errno {
            Errno::ACCESS | Errno::PERM => {
                ReadError::Refused(format!("cannot be read: {errno}"))
            }
            other => refused(other),
        };
        let regular = |stat: &Stat| {
            FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
        };
        let flags = OFlags::RDONLY
            | OFlags::NOFOLLOW
            | OFlags::NONBLOCK
            | OFlags::CLOEXEC;
        if !regular(&stat) {
            return Err(ReadError::Refused("not a regular file".into()));
        }
        let handle = fs::openat(&self.handle, name, flags, Mode::empty())
            .map_err(refused)?;
        if !fs::fstat(&handle).is_ok_and(|stat| regular(&stat)) {
            return Err(ReadError::Refused("not a regular file".into()));
        }
        let limit = u64::try_from(most).unwrap_or(u64::MAX);
        let mut bytes = Vec::new();
        File::from(handle)
            .take(limit.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(ReadError::System)?;
        if bytes.len() > most {
            return Err(ReadError::Refused(format!(
                "the file is longer than {most} bytes, the most its channel \
                 can hold"
            )));
        }
        Ok(bytes)
    }

    /// Makes a new, empty file. What has its name is removed and not emptied:
    /// it may have another name, too.
    pub fn create(&self, name: &str) -> io::Result<File> {
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        let create = || fs::openat(&self.handle, name, flags, mode);
        let made = match create() {
            Err(Errno::EXIST) => {
                self.unlink(OsStr::new(name))?;
                create()
            }
            other => other,
        };
        Ok(made?.into())
    }

    /// Writes a new file; what has its name is replaced.
    ///
    /// # Errors
    ///
    /// The system's; nothing is left behind.
    pub fn write(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let file = self.create(name)?;
        self.fill(file, name, content)
    }

    /// Writes the content of a file just made.
    ///
    /// # Errors
    ///
    /// The system's; nothing is left behind.
    pub fn fill(
        &self,
        mut file: File,
        name: &str,
        content: &[u8],
    ) -> io::Result<()> {
        let written = file.write_all(content);
        if written.is_err() {
            self.unlink(OsStr::new(name))?;
        }
        written
    }

    /// Moves a file to another folder, over what has the name there.
    pub fn rename(
        &self,
        name: &OsStr,
        to: &Self,
        new: &OsStr,
    ) -> io::Result<()> {
        Ok(fs::renameat(&self.handle, name, &to.handle, new)?)
    }

    /// Moves a file to another folder unless the name is taken there.
    ///
    /// # Errors
    ///
    /// The system's; `AlreadyExists` if the name is taken.
    pub fn rename_new(
        &self,
        name: &OsStr,
        to: &Self,
        new: &OsStr,
    ) -> io::Result<()> {
        let flags = RenameFlags::NOREPLACE;
        let (from, into) = (&self.handle, &to.handle);
        match fs::renameat_with(from, name, into, new, flags) {
            // Not every file system can; then the window is small.
            Err(Errno::INVAL) if !to.contains(new) => {
                Ok(fs::renameat(from, name, into, new)?)
            }
            Err(Errno::INVAL) => Err(Errno::EXIST.into()),
            other => Ok(other?),
        }
    }

    /// Removes a file; one that is gone is no error.
    pub fn unlink(&self, name: &OsStr) -> io::Result<()> {
        match fs::unlinkat(&self.handle, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Whether the file of this name in it is that one.
    pub fn names(&self, name: &str, file: &File) -> bool {
        let there = fs::statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW);
        let open = fs::fstat(file);
        matches!((there, open), (Ok(there), Ok(open))
            if identity(&there) == identity(&open))
    }

    /// Takes the lock file of this name and writes our pid into it. The
    /// lock is ours as long as the file stays open.
    pub fn lock(&self, name: &str) -> Result<File, MailboxError> {
        let failed = |doing| {
            let path = self.path.join(name);
            move |source: io::Error| MailboxError::Io { doing, path, source }
        };
        let flags =
            OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        let handle = fs::openat(&self.handle, name, flags, mode)
            .map_err(|errno| failed("open the lock")(errno.into()))?;
        let mut file = File::from(handle);
        // Our pid would be written over what it is else.
        if !file.metadata().is_ok_and(|f| f.is_file() && f.nlink() == 1) {
            let path = self.path.join(name);
            return Err(MailboxError::NoLock { path });
        }
        // Who asks for a status holds it for a moment.
        let mut taken = file.try_lock();
        for _ in 0..MOMENTS {
            if !matches!(taken, Err(std::fs::TryLockError::WouldBlock)) {
                break;
            }
            std::thread::sleep(MOMENT);
            taken = file.try_lock();
        }
        match taken {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => {
                let mut text = String::new();
                // Whatever the other side wrote; it is only shown.
                let _ = (&mut file).take(32).read_to_string(&mut text);
                let holder = text.trim().parse().ok();
                let path = self.path.clone();
                return Err(MailboxError::Locked { path, holder });
            }
            Err(std::fs::TryLockError::Error(error)) => {
                return Err(failed("take the lock")(error));
            }
        }
        let pid = format!("{}\n", std::process::id());
        file.set_len(0)
            .and_then(|()| file.write_all(pid.as_bytes()))
            .map_err(failed("write the lock"))?;
        Ok(file)
    }
}

/// A path without the slash at its end, which would follow a link.
pub(super) fn trimmed(path: &Path) -> PathBuf {
    path.components().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn folders_that_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::create_dir(at("open")).unwrap();
        let mode = std::fs::Permissions::from_mode(0o777);
        std::fs::set_permissions(at("open"), mode).unwrap();
        symlink(at("open"), at("link")).unwrap();
        std::fs::write(at("file"), "").unwrap();
        let cases = [
            ("open", "chmod 700"),
            ("link", "is a symbolic link"),
            ("file", "is not a folder"),
            ("no/parent", "mkdir -p"),
        ];
        for (name, text) in cases {
            let error = Folder::open(&at(name)).unwrap_err().to_string();
            assert!(error.contains(text), "{name}: {error}");
        }
        let made = Folder::open(&at("new")).unwrap();
        let stat = std::fs::metadata(at("new")).unwrap();
        assert_eq!(stat.permissions().mode() & 0o7777, 0o700);
        assert!(made.is_current());
        std::fs::remove_dir(at("new")).unwrap();
        assert!(!made.is_current());
    }

    #[test]
    fn a_second_lock_names_the_first() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(&dir.path().join("a")).unwrap();
        let first = folder.lock("l").unwrap();
        let error = folder.lock("l").unwrap_err().to_string();
        let pid = std::process::id().to_string();
        assert!(error.contains(&format!("process {pid},")), "{error}");
        drop(first);
        folder.lock("l").unwrap();
    }

    /// Whatever else it is: it stays as it was.
    #[test]
    fn no_file_of_another_name_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(&dir.path().join("a")).unwrap();
        let other = dir.path().join("other");
        std::fs::write(&other, "precious").unwrap();
        std::fs::hard_link(&other, dir.path().join("a/l")).unwrap();
        let error = folder.lock("l").unwrap_err().to_string();
        assert!(error.contains("has another name, too"), "{error}");
        folder.write("l", b"ours").unwrap();
        assert_eq!(std::fs::read(&other).unwrap(), b"precious");
        assert_eq!(std::fs::read(dir.path().join("a/l")).unwrap(), b"ours");
        assert!(folder.lock("l").is_ok(), "its only name");
    }

    #[test]
    fn only_regular_files_of_the_right_size_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(&dir.path().join("a")).unwrap();
        folder.write("f", &[1; 10]).unwrap();
        symlink("f", dir.path().join("a/link")).unwrap();
        std::fs::create_dir(dir.path().join("a/dir")).unwrap();
        let read = |name: &str, most| folder.read(OsStr::new(name), most);
        assert_eq!(read("f", 10).unwrap(), [1; 10]);
        assert!(matches!(read("f", 9), Err(ReadError::Refused(_))));
        assert!(matches!(read("link", 99), Err(ReadError::Refused(_))));
        assert!(matches!(read("dir", 99), Err(ReadError::Refused(_))));
        assert!(matches!(read("none", 99), Err(ReadError::Gone)));
    }
}
