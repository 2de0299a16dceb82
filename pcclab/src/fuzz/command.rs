//! A search as `pcclab fuzz` does it: what the platform says is learnt, several
//! guests at a time are searched, what was found is told.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::ScopedJoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Result, bail};

use super::engine::{Plan, search};
use super::guest::{Guest, Setup};
use super::hunt::{Hunt, Progress, Settings};
use super::known::Known;
use super::pair::Pair;
use super::store::{State, Store};
use super::sweep;
use crate::logs::Scratch;
use crate::verdict::exit;
use crate::{interrupt, interrupted, say};

/// How often somebody looks whether it is time to end.
const TICK: Duration = Duration::from_millis(100);
/// How long a worker may take to end with what it has in hand.
const GRACE: Duration = Duration::from_secs(10);
/// How often it is told and written down how far the search has come.
const TELL: Duration = Duration::from_secs(10);
/// Seeds of workers of one machine lie apart by one, those of machines so far.
const MACHINE: u64 = 1 << 16;

/// What is to be done.
pub struct Options {
    /// What guests have in common.
    pub setup: Setup,
    /// Arguments of `pcclab run` that make the same machine.
    pub machine: String,
    /// Both for the driver that is compared with, if there is one.
    pub other: Option<(Setup, String)>,
    /// The folder of the search.
    pub output: PathBuf,
    /// What chance begins with; without it as the search in the folder did, or
    /// another one each time.
    pub seed: Option<u64>,
    /// How long; without it until Ctrl-C.
    pub time: Option<Duration>,
    /// Guests at a time.
    pub jobs: usize,
    /// Which of how many machines this is, from 0.
    pub part: (usize, usize),
    /// Random bytes instead of what is known of the platform.
    pub is_blind: bool,
    /// How the search goes about it.
    pub settings: Settings,
}

/// Searches; tells what was found. The exit status is [`exit::FAIL`] when
/// there are findings, [`exit::INTERRUPTED`] after Ctrl-C without any.
///
/// # Errors
/// Our own trouble, wrong usage, a driver that does not work with a platform
/// that varies nothing, or no time for a single scenario.
pub fn run(options: &Options) -> Result<u8> {
    let against = options.other.as_ref().map(|(_, machine)| machine.as_str());
    let store = Store::open(&options.output, &options.machine, against)?;
    let before = store.found()?;
    let mut state = store.state()?.unwrap_or_default();
    let seed = match options.seed {
        Some(seed) => seed,
        None if state.seed != 0 => state.seed,
        None => time_seed(),
    };
    if seed != state.seed {
        (state.seed, state.swept) = (seed, 0);
    }
    let work = Scratch::new()?;
    let mut guest = Guest::new(options.setup.clone(), work.path());
    let known = Arc::new(guest.learn()?);
    let sweep = sweep::scenarios(&known, seed);
    tell_known(&known, sweep.len(), guest.watches());
    say(format_args!(
        "seed {seed}, {} guest(s) at a time, in {}; Ctrl-C ends it, and it \
         goes on from there",
        options.jobs,
        options.output.display()
    ));
    let progress = Progress::new(0);
    let say_line = |line: &str| say(line);
    let hunt = |guest, folder: &str| {
        let other = options.other.as_ref().map(|(setup, _)| {
            Guest::new(setup.clone(), &work.path().join(folder))
        });
        let guest = Pair::new(guest, other);
        Hunt::new(guest, &known, &store, &progress, options.settings, &say_line)
    };
    let guests: Vec<_> = (0..options.jobs)
        .map(|worker| guest.another(&work.path().join(worker.to_string())))
        .collect();
    let mut first = hunt(guest, "other");
    match first.baseline() {
        // It may have found something before.
        Err(_) if interrupted() => {}
        signs => {
            for sign in signs? {
                say(format_args!(
                    "without any variation, so no finding: {sign}"
                ));
            }
        }
    }
    drop(first);

    let swept = AtomicUsize::new(state.swept);
    let corpus = store.corpus();
    let plan = Plan {
        known: &known,
        sweep: &sweep,
        swept: &swept,
        part: options.part,
        corpus: &corpus,
        is_blind: options.is_blind,
        progress: &progress,
    };
    let now = |state: &State| State {
        machines: store.machines(),
        seed,
        inputs: state.inputs + progress.inputs.load(Ordering::Relaxed),
        seconds: state.seconds
            + progress.start.elapsed().as_secs() * options.jobs as u64,
        swept: swept.load(Ordering::Relaxed),
    };
    let result = std::thread::scope(|scope| {
        let workers: Vec<_> = guests
            .into_iter()
            .enumerate()
            .map(|(worker, guest)| {
                let hunt = hunt(guest, &format!("other-{worker}"));
                let seed = seed
                    .wrapping_add(worker as u64)
                    .wrapping_add(MACHINE.wrapping_mul(options.part.0 as u64));
                let plan = &plan;
                scope.spawn(move || search(plan, hunt, seed))
            })
            .collect();
        let mut told = Instant::now();
        let is_late =
            || options.time.is_some_and(|it| progress.start.elapsed() >= it);
        // One that has trouble ends all.
        while !is_late()
            && !interrupted()
            && !workers.iter().any(ScopedJoinHandle::is_finished)
        {
            if told.elapsed() >= TELL {
                told = Instant::now();
                say(line(&progress, store.found()?.len()));
                store.save(&now(&state))?;
            }
            std::thread::sleep(TICK);
        }
        progress.ends.store(true, Ordering::Relaxed);
        let is_interrupted = interrupted();
        let end = Instant::now() + GRACE;
        while !workers.iter().all(ScopedJoinHandle::is_finished)
            && Instant::now() < end
        {
            std::thread::sleep(TICK);
        }
        let (done, late): (Vec<_>, Vec<_>) =
            workers.into_iter().partition(ScopedJoinHandle::is_finished);
        // What they have in hand is lost, as after Ctrl-C.
        if !late.is_empty() {
            interrupt();
        }
        let done = done.into_iter().map(|worker| (worker, is_interrupted));
        let late = late.into_iter().map(|worker| (worker, true));
        let mut trouble = Ok(is_interrupted);
        for (worker, is_cut) in done.chain(late) {
            match worker.join() {
                Ok(Err(error)) if !is_cut => trouble = Err(error),
                Ok(_) => {}
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        trouble
    });
    store.save(&now(&state))?;
    let found = store.found()?;
    say(line(&progress, found.len()));
    for key in &found {
        let is_new = if before.contains(key) { "" } else { " (new)" };
        let place = options.output.join("findings").join(key);
        say(format_args!("finding{is_new}: {}", place.display()));
    }
    let is_interrupted = result?;
    if found.is_empty()
        && !is_interrupted
        && progress.inputs.load(Ordering::Relaxed) == 0
    {
        bail!(
            "nothing was searched: the time was over before the first \
             scenario; give it more with --for"
        );
    }
    Ok(match found.is_empty() {
        false => exit::FAIL,
        true if is_interrupted => exit::INTERRUPTED,
        true => exit::PASS,
    })
}

/// A seed that is another one each time.
fn time_seed() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let nanos = since.map_or(1, |it| it.subsec_nanos());
    u64::from(nanos) + 1
}

fn tell_known(known: &Known, sweep: usize, watches: usize) {
    let answers: usize = known.answers.values().map(Vec::len).sum();
    let all = known.answers.values().flatten();
    let fields: usize = all.map(|answer| answer.spots.len()).sum();
    say(format_args!(
        "{}: {} actions, {answers} answers to them with {fields} fields, \
         {sweep} scenarios with one change",
        known.platform,
        known.answers.len()
    ));
    if answers == 0 {
        say(
            "no action had the driver send a request: there is little to vary. \
             Does each do what it should (pcclab run --vary with its name \
             prints what it gives)?",
        );
    }
    match watches {
        0 => say(
            "which code of the driver runs is not known here (no plugin for \
             QEMU, or none of its functions is in the kernel): the search is \
             by fields and chance alone",
        ),
        watches => say(format_args!(
            "{watches} range(s) of the driver's code are watched"
        )),
    }
}

/// How far it has come.
fn line(progress: &Progress, found: usize) -> String {
    let count = |of: &std::sync::atomic::AtomicU64| of.load(Ordering::Relaxed);
    let seconds = progress.start.elapsed().as_secs_f32();
    let inputs = count(&progress.inputs);
    // Whoever runs millions a second reads no such line.
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = inputs as f32 / seconds.max(0.001);
    format!(
        "{seconds:.0} s: {inputs} scenarios ({rate:.1}/s), {} guests, {} edges \
         of code, {} kept, {found} findings",
        count(&progress.guests),
        count(&progress.edges),
        count(&progress.kept),
    )
}
