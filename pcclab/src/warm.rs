//! Machines that were saved where the guest asks what to run, for others to
//! start from: a folder each, under a key of all that went in.
//!
//! Knows files and keys; how a machine is saved and restored is for
//! [`crate::session`].

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::{self, DirBuilder, File, Metadata};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};
use pccd::record::Time;
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::config::Config;
use crate::programs;

/// Version of what is saved, and of what a guest does before that.
const VERSION: u32 = 2;

/// How many bytes all of them together may take. Those of every platform on the
/// four kernels of the lab take 5 GB: 52 MB each, 227 MB on those of Debian.
const MOST: u64 = 6 << 30;

/// How long a folder that nobody finished stays.
const UNFINISHED: Duration = Duration::from_secs(3600);

/// The machine, as QEMU's migration stream.
pub(crate) const MACHINE: &str = "machine";
/// The platform's state, as pccd keeps it in the mailbox.
pub(crate) const STATE: &str = "state";
/// Messages for a driver that was not there yet.
pub(crate) const INBOX: &str = "inbox";
/// What the run that saved it had written down until then.
pub(crate) const LOGS: [&str; 4] =
    ["console.log", "console.times", "qemu.log", "pccd.log"];
const ENTRY: &str = "entry.json";
const LOCK: &str = "lock";
const NEW: &str = "new-";

/// What is known of a saved machine, in `entry.json`.
#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    version: u32,
    /// What went in, all of it.
    inputs: String,
    /// Why no guest of this machine can be saved, if that is so.
    cold: Option<String>,
    /// Size of [`MACHINE`].
    bytes: u64,
    /// Whether guest and platform had spoken.
    spoken: bool,
    /// When it was saved.
    time: Time,
}

/// What went into a machine, as text.
#[derive(Clone, Debug)]
pub(crate) struct Inputs {
    machine: String,
    platform: String,
}

impl Inputs {
    /// Those of a run.
    pub(crate) fn of(config: &Config) -> Result<Inputs> {
        let mut machine = format!("version {VERSION}\n");
        for argument in programs::machine(config) {
            let _ = writeln!(machine, "{}", argument.to_string_lossy());
        }
        let _ = writeln!(machine, "{}", programs::kernel_arguments(config));
        let lab = &config.lab;
        let images = [&lab.qemu, &lab.firmware, &lab.kernel.image, &lab.initrd];
        for path in images.into_iter().chain(&files(&config.qemu_args)) {
            identity(path, &mut machine)?;
        }
        let mut platform = String::new();
        identity(&lab.pccd, &mut platform)?;
        let here = [PathBuf::from("messages")];
        let folders = match config.messages.is_empty() {
            // Where pccd looks without them.
            true => &here[..],
            false => &config.messages,
        };
        for folder in folders {
            contents(folder, 0, &mut platform)?;
        }
        let _ = writeln!(platform, "{}", serde_json::json!(config.plays));
        Ok(Inputs { machine, platform })
    }

    /// The text of a machine whose guest has spoken with the platform, or has
    /// not: then it does not matter who the platform is.
    fn text(&self, spoken: bool) -> String {
        match spoken {
            true => format!("{}platform\n{}", self.machine, self.platform),
            false => self.machine.clone(),
        }
    }
}

fn key(text: &str) -> String {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// The files that arguments of QEMU name.
fn files(arguments: &[OsString]) -> Vec<PathBuf> {
    let words = arguments.iter().filter_map(|word| word.to_str());
    // A doubled comma is part of a name.
    let apart: Vec<_> = words.map(|word| word.replace(",,", "\0")).collect();
    let parts = apart.iter().flat_map(|word| word.split(','));
    parts
        .filter_map(|part| part.strip_prefix("file="))
        .map(|file| PathBuf::from(file.replace('\0', ",")))
        .collect()
}

/// Which file it is, as git and make tell: to read them all would take longer
/// than a start.
fn identity(path: &Path, out: &mut String) -> Result<()> {
    let path = path
        .canonicalize()
        .with_context(|| format!("looking for {}", path.display()))?;
    let is = fs::metadata(&path)
        .with_context(|| format!("looking at {}", path.display()))?;
    let _ = writeln!(
        out,
        "{} {}:{} {} {}.{:09} {}.{:09}",
        path.display(),
        is.dev(),
        is.ino(),
        is.size(),
        is.mtime(),
        is.mtime_nsec(),
        is.ctime(),
        is.ctime_nsec()
    );
    Ok(())
}

/// Names and contents of the files below a folder; copies are as good.
fn contents(path: &Path, depth: u32, out: &mut String) -> Result<()> {
    const DEEPEST: u32 = 16;
    let Ok(is) = fs::metadata(path) else { return Ok(()) };
    if is.is_dir() && depth < DEEPEST {
        let entries = fs::read_dir(path)
            .with_context(|| format!("listing {}", path.display()))?;
        let mut paths = entries
            .map(|entry| Ok(entry?.path()))
            .collect::<std::io::Result<Vec<_>>>()?;
        paths.sort();
        return paths.iter().try_for_each(|p| contents(p, depth + 1, out));
    }
    if is.is_file() {
        let bytes = fs::read(path)
            .with_context(|| format!("reading {}", path.display()))?;
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let _ = writeln!(out, "{name} {:016x}", hasher.finish());
    }
    Ok(())
}

/// Refuses what is not ours alone, as the mailbox does.
fn ours(path: &Path) -> Result<Metadata> {
    let is = fs::symlink_metadata(path)
        .with_context(|| format!("looking at {}", path.display()))?;
    let wrong = match () {
        () if is.is_symlink() => "is a symbolic link",
        () if is.uid() != rustix::process::geteuid().as_raw() => {
            "belongs to another user"
        }
        () if is.mode() & 0o022 != 0 => "is writable by group or others",
        () if !is.is_dir() && !is.is_file() => "is neither file nor folder",
        () if is.is_file() && is.nlink() != 1 => "has several names",
        () => return Ok(is),
    };
    bail!("{} {wrong}", path.display())
}

/// The folder of saved machines.
#[derive(Clone, Debug)]
pub(crate) struct Store(PathBuf);

/// What a store has for a run.
pub(crate) enum Found {
    /// A machine to start from.
    Saved(Saved),
    /// None, and there will be none: why.
    Never(String),
    /// None yet.
    Nothing,
}

/// A saved machine; it stays while this is held.
#[derive(Debug)]
pub(crate) struct Saved {
    /// Its folder.
    pub(crate) folder: PathBuf,
    /// Whether guest and platform had spoken.
    pub(crate) spoken: bool,
    /// When it was saved.
    pub(crate) time: Time,
    _lock: File,
}

impl Store {
    /// The store in this folder, which is made if need be.
    pub(crate) fn open(folder: &Path) -> Result<Store> {
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder
            .create(folder)
            .with_context(|| format!("making {}", folder.display()))?;
        ours(folder)?;
        Ok(Store(folder.to_owned()))
    }

    fn lock(&self, operation: FlockOperation) -> Result<File> {
        let path = self.0.join(LOCK);
        let file = File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
            .open(&path)
            .with_context(|| format!("opening {}", path.display()))?;
        flock(&file, operation)
            .with_context(|| format!("locking {}", path.display()))?;
        Ok(file)
    }

    /// What there is for a run; what cannot be used is removed, and `say`
    /// gets the reason.
    pub(crate) fn find(
        &self,
        inputs: &Inputs,
        say: impl Fn(&str),
    ) -> Result<Found> {
        let lock = self.lock(FlockOperation::LockShared)?;
        for spoken in [false, true] {
            let text = inputs.text(spoken);
            let folder = self.0.join(key(&text));
            if fs::symlink_metadata(&folder).is_err() {
                continue;
            }
            match load(&folder, &text, spoken) {
                Ok(Entry { cold: Some(why), .. }) => {
                    return Ok(Found::Never(why));
                }
                Ok(entry) => {
                    // The oldest are those that nobody used for long.
                    let now = SystemTime::now();
                    let _ = File::open(&folder)
                        .and_then(|file| file.set_modified(now));
                    let time = entry.time;
                    let saved = Saved { folder, spoken, time, _lock: lock };
                    return Ok(Found::Saved(saved));
                }
                Err(error) => {
                    say(&format!("{error:#}"));
                    remove(&folder);
                }
            }
        }
        Ok(Found::Nothing)
    }

    /// A folder for a machine to be saved into; gone if nobody keeps it.
    pub(crate) fn begin(&self) -> Result<TempDir> {
        tempfile::Builder::new()
            .prefix(NEW)
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700))
            .tempdir_in(&self.0)
            .with_context(|| format!("making a folder in {}", self.0.display()))
    }

    /// Keeps what was saved into this folder. Another run may have been
    /// faster: then that is kept.
    pub(crate) fn keep(
        &self,
        new: TempDir,
        inputs: &Inputs,
        spoken: bool,
        time: Time,
    ) -> Result<()> {
        let bytes = fs::metadata(new.path().join(MACHINE))?.len();
        let inputs = inputs.text(spoken);
        let entry =
            Entry { version: VERSION, inputs, cold: None, bytes, spoken, time };
        self.publish(new, &entry)
    }

    /// Remembers that no guest of this machine can be saved.
    pub(crate) fn never(
        &self,
        inputs: &Inputs,
        why: &str,
        time: Time,
    ) -> Result<()> {
        for spoken in [false, true] {
            remove(&self.0.join(key(&inputs.text(spoken))));
        }
        let entry = Entry {
            version: VERSION,
            inputs: inputs.text(false),
            cold: Some(why.to_owned()),
            bytes: 0,
            spoken: false,
            time,
        };
        self.publish(self.begin()?, &entry)
    }

    fn publish(&self, new: TempDir, entry: &Entry) -> Result<()> {
        fs::write(new.path().join(ENTRY), serde_json::to_vec(entry)?)?;
        let folder = self.0.join(key(&entry.inputs));
        // Where there is one already this fails, and ours is removed.
        if fs::rename(new.path(), folder).is_ok() {
            let _ = new.keep();
        }
        self.prune(MOST);
        Ok(())
    }

    /// Removes the oldest until the rest is small enough; not now if somebody
    /// starts from one.
    fn prune(&self, most: u64) {
        let Ok(_lock) = self.lock(FlockOperation::NonBlockingLockExclusive)
        else {
            return;
        };
        let Ok(entries) = fs::read_dir(&self.0) else { return };
        let mut all = Vec::new();
        for entry in entries.flatten() {
            let Ok(is) = entry.metadata() else { continue };
            let (Ok(time), path) = (is.modified(), entry.path()) else {
                continue;
            };
            let is_new = entry.file_name().to_string_lossy().starts_with(NEW);
            let age = time.elapsed().unwrap_or_default();
            match (is.is_dir(), is_new) {
                (true, true) if age > UNFINISHED => remove(&path),
                (true, false) => all.push((time, path)),
                _ => {}
            }
        }
        all.sort();
        let mut sum = 0;
        for (_, path) in all.iter().rev() {
            let machine = fs::metadata(path.join(MACHINE));
            sum += machine.map_or(4096, |is| is.blocks() * 512);
            if sum > most {
                remove(path);
            }
        }
    }
}

impl Saved {
    /// Removes it: it is of no use.
    pub(crate) fn remove(self) {
        remove(&self.folder);
    }
}

fn remove(path: &Path) {
    let _ = match fs::symlink_metadata(path).is_ok_and(|is| is.is_dir()) {
        true => fs::remove_dir_all(path),
        false => fs::remove_file(path),
    };
}

/// What is known of a saved machine, if it is one, whole, and ours.
fn load(folder: &Path, inputs: &str, spoken: bool) -> Result<Entry> {
    ours(folder)?;
    let path = folder.join(ENTRY);
    ours(&path)?;
    let entry: Entry = serde_json::from_slice(&fs::read(&path)?)
        .with_context(|| format!("reading {}", path.display()))?;
    if entry.version != VERSION
        || entry.inputs != inputs
        || entry.spoken != spoken
    {
        bail!("{} is about another machine", path.display());
    }
    if entry.cold.is_some() {
        return Ok(entry);
    }
    for name in LOGS {
        ours(&folder.join(name))?;
    }
    let machine = folder.join(MACHINE);
    let bytes = ours(&machine)?.len();
    if bytes != entry.bytes {
        bail!(
            "{} has {bytes} bytes, not the {} that were saved",
            machine.display(),
            entry.bytes
        );
    }
    Ok(entry)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use pccd::record::now;

    use super::*;

    fn inputs(machine: &str) -> Inputs {
        Inputs { machine: machine.to_owned(), platform: "p".to_owned() }
    }

    fn store() -> (TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("warm")).unwrap();
        (folder, store)
    }

    fn keep(store: &Store, machine: &str, spoken: bool) -> PathBuf {
        let new = store.begin().unwrap();
        for name in LOGS.iter().chain(&[MACHINE]) {
            fs::write(new.path().join(name), machine).unwrap();
        }
        let inputs = inputs(machine);
        store.keep(new, &inputs, spoken, now()).unwrap();
        store.0.join(key(&inputs.text(spoken)))
    }

    fn saved(store: &Store, machine: &str) -> Option<bool> {
        match store.find(&inputs(machine), |_| ()).unwrap() {
            Found::Saved(saved) => Some(saved.spoken),
            _ => None,
        }
    }

    #[test]
    fn files_are_found_whatever_their_names() {
        let words = ["-acpitable", "file=/a,,b/c.aml", "-device", "x,y=file"];
        let words = words.map(OsString::from);
        assert_eq!(files(&words), [PathBuf::from("/a,b/c.aml")]);
    }

    #[test]
    fn what_is_kept_is_found() {
        let (_folder, store) = store();
        assert_eq!(saved(&store, "a"), None);
        keep(&store, "a", false);
        keep(&store, "b", true);
        // A second one of the same is not in the way.
        keep(&store, "a", false);
        assert_eq!(saved(&store, "a"), Some(false));
        assert_eq!(saved(&store, "b"), Some(true));
        let other = Inputs { platform: "q".to_owned(), ..inputs("a") };
        let found = |inputs| store.find(inputs, |_| ()).unwrap();
        assert!(matches!(found(&other), Found::Saved(_)));
        let other = Inputs { platform: "q".to_owned(), ..inputs("b") };
        assert!(matches!(found(&other), Found::Nothing));
        store.never(&inputs("c"), "no /dev/mem", now()).unwrap();
        assert!(matches!(found(&inputs("c")), Found::Never(_)));
        let left = fs::read_dir(&store.0).unwrap().count();
        assert_eq!(left, 4, "three and the lock");
    }

    #[test]
    fn what_is_not_whole_or_not_ours_is_removed() {
        type Spoil = fn(&Path);
        let cases: [(&str, Spoil); 6] = [
            ("bytes", |at| fs::write(at.join(MACHINE), "").unwrap()),
            ("another machine", |at| {
                let text = fs::read_to_string(at.join(ENTRY)).unwrap();
                let text = text.replace("\"inputs\":\"a\"", "\"inputs\":\"b\"");
                fs::write(at.join(ENTRY), text).unwrap();
            }),
            ("reading", |at| fs::write(at.join(ENTRY), "{").unwrap()),
            ("several names", |at| {
                fs::hard_link(at.join(MACHINE), at.join("other")).unwrap();
            }),
            ("symbolic link", |at| {
                fs::rename(at.join(MACHINE), at.join("other")).unwrap();
                symlink(at.join("other"), at.join(MACHINE)).unwrap();
            }),
            ("writable", |at| {
                let mode = fs::Permissions::from_mode(0o770);
                fs::set_permissions(at, mode).unwrap();
            }),
        ];
        for (word, spoil) in cases {
            let (_folder, store) = store();
            let at = keep(&store, "a", false);
            spoil(&at);
            let said = std::cell::RefCell::new(String::new());
            let found = store.find(&inputs("a"), |text| {
                said.borrow_mut().push_str(text);
            });
            assert!(matches!(found, Ok(Found::Nothing)), "{word}");
            assert!(said.borrow().contains(word), "{word}: {said:?}");
            assert!(!at.exists(), "{word}");
        }
    }

    #[test]
    fn a_store_of_somebody_else_is_refused() {
        let (folder, store) = store();
        let link = folder.path().join("link");
        symlink(&store.0, &link).unwrap();
        assert!(Store::open(&link).is_err());
        let mode = fs::Permissions::from_mode(0o777);
        fs::set_permissions(&store.0, mode).unwrap();
        assert!(Store::open(&store.0).is_err());
    }

    #[test]
    fn the_oldest_go_first() {
        let (_folder, store) = store();
        let ages = [("a", 3), ("b", 1), ("c", 2)];
        for (machine, age) in ages {
            let at = keep(&store, machine, false);
            let time = SystemTime::now() - Duration::from_secs(age * 60);
            File::open(at).unwrap().set_modified(time).unwrap();
        }
        let one = store.0.join(key("a")).join(MACHINE);
        let size = fs::metadata(one).unwrap().blocks() * 512;
        store.prune(3 * size);
        // Somebody starts from one of them.
        let held = store.find(&inputs("b"), |_| ()).unwrap();
        store.prune(size);
        let left = || {
            ["a", "b", "c"].map(|machine| store.0.join(key(machine)).exists())
        };
        assert_eq!(left(), [true; 3]);
        drop(held);
        store.prune(2 * size);
        assert_eq!(left(), [false, true, true]);
        store.prune(size);
        assert_eq!(left(), [false, true, false]);
    }

    #[test]
    fn a_machine_is_what_went_into_it() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let of = |path: &Path| {
            let mut text = String::new();
            identity(path, &mut text).unwrap();
            text
        };
        fs::write(at("a"), "1").unwrap();
        let before = of(&at("a"));
        fs::write(at("b"), "1").unwrap();
        fs::rename(at("b"), at("a")).unwrap();
        assert_ne!(of(&at("a")), before);
        assert!(identity(&at("c"), &mut String::new()).is_err());

        let of = |path: &Path| {
            let mut text = String::new();
            contents(path, 0, &mut text).unwrap();
            text
        };
        for name in ["x", "y"] {
            fs::create_dir(at(name)).unwrap();
            fs::write(at(name).join("fan.json"), "{}").unwrap();
        }
        assert_eq!(of(&at("x")), of(&at("y")));
        fs::write(at("y").join("fan.json"), "{ }").unwrap();
        assert_ne!(of(&at("x")), of(&at("y")));
        let words = ["-acpitable", "file=/a.aml", "-device", "x,file=/b"];
        let words = words.map(OsString::from);
        assert_eq!(files(&words), [Path::new("/a.aml"), Path::new("/b")]);
    }
}
