//! Child processes, their logs, and what they print, as text.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use anyhow::{Context, Result};
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

/// A console line as text: without line ends and without the escape
/// sequences that the firmware paints its screen with.
pub(crate) fn plain(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut out = String::with_capacity(text.len());
    let mut chars = text.trim_end_matches(['\r', '\n']).chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\x1b' if chars.peek() == Some(&'[') => {
                chars.next();
                while chars.next().is_some_and(|c| !('@'..='~').contains(&c)) {}
            }
            '\x1b' => {
                chars.next();
            }
            '\r' | '\0' => {}
            c => out.push(c),
        }
    }
    out
}

/// Takes the kernel's messages out of the middle of other lines: on a console
/// both write when they like.
#[derive(Default)]
pub(crate) struct Untangle {
    begun: String,
}

impl Untangle {
    /// The line that is whole now: the kernel's, or somebody else's.
    pub(crate) fn line(&mut self, mut line: String) -> String {
        match stamp(&line) {
            Some(at) => {
                let kernel = line.split_off(at);
                self.begun.push_str(&line);
                kernel
            }
            None => std::mem::take(&mut self.begun) + &line,
        }
    }
}

/// Where the kernel's `[    1.234567] ` begins.
fn stamp(line: &str) -> Option<usize> {
    line.match_indices('[').map(|(at, _)| at).find(|at| {
        let Some((time, _)) = line[at + 1..].split_once("] ") else {
            return false;
        };
        let Some((seconds, rest)) = time.trim_start().split_once('.') else {
            return false;
        };
        let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        time.len() >= 12
            && rest.len() == 6
            && !seconds.is_empty()
            && digits(seconds)
            && digits(rest)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_does_not_spoil_other_lines() {
        let mut untangle = Untangle::default();
        let pairs = [
            ("[    1.234567] a", "[    1.234567] a"),
            ("# ask[    1.234567] b: [2]", "[    1.234567] b: [2]"),
            ("[12345.234567] c", "[12345.234567] c"),
            ("ed x=[1.5] y", "# asked x=[1.5] y"),
            ("ok 1 z[    2.000001] d", "[    2.000001] d"),
            ("", "ok 1 z"),
            ("ok 2", "ok 2"),
        ];
        for (line, whole) in pairs {
            assert_eq!(untangle.line(line.to_owned()), whole);
        }
    }

    #[test]
    fn console_lines_lose_their_paint() {
        let cases = [
            (&b"ok 1 a\r\n"[..], "ok 1 a"),
            (b"\x1b[2J\x1b[01;01Hpcclab: begin\r\n", "pcclab: begin"),
            (b"\x1b=x", "x"),
            (b"\x1b[", ""),
            (b"\xff", "\u{fffd}"),
        ];
        for (bytes, text) in cases {
            assert_eq!(plain(bytes), text);
        }
    }
}
