//! Wireshark's protocol for programs that capture (extcap): the daemons of
//! this user that keep a capture are interfaces, each called after its first
//! mailbox. What they have written and write is handed on.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;
use std::{ffi::OsString, fs};

use anyhow::{Context, Result, bail};
use clap::Parser;

use crate::capture::LINKTYPE_PCC;
use crate::cli::{Cli, Command, ExtcapArgs};
use crate::daemon;

/// What names of our interfaces begin with.
const PREFIX: &str = "pcc:";
/// How often a capture is looked at for more.
const PAUSE: Duration = Duration::from_millis(50);

/// A daemon that keeps a capture.
struct Running {
    /// Its folder in /proc.
    process: PathBuf,
    mailbox: String,
    capture: PathBuf,
}

/// Does what Wireshark asks for.
///
/// # Errors
///
/// There is no such interface, or it cannot be handed on.
pub fn answer(args: &ExtcapArgs, out: &mut impl Write) -> Result<()> {
    if args.extcap_interfaces {
        let version = env!("CARGO_PKG_VERSION");
        writeln!(out, "extcap {{version={version}}}")?;
        for Running { mailbox, .. } in running()? {
            let value = format!("{{value={PREFIX}{mailbox}}}");
            writeln!(out, "interface {value}{{display=PCC of {mailbox}}}")?;
        }
    } else if args.extcap_dlts {
        let name = "{name=USER0}{display=PCC events and MCTP}";
        writeln!(out, "dlt {{number={LINKTYPE_PCC}}}{name}")?;
    } else if args.capture {
        let wanted = args.extcap_interface.as_deref().unwrap_or_default();
        let Some(fifo) = &args.fifo else { bail!("--fifo is missing") };
        let found = running()?.into_iter().find(|one| {
            wanted.strip_prefix(PREFIX) == Some(one.mailbox.as_str())
        });
        let found = found.with_context(|| {
            format!(
                "no pccd run --capture FILE of this user has the mailbox of \
                 {wanted}: start one"
            )
        })?;
        let to = File::options().write(true).open(fifo);
        let to = to.with_context(|| format!("cannot open {}", fifo.display()));
        hand_on(&found, to?)?;
    }
    Ok(())
}

/// The daemons of this user that keep a capture in a file.
fn running() -> Result<Vec<Running>> {
    let all = fs::read_dir("/proc").context("cannot read /proc")?;
    let mut found: Vec<Running> = all
        .filter_map(|one| one_of(&one.ok()?.path()))
        // Wireshark has no way to quote these.
        .filter(|one| !one.mailbox.contains(['{', '}', '\n']))
        .collect();
    found.sort_by(|one, other| one.mailbox.cmp(&other.mailbox));
    found.dedup_by(|one, other| one.mailbox == other.mailbox);
    Ok(found)
}

/// A process, if it is such a daemon: its command line is read as it read
/// it.
fn one_of(process: &Path) -> Option<Running> {
    process.file_name()?.to_str()?.parse::<u32>().ok()?;
    let is_ours =
        process.metadata().ok()?.uid() == rustix::process::geteuid().as_raw();
    let words = fs::read(process.join("cmdline")).ok()?;
    let words = words.strip_suffix(&[0]).unwrap_or(&words);
    let words = words.split(|byte| *byte == 0);
    let words: Vec<OsString> =
        words.map(|word| OsString::from_vec(word.to_vec())).collect();
    let name = Path::new(words.first()?).file_name()?;
    if !is_ours || name != "pccd" {
        return None;
    }
    let cli = Cli::try_parse_from(words).ok()?;
    let args = match &cli.command {
        None => &cli.run,
        Some(Command::Run(args)) => args,
        Some(Command::Replay(args)) => &args.run,
        Some(_) => return None,
    };
    let capture = args.capture.clone().filter(|path| path != "-")?;
    let config = daemon::Config::try_from(args).ok()?;
    let mailbox = config.mailboxes.first()?.0.clone();
    // An absolute path stays as it is.
    let at = fs::read_link(process.join("cwd")).ok()?;
    let (mailbox, capture) = (at.join(mailbox), at.join(capture));
    let mailbox = mailbox.to_str()?.to_owned();
    Some(Running { process: process.to_owned(), mailbox, capture })
}

/// Copies a capture that grows, until its daemon ends or nobody reads it.
fn hand_on(from: &Running, mut to: impl Write) -> Result<()> {
    let reading = || format!("cannot read {}", from.capture.display());
    let mut file = File::open(&from.capture).with_context(reading)?;
    let mut piece = vec![0; 64 << 10];
    let mut ends = false;
    loop {
        match file.read(&mut piece).with_context(reading)? {
            0 if ends => return Ok(()),
            0 => {
                // What it wrote last is read still.
                ends = !from.process.exists();
                if !ends {
                    sleep(PAUSE);
                }
            }
            count => match write_all(&mut to, piece.get(..count)) {
                Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                    return Ok(());
                }
                written => written.context("cannot write to Wireshark")?,
            },
        }
    }
}

fn write_all(to: &mut impl Write, bytes: Option<&[u8]>) -> io::Result<()> {
    to.write_all(bytes.unwrap_or_default())?;
    to.flush()
}
