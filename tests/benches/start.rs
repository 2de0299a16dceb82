//! From start to verdict: each platform's quick test, cold and from a saved
//! machine, against a bare boot of the same kernel without a platform,
//! interleaved. Prints medians and ratios; nothing here is a timed test.
//!
//! `cargo bench --bench start -- PLATFORM...` measures these only.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use pcclab::config::Config;
use pcclab::lab::Lab;
use pcclab::matrix::{Column, Options, cell};
use pcclab::outcome::End;
use pcclab::platform::{self, Platform};
use pcclab::run::exit;
use pcclab::session::Session;

const ROUNDS: usize = 5;
const LIMIT: Duration = Duration::from_secs(180);

/// How long something took, by the clock and of processors.
type Time = [f64; 2];

fn main() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let column = Column::of(Path::new("7.x"))?;
    let named = std::env::args().skip(1).filter(|word| word != "--bench");
    let mut names: Vec<String> = named.collect();
    if names.is_empty() {
        names = platform::names()?;
    }
    let options = |warm: bool| Options {
        quick: true,
        limit: LIMIT,
        jobs: 1,
        append: String::new(),
        modules: Vec::new(),
        warm: warm.then(|| folder.path().join("warm")),
        logs: folder.path().join("logs"),
    };
    println!(
        "start to verdict in s, processor time behind it, medians of {ROUNDS}"
    );
    for name in names {
        for &mode in Platform::load(&name)?.modes() {
            let run = |warm: bool| {
                timed(|| {
                    let cell = cell(&name, mode, &column, &options(warm));
                    let verdict = cell.verdict;
                    ensure!(verdict.code == exit::PASS, "{}", verdict.text);
                    Ok(verdict.warm)
                })
            };
            // This one saves the machine.
            let first = cell(&name, mode, &column, &options(true)).verdict;
            if !first.missing.is_empty() {
                println!("  {name} {}: {}", mode.name(), first.text);
                continue;
            }
            ensure!(first.code == exit::PASS, "{name}: {}", first.text);
            let mut times = [const { Vec::new() }; 3];
            for _ in 0..ROUNDS {
                let (bare, _) = timed(|| boot(folder.path()))?;
                let (warm, is_warm) = run(true)?;
                let (cold, _) = run(false)?;
                ensure!(is_warm, "{name} was started cold");
                for (list, time) in times.iter_mut().zip([bare, warm, cold]) {
                    list.push(time);
                }
            }
            let [bare, warm, cold] = times.map(median);
            let [ratio, work] = [0, 1].map(|at| warm[at] / bare[at]);
            println!(
                "  {name} {}: bare boot {:.2} ({:.2}), warm {:.2} ({:.2}), \
                 cold {:.2} ({:.2}); warm to bare {ratio:.2} ({work:.2})",
                mode.name(),
                bare[0],
                bare[1],
                warm[0],
                warm[1],
                cold[0],
                cold[1],
            );
        }
    }
    Ok(())
}

/// Firmware, kernel, init, and the way out.
fn boot(folder: &Path) -> Result<bool> {
    let lab = Lab::with_drivers(None, &[], &[])?;
    let config = Config {
        machine: "virt".to_owned(),
        pccd: false,
        limit: LIMIT,
        ..Config::new(lab, &folder.join("bare"), &["true"])
    };
    let outcome = Session::start(config)?.finish(|_| ())?;
    ensure!(outcome.end == End::Exit(0), "{:?}", outcome.end);
    Ok(false)
}

fn timed<T>(work: impl FnOnce() -> Result<T>) -> Result<(Time, T)> {
    let (start, before) = (Instant::now(), children()?);
    let done = work()?;
    let processors = children()? - before;
    Ok(([start.elapsed().as_secs_f64(), processors], done))
}

/// Processor time of our children that have ended.
fn children() -> Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // proc_pid_stat(5): cutime and cstime are fields 16 and 17, in ticks of
    // 10 ms; the name, 2, may hold spaces.
    let (_, rest) = stat.rsplit_once(')').context("no stat")?;
    let ticks = rest.split_whitespace().skip(13).take(2);
    let ticks: Vec<u64> = ticks.map(str::parse).collect::<Result<_, _>>()?;
    Ok(ticks.iter().sum::<u64>() as f64 / 100.0)
}

fn median(mut times: Vec<Time>) -> Time {
    [0, 1].map(|at| {
        times.sort_by(|a, b| a[at].total_cmp(&b[at]));
        times[times.len() / 2][at]
    })
}
