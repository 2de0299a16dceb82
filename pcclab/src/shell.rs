//! A prompt in the guest, with the platform at work, on this terminal.

use std::io::{IsTerminal, Read, Write, stdin, stdout};
use std::sync::mpsc::Sender;
use std::time::Duration;

use anyhow::Result;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::exchange::Script;
use crate::input::Input;
use crate::judge::judge;
use crate::session::{Config, End, Event, Session};
use crate::verdict::Verdict;
use crate::{say, tell};

/// How long a shell may take when nobody says so: as long as somebody types.
pub const PATIENCE: Duration = Duration::from_secs(10 * 365 * 86_400);

/// Ctrl-A, which begins a word to us, and Ctrl-D.
const ESCAPE: u8 = 1;
const END: u8 = 4;

/// The terminal as it was, until this is dropped.
struct Raw(Option<Termios>);

impl Raw {
    fn begin() -> Raw {
        let Ok(before) = tcgetattr(stdin()) else { return Raw(None) };
        let mut raw = before.clone();
        raw.make_raw();
        let done = tcsetattr(stdin(), OptionalActions::Now, &raw);
        Raw(done.is_ok().then_some(before))
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            let _ = tcsetattr(stdin(), OptionalActions::Now, before);
        }
    }
}

/// What was typed, but for words to us.
#[derive(Default)]
struct Keys {
    escaped: bool,
}

impl Keys {
    /// Tells what is for the guest, and whether to leave it.
    fn take(&mut self, typed: &[u8]) -> (Vec<u8>, bool) {
        let mut out = Vec::new();
        for &key in typed {
            match (std::mem::take(&mut self.escaped), key) {
                (true, b'x') => return (out, true),
                (true, ESCAPE) => out.push(ESCAPE),
                (true, other) => out.extend([ESCAPE, other]),
                (false, ESCAPE) => self.escaped = true,
                (false, other) => out.push(other),
            }
        }
        (out, false)
    }
}

/// Reads what is typed, to its end.
fn type_to(input: &Sender<Input>, is_terminal: bool) {
    let mut keys = Keys::default();
    let mut chunk = [0; 1024];
    loop {
        let typed = match stdin().read(&mut chunk) {
            Ok(0) | Err(_) => break,
            Ok(length) => &chunk[..length],
        };
        // Escapes are for people: a file may hold any byte.
        let (bytes, leave) = match is_terminal {
            true => keys.take(typed),
            false => (typed.to_vec(), false),
        };
        if input.send(Input::Typed(bytes)).is_err()
            || (leave && input.send(Input::Leave).is_err())
        {
            return;
        }
    }
    let _ = input.send(Input::Typed(vec![END]));
    let _ = input.send(Input::TypedEnd);
}

/// Runs a shell in the guest until it is left, its input ends, or its time is
/// over.
///
/// # Errors
/// When a program cannot be started.
pub fn shell(mut config: Config) -> Result<Verdict> {
    let from = config.command.iter().position(|word| word == "sh");
    config.command.truncate(from.unwrap_or(0));
    let words = ["sh", "-c", "setsid cttyhack sh"];
    config.command.extend(words.map(Into::into));
    let is_terminal = stdin().is_terminal();
    // Without a terminal, lines: a shell's paint is for people.
    config.bytes = is_terminal;
    let limit = config.limit;
    tell(format_args!(
        "booting; in the guest's shell exit or Ctrl-D ends it{}",
        if is_terminal { ", Ctrl-A x ends it at once" } else { "" }
    ));
    let mut session = Session::start(config)?;
    let _raw = is_terminal.then(Raw::begin);
    let input = session.sender();
    std::thread::spawn(move || type_to(&input, is_terminal));
    let end = loop {
        match session.next(Duration::from_secs(1))? {
            Event::Bytes(bytes) => {
                // That nobody reads any more ends nothing.
                let _ = stdout().write_all(&bytes);
                let _ = stdout().flush();
            }
            Event::End(end) => break end,
            // A program that reads took the first for its own.
            Event::Quiet if session.typed_all() => {
                let _ = session.write(&[END]);
            }
            Event::Line(line) if !is_terminal => say(line),
            Event::Begin | Event::Line(_) | Event::Quiet => {}
        }
    };
    let end = match end {
        // Its last command's, which is no verdict.
        End::Exit(_) => End::Exit(0),
        end => end,
    };
    let outcome = session.end(end)?;
    let mut verdict = judge(&outcome, &Script::default(), limit);
    verdict.reasons.extend(outcome.backtrace);
    Ok(verdict)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_the_guests_but_for_one_word() {
        type Case<'a> = (&'a [&'a [u8]], &'a [u8], bool);
        let cases: &[Case<'_>] = &[
            (&[b"ls\r"], b"ls\r", false),
            (&[b"\x03\x04"], b"\x03\x04", false),
            (&[b"a\x01xb"], b"a", true),
            (&[b"\x01", b"x"], b"", true),
            (&[b"\x01\x01x"], b"\x01x", false),
            (&[b"\x01e"], b"\x01e", false),
        ];
        for (typed, wanted, leaves) in cases {
            let mut keys = Keys::default();
            let mut out = Vec::new();
            let mut leave = false;
            for part in *typed {
                let (bytes, left) = keys.take(part);
                out.extend(bytes);
                leave |= left;
            }
            assert_eq!(
                (out.as_slice(), leave),
                (*wanted, *leaves),
                "{typed:?}"
            );
        }
    }
}
