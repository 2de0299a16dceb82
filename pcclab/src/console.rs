//! The guest's console: read, cleaned, stamped, written down.
//!
//! Knows bytes and lines; what the lines mean is for [`crate::session`].

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::mpsc::Sender;

use anyhow::{Context, Result};
use pccd::record::{Time, now};

use crate::input::Input;
use crate::process::log_file;

/// The longest line; what is longer is cut into several.
const LONGEST: usize = 64 << 10;

/// What the guest's init says when the command begins.
pub(crate) const BEGIN: &str = "pcclab: begin";
/// What all of init's words for the runner begin with.
pub(crate) const WORDS: &str = "pcclab: ";

/// Reads a console to its end and writes `console.log`, plain text, and
/// beside it `console.times`: for each line the time at which it ended, in
/// seconds since 1970.
pub(crate) struct Reader {
    log: File,
    times: File,
    input: Sender<Input>,
    untangle: Untangle,
    line: Vec<u8>,
    /// How many more bytes it may bring.
    left: u64,
    /// Whether what the command prints is wanted as it comes.
    bytes: bool,
    /// Whether that is so just now, and how much of the line went out.
    passing: bool,
    passed: usize,
}

impl Reader {
    /// One for the folder of a run; `bytes` asks for what the command prints
    /// as bytes, too.
    pub(crate) fn new(
        folder: &Path,
        input: Sender<Input>,
        enough: u64,
        bytes: bool,
    ) -> Result<Reader> {
        Ok(Reader {
            log: log_file(folder, "console.log")?,
            times: log_file(folder, "console.times")?,
            input,
            untangle: Untangle::default(),
            line: Vec::new(),
            left: enough,
            bytes,
            passing: false,
            passed: 0,
        })
    }

    /// Reads until the console closes, brings too much, or cannot be written
    /// down; then says so.
    pub(crate) fn run(mut self, mut console: impl Read) {
        let mut chunk = [0; 4096];
        let end = loop {
            let got = match console.read(&mut chunk) {
                Ok(0) => break Input::Closed,
                Ok(got) => got,
                Err(error)
                    if error.kind() == std::io::ErrorKind::Interrupted =>
                {
                    continue;
                }
                Err(_) => break Input::Closed,
            };
            self.left = self.left.saturating_sub(got as u64);
            if self.left == 0 {
                break Input::Flood;
            }
            if let Err(error) = self.take(&chunk[..got]) {
                break Input::Unwritten(format!(
                    "writing console.log: {error}"
                ));
            }
        };
        if !self.line.is_empty() {
            let _ = self.end_line();
        }
        let _ = self.input.send(end);
    }

    fn take(&mut self, mut bytes: &[u8]) -> std::io::Result<()> {
        while !bytes.is_empty() {
            let room = LONGEST.saturating_sub(self.line.len());
            let end = bytes.iter().take(room).position(|b| *b == b'\n');
            let length = end.map_or(bytes.len().min(room), |at| at + 1);
            let (now, rest) = bytes.split_at(length);
            self.line.extend_from_slice(now);
            bytes = rest;
            self.pass();
            if end.is_some() || self.line.len() >= LONGEST {
                self.end_line()?;
            }
        }
        Ok(())
    }

    /// Hands on what the command prints, but for init's own words.
    fn pass(&mut self) {
        let words = WORDS.as_bytes();
        let whole = self.line.ends_with(b"\n");
        let may_be_words = match self.line.get(..words.len()) {
            Some(start) => start == words,
            None => words.starts_with(&self.line) && !whole,
        };
        if self.passing && !may_be_words {
            let bytes = self.line[self.passed..].to_vec();
            self.passed = self.line.len();
            let _ = self.input.send(Input::Bytes(bytes));
        }
    }

    fn end_line(&mut self) -> std::io::Result<()> {
        let time = now();
        let text = plain(&self.line);
        self.line.clear();
        self.passed = 0;
        let (seconds, micros) =
            (time.timestamp(), time.timestamp_subsec_micros());
        self.log.write_all(format!("{text}\n").as_bytes())?;
        self.times.write_all(format!("{seconds}.{micros:06}\n").as_bytes())?;
        let line = self.untangle.line(text);
        if self.bytes {
            self.passing |= line == BEGIN;
            self.passing &= exit_status(&line).is_none();
        }
        let _ = self.input.send(Input::Line(line, time));
        Ok(())
    }
}

/// The lines that an earlier run wrote into this folder's `console.log`, each
/// with the time it ended.
pub(crate) fn replay(folder: &Path) -> Result<Vec<(String, Time)>> {
    let read = |name: &str| {
        let path = folder.join(name);
        std::fs::read_to_string(&path)
            .with_context(|| format!("reading {}", path.display()))
    };
    let (log, times) = (read("console.log")?, read("console.times")?);
    let mut untangle = Untangle::default();
    log.lines()
        .zip(times.lines())
        .map(|(line, time)| {
            let (seconds, micros) = time.split_once('.').context("no time")?;
            let nanos = 1000 * micros.parse::<u32>()?;
            let time = Time::from_timestamp(seconds.parse()?, nanos);
            Ok((untangle.line(line.to_owned()), time.context("no time")?))
        })
        .collect()
}

/// The status in init's `pcclab: exit N`, and what the command printed
/// before it on the same line.
pub(crate) fn exit_status(line: &str) -> Option<(&str, i32)> {
    const WORD: &str = "pcclab: exit ";
    let at = line.rfind(WORD)?;
    let status = line[at + WORD.len()..].trim_end();
    let digits =
        !status.is_empty() && status.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| (&line[..at], status.parse().unwrap_or(255)))
}

/// A console line as text: without line ends and without the escape
/// sequences that firmware and shells paint their screens with.
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
            // A title or the like: to a bell, or to the next escape.
            '\x1b' if chars.peek() == Some(&']') => {
                while chars.next_if(|c| *c != '\x07' && *c != '\x1b').is_some()
                {
                }
                chars.next_if_eq(&'\x07');
            }
            '\x1b' => {
                chars.next();
            }
            '\t' => out.push(c),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

/// Takes the kernel's messages out of the middle of other lines: on a console
/// both write when they like.
#[derive(Default)]
struct Untangle {
    begun: String,
}

impl Untangle {
    /// The line that is whole now: the kernel's, or somebody else's.
    fn line(&mut self, mut line: String) -> String {
        match stamp(&line) {
            Some(at) => {
                let kernel = line.split_off(at);
                // `dmesg -r` puts the level before it.
                let level = self.level(&line);
                line.truncate(line.len() - level.len());
                self.begun.push_str(&line);
                level + &kernel
            }
            None => std::mem::take(&mut self.begun) + &line,
        }
    }

    fn level(&self, before: &str) -> String {
        let level = before.rfind('<').map_or("", |at| &before[at..]);
        let digits = level.strip_prefix('<').and_then(|l| l.strip_suffix('>'));
        let is_level = digits.is_some_and(|d| {
            !d.is_empty() && d.bytes().all(|b| b.is_ascii_digit())
        });
        if is_level { level.to_owned() } else { String::new() }
    }
}

/// The time in what the kernel's brackets hold: of `    1.234567][   T42`, too,
/// where it says which thread or processor speaks (CONFIG_PRINTK_CALLER).
fn time_in(stamp: &str) -> &str {
    match stamp.split_once("][") {
        Some((time, caller))
            if caller.trim_start().strip_prefix(['T', 'C']).is_some_and(
                |id| !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit()),
            ) =>
        {
            time
        }
        _ => stamp,
    }
}

/// Where the kernel's `[    1.234567] ` begins.
fn stamp(line: &str) -> Option<usize> {
    line.match_indices('[').map(|(at, _)| at).find(|at| {
        let Some((stamp, _)) = line[at + 1..].split_once("] ") else {
            return false;
        };
        let time = time_in(stamp);
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

/// A line of the kernel's log: its level, if `dmesg -r` said it, and the text
/// from the time stamp on.
pub(crate) fn kernel_line(line: &str) -> Option<(Option<u8>, &str)> {
    let (level, text) = match line.strip_prefix('<') {
        Some(rest) => {
            let (level, text) = rest.split_once('>')?;
            // The facility stands above the level's three bits.
            (Some(level.parse::<u32>().ok()? & 7), text)
        }
        None => (None, line),
    };
    let level = level.and_then(|level| u8::try_from(level).ok());
    (stamp(text) == Some(0)).then_some((level, text))
}

/// When the kernel said that, in microseconds since it started, and what
/// follows the time stamp that a text begins with.
pub(crate) fn kernel_time(text: &str) -> Option<(i64, &str)> {
    let (stamp, said) = text.strip_prefix('[')?.split_once("] ")?;
    let (seconds, micros) = time_in(stamp).trim().split_once('.')?;
    let seconds: i64 = seconds.parse::<u32>().ok()?.into();
    let micros: i64 = micros.parse::<u32>().ok()?.into();
    Some((seconds * 1_000_000 + micros, said))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

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
            ("<3>[    2.000001] e", "<3>[    2.000001] e"),
            ("ok[    2.000002][   T42] f", "[    2.000002][   T42] f"),
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
            (b"\x1b]0;title\x07x", "x"),
            (b"\x1b]0;title\x1b\\x", "x"),
            (b"a\x08\x07b\tc", "ab\tc"),
            (b"\x1b[", ""),
            (b"\xff", "\u{fffd}"),
        ];
        for (bytes, text) in cases {
            assert_eq!(plain(bytes), text);
        }
    }

    #[test]
    fn a_status_may_stand_behind_other_text() {
        assert_eq!(exit_status("pcclab: exit 0"), Some(("", 0)));
        assert_eq!(
            exit_status("50 % 100 %pcclab: exit 7"),
            Some(("50 % 100 %", 7))
        );
        for none in
            ["pcclab: exit", "pcclab: exit ", "pcclab: exit 0 x", "exit 1"]
        {
            assert_eq!(exit_status(none), None, "{none}");
        }
    }

    #[test]
    fn the_kernels_lines_have_levels() {
        let text = "[    1.234567] pcc: x";
        assert_eq!(kernel_line(text), Some((None, text)));
        assert_eq!(kernel_line(&format!("<11>{text}")), Some((Some(3), text)));
        assert_eq!(kernel_time(text), Some((1_234_567, "pcc: x")));
        for caller in ["   T42", "    C0", "T12345678"] {
            let text = format!("[    1.234567][{caller}] pcc: [x] y");
            assert_eq!(kernel_line(&text), Some((None, text.as_str())));
            assert_eq!(kernel_time(&text), Some((1_234_567, "pcc: [x] y")));
        }
        for none in [
            "",
            "<3>x",
            "<x>[    1.234567] y",
            "[1] z",
            "<3",
            "[    1.234567][x] y",
        ] {
            assert_eq!(kernel_line(none), None, "{none}");
        }
    }

    #[test]
    fn what_the_command_prints_comes_as_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let (sender, input) = channel();
        let reader = Reader::new(folder.path(), sender, 1 << 20, true).unwrap();
        reader.run(
            &b"boot\npcclab: begin\r\n# \x1b[1mls\x1b[0m\r\npcc\npcclab: exit 0\n\
               log\npcclab: end\n"[..],
        );
        let mut bytes = Vec::new();
        let mut lines = Vec::new();
        for one in input {
            match one {
                Input::Bytes(more) => bytes.extend(more),
                Input::Line(line, _) => lines.push(line),
                _ => {}
            }
        }
        assert_eq!(
            String::from_utf8_lossy(&bytes),
            "# \x1b[1mls\x1b[0m\r\npcc\n"
        );
        assert_eq!(lines.len(), 7);
        let log =
            |name| std::fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(log("console.log").lines().nth(2), Some("# ls"));
        assert_eq!(log("console.times").lines().count(), 7);
    }
}
