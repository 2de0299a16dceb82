//! What a guest's console says, line by line: init (`guest-scripts/init`)
//! before the command and after it, the command, and the kernel.

use std::time::Duration;

use pccd::record::Time;

use crate::console::{BEGIN, WORDS, exit_status, kernel_line, kernel_time};
use crate::outcome::{End, ModuleFailure};
use crate::sign::report;

/// How many lines of the kernel's log from before the command are kept, and
/// of a module that does not load.
const EARLY: usize = 500;

/// What a line means for whoever runs the guest.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// Nothing is to be done.
    Nothing,
    /// The command printed it.
    Line(String),
    /// Init asks for what it is to run.
    Load,
    /// Init cannot take that; the text says why.
    LoadFailed(String),
    /// Init waits for a line before it runs the command.
    Ready,
    /// The command runs.
    Begin,
    /// Nothing more will come.
    End(End),
}

/// What the lines so far have told. What is not described here goes into
/// [`Outcome`](crate::outcome::Outcome), which does.
#[derive(Default)]
pub(super) struct Transcript {
    has_begun: bool,
    exit: Option<i32>,
    missing: Vec<String>,
    /// How long the guest had been up at `began`, in microseconds.
    uptime: Option<i64>,
    pub(super) began: Option<Time>,
    pub(super) modules: Vec<ModuleFailure>,
    pub(super) loading: Option<String>,
    pub(super) splats: Vec<String>,
    pub(super) errors: Vec<String>,
    pub(super) last: String,
}

impl Transcript {
    /// Makes sense of a line that came at this time.
    pub(super) fn line(&mut self, line: String, time: Time) -> Said {
        if !line.trim().is_empty() {
            self.last.clone_from(&line);
        }
        let runs = self.has_begun && self.exit.is_none();
        if let Some((before, status)) = exit_status(&line)
            && runs
        {
            self.exit = Some(status);
            return match before {
                "" => Said::Nothing,
                before => Said::Line(before.to_owned()),
            };
        }
        // Whatever the command prints: init speaks before it and after.
        if !runs && let Some(word) = line.strip_prefix(WORDS) {
            return self.init(word, &line, time);
        }
        if line.contains("Kernel panic - not syncing") {
            return Said::End(End::Panic(line));
        }
        if let Some((level, text)) = kernel_line(&line) {
            if report(text).is_some()
                && !self.splats.iter().any(|splat| splat == text)
            {
                self.splats.push(text.to_owned());
            }
            self.kernel(level, text);
        }
        if runs { Said::Line(line) } else { Said::Nothing }
    }

    /// How the run ended, as far as init has told.
    pub(super) fn end(&mut self) -> Option<End> {
        match self.exit {
            Some(status) => Some(End::Exit(status)),
            None if !self.missing.is_empty() => {
                Some(End::Missing(std::mem::take(&mut self.missing)))
            }
            None if !self.modules.is_empty() => Some(End::Unloaded),
            None => None,
        }
    }

    /// A word of init's, and the line it is in.
    fn init(&mut self, word: &str, line: &str, time: Time) -> Said {
        match word.split_once(' ') {
            Some(("missing", option)) => {
                self.missing.push(option.trim().to_owned());
            }
            Some(("insmod", name)) => {
                self.loading = Some(module_name(name).to_owned());
            }
            Some(("insmod-failed", text)) => {
                let (name, why) = text.split_once(": ").unwrap_or((text, ""));
                self.modules.push(ModuleFailure {
                    name: module_name(name).to_owned(),
                    why: why.to_owned(),
                    log: Vec::new(),
                });
            }
            Some(("insmod-log", text)) => {
                if let Some(last) = self.modules.last_mut()
                    && last.log.len() < EARLY
                    // Busybox tries in two ways.
                    && last.log.last().is_none_or(|l| l != text)
                {
                    last.log.push(text.to_owned());
                }
            }
            Some(("load-failed", why)) => {
                return Said::LoadFailed(why.to_owned());
            }
            Some(("ready", uptime)) => {
                self.began = Some(time);
                let seconds = uptime.trim().parse().ok();
                let up = seconds.and_then(|seconds| {
                    Duration::try_from_secs_f64(seconds).ok()
                });
                self.uptime =
                    up.and_then(|up| i64::try_from(up.as_micros()).ok());
                return Said::Ready;
            }
            _ if line == BEGIN && !self.has_begun => {
                self.loading = None;
                self.began.get_or_insert(time);
                self.has_begun = true;
                return Said::Begin;
            }
            _ if word == "load" => return Said::Load,
            _ if word == "end" => {
                let none = || End::Missing(Vec::new());
                return Said::End(self.end().unwrap_or_else(none));
            }
            // The kernel's lines follow, which are known by themselves.
            _ if word == "dmesg" => {}
            _ => return Said::Line(line.to_owned()),
        }
        Said::Nothing
    }

    /// Keeps the kernel's errors from before the command. The console has
    /// only errors, unless somebody asked for more: then the levels of the
    /// whole log, at the end, say which are none. The log also has those that
    /// came late to a busy console.
    fn kernel(&mut self, level: Option<u8>, text: &str) {
        const ERR: u8 = 3;
        match level {
            None if self.began.is_none() && self.errors.len() < EARLY => {
                self.errors.push(text.to_owned());
            }
            Some(level) if level > ERR => {
                self.errors.retain(|error| error != text);
            }
            Some(_)
                if kernel_time(text)
                    .zip(self.uptime)
                    .is_some_and(|((time, _), uptime)| time < uptime)
                    && self.errors.len() < EARLY
                    && !self.errors.iter().any(|error| error == text) =>
            {
                self.errors.push(text.to_owned());
            }
            _ => {}
        }
    }
}

/// A module's file as the user knows it, without the number that sorts it.
fn module_name(name: &str) -> &str {
    let name = name.trim();
    match name.split_at_checked(3) {
        Some((number, rest))
            if number.ends_with('-')
                && number[..2].bytes().all(|b| b.is_ascii_digit()) =>
        {
            rest
        }
        _ => name.strip_prefix('-').map_or(name, module_name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is made of these lines, each a second after the one before.
    fn said(lines: &[&str]) -> (Transcript, Vec<Said>) {
        let mut transcript = Transcript::default();
        let lines = lines.iter().zip(0..).map(|(line, second)| {
            let time = Time::from_timestamp(second, 0).unwrap();
            transcript.line((*line).to_owned(), time)
        });
        let said = lines.collect();
        (transcript, said)
    }

    #[test]
    fn init_is_believed_before_the_command_and_after_it_only() {
        let exit = format!("{WORDS}exit 7");
        let (_, said) = said(&[
            "pcclab: load",
            "pcclab: ready 1.50",
            "pcclab: begin",
            "pcclab: end",
            "pcclab: load-failed no",
            &exit,
            "pcclab: end",
        ]);
        let line = |text: &str| Said::Line(text.to_owned());
        let all = [
            Said::Load,
            Said::Ready,
            Said::Begin,
            line("pcclab: end"),
            line("pcclab: load-failed no"),
            Said::Nothing,
            Said::End(End::Exit(7)),
        ];
        assert_eq!(said, all);
    }

    #[test]
    fn a_module_that_does_not_load_is_told_with_its_log() {
        let (transcript, said) = said(&[
            "pcclab: insmod 00-fan.ko",
            "pcclab: insmod-failed 00-fan.ko: No such device",
            "pcclab: insmod-log fan: nobody is there",
            "pcclab: insmod-log fan: nobody is there",
            "pcclab: end",
        ]);
        assert_eq!(said.last(), Some(&Said::End(End::Unloaded)));
        let fan = ModuleFailure {
            name: "fan.ko".into(),
            why: "No such device".into(),
            log: vec!["fan: nobody is there".into()],
        };
        assert_eq!(transcript.modules, [fan]);
        assert_eq!(transcript.loading.as_deref(), Some("fan.ko"));
    }

    #[test]
    fn a_splat_counts_once_and_errors_only_from_before_the_command() {
        let (transcript, _) = said(&[
            "[    0.500000] fan: no such channel",
            "[    0.600000] WARNING: CPU: 0 PID: 1 at fan.c:1",
            "pcclab: ready 1.00",
            "pcclab: begin",
            "[    2.000000] fan: too late",
            "[    0.600000] WARNING: CPU: 0 PID: 1 at fan.c:1",
            "[   30.000000] rcu: INFO: rcu_sched self-detected stall on CPU",
        ]);
        assert_eq!(transcript.splats.len(), 2, "{:?}", transcript.splats);
        assert!(transcript.errors.iter().any(|e| e.contains("no such")));
        assert!(!transcript.errors.iter().any(|e| e.contains("too late")));
    }
}
