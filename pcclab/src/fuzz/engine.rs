//! LibAFL's loop on top of a hunt: which scenario is changed next, in which
//! ways, and what of it is kept.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use libafl::corpus::{Corpus, InMemoryCorpus, InMemoryOnDiskCorpus};
use libafl::events::SimpleEventManager;
use libafl::executors::{Executor, ExitKind, HasObservers};
use libafl::feedbacks::{CrashFeedback, MaxMapFeedback};
use libafl::fuzzer::BloomInputFilter;
use libafl::inputs::Input;
use libafl::monitors::NopMonitor;
use libafl::mutators::HavocScheduledMutator;
use libafl::observers::map::{
    CanTrack, ExplicitTracking, HitcountsMapObserver, StdMapObserver,
};
use libafl::schedulers::{IndexesLenTimeMinimizerScheduler, QueueScheduler};
use libafl::stages::StdMutationalStage;
use libafl::state::{HasCorpus, HasExecutions, StdState};
use libafl::{Evaluator, Fuzzer, StdFuzzer};
use libafl_bolts::rands::StdRand;
use libafl_bolts::tuples::{RefIndexable, tuple_list};
use libafl_bolts::{AsSliceMut, HasLen};

use super::hunt::{Hunt, Progress};
use super::known::Known;
use super::mutate::{BLIND, CHANGES, Choice, Combine};
use super::scenario::Scenario;
use super::sweep;
use super::target::Target;
use crate::coverage::EDGES;

/// How many changes of one scenario are tried before the next has its turn.
const ROUND: usize = 8;
/// How many scenarios with one change are done between two rounds.
const SWEPT: usize = 8;
/// How often the folder is looked at for what others have kept.
const LOOK: Duration = Duration::from_secs(5);

/// How many scenarios are remembered, so that none is run twice, and how many
/// of them are taken for one that was.
const INPUTS: usize = 1_000_000;
const WRONGLY: f64 = 1e-4;

type Edges = ExplicitTracking<
    HitcountsMapObserver<StdMapObserver<'static, u8, false>>,
    true,
    false,
>;

/// What the workers of one search on this machine share.
pub struct Plan<'a> {
    /// What the platform says.
    pub known: &'a Arc<Known>,
    /// The scenarios with one change, in the order of this search.
    pub sweep: &'a [Scenario],
    /// How many of them this machine has begun.
    pub swept: &'a AtomicUsize,
    /// Which of how many machines this is, from 0.
    pub part: (usize, usize),
    /// Where scenarios are kept that are worth it.
    pub corpus: &'a Path,
    /// Changes that know nothing of the platform instead.
    pub is_blind: bool,
    /// What has been done, and whether it is time to end.
    pub progress: &'a Progress,
}

impl Plan<'_> {
    /// The next scenario with one change, of those that are this machine's.
    fn next(&self) -> Option<&Scenario> {
        let (part, parts) = self.part;
        loop {
            let at = self.swept.fetch_add(1, Ordering::Relaxed);
            let scenario = self.sweep.get(at)?;
            // What the platform says differs a little from guest to guest, and
            // with it the list: a place in it would be another one elsewhere.
            if scenario.hash(0) % parts as u64 == part as u64 {
                return Some(scenario);
            }
        }
    }

    fn is_over(&self) -> bool {
        self.progress.ends.load(Ordering::Relaxed)
    }
}

/// Runs LibAFL's inputs.
struct Runner<'a, T> {
    hunt: Hunt<'a, T>,
    progress: &'a Progress,
    observers: (Edges, ()),
    trouble: Option<anyhow::Error>,
}

impl<'a, EM, S, Z, T> Executor<EM, Scenario, S, Z> for Runner<'a, T>
where
    S: HasExecutions,
    T: Target,
{
    fn run_target(
        &mut self,
        _: &mut Z,
        state: &mut S,
        _: &mut EM,
        input: &Scenario,
    ) -> Result<ExitKind, libafl::Error> {
        if self.progress.ends.load(Ordering::Relaxed) {
            return Err(libafl::Error::shutting_down());
        }
        *state.executions_mut() += 1;
        let hits = self.observers.0.as_mut().as_slice_mut();
        match self.hunt.one(input, hits) {
            Ok(true) => Ok(ExitKind::Crash),
            Ok(false) => Ok(ExitKind::Ok),
            Err(error) => {
                self.trouble = Some(error);
                Err(libafl::Error::shutting_down())
            }
        }
    }
}

impl<T> HasObservers for Runner<'_, T> {
    type Observers = (Edges, ());

    fn observers(&self) -> RefIndexable<&Self::Observers, Self::Observers> {
        RefIndexable::from(&self.observers)
    }

    fn observers_mut(
        &mut self,
    ) -> RefIndexable<&mut Self::Observers, Self::Observers> {
        RefIndexable::from(&mut self.observers)
    }
}

impl HasLen for Scenario {
    fn len(&self) -> usize {
        self.size()
    }
}

/// Searches until it is time to end.
///
/// # Errors
/// Our own trouble.
pub fn search<T: Target>(
    plan: &Plan<'_>,
    hunt: Hunt<'_, T>,
    seed: u64,
) -> Result<()> {
    let edges = StdMapObserver::owned("edges", vec![0; EDGES]);
    let edges = HitcountsMapObserver::new(edges).track_indices();
    let mut feedback = MaxMapFeedback::new(&edges);
    let mut objective = CrashFeedback::new();
    let scheduler =
        IndexesLenTimeMinimizerScheduler::new(&edges, QueueScheduler::new());
    let folder = plan.corpus.to_owned();
    let corpus = InMemoryOnDiskCorpus::with_meta_format_and_prefix(
        &folder, None, None, false,
    );
    let mut state = StdState::new(
        StdRand::with_seed(seed),
        corpus.map_err(of)?,
        InMemoryCorpus::<Scenario>::new(),
        &mut feedback,
        &mut objective,
    )
    .map_err(of)?;
    let mut fuzzer = StdFuzzer::builder()
        .scheduler(scheduler)
        .feedback(feedback)
        .objective(objective)
        .input_filter(BloomInputFilter::new(INPUTS, WRONGLY))
        .build();
    let mut manager = SimpleEventManager::new(NopMonitor::new());
    let list = if plan.is_blind { BLIND } else { CHANGES };
    let changes = tuple_list!(
        Choice::new(list, plan.known),
        Choice::new(list, plan.known),
        Choice::new(list, plan.known),
        Combine::splice(plan.known),
        Combine::merge(plan.known),
    );
    let mutator = HavocScheduledMutator::with_max_stack_pow(changes, 2);
    let round = std::num::NonZeroUsize::new(ROUND).context("no round")?;
    let mut stages =
        tuple_list!(StdMutationalStage::with_max_iterations(mutator, round));
    let mut runner = Runner {
        hunt,
        progress: plan.progress,
        observers: (edges, ()),
        trouble: None,
    };
    let mut others = Others::new(folder);
    let mut work = || -> Result<(), libafl::Error> {
        for name in plan.known.actions() {
            let plain = plan.known.plain_of(name);
            fuzzer.add_input(&mut state, &mut runner, &mut manager, plain)?;
        }
        while !plan.is_over() {
            for scenario in others.new_ones() {
                fuzzer.evaluate_filtered(
                    &mut state,
                    &mut runner,
                    &mut manager,
                    &scenario,
                )?;
            }
            let sweep = (0..SWEPT).map_while(|_| plan.next());
            for scenario in sweep.filter(|_| !plan.is_blind) {
                // Its changes would take all the time.
                if sweep::is_row(scenario) {
                    runner.run_target(
                        &mut fuzzer,
                        &mut state,
                        &mut manager,
                        scenario,
                    )?;
                    continue;
                }
                fuzzer.evaluate_filtered(
                    &mut state,
                    &mut runner,
                    &mut manager,
                    scenario,
                )?;
            }
            fuzzer.fuzz_one(
                &mut stages,
                &mut runner,
                &mut state,
                &mut manager,
            )?;
            let kept = state.corpus().count() as u64;
            plan.progress.kept.fetch_max(kept, Ordering::Relaxed);
        }
        Ok(())
    };
    match (work(), runner.trouble) {
        (_, Some(trouble)) => Err(trouble),
        (Err(libafl::Error::ShuttingDown), None) | (Ok(()), None) => Ok(()),
        (Err(error), None) => Err(of(error)),
    }
}

fn of(error: libafl::Error) -> anyhow::Error {
    anyhow!("LibAFL: {error}")
}

/// What other workers, other machines and earlier searches have kept in the
/// folder.
struct Others {
    folder: PathBuf,
    seen: BTreeSet<String>,
    looked: Option<Instant>,
}

impl Others {
    fn new(folder: PathBuf) -> Others {
        Others { folder, seen: BTreeSet::new(), looked: None }
    }

    /// Scenarios that nobody has looked at here. What is none is left alone.
    fn new_ones(&mut self) -> Vec<Scenario> {
        if self.looked.is_some_and(|then| then.elapsed() < LOOK) {
            return Vec::new();
        }
        self.looked = Some(Instant::now());
        let entries = std::fs::read_dir(&self.folder);
        let mut names: Vec<_> = entries
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| name.ends_with(".json"))
            .filter(|name| self.seen.insert(name.clone()))
            .collect();
        names.sort();
        let read =
            |name: &String| Scenario::from_file(self.folder.join(name)).ok();
        names.iter().filter_map(read).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::hunt::Settings;
    use super::super::hunt::testing::Fake;
    use super::super::known::testing::known;
    use super::super::store::Store;
    use super::*;

    /// Searches with the fake guest until it is done, or so many scenarios
    /// were run: how many.
    fn searched(
        folder: &Path,
        seed: u64,
        is_done: impl Fn(&Store) -> bool,
    ) -> u64 {
        const MOST: u64 = 20_000;
        let store = Store::open(folder, "", None).unwrap();
        let known = Arc::new(known());
        let progress = Progress::new(0);
        let sweep = sweep::scenarios(&known, seed);
        let corpus = store.corpus();
        let swept = AtomicUsize::new(0);
        let plan = Plan {
            known: &known,
            sweep: &sweep,
            swept: &swept,
            part: (0, 1),
            corpus: &corpus,
            is_blind: false,
            progress: &progress,
        };
        let hunt = Hunt::new(
            Fake::new((*known).clone()),
            &known,
            &store,
            &progress,
            Settings::default(),
            &|_| (),
        );
        std::thread::scope(|scope| {
            let worker = scope.spawn(|| search(&plan, hunt, seed));
            while !is_done(&store)
                && progress.inputs.load(Ordering::Relaxed) < MOST
                && !worker.is_finished()
            {
                std::thread::yield_now();
            }
            progress.ends.store(true, Ordering::Relaxed);
            worker.join().unwrap().unwrap();
        });
        progress.inputs.load(Ordering::Relaxed)
    }

    #[test]
    fn it_finds_what_is_planted() {
        for seed in [1, 2] {
            let folder = tempfile::tempdir().unwrap();
            let both = |store: &Store| store.found().unwrap().len() >= 2;
            let inputs = searched(folder.path(), seed, both);
            let store = Store::open(folder.path(), "", None).unwrap();
            assert!(both(&store), "after {inputs} scenarios");
        }
    }

    #[test]
    fn what_was_kept_is_there_the_next_time() {
        let folder = tempfile::tempdir().unwrap();
        let corpus = folder.path().join("corpus");
        // The edge that only a count reaches.
        let has_it = |kept: &[Scenario]| {
            let mut all = kept.iter().flat_map(|it| &it.answers);
            all.any(|it| it.set.contains_key("fan.count"))
        };
        let all = || Others::new(corpus.clone()).new_ones();
        searched(folder.path(), 1, |_| has_it(&all()));
        let mut others = Others::new(corpus.clone());
        let kept = others.new_ones();
        assert!(has_it(&kept));
        assert!(others.new_ones().is_empty());
        std::fs::write(corpus.join("x.json"), "no scenario").unwrap();
        let mut others = Others::new(corpus);
        assert_eq!(others.new_ones().len(), kept.len());
    }

    #[test]
    fn machines_share_the_sweep() {
        let known = Arc::new(known());
        let sweep = sweep::scenarios(&known, 1);
        let progress = Progress::new(0);
        let mut all = Vec::new();
        for part in 0..3 {
            let swept = AtomicUsize::new(0);
            let plan = Plan {
                known: &known,
                sweep: &sweep,
                swept: &swept,
                part: (part, 3),
                corpus: Path::new(""),
                is_blind: false,
                progress: &progress,
            };
            all.extend(std::iter::from_fn(|| plan.next().cloned()));
        }
        let names = |all: &[Scenario]| {
            all.iter().map(Scenario::name).collect::<BTreeSet<_>>()
        };
        assert_eq!(all.len(), sweep.len());
        assert_eq!(names(&all), names(&sweep));
    }
}
