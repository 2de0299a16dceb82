//! One run from start to verdict, and what people read of it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use pccd::record::Event;

use crate::claim::{Claim, unproven};
use crate::exchange::{Script, records, render};
use crate::junit::xml;
use crate::kernel::seems_to_lack;
use crate::ktap::Status;
use crate::say;
use crate::session::{Config, End, Outcome, Session};

/// Exit codes of `pcclab run`; `git bisect run` skips a revision on 125.
pub mod exit {
    /// The command succeeded.
    pub const PASS: u8 = 0;
    /// The command or one of its tests failed.
    pub const FAIL: u8 = 1;
    /// Panic, oops, lockdep or KASAN report.
    pub const PANIC: u8 = 3;
    /// It did not end in time.
    pub const HANG: u8 = 4;
    /// Somebody pressed Ctrl-C.
    pub const INTERRUPTED: u8 = 130;
    /// Our own trouble: wrong usage, missing file, missing kernel option.
    pub const TROUBLE: u8 = 125;
}

/// A verdict: an exit code and the sentence that goes with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// One of [`exit`].
    pub code: u8,
    /// One line; more only when a program's last words follow.
    pub text: String,
    /// How many tests passed.
    pub passed: usize,
    /// How many failed as known.
    pub known: usize,
    /// Options that the kernel lacks.
    pub missing: Vec<String>,
    /// From start to the command's first line.
    pub boot: Option<Duration>,
    /// From start to end.
    pub total: Duration,
    /// What was the first to go wrong, if it did, and is not in the text.
    pub first: Option<String>,
}

impl Verdict {
    /// One that was reached without a guest.
    pub fn new(code: u8, text: String) -> Verdict {
        Verdict {
            code,
            text,
            passed: 0,
            known: 0,
            missing: Vec::new(),
            boot: None,
            total: Duration::ZERO,
            first: None,
        }
    }

    /// A kernel that lacks these options.
    pub fn missing(options: &[String]) -> Verdict {
        let names: Vec<_> =
            options.iter().map(|o| format!("CONFIG_{o}")).collect();
        Verdict {
            missing: options.to_vec(),
            ..Verdict::new(
                exit::TROUBLE,
                format!(
                    "this kernel lacks {}; guest-scripts/kernel.config has \
                     what a guest needs",
                    names.join(", ")
                ),
            )
        }
    }
}

/// What a run shows and writes.
#[derive(Clone, Debug, Default)]
pub struct Output {
    /// The messages of both sides when it is over, instead of the command's
    /// output as it comes.
    pub exchanges: bool,
    /// Nothing is printed.
    pub quiet: bool,
    /// A file for the results, as JUnit's XML, and the name they go under.
    pub junit: Option<(PathBuf, String)>,
    /// A file for the command's output.
    pub ktap: Option<PathBuf>,
}

/// Runs `config`. The platforms must have been `asked` this, each list in its
/// order, and what the guest says.
///
/// # Errors
/// Our own trouble, before or after the guest ran.
pub fn run(
    config: Config,
    output: &Output,
    mut asked: Vec<Vec<Claim>>,
) -> Result<Verdict> {
    let folder = config.folder.clone();
    let limit = config.limit;
    let image = config.lab.kernel.image.clone();
    let mut script = Script::default();
    let mut said = Vec::new();
    let mut printed = String::new();
    let exchanges = output.exchanges;
    if exchanges {
        say(format_args!("booting {} ...", config.lab.kernel.image.display()));
    }
    let outcome = Session::start(config)?.finish(|line| {
        script.line(line);
        said.extend(Claim::in_line(line));
        if output.ktap.is_some() {
            printed.push_str(line);
            printed.push('\n');
        }
        if !output.quiet && (!exchanges || line.starts_with("pcclab: ")) {
            say(line);
        }
    })?;
    let mut verdict = judge(&outcome, &script, limit);
    if verdict.code == exit::HANG {
        verdict.text.push_str(&place(&outcome, &script, &folder));
        let lacks = match outcome.boot {
            None => seems_to_lack(&image),
            Some(_) => Vec::new(),
        };
        if !lacks.is_empty() {
            verdict.code = exit::TROUBLE;
            verdict.missing = lacks.iter().map(|&o| o.to_owned()).collect();
            let _ = write!(
                verdict.text,
                "; the kernel seems to lack CONFIG_{}",
                lacks.join(", CONFIG_")
            );
        }
    }
    if verdict.code != exit::PASS
        && let Some(trouble) = &outcome.full
    {
        verdict.code = exit::TROUBLE;
        verdict.text = format!("{trouble}; otherwise: {}", verdict.text);
    }
    let log = std::fs::read_to_string(folder.join("pccd.log"));
    let records = records(&log.unwrap_or_default());
    if verdict.code == exit::PASS {
        asked.push(said.into_iter().collect::<Result<_>>()?);
        let list: Vec<_> = asked
            .iter()
            .flat_map(|claims| unproven(claims, &records))
            .map(|claim| format!("\n  {claim}"))
            .collect();
        let whole =
            records.last().is_some_and(|last| last.event == Event::Stopped);
        if !list.is_empty() && !whole {
            verdict.code = exit::TROUBLE;
            verdict.text = format!(
                "the guest passed, but the end of {} is missing, so nobody \
                 knows what the platform was asked: is the disk full?",
                folder.join("pccd.log").display()
            );
        } else if !list.is_empty() {
            verdict.code = exit::FAIL;
            verdict.text = format!(
                "FAIL: the guest passed, but pccd's log does not have \
                 this:{}",
                list.concat()
            );
        }
    }
    let write = |path: &Path, text: &str| {
        std::fs::write(path, text)
            .with_context(|| format!("writing {}", path.display()))
    };
    if let Some(path) = &output.ktap {
        write(path, &printed)?;
    }
    let steps = script.steps();
    if let Some((path, suite)) = &output.junit {
        write(path, &xml(suite, &steps, &verdict))?;
    }
    if exchanges {
        if let Some(boot) = outcome.boot {
            say(format_args!(
                "in user space after {:.1} s\n",
                boot.as_secs_f32()
            ));
        }
        say(render(&steps, &records).trim_end());
    }
    Ok(verdict)
}

/// Where a guest stands that does not end: what it printed last, which test it
/// was at, and which messages nobody has answered.
fn place(outcome: &Outcome, script: &Script, folder: &Path) -> String {
    let mut text = match outcome.boot {
        Some(_) if !script.now().is_empty() => {
            format!("; it was at the test {:?}", script.now())
        }
        Some(_) => "; it was in the command".to_owned(),
        None => "; it did not reach user space".to_owned(),
    };
    match outcome.last.as_str() {
        "" => text.push_str("; nothing came on the console"),
        last => {
            let _ = write!(text, "; the last on the console was {last:?}");
        }
    }
    let mut waiting: Vec<_> = std::fs::read_dir(folder.join("mailbox/outbox"))
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    waiting.sort();
    if let Some(first) = waiting.first() {
        let _ = write!(
            text,
            "; {} message(s) without answer, the first is {first}",
            waiting.len()
        );
    }
    text
}

/// What the outcome and the results amount to.
pub fn judge(outcome: &Outcome, script: &Script, limit: Duration) -> Verdict {
    let report = script.report();
    let verdict = Verdict::new;
    let verdict = match &outcome.end {
        End::Panic(line) => verdict(exit::PANIC, format!("PANIC: {line}")),
        End::Hang => verdict(
            exit::HANG,
            format!("HANG: no end within {} s", limit.as_secs()),
        ),
        End::Flood => verdict(
            exit::FAIL,
            "FAIL: the console brought more than anybody reads".to_owned(),
        ),
        End::Interrupted => {
            verdict(exit::INTERRUPTED, "interrupted".to_owned())
        }
        End::Missing(options) if options.is_empty() => verdict(
            exit::TROUBLE,
            "the guest ended before it ran the command".to_owned(),
        ),
        End::Missing(options) => Verdict::missing(
            &options
                .iter()
                .map(|o| o.trim_start_matches("CONFIG_").to_owned())
                .collect::<Vec<_>>(),
        ),
        End::Qemu(text) | End::Pccd(text) | End::Log(text) => {
            verdict(exit::TROUBLE, text.trim_end().to_owned())
        }
        End::Exit(_) if !outcome.splats.is_empty() => verdict(
            exit::PANIC,
            format!("SPLAT in the kernel's log: {}", outcome.splats[0]),
        ),
        End::Exit(status) => ended(*status, script, outcome.total),
    };
    Verdict {
        passed: report.count(&Status::Passed),
        known: report
            .tests
            .iter()
            .filter(|test| matches!(test.status, Status::Known(_)))
            .count(),
        boot: outcome.boot,
        total: outcome.total,
        first: match &outcome.end {
            End::Panic(_) => outcome.splats.first().cloned(),
            _ => None,
        }
        .or_else(|| script.first_failure()),
        ..verdict
    }
}

/// The verdict on a command that has ended.
fn ended(status: i32, script: &Script, total: Duration) -> Verdict {
    let report = script.report();
    let passed = report.count(&Status::Passed);
    let failed = report.count(&Status::Failed);
    let known = report.count(&Status::Known(String::new()));
    let time = format!("{:.1} s", total.as_secs_f32());
    let verdict = Verdict::new;
    match report.complaint() {
        Some(complaint) => verdict(
            exit::FAIL,
            format!(
                "FAIL: {passed} passed, {failed} failed ({time}); {complaint}"
            ),
        ),
        None if status != 0 => {
            verdict(exit::FAIL, format!("FAIL: exit status {status} ({time})"))
        }
        None if report.started => verdict(
            exit::PASS,
            match known {
                0 => format!("PASS: {passed} passed, {failed} failed ({time})"),
                _ => format!(
                    "PASS: {passed} passed, {failed} failed, {known} failed \
                     as known ({time})"
                ),
            },
        ),
        None => verdict(exit::PASS, format!("PASS ({time})")),
    }
}

/// The folder a run's logs go to: the one asked for, or a new one under the
/// system's temporary folder.
///
/// # Errors
/// When it cannot be made.
pub fn folder(wanted: Option<&Path>) -> Result<PathBuf> {
    match wanted {
        Some(folder) => Ok(std::path::absolute(folder)?),
        None => {
            Ok(tempfile::Builder::new().prefix("pcclab-").tempdir()?.keep())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(end: End) -> Outcome {
        Outcome {
            end,
            splats: Vec::new(),
            boot: None,
            total: Duration::from_millis(1500),
            last: String::new(),
            full: None,
        }
    }

    #[test]
    fn verdicts_have_their_exit_codes() {
        let mut good = Script::default();
        let mut bad = Script::default();
        for (script, line) in [(&mut good, "ok 1 a"), (&mut bad, "not ok 1 a")]
        {
            for line in ["KTAP version 1", "1..1", line] {
                script.line(line);
            }
        }
        let none = Script::default();
        let mut splat = outcome(End::Exit(0));
        splat.splats.push("[ 1.0] BUG: x".to_owned());
        let cases = [
            (outcome(End::Exit(0)), &good, exit::PASS),
            (outcome(End::Exit(0)), &none, exit::PASS),
            (outcome(End::Exit(0)), &bad, exit::FAIL),
            (outcome(End::Exit(7)), &good, exit::FAIL),
            (outcome(End::Panic("p".into())), &good, exit::PANIC),
            (splat, &good, exit::PANIC),
            (outcome(End::Hang), &good, exit::HANG),
            (outcome(End::Missing(vec!["X".into()])), &none, exit::TROUBLE),
            (outcome(End::Flood), &good, exit::FAIL),
            (outcome(End::Log("x".into())), &good, exit::TROUBLE),
            (outcome(End::Interrupted), &good, exit::INTERRUPTED),
            (outcome(End::Qemu("x".into())), &good, exit::TROUBLE),
            (outcome(End::Pccd("x".into())), &good, exit::TROUBLE),
        ];
        for (outcome, script, code) in cases {
            let verdict = judge(&outcome, script, Duration::from_secs(60));
            assert_eq!(verdict.code, code, "{outcome:?}: {}", verdict.text);
        }
    }
}
