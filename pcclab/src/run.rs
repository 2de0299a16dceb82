//! One run from start to verdict, and what people read of it.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Result;
use pccd::record::{Event, Record};

use crate::claim::{Claim, Claims, unmet};
use crate::conduct::{self, Conduct};
use crate::exchange::{Script, records, render};
use crate::judge::{judge, place, probe_error, time};
use crate::kernel::seems_to_lack;
use crate::ktap::Status;
use crate::latency::{Latencies, Limit};
use crate::moment;
use crate::say;
use crate::scenario::{Scenario, varied};
use crate::session::{Config, Event as Said, Outcome, Session};
use crate::verdict::TestResult;
pub use crate::verdict::{Verdict, exit};

/// What a run shows and writes.
#[derive(Clone, Debug, Default)]
pub struct Output {
    /// The messages of both sides when it is over, instead of the command's
    /// output as it comes.
    pub exchanges: bool,
    /// Nothing is printed.
    pub quiet: bool,
    /// A file for the command's output.
    pub ktap: Option<PathBuf>,
}

/// What a run is held against, beside the guest's own test.
#[derive(Clone, Debug, Default)]
pub struct Contract {
    /// What the platforms must have been asked, each in its order.
    pub asked: Vec<Claims>,
    /// Words that the driver's own lines in the kernel's log begin with.
    pub drivers: Vec<String>,
    /// How fast the platforms' channels must be.
    pub latency: Vec<Limit>,
    /// Whether the command is a platform's own test, which has results.
    pub is_test: bool,
    /// What the guest's `tests/fuzz.sh` is told while answers are varied.
    pub scenario: Option<Scenario>,
    /// The answers of the scenario's entries.
    pub varies: Vec<u64>,
}

/// What the guest's command prints, as it comes.
struct Listener<'a> {
    output: &'a Output,
    contract: &'a Contract,
    script: Script,
    log: moment::Log,
    start: Instant,
    said: Vec<(String, Claim)>,
    wrong: Option<anyhow::Error>,
    printed: String,
}

impl Listener<'_> {
    fn print(&mut self, line: &str) {
        if self.output.ktap.is_some() {
            self.printed.push_str(line);
            self.printed.push('\n');
        }
        let shown = !self.output.exchanges || line.starts_with("pcclab: ");
        if !self.output.quiet && shown {
            say(line);
        }
    }

    fn line(&mut self, line: &str) {
        self.print(line);
        match Claim::in_line(line) {
            Some(Ok(claim)) => {
                let outer = self.script.outer().to_owned();
                self.said.push((outer, claim));
            }
            Some(Err(error)) => {
                self.wrong.get_or_insert(error.context(line.to_owned()));
            }
            None => {}
        }
        let indent = line.len() - line.trim_start_matches(' ').len();
        let Some(step) = self.script.line(line, self.start.elapsed()) else {
            return;
        };
        match step.status {
            Some(Status::Failed | Status::Unexpected(_)) => {
                let known: Vec<_> = self
                    .log
                    .since()
                    .lines()
                    .into_iter()
                    .map(|line| format!("pccd: {line}"))
                    .collect();
                step.remarks.extend(known.iter().cloned());
                for line in known {
                    self.print(&format!("{:indent$}# {line}", ""));
                }
            }
            _ => self.log.skip(),
        }
    }

    /// What the guest said that its platforms were asked, each with its own.
    fn asked(&mut self, outcome: &Outcome) -> Vec<Claims> {
        let mut parts: Vec<Claims> = Vec::new();
        for (platform, claim) in self.said.drain(..) {
            let own = &self.contract.asked;
            let of = match own.iter().find(|one| one.platform == platform) {
                Some(of) => Some(of),
                // The only one, whatever the test is called.
                None if own.len() == 1 => own.first(),
                None => None,
            };
            let name = of.map_or("", |of| of.platform.as_str());
            match parts.iter_mut().find(|one| one.platform == name) {
                Some(part) => part.claims.push(claim),
                None => parts.push(Claims {
                    platform: name.to_owned(),
                    subspaces: of.map_or(Vec::new(), |of| of.subspaces.clone()),
                    claims: vec![claim],
                    since: outcome.began,
                    ..Claims::default()
                }),
            }
        }
        parts
    }
}

/// Runs `config` and holds what comes of it against `contract`.
///
/// # Errors
/// Our own trouble, before or after the guest ran.
pub fn run(
    config: Config,
    output: &Output,
    contract: &Contract,
) -> Result<Verdict> {
    let folder = config.folder.clone();
    let limit = config.limit;
    let has_pccd = config.pccd;
    let image = config.lab.kernel.image.clone();
    let limits = conduct::limits(&config.qemu_args);
    if output.exchanges && !output.quiet {
        say(format_args!("booting {} ...", image.display()));
    }
    let mut listener = Listener {
        output,
        contract,
        script: Script::default(),
        log: moment::Log::at(&folder),
        start: Instant::now(),
        said: Vec::new(),
        wrong: None,
        printed: String::new(),
    };
    let mut scenario = contract.scenario.clone();
    let mut session = Session::start(config)?;
    let end = loop {
        match session.next(limit)? {
            Said::Line(line) => {
                listener.line(&line);
                if let Some(scenario) = &mut scenario
                    && let Some(typed) = scenario.answer(&line)?
                {
                    // A guest that is gone says so by itself.
                    let _ = session.write(typed.as_bytes());
                }
            }
            Said::Begin => {
                // What came before belongs to no test.
                listener.log.skip();
                listener.start = Instant::now();
            }
            Said::End(end) => break end,
            Said::Bytes(_) | Said::Quiet => {}
        }
    };
    let outcome = session.end(end)?;
    let mut verdict = judge(&outcome, &listener.script, limit);
    if verdict.code == exit::HANG {
        verdict.text.push_str(&place(&outcome, &listener.script, &folder));
        verdict.reasons.extend(outcome.backtrace.iter().cloned());
        let lacks = match (outcome.boot, &outcome.loading) {
            (None, None) => seems_to_lack(&image),
            _ => Vec::new(),
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
        let known = listener.log.since().lines();
        verdict.reasons.extend(known.iter().map(|l| format!("pccd: {l}")));
    }
    if verdict.code == exit::PASS
        && contract.is_test
        && !listener.script.report().started()
    {
        verdict.code = exit::FAIL;
        verdict.text = format!(
            "FAIL: the platform's test has no result ({}): it has to print \
             KTAP, as `plan` and `result` of /tests/platform.sh do",
            time(&outcome)
        );
    }
    if verdict.code == exit::PASS
        && let Some(why) = scenario.as_ref().and_then(Scenario::failed)
    {
        verdict.code = exit::FAIL;
        verdict.text = format!("FAIL: {why}");
    }
    if verdict.code != exit::PASS
        && let Some(trouble) = &outcome.full
    {
        verdict.code = exit::TROUBLE;
        verdict.text = format!("{trouble}; otherwise: {}", verdict.text);
    }
    let log = std::fs::read(folder.join("pccd.log")).unwrap_or_default();
    let records = records(&String::from_utf8_lossy(&log));
    drop(log);
    let mut parts = contract.asked.clone();
    parts.extend(listener.asked(&outcome));
    let mut conduct = Conduct::new(limits);
    records.iter().for_each(|record| conduct.record(record));
    trace(&folder, &mut conduct);
    verdict.conduct = conduct.breaks(&contract.asked);
    if verdict.code == exit::PASS
        && let Some(wrong) = listener.wrong.take()
    {
        return Err(wrong);
    }
    let guest_passed = verdict.code == exit::PASS;
    let (is_varied, not_varied) = varied(&contract.varies, &records);
    if guest_passed && !is_varied && !contract.varies.is_empty() {
        verdict.code = exit::TROUBLE;
        verdict.text = "the scenario changed nothing".to_owned();
        verdict.reasons.extend(not_varied);
    } else if !output.quiet {
        not_varied.iter().for_each(say);
    }
    if has_pccd {
        let late = late(&folder, &contract.latency)?;
        hold(&mut verdict, &outcome, &records, &parts, &folder, late);
    }
    // It explains what went wrong in the guest, not what the platform saw.
    verdict.first = probe_error(&outcome, &contract.drivers)
        .filter(|_| !guest_passed)
        .or(verdict.first);
    if let Some(path) = &output.ktap {
        for one in &verdict.conduct {
            let _ = writeln!(listener.printed, "# conduct: {one}");
        }
        crate::result::save(path, &listener.printed)?;
    }
    let steps = listener.script.steps();
    verdict.tests = steps.iter().filter_map(TestResult::of).collect();
    if output.exchanges && !output.quiet {
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

/// Reads QEMU's log.
fn trace(folder: &Path, conduct: &mut Conduct) {
    let Ok(file) = std::fs::File::open(folder.join("qemu.log")) else { return };
    let mut lines = BufReader::new(file);
    let mut line = Vec::new();
    while matches!(lines.read_until(b'\n', &mut line), Ok(n) if n > 0) {
        conduct.trace(String::from_utf8_lossy(&line).trim_end());
        line.clear();
    }
}

/// What was not as fast as it must be.
fn late(folder: &Path, limits: &[Limit]) -> Result<Vec<String>> {
    if limits.is_empty() {
        return Ok(Vec::new());
    }
    let latencies = Latencies::read(folder)?;
    let broken = limits.iter().filter_map(|limit| latencies.broken(limit));
    Ok(broken.map(|text| format!("latency: {text}")).collect())
}

/// Holds a verdict against all that must be so for a pass: pccd has met its
/// expectations, its log is whole, what was claimed is in it, the driver has
/// kept the rules, and nothing was too slow.
fn hold(
    verdict: &mut Verdict,
    outcome: &Outcome,
    records: &[Record],
    parts: &[Claims],
    folder: &Path,
    late: Vec<String>,
) {
    let fails = matches!(verdict.code, exit::PASS | exit::FAIL);
    let passed = verdict.code == exit::PASS;
    if !fails {
        return;
    }
    let mut reasons = Vec::new();
    let failed: Vec<_> = records
        .iter()
        .filter(|record| record.event == Event::Failed)
        .filter_map(|record| record.reason.as_deref())
        .collect();
    reasons.extend(failed.iter().map(|text| format!("expectation: {text}")));
    let unmet = parts.iter().flat_map(|part| {
        unmet(part, records).into_iter().map(|one| {
            let of = match part.platform.as_str() {
                "" => String::new(),
                name => format!(" ({name})"),
            };
            format!("not asked{of}: {}; {}", one.claim, one.instead)
        })
    });
    // In a test that failed, the first says where; the others follow from it.
    let most = if passed { usize::MAX } else { 1 };
    reasons.extend(unmet.take(most));
    reasons.extend(
        verdict
            .conduct
            .iter()
            .filter(|one| one.accepted.is_none())
            .map(|one| format!("conduct: {one}")),
    );
    // What a test broke off is late, too.
    reasons.extend(late.into_iter().filter(|_| passed));
    let whole = records.last().is_some_and(|last| last.event == Event::Stopped);
    let status = outcome.pccd.and_then(|status| status.code());
    let trouble = match (whole, status) {
        (false, _) => Some(format!(
            "the end of {} is missing, so nobody knows what the platform was \
             asked: is the disk full?",
            folder.join("pccd.log").display()
        )),
        (true, Some(0)) => None,
        // It says what it expected in its log.
        (true, Some(1)) if !failed.is_empty() => None,
        (true, Some(status)) => {
            Some(format!("pccd ended with exit status {status}"))
        }
        (true, None) => Some("pccd did not end when asked to".to_owned()),
    };
    match trouble {
        Some(trouble) if passed => {
            verdict.code = exit::TROUBLE;
            verdict.text = format!("the guest passed, but {trouble}");
        }
        Some(trouble) => reasons.push(trouble),
        None if passed && !reasons.is_empty() => {
            verdict.code = exit::FAIL;
            verdict.text = format!(
                "FAIL: the guest's test passed, the platform's side did not \
                 ({})",
                time(outcome)
            );
        }
        None => {}
    }
    verdict.reasons.extend(reasons);
}
