//! Child processes, their logs, and what they print, as text.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use anyhow::{Context, Result};
use pccd::record::{Event, Record};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

static INTERRUPTED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// From now on Ctrl-C, SIGTERM and SIGHUP end runs, not this program: what was
/// started is ended, what was written is named. A second time they end it.
///
/// # Errors
/// When the signals cannot be caught.
pub fn catch_interrupts() -> Result<()> {
    let flag = INTERRUPTED.get_or_init(Arc::default);
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        let code = 128 + signal;
        signal_hook::flag::register_conditional_shutdown(
            signal,
            code,
            Arc::clone(flag),
        )?;
        signal_hook::flag::register(signal, Arc::clone(flag))?;
    }
    Ok(())
}

/// What is under way ends as if one of them had come.
pub(crate) fn interrupt() {
    if let Some(flag) = INTERRUPTED.get() {
        flag.store(true, Ordering::Relaxed);
    }
}

/// Whether one of them has come.
pub fn interrupted() -> bool {
    INTERRUPTED.get().is_some_and(|flag| flag.load(Ordering::Relaxed))
}

/// A child that is ended, and waited for, when nobody wants it any more.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) fn signal(child: &Child, signal: rustix::process::Signal) {
    if let Some(pid) = rustix::process::Pid::from_raw(child.id().cast_signed())
    {
        let _ = rustix::process::kill_process(pid, signal);
    }
}

/// A command that dies with the thread that starts it, even when that one is
/// killed: no guest is left behind.
pub(crate) fn child(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

pub(crate) fn log_file(folder: &Path, name: &str) -> Result<File> {
    let path = folder.join(name);
    File::options()
        .create(true)
        .append(true)
        .open(&path)
        .with_context(|| format!("opening {}", path.display()))
}

/// The last lines of a log.
pub(crate) fn tail(path: &Path) -> String {
    const ENOUGH: u64 = 64 << 10;
    let mut bytes = Vec::new();
    if let Ok(mut file) = File::open(path) {
        let length = file.metadata().map_or(0, |m| m.len());
        let from = SeekFrom::Start(length.saturating_sub(ENOUGH));
        let _ = file.seek(from);
        let _ = file.take(ENOUGH).read_to_end(&mut bytes);
    }
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<_> = text.lines().collect();
    let from = lines.len().saturating_sub(10);
    lines[from..].iter().map(|line| format!("  | {line}\n")).collect()
}

/// What a program that writes records of JSON said in other words, and the
/// errors among its records: the first, as what follows follows from them.
pub(crate) fn words(path: &Path) -> String {
    const ENOUGH: usize = 12;
    let Ok(file) = File::open(path) else { return String::new() };
    let lines = BufReader::new(file).lines().map_while(Result::ok);
    lines
        .filter_map(|line| match serde_json::from_str::<Record>(&line) {
            Err(_) => Some(line),
            Ok(record) if record.event == Event::Error => record.reason,
            Ok(_) => None,
        })
        .take(ENOUGH)
        .map(|line| format!("  | {line}\n"))
        .collect()
}
