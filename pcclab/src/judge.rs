//! What came of a guest, as a verdict: how it ended, and what its test says.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use crate::exchange::Script;
use crate::ktap::Status;
use crate::outcome::{End, Outcome};
use crate::verdict::{Verdict, exit};

/// What the mailbox core calls an error for each command of a client that
/// tells the end of its own transmissions, as Linux's hisi_uncore_freq does.
const CHATTER: &str = "Client can't run the TX ticker";

/// The first error that a driver reports in the kernel's log before the
/// command began.
pub(crate) fn probe_error(
    outcome: &Outcome,
    drivers: &[String],
) -> Option<String> {
    let modules = outcome.modules.first();
    let modules = modules.map(|one| match one.log.last() {
        Some(line) => format!("{} did not load: {line}", one.name),
        None => format!("{} did not load: {}", one.name, one.why),
    });
    modules.or_else(|| {
        let plain = |text: &str| text.replace('-', "_");
        let says = |line: &&String| {
            if line.contains(CHATTER) {
                return false;
            }
            let text = line.split_once("] ").map_or("", |(_, text)| text);
            let text = plain(text);
            drivers.iter().any(|driver| {
                text.strip_prefix(plain(driver).as_str())
                    .is_some_and(|rest| rest.starts_with([' ', ':']))
            })
        };
        let line = outcome.errors.iter().find(says)?;
        Some(format!("in the kernel's log: {line}"))
    })
}

/// Where a guest stands that does not end: what it printed last, which test it
/// was at, and which messages nobody has answered.
pub(crate) fn place(
    outcome: &Outcome,
    script: &Script,
    folder: &Path,
) -> String {
    let mut text = match outcome.boot {
        Some(_) if !script.now().is_empty() => {
            format!("; it was at the test {:?}", script.now())
        }
        Some(_) => "; it was in the command".to_owned(),
        None => match &outcome.loading {
            Some(module) => format!("; it was in insmod {module}"),
            None => "; it did not reach user space".to_owned(),
        },
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
        End::Unloaded => {
            let one = outcome.modules.first();
            verdict(
                exit::FAIL,
                format!(
                    "FAIL: the module {} did not load: {}",
                    one.map_or("", |one| &one.name),
                    one.map_or("", |one| &one.why)
                ),
            )
        }
        End::Left(reason) => verdict(
            exit::FAIL,
            format!(
                "FAIL: the guest {} {}",
                match reason.as_str() {
                    "guest-reset" => "reset itself".to_owned(),
                    "guest-shutdown" => "switched itself off".to_owned(),
                    other => format!("ended ({other})"),
                },
                match (outcome.boot, &outcome.loading) {
                    (Some(_), _) => "before the command had ended".to_owned(),
                    (None, Some(module)) => format!("in insmod {module}"),
                    (None, None) => "before the command began".to_owned(),
                }
            ),
        ),
        End::Qemu(text) | End::Pccd(text) | End::Log(text) => {
            verdict(exit::TROUBLE, text.trim_end().to_owned())
        }
        End::Exit(_) if !outcome.splats.is_empty() => verdict(
            exit::PANIC,
            format!("SPLAT in the kernel's log: {}", outcome.splats[0]),
        ),
        End::Exit(status) => ended(*status, script, outcome),
    };
    Verdict {
        reasons: outcome
            .modules
            .iter()
            .filter(|_| outcome.end == End::Unloaded)
            .flat_map(|one| {
                let line = |text: &String| format!("{}: {text}", one.name);
                one.log.iter().map(line).collect::<Vec<_>>()
            })
            .collect(),
        passed: report.count(&Status::Passed),
        failed: report.count(&Status::Failed)
            + report.count(&Status::Unexpected(String::new())),
        known: report
            .tests
            .iter()
            .filter(|test| matches!(test.status, Status::Known(_)))
            .count(),
        skipped: report.count(&Status::Skipped(String::new())),
        warm: outcome.warm,
        boot: outcome.boot,
        total: outcome.total,
        first: first(outcome, script),
        ..verdict
    }
}

/// What went wrong first: a crash follows from what failed before it.
fn first(outcome: &Outcome, script: &Script) -> Option<String> {
    let is_panic = matches!(outcome.end, End::Panic(_));
    let is_over = is_panic || outcome.end == End::Hang;
    let splat = script.splat().filter(|_| is_over).map(str::to_owned);
    splat
        .or_else(|| script.first_failure())
        .or_else(|| outcome.splats.first().filter(|_| is_panic).cloned())
}

/// How long a run took, and how it started.
pub(crate) fn time(outcome: &Outcome) -> String {
    let warm = if outcome.warm { ", warm" } else { "" };
    format!("{:.1} s{warm}", outcome.total.as_secs_f32())
}

/// The verdict on a command that has ended.
fn ended(status: i32, script: &Script, outcome: &Outcome) -> Verdict {
    let report = script.report();
    let passed = report.count(&Status::Passed);
    let failed = report.count(&Status::Failed);
    let known = report.count(&Status::Known(String::new()));
    let time = time(outcome);
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
        None if let Some(why) = report.all_skipped() => verdict(
            exit::TROUBLE,
            format!("nothing was tested: everything was skipped ({why})"),
        ),
        None if report.started() => verdict(
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

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(end: End) -> Outcome {
        Outcome {
            end,
            warm: false,
            splats: Vec::new(),
            errors: Vec::new(),
            modules: Vec::new(),
            loading: None,
            boot: None,
            began: None,
            total: Duration::from_millis(1500),
            last: String::new(),
            backtrace: Vec::new(),
            pccd: None,
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
                script.line(line, Duration::ZERO);
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

    #[test]
    fn what_came_first_goes_first() {
        let oops = "[    3.229772] Unable to handle kernel paging request at 0";
        let bug = "[    3.229772] BUG: scheduling while atomic: swapper/0/0";
        let stall =
            "[   30.229772] rcu: INFO: rcu_sched self-detected stall on CPU";
        let script = |lines: &[&str]| {
            let mut script = Script::default();
            for line in ["KTAP version 1", "1..2"].iter().chain(lines) {
                script.line(line, Duration::ZERO);
            }
            script
        };
        let panic = || outcome(End::Panic("p".into()));
        let cases: &[(Outcome, &[&str], Option<&str>)] = &[
            (panic(), &["not ok 1 half", oops], Some("half")),
            (panic(), &[oops, "not ok 1 half"], Some(oops)),
            (outcome(End::Hang), &[bug], Some(bug)),
            (outcome(End::Hang), &[stall], None),
            (outcome(End::Hang), &["not ok 1 half", bug], Some("half")),
        ];
        for (outcome, lines, expected) in cases {
            let script = script(lines);
            let verdict = judge(outcome, &script, Duration::from_secs(60));
            assert_eq!(verdict.first.as_deref(), *expected, "{lines:?}");
        }
    }
}
