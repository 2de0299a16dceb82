//! One guest and the daemon beside it: started, watched, ended.
//!
//! Knows processes and the console; what the lines mean between `begin` and
//! `exit` is for its caller.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::{CommandExt as _, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::lab::Lab;
use crate::process::{
    Running, Untangle, interrupted, log_file, plain, signal, tail,
};
use crate::programs;

/// What to start.
#[derive(Clone, Debug)]
pub struct Config {
    /// The programs and images.
    pub lab: Lab,
    /// Folder for logs, the mailbox and the second initramfs.
    pub folder: PathBuf,
    /// Handlers for pccd; its built-in ones when empty.
    pub messages: Vec<PathBuf>,
    /// Which of their channels plays a subspace.
    pub plays: serde_json::Map<String, serde_json::Value>,
    /// Start pccd before the guest.
    pub pccd: bool,
    /// What the guest runs.
    pub command: Vec<OsString>,
    /// Host files that the guest finds in `/work`.
    pub files: Vec<PathBuf>,
    /// More files for the guest: where, and what.
    pub extra: Vec<(String, Vec<u8>)>,
    /// Leave out what takes the platforms' tests long.
    pub quick: bool,
    /// Processors of the guest.
    pub smp: u32,
    /// QEMU's `-machine`; `pcc` is the id of the mailbox in [`Config::folder`].
    pub machine: String,
    /// More arguments for QEMU.
    pub qemu_args: Vec<OsString>,
    /// More words for the kernel's command line.
    pub append: String,
    /// How long the whole run may take.
    pub limit: Duration,
    /// How many bytes the console may bring.
    pub enough: u64,
}

impl Config {
    /// A run of `command` with everything else as usual.
    pub fn new(lab: Lab, folder: &Path, command: &[&str]) -> Config {
        Config {
            lab,
            folder: folder.to_owned(),
            messages: Vec::new(),
            plays: serde_json::Map::new(),
            pccd: true,
            command: command.iter().map(OsString::from).collect(),
            files: Vec::new(),
            extra: Vec::new(),
            quick: false,
            smp: 2,
            machine: "virt,pcc=on,pcc-mailbox=pcc".to_owned(),
            qemu_args: Vec::new(),
            append: String::new(),
            limit: Duration::from_secs(60),
            enough: ENOUGH,
        }
    }
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The command ended with this status.
    Exit(i32),
    /// The kernel panicked, with the line that said so.
    Panic(String),
    /// Nothing ended it within the limit.
    Hang,
    /// The kernel lacks these options.
    Missing(Vec<String>),
    /// QEMU ended before the guest did; the text tells its last words.
    Qemu(String),
    /// pccd ended by itself; the text tells its last words.
    Pccd(String),
    /// The console brought more than anybody wants to keep.
    Flood,
    /// The console's log could not be written.
    Log(String),
    /// Somebody pressed Ctrl-C.
    Interrupted,
}

/// How many bytes a console may bring; a log that is longer helps nobody.
pub const ENOUGH: u64 = 64 << 20;

/// The longest line; what is longer is cut into several.
const LONGEST: u64 = 64 << 10;

/// What a run was, when it is over.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// How it ended.
    pub end: End,
    /// Lines of the kernel's log that nobody wants to see: oopses, lockdep
    /// and KASAN reports, warnings.
    pub splats: Vec<String>,
    /// From start to the command's first line.
    pub boot: Option<Duration>,
    /// From start to end.
    pub total: Duration,
    /// The last line on the console.
    pub last: String,
    /// Why nothing more can be written into the run's folder, if that is so.
    pub full: Option<String>,
}

/// What the console's reader brings.
enum Console {
    Line(String),
    End(End),
}

/// A running guest.
pub struct Session {
    config: Config,
    qemu: Running,
    pccd: Option<Running>,
    lines: Receiver<Console>,
    last: String,
    start: Instant,
    boot: Option<Duration>,
    missing: Vec<String>,
    splats: Vec<String>,
    in_dmesg: bool,
    exit: Option<i32>,
}

/// What [`Session::next`] brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A line the command printed.
    Line(String),
    /// The guest reached user space and runs the command now.
    Begin,
    /// The run is over.
    End(End),
    /// Nothing within the time given.
    Quiet,
}

/// Kernel log texts that mean a run has failed, whatever the test said.
const SPLATS: &[&str] = &[
    "WARNING: ",
    "BUG: ",
    "KASAN: ",
    "UBSAN: ",
    "Oops",
    "possible circular locking",
    "possible recursive locking",
    "inconsistent lock state",
    "INFO: task ",
    "refcount_t: ",
    "Kernel panic",
];

impl Session {
    /// Starts pccd (if wanted) and QEMU.
    ///
    /// Neither waits for the other: messages wait in the mailbox.
    ///
    /// # Errors
    /// When a program cannot be started or a file cannot be written.
    pub fn start(config: Config) -> Result<Session> {
        let folder = &config.folder;
        std::fs::create_dir_all(folder)
            .with_context(|| format!("making {}", folder.display()))?;
        let start = Instant::now();
        let pccd = if config.pccd {
            Some(programs::spawn_pccd(&config)?)
        } else {
            None
        };

        let initrd = programs::initrd(&config)?;
        let log = log_file(folder, "qemu.log")?;
        let mut qemu = programs::qemu(&config, &initrd)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .map(Running)
            .with_context(|| {
                format!("starting {}", config.lab.qemu.display())
            })?;
        let console = qemu.0.stdout.take().context("QEMU's console")?;
        let mut copy = log_file(folder, "console.log")?;
        let (sender, lines) = channel();
        let enough = config.enough;
        std::thread::spawn(move || {
            let mut reader = BufReader::new(console).take(enough);
            let mut bytes = Vec::new();
            let mut untangle = Untangle::default();
            loop {
                bytes.clear();
                let mut line = reader.by_ref().take(LONGEST);
                match line.read_until(b'\n', &mut bytes) {
                    Ok(n) if n > 0 => {}
                    _ => break,
                }
                if let Err(error) = copy.write_all(&bytes) {
                    let text = format!("writing console.log: {error}");
                    let _ = sender.send(Console::End(End::Log(text)));
                    return;
                }
                let line = untangle.line(plain(&bytes));
                if sender.send(Console::Line(line)).is_err() {
                    return;
                }
            }
            if reader.limit() == 0 {
                let _ = sender.send(Console::End(End::Flood));
            }
        });
        Ok(Session {
            config,
            qemu,
            pccd,
            lines,
            last: String::new(),
            start,
            boot: None,
            missing: Vec::new(),
            splats: Vec::new(),
            in_dmesg: false,
            exit: None,
        })
    }

    /// The folder through which guest and platform speak.
    pub fn mailbox(&self) -> PathBuf {
        mailbox(&self.config.folder)
    }

    /// Processor time that QEMU has used so far in user mode, in steps of 10 ms.
    ///
    /// # Errors
    /// When QEMU has ended.
    pub fn user_time(&self) -> Result<Duration> {
        let path = format!("/proc/{}/stat", self.qemu.0.id());
        let stat = std::fs::read_to_string(&path).context(path)?;
        // proc_pid_stat(5): utime is field 14, in ticks of 10 ms on every
        // architecture Linux shows to programs; the name, 2, may hold spaces.
        let ticks: Option<u64> = stat.rsplit_once(')').and_then(|(_, rest)| {
            rest.split_whitespace().nth(11)?.parse().ok()
        });
        Ok(Duration::from_millis(10 * ticks.context("unreadable stat")?))
    }

    /// Starts pccd, again or late.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start_pccd(&mut self) -> Result<()> {
        self.kill_pccd();
        self.pccd = Some(programs::spawn_pccd(&self.config)?);
        Ok(())
    }

    /// Stops pccd where it is, as `kill -STOP` would.
    ///
    /// # Errors
    /// When there is none.
    pub fn freeze_pccd(&mut self) -> Result<()> {
        let pccd = self.pccd.as_ref().context("pccd does not run")?;
        signal(&pccd.0, rustix::process::Signal::STOP);
        Ok(())
    }

    /// Kills pccd as `kill -9` would.
    pub fn kill_pccd(&mut self) {
        self.pccd = None;
    }

    /// The next thing that happens within `patience`.
    ///
    /// # Errors
    /// When a child cannot be waited for.
    pub fn next(&mut self, patience: Duration) -> Result<Event> {
        let until = Instant::now() + patience;
        loop {
            let limit = self.start + self.config.limit;
            let now = Instant::now();
            if interrupted() {
                return Ok(Event::End(End::Interrupted));
            }
            if now >= limit {
                return Ok(Event::End(End::Hang));
            }
            if now >= until {
                return Ok(Event::Quiet);
            }
            // Children are looked at ten times a second: only the console
            // wakes us at once.
            let wait = (until.min(limit) - now).min(Duration::from_millis(100));
            match self.lines.recv_timeout(wait) {
                Ok(Console::Line(line)) => {
                    if !line.trim().is_empty() {
                        self.last.clone_from(&line);
                    }
                    if let Some(event) = self.line(line) {
                        return Ok(event);
                    }
                }
                Ok(Console::End(end)) => return Ok(Event::End(end)),
                Err(RecvTimeoutError::Timeout) => {
                    if let Some(end) = self.pccd_ended()? {
                        return Ok(Event::End(end));
                    }
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return Ok(Event::End(self.console_closed()?));
                }
            }
        }
    }

    /// Makes sense of one console line.
    fn line(&mut self, line: String) -> Option<Event> {
        if let Some(word) = line.strip_prefix("pcclab: ") {
            match word.split_once(' ') {
                Some(("exit", status)) => {
                    self.exit = Some(status.trim().parse().unwrap_or(255));
                }
                Some(("missing", option)) => {
                    self.missing.push(option.trim().to_owned());
                }
                _ if word == "begin" => {
                    self.boot = Some(self.start.elapsed());
                    return Some(Event::Begin);
                }
                _ if word == "dmesg" => self.in_dmesg = true,
                _ if word == "end" => {
                    return Some(Event::End(match self.exit {
                        Some(status) => End::Exit(status),
                        None => End::Missing(std::mem::take(&mut self.missing)),
                    }));
                }
                _ => return Some(Event::Line(line)),
            }
            return None;
        }
        if line.contains("Kernel panic - not syncing") {
            return Some(Event::End(End::Panic(line)));
        }
        if SPLATS.iter().any(|splat| line.contains(splat))
            && line.starts_with('[')
            && !self.splats.contains(&line)
        {
            self.splats.push(line.clone());
        }
        (self.boot.is_some() && self.exit.is_none() && !self.in_dmesg)
            .then_some(Event::Line(line))
    }

    fn pccd_ended(&mut self) -> Result<Option<End>> {
        let Some(pccd) = &mut self.pccd else { return Ok(None) };
        let Some(status) = pccd.0.try_wait()? else { return Ok(None) };
        let log = tail(&self.config.folder.join("pccd.log"));
        self.pccd = None;
        Ok(Some(End::Pccd(format!("pccd ended ({status})\n{log}"))))
    }

    fn console_closed(&mut self) -> Result<End> {
        let status = self.qemu.0.wait()?;
        Ok(match self.exit {
            Some(exit) if status.success() => End::Exit(exit),
            _ if !self.missing.is_empty() => {
                End::Missing(std::mem::take(&mut self.missing))
            }
            _ => {
                let how = match status.signal() {
                    Some(signal) => format!("killed by signal {signal}"),
                    None => format!("{status}"),
                };
                let log = tail(&self.config.folder.join("qemu.log"));
                End::Qemu(format!(
                    "QEMU ended before the guest did ({how})\n{log}"
                ))
            }
        })
    }

    /// Waits for a line the command prints.
    ///
    /// # Errors
    /// When the run ends, or the limit passes, before it comes.
    pub fn wait_for(&mut self, text: &str) -> Result<String> {
        loop {
            match self.next(self.config.limit)? {
                Event::Line(line) if line.contains(text) => return Ok(line),
                Event::Line(_) | Event::Begin => {}
                Event::End(end) => {
                    bail!("the run ended before {text:?} came: {end:?}")
                }
                Event::Quiet => bail!("{text:?} did not come"),
            }
        }
    }

    /// Runs to the end; `each` sees every line of the command.
    ///
    /// # Errors
    /// When a child cannot be waited for.
    pub fn finish(mut self, mut each: impl FnMut(&str)) -> Result<Outcome> {
        let end = loop {
            match self.next(self.config.limit)? {
                Event::Line(line) => each(&line),
                Event::End(end) => break end,
                Event::Begin | Event::Quiet => {}
            }
        };
        self.end(end)
    }

    /// Ends everything that still runs.
    ///
    /// # Errors
    /// When a child cannot be waited for.
    pub fn end(mut self, end: End) -> Result<Outcome> {
        if matches!(end, End::Exit(_) | End::Missing(_)) {
            // The guest is powering off; that takes milliseconds.
            let until = Instant::now() + Duration::from_secs(5);
            while self.qemu.0.try_wait()?.is_none() && Instant::now() < until {
                std::thread::sleep(Duration::from_millis(2));
            }
        }
        let _ = self.qemu.0.kill();
        self.qemu.0.wait()?;
        if let Some(mut pccd) = self.pccd.take() {
            // By SIGTERM, so that what it was doing is finished and logged.
            signal(&pccd.0, rustix::process::Signal::TERM);
            let until = Instant::now() + Duration::from_secs(5);
            while pccd.0.try_wait()?.is_none() && Instant::now() < until {
                std::thread::sleep(Duration::from_millis(2));
            }
        }
        let full = full(&self.config.folder);
        let _ = std::fs::remove_file(self.config.folder.join("initrd.img"));
        Ok(Outcome {
            end,
            splats: std::mem::take(&mut self.splats),
            boot: self.boot,
            total: self.start.elapsed(),
            last: std::mem::take(&mut self.last),
            full,
        })
    }
}

/// Whether this folder's disk is full, as far as a file of 64 KiB tells.
fn full(folder: &Path) -> Option<String> {
    let path = folder.join("room");
    let room = std::fs::write(&path, vec![0; 64 << 10]);
    let _ = std::fs::remove_file(path);
    let error = room.err()?;
    Some(format!("cannot write into {}: {error}", folder.display()))
}

pub(crate) fn mailbox(folder: &Path) -> PathBuf {
    folder.join("mailbox")
}
