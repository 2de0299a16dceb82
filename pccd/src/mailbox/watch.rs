//! Being told that something may have changed. Events are a hint and carry
//! nothing: whoever is woken lists the folder (docs/mailbox.md §3).

use std::ffi::{CStr, OsString};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::io::Errno;

/// A watch on a mailbox and its outbox, and on a file elsewhere.
#[derive(Debug)]
pub struct Watch {
    queue: OwnedFd,
    base: i32,
    /// The folder of the file, and its name there.
    file: Option<(i32, OsString)>,
}

/// Why there is none, and which limit to raise.
fn unwatched(doing: &str, error: Errno) -> io::Error {
    let limit = match (doing, error) {
        ("make", Errno::MFILE) => {
            "; raise fs.inotify.max_user_instances with sysctl, or the \
             process's open files (ulimit -n)"
        }
        ("add", Errno::NOSPC) => {
            "; raise fs.inotify.max_user_watches with sysctl"
        }
        _ => "",
    };
    io::Error::other(format!("cannot {doing} a watch: {error}{limit}"))
}

impl Watch {
    pub fn arm(base: &Path, outbox: &Path) -> io::Result<Self> {
        let queue = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)
            .map_err(|error| unwatched("make", error))?;
        let add = |path: &Path, flags| {
            inotify::add_watch(&queue, path, flags | WatchFlags::ONLYDIR)
                .map_err(|error| unwatched("add", error))
        };
        let away = WatchFlags::DELETE_SELF | WatchFlags::MOVE_SELF;
        // Closed: by somebody who does not know of renaming.
        add(outbox, WatchFlags::MOVED_TO | WatchFlags::CLOSE_WRITE | away)?;
        let moved = WatchFlags::MOVE | WatchFlags::DELETE;
        let base = add(base, moved | away)?;
        Ok(Self { queue, base, file: None })
    }

    /// Also tells when another file is put there. Its folder has to be there,
    /// and is none of the mailbox.
    pub fn add_file(&mut self, path: &Path) -> io::Result<()> {
        let Some(name) = path.file_name() else { return Ok(()) };
        let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
        let flags = WatchFlags::MOVED_TO | WatchFlags::CLOSE_WRITE;
        let flags = flags | WatchFlags::ONLYDIR | WatchFlags::MASK_ADD;
        let folder = folder.unwrap_or(Path::new("."));
        let folder = inotify::add_watch(&self.queue, folder, flags)
            .map_err(|error| unwatched("add", error))?;
        self.file = Some((folder, name.to_owned()));
        Ok(())
    }

    fn is_beside(&self, wd: i32) -> bool {
        self.file.as_ref().is_some_and(|(folder, _)| *folder == wd)
    }

    /// Takes events, as many as one read gives: whoever polls is told of the
    /// others. True if one may mean a new message, a new `channels.json`, or
    /// that a folder is gone.
    pub fn drain(&self) -> bool {
        let mut buffer = [MaybeUninit::uninit(); 16384];
        let mut events = Reader::new(&self.queue, &mut buffer);
        let mut matters = false;
        let leaves = ReadFlags::MOVED_FROM | ReadFlags::DELETE;
        loop {
            match events.next() {
                Ok(event) if event.wd() == self.base => {
                    // Of files that leave the mailbox, nobody need know.
                    let what = event.events();
                    matters |= !what.intersects(leaves)
                        || what.contains(ReadFlags::ISDIR);
                }
                Ok(event) if self.is_beside(event.wd()) => {
                    let name = event.file_name().map(CStr::to_bytes);
                    let wanted = self.file.as_ref();
                    matters |= wanted.is_some_and(|(_, wanted)| {
                        name == Some(wanted.as_bytes())
                    });
                }
                Ok(_) => matters = true,
                Err(Errno::INTR) => continue,
                Err(Errno::AGAIN) => return matters,
                // Look; what is wrong shows there.
                Err(_) => return true,
            }
            if events.is_buffer_empty() {
                return matters;
            }
        }
    }
}

impl AsFd for Watch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.queue.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn what_matters() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for name in ["outbox", "inbox", "tmp"] {
            fs::create_dir(at(name)).unwrap();
        }
        let watch = Watch::arm(dir.path(), &at("outbox")).unwrap();
        assert!(!watch.drain());
        let write = |name: &str| fs::write(at(name), "x").unwrap();
        let rename = |from: &str, to: &str| {
            fs::rename(at(from), at(to)).unwrap();
        };
        let cases: &[(&str, &dyn Fn(), bool)] = &[
            ("written in tmp", &|| write("tmp/a"), false),
            ("published", &|| rename("tmp/a", "outbox/a"), true),
            ("read", &|| drop(fs::read(at("outbox/a")).unwrap()), false),
            ("removed", &|| fs::remove_file(at("outbox/a")).unwrap(), false),
            ("copied", &|| write("outbox/b"), true),
            ("a reply", &|| write("inbox/a"), false),
            ("a lock", &|| write("daemon.lock"), false),
            ("channels", &|| rename("daemon.lock", "channels.json"), true),
            ("a file goes", &|| rename("channels.json", "tmp/c"), false),
            ("a folder goes", &|| rename("inbox", "tmp/inbox"), true),
            (
                "another",
                &|| fs::remove_dir_all(at("tmp/inbox")).unwrap(),
                false,
            ),
            ("the outbox goes", &|| rename("outbox", "tmp/outbox"), true),
        ];
        for (name, act, matters) in cases {
            act();
            assert_eq!(watch.drain(), *matters, "{name}");
            assert!(!watch.drain(), "{name}: all is taken");
        }
    }

    #[test]
    fn a_file_elsewhere_matters_too() {
        let (dir, other) =
            (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let outbox = dir.path().join("outbox");
        fs::create_dir(&outbox).unwrap();
        let mut watch = Watch::arm(dir.path(), &outbox).unwrap();
        watch.add_file(&other.path().join("wanted")).unwrap();
        let at = |name: &str| other.path().join(name);
        let cases: &[(&str, &dyn Fn(), bool)] = &[
            ("another", &|| fs::write(at("other"), "x").unwrap(), false),
            ("written", &|| fs::write(at("wanted"), "x").unwrap(), true),
            (
                "renamed",
                &|| fs::rename(at("other"), at("wanted")).unwrap(),
                true,
            ),
            ("gone", &|| fs::remove_file(at("wanted")).unwrap(), false),
        ];
        for (name, act, matters) in cases {
            act();
            assert_eq!(watch.drain(), *matters, "{name}");
        }
        assert!(watch.add_file(&at("no/folder")).is_err());
    }

    #[test]
    fn the_right_limit_is_named() {
        let instances = unwatched("make", Errno::MFILE).to_string();
        assert!(instances.contains("max_user_instances"), "{instances}");
        let watches = unwatched("add", Errno::NOSPC).to_string();
        assert!(watches.contains("max_user_watches"), "{watches}");
    }
}
