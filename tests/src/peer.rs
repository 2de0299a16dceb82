//! The platform, played by a test: the daemon's side of `docs/mailbox.md`,
//! written from that page alone. Shares nothing with pccd, so that both can
//! be wrong in different ways.

use std::fs::{self, DirBuilder, File};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use rustix::fs::{FlockOperation, OFlags, RenameFlags};

/// Words for the device that bytes cannot say (section 6.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// Bits as in [`flag`].
    pub flags: u32,
    /// Milliseconds until the interrupt.
    pub delay_ms: u32,
    /// The subspace it is for.
    pub subspace: u16,
}

/// The flags of an envelope (section 6.1).
pub mod flag {
    /// The channel's error status is set.
    pub const ERROR: u32 = 1 << 0;
    /// Platform notification instead of a completion.
    pub const NOTIFICATION: u32 = 1 << 1;
    /// No interrupt.
    pub const NO_INTERRUPT: u32 = 1 << 2;
    /// Two interrupts.
    pub const DOUBLE_INTERRUPT: u32 = 1 << 3;
    /// The interrupt comes before the data.
    pub const EARLY_INTERRUPT: u32 = 1 << 4;
    /// The complete bit stays as it is.
    pub const LEAVE_COMPLETION: u32 = 1 << 5;
    /// Written even when the request is over.
    pub const FORCE: u32 = 1 << 6;
}

impl Envelope {
    /// Its 32 bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = b"PCCE".to_vec();
        bytes.extend(1u16.to_le_bytes()); // version
        bytes.extend(32u16.to_le_bytes()); // size
        bytes.extend(self.flags.to_le_bytes());
        bytes.extend(self.delay_ms.to_le_bytes());
        bytes.extend(self.subspace.to_le_bytes());
        bytes.resize(32, 0);
        bytes
    }
}

/// The signature of a subspace (ACPI 6.5 §14.2).
pub fn signature(subspace: u16) -> [u8; 4] {
    (0x5043_4300 | u32::from(subspace)).to_le_bytes()
}

/// Content for a channel of types 3 and 4 (ACPI 6.5 §14.3).
pub fn extended(subspace: u16, command: u32, data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(4 + data.len()).expect("tests send little");
    let mut bytes = signature(subspace).to_vec();
    bytes.extend(0u32.to_le_bytes()); // flags
    bytes.extend(length.to_le_bytes());
    bytes.extend(command.to_le_bytes());
    bytes.extend(data);
    bytes
}

/// Content for a channel of types 0 to 2 (ACPI 6.5 §14.2).
pub fn generic(subspace: u16, command: u16, data: &[u8]) -> Vec<u8> {
    let mut bytes = signature(subspace).to_vec();
    bytes.extend(command.to_le_bytes());
    bytes.extend(0u16.to_le_bytes()); // status
    bytes.extend(data);
    bytes
}

/// A channel, as `channels.json` describes it (section 4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// Subspace id.
    pub subspace: u16,
    /// PCCT subspace type.
    pub kind: u8,
    /// Bytes of the region.
    pub size: u64,
    /// `posted` or `answered`.
    pub completion: String,
    /// The other direction.
    pub paired: Option<u16>,
}

/// A file of the outbox.
#[derive(Clone, Debug)]
pub struct Request {
    /// Its name, without `.pcc`.
    stem: String,
    /// The subspace it came from.
    pub subspace: u16,
    /// All of it.
    pub content: Vec<u8>,
}

impl Request {
    /// The command and what follows it: of types 3 and 4 where `extended`,
    /// else of types 0 to 2.
    pub fn parts(&self, extended: bool) -> (u32, &[u8]) {
        let word = |at| self.content.get(at).copied().map_or(0, u32::from);
        if extended {
            let command = (12..16).rev().fold(0, |sum, at| sum << 8 | word(at));
            (command, self.content.get(16..).unwrap_or_default())
        } else {
            let command = word(5) << 8 | word(4);
            (command, self.content.get(8..).unwrap_or_default())
        }
    }
}

/// Holder of a mailbox's `daemon.lock`.
pub struct Peer {
    folder: PathBuf,
    sent: u32,
    _lock: File,
}

const FOLDERS: &[&str] = &["outbox", "inbox", "tmp", "rejected", "stale"];

impl Peer {
    /// Makes the folders that are missing and takes the lock.
    ///
    /// # Errors
    /// When another daemon holds it, or a folder cannot be made.
    pub fn open(folder: &Path) -> Result<Peer> {
        let mut builder = DirBuilder::new();
        builder.mode(0o700);
        for path in [folder.to_owned()]
            .into_iter()
            .chain(FOLDERS.iter().map(|name| folder.join(name)))
        {
            match builder.create(&path) {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                    return Err(error)
                        .with_context(|| format!("making {}", path.display()));
                }
                _ => {}
            }
        }
        let path = folder.join("daemon.lock");
        let mut lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
            .open(&path)?;
        rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive)
            .with_context(|| {
                let owner = fs::read_to_string(&path).unwrap_or_default();
                format!("process {} holds {}", owner.trim(), path.display())
            })?;
        lock.set_len(0)?;
        writeln!(lock, "{}", std::process::id())?;
        for name in names(&folder.join("tmp"))? {
            if name.starts_with("d-") {
                fs::remove_file(folder.join("tmp").join(name))?;
            }
        }
        Ok(Peer { folder: folder.to_owned(), sent: 0, _lock: lock })
    }

    /// What the device says of its channels; waits for it.
    ///
    /// # Errors
    /// When it does not come, or is not as section 4 says.
    pub fn channels(&self, patience: Duration) -> Result<Vec<Channel>> {
        let path = self.folder.join("channels.json");
        let until = Instant::now() + patience;
        let text = loop {
            match fs::read_to_string(&path) {
                Ok(text) => break text,
                Err(_) if Instant::now() < until => {
                    std::thread::sleep(Duration::from_millis(2));
                }
                Err(error) => {
                    return Err(error).with_context(|| {
                        format!("reading {}", path.display())
                    });
                }
            }
        };
        let root: serde_json::Value = serde_json::from_str(&text)?;
        if root["version"] != 1 {
            bail!("{} has version {}", path.display(), root["version"]);
        }
        let list = root["channels"].as_array().context("no channels")?;
        list.iter()
            .map(|channel| {
                let number = |name: &str| {
                    channel[name]
                        .as_u64()
                        .with_context(|| format!("{name} of {channel}"))
                };
                Ok(Channel {
                    subspace: number("subspace")?.try_into()?,
                    kind: number("type")?.try_into()?,
                    size: number("size")?,
                    completion: channel["completion"]
                        .as_str()
                        .with_context(|| format!("completion of {channel}"))?
                        .to_owned(),
                    paired: match channel.get("paired") {
                        Some(_) => Some(number("paired")?.try_into()?),
                        None => None,
                    },
                })
            })
            .collect()
    }

    /// The oldest request, if there is one within `patience`. It stays until
    /// [`Peer::done`].
    ///
    /// # Errors
    /// When the outbox cannot be read or holds what is no request.
    pub fn request(&self, patience: Duration) -> Result<Option<Request>> {
        let outbox = self.folder.join("outbox");
        let until = Instant::now() + patience;
        loop {
            if let Some(name) = names(&outbox)?.into_iter().min() {
                let stem = name
                    .strip_suffix(".pcc")
                    .with_context(|| format!("{name} in the outbox"))?;
                let (_, subspace) =
                    stem.rsplit_once('-').context("no subspace")?;
                let content = match fs::read(outbox.join(&name)) {
                    // Its epoch is over.
                    Err(e) if e.kind() == ErrorKind::NotFound => continue,
                    content => content?,
                };
                return Ok(Some(Request {
                    subspace: subspace.parse()?,
                    content,
                    stem: stem.to_owned(),
                }));
            }
            if Instant::now() >= until {
                return Ok(None);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Publishes the `number`th reply to `request`.
    ///
    /// # Errors
    /// When the mailbox cannot be written.
    pub fn reply(
        &self,
        request: &Request,
        number: u32,
        envelope: Option<Envelope>,
        content: &[u8],
    ) -> Result<()> {
        let name = format!("{}.r{number}.pcc", request.stem);
        self.publish(&name, envelope, content)
    }

    /// Ends a request. That an epoch has ended it before is no error.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn done(&self, request: &Request) -> Result<()> {
        let name = format!("{}.pcc", request.stem);
        match fs::remove_file(self.folder.join("outbox").join(name)) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(error.into())
            }
            _ => Ok(()),
        }
    }

    /// Publishes a message that nobody asked for.
    ///
    /// # Errors
    /// When the mailbox cannot be written.
    pub fn send(
        &mut self,
        subspace: u16,
        envelope: Option<Envelope>,
        content: &[u8],
    ) -> Result<()> {
        self.sent += 1;
        let time = epoch(SystemTime::now());
        let name = format!("{time}-{}-{subspace:03}.pcc", self.sent);
        self.publish(&name, envelope, content)
    }

    fn publish(
        &self,
        name: &str,
        envelope: Option<Envelope>,
        content: &[u8],
    ) -> Result<()> {
        let mut bytes = envelope.map_or_else(Vec::new, |e| e.encode());
        bytes.extend(content);
        let tmp = self.folder.join("tmp").join(format!("d-{name}"));
        fs::write(&tmp, bytes)
            .with_context(|| format!("writing {}", tmp.display()))?;
        rustix::fs::renameat_with(
            rustix::fs::CWD,
            &tmp,
            rustix::fs::CWD,
            self.folder.join("inbox").join(name),
            RenameFlags::NOREPLACE,
        )
        .with_context(|| format!("publishing {name}"))
    }

    /// Gives every request to `answer`, in a thread of its own, until what is
    /// returned is dropped. `answer` replies; the request is ended for it.
    pub fn serve(
        mut self,
        mut answer: impl FnMut(&mut Peer, &Request) -> Result<()> + Send + 'static,
    ) -> Serving {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                let patience = Duration::from_millis(20);
                let Some(request) = self.request(patience)? else { continue };
                answer(&mut self, &request)?;
                self.done(&request)?;
            }
            Ok(())
        });
        Serving { stop, thread: Some(thread) }
    }
}

/// A [`Peer`] at work.
pub struct Serving {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<()>>>,
}

impl Serving {
    /// Ends it.
    ///
    /// # Errors
    /// What went wrong while it served.
    pub fn stop(mut self) -> Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            Some(Err(_)) => bail!("the peer panicked"),
            None => Ok(()),
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn names(folder: &Path) -> Result<Vec<String>> {
    fs::read_dir(folder)
        .with_context(|| format!("listing {}", folder.display()))?
        .map(|entry| {
            entry?.file_name().into_string().map_err(|name| {
                anyhow::anyhow!("{name:?} in {}", folder.display())
            })
        })
        .collect()
}

/// A time as section 5 writes it.
fn epoch(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, of_day) = (since.as_secs() / 86400, since.as_secs() % 86400);
    let (year, month, day) = civil(days);
    format!(
        "{year:04}{month:02}{day:02}T{:02}{:02}{:02}.{:09}Z",
        of_day / 3600,
        of_day / 60 % 60,
        of_day % 60,
        since.subsec_nanos()
    )
}

/// Year, month and day of a number of days since 1970-01-01.
fn civil(mut days: u64) -> (u64, usize, u64) {
    let mut year = 1970;
    let leap = |year: u64| {
        year.is_multiple_of(4)
            && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    while days >= 365 + u64::from(leap(year)) {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let february = 28 + u64::from(leap(year));
    let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while days >= lengths[month] {
        days -= lengths[month];
        month += 1;
    }
    (year, month + 1, days + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_epochs() {
        let cases = [
            (0, 0, "19700101T000000.000000000Z"),
            (951_782_400, 1, "20000229T000000.000000001Z"),
            (1_795_236_102, 123_456_789, "20261121T044142.123456789Z"),
            (4_107_542_399, 0, "21000228T235959.000000000Z"),
            (4_107_542_400, 0, "21000301T000000.000000000Z"),
        ];
        for (secs, nanos, text) in cases {
            let time = UNIX_EPOCH + Duration::new(secs, nanos);
            assert_eq!(epoch(time), text);
        }
    }

    #[test]
    fn an_envelope_has_its_fields_where_the_contract_says() {
        let envelope = Envelope {
            flags: flag::ERROR | flag::FORCE,
            delay_ms: 60_000,
            subspace: 0x0102,
        };
        let mut bytes = b"PCCE\x01\x00\x20\x00".to_vec();
        bytes.extend([0x41, 0, 0, 0, 0x60, 0xea, 0, 0, 0x02, 0x01]);
        bytes.extend([0; 14]);
        assert_eq!(envelope.encode(), bytes);
    }

    #[test]
    fn a_second_peer_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let first = Peer::open(folder.path()).unwrap();
        let Err(error) = Peer::open(folder.path()) else {
            panic!("two daemons")
        };
        let pid = std::process::id().to_string();
        assert!(error.to_string().contains(&pid), "{error:#}");
        drop(first);
        Peer::open(folder.path()).unwrap();
    }
}
