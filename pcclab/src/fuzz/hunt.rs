//! Runs scenarios, several in each guest; what looks like a bug is confirmed
//! (`confirm.rs`).

mod confirm;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use anyhow::Result;

use super::known::Known;
use super::scenario::Scenario;
use super::store::Store;
use super::target::{Observed, Target};
use crate::sign::{Kind, Sign};

/// How a hunt goes about it.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Scenarios in one guest.
    pub per_guest: usize,
    /// Scenarios between two looks whether the driver lives.
    pub between_looks: usize,
    /// Fresh guests that a bug is tried in.
    pub tries: usize,
    /// More of them for a crash that none of those shows.
    pub races: usize,
    /// Fresh guests at most to make a scenario small, but for the last.
    pub reductions: usize,
    /// Times that a bug may show and never again; a difference may more often,
    /// but is not told of.
    pub doubts: u32,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            per_guest: 200,
            between_looks: 8,
            tries: 3,
            races: 27,
            reductions: 40,
            doubts: 3,
        }
    }
}

/// What the workers of one search have done, all together.
#[derive(Debug)]
pub struct Progress {
    /// Scenarios that were run.
    pub inputs: AtomicU64,
    /// Guests that were started.
    pub guests: AtomicU64,
    /// Edges of the driver's code that were seen, by the worker that has seen
    /// most.
    pub edges: AtomicU64,
    /// Scenarios worth keeping, likewise.
    pub kept: AtomicU64,
    /// Whether it is time to end.
    pub ends: AtomicBool,
    /// Since when.
    pub start: Instant,
}

impl Progress {
    /// Nothing yet.
    pub fn new(inputs: u64) -> Progress {
        Progress {
            inputs: inputs.into(),
            guests: 0.into(),
            edges: 0.into(),
            kept: 0.into(),
            ends: false.into(),
            start: Instant::now(),
        }
    }

    fn add(counter: &AtomicU64) -> u64 {
        counter.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// One worker.
pub struct Hunt<'a, T> {
    target: T,
    known: &'a Known,
    store: &'a Store,
    progress: &'a Progress,
    settings: Settings,
    say: &'a (dyn Fn(&str) + Sync),
    /// What this guest ran, and how many requests the platform decided about
    /// in each.
    batch: Vec<(Scenario, u64)>,
    since_look: usize,
    /// Whether the guest is of no use.
    is_over: bool,
    /// Whether the last guest showed what it was asked for.
    shows: bool,
    /// The largest count of each edge.
    most: Vec<u8>,
    doubts: BTreeMap<String, u32>,
}

impl<'a, T: Target> Hunt<'a, T> {
    /// A worker with this target.
    pub fn new(
        target: T,
        known: &'a Known,
        store: &'a Store,
        progress: &'a Progress,
        settings: Settings,
        say: &'a (dyn Fn(&str) + Sync),
    ) -> Self {
        Hunt {
            target,
            known,
            store,
            progress,
            settings,
            say,
            batch: Vec::new(),
            since_look: 0,
            is_over: true,
            shows: false,
            most: Vec::new(),
            doubts: BTreeMap::new(),
        }
    }

    /// What runs the scenarios.
    pub fn target(&self) -> &T {
        &self.target
    }

    fn renew(&mut self) -> Result<()> {
        self.batch.clear();
        self.since_look = 0;
        // Or the next would be tried in what could not be renewed.
        self.is_over = true;
        Progress::add(&self.progress.guests);
        self.target.renew()?;
        self.is_over = false;
        Ok(())
    }

    /// Without any variation nothing is a bug: what looks like one here never
    /// is one. Returns these. What differs from another driver is one even so.
    ///
    /// # Errors
    /// Our own trouble, or a driver that does not even live then.
    pub fn baseline(&mut self) -> Result<Vec<Sign>> {
        const TWICE: usize = 2;
        let mut signs: Vec<Sign> = Vec::new();
        let (mut all, mut differ) = (Vec::new(), Vec::new());
        for _ in 0..TWICE {
            all.extend(
                self.known
                    .actions()
                    .into_iter()
                    .map(|name| self.known.plain_of(name)),
            );
        }
        self.renew()?;
        for plain in all {
            let mut seen = self.target.run(&plain, &mut [])?;
            if !seen.is_over {
                let alive = self.target.alive(&plain.actions)?;
                seen.signs.extend(alive.signs);
                seen.is_over |= alive.is_over;
            }
            for sign in seen.signs {
                if !sign.kind.goes_on() {
                    anyhow::bail!(
                        "with a platform that varies nothing, and {:?}: \
                         {sign}\n{}",
                        plain.actions,
                        sign.lines.join("\n")
                    );
                }
                if sign.kind == Kind::Differs {
                    differ.push((sign, plain.clone()));
                } else if self.store.claim(&sign.key()) {
                    signs.push(sign);
                }
            }
        }
        for (sign, plain) in differ {
            self.suspect(&sign, &[(plain, 0)])?;
        }
        self.is_over = true;
        Ok(signs)
    }

    /// Runs a scenario. `hits` gets what it reached; true if it shows a bug
    /// that was not known.
    ///
    /// # Errors
    /// Our own trouble.
    pub fn one(
        &mut self,
        scenario: &Scenario,
        hits: &mut [u8],
    ) -> Result<bool> {
        if self.is_over || self.batch.len() >= self.settings.per_guest {
            self.renew()?;
        }
        let mut seen = self.run(scenario, hits)?;
        let mut is_new = false;
        if !seen.is_over && self.is_news(hits) {
            // What the second time does not reach was chance.
            let mut again = vec![0; hits.len()];
            let second = self.run(scenario, &mut again)?;
            for (one, other) in hits.iter_mut().zip(&again) {
                *one = (*one).min(*other);
            }
            is_new = self.remember(hits);
            seen.signs.extend(second.signs);
            seen.is_over |= second.is_over;
        }
        let left = scenario.actions.iter().rev().find(|it| it.contains("bind"));
        let is_unbound = left.is_some_and(|it| it.contains("unbind"));
        let is_due = self.since_look >= self.settings.between_looks;
        if !seen.is_over && (is_due || is_new || is_unbound) {
            let alive = self.look(&scenario.actions)?;
            seen.signs.extend(alive.signs);
            seen.is_over |= alive.is_over;
        }
        self.is_over = seen.is_over;
        let mut found = false;
        for sign in seen.signs {
            // Afterwards this guest is another one.
            let batch = self.batch.clone();
            found |= self.suspect(&sign, &batch)?;
        }
        Ok(found)
    }

    fn run(
        &mut self,
        scenario: &Scenario,
        hits: &mut [u8],
    ) -> Result<Observed> {
        Progress::add(&self.progress.inputs);
        let seen = self.target.run(scenario, hits)?;
        self.batch.push((scenario.clone(), seen.requests));
        self.since_look += 1;
        Ok(seen)
    }

    fn look(&mut self, after: &[String]) -> Result<Observed> {
        self.since_look = 0;
        self.target.alive(after)
    }

    /// Whether an edge was taken more often than ever.
    fn is_news(&mut self, hits: &[u8]) -> bool {
        self.most.resize(hits.len(), 0);
        hits.iter().zip(&self.most).any(|(hit, most)| class(*hit) > *most)
    }

    fn remember(&mut self, hits: &[u8]) -> bool {
        let is_news = self.is_news(hits);
        for (hit, most) in hits.iter().zip(&mut self.most) {
            *most = (*most).max(class(*hit));
        }
        let edges = self.most.iter().filter(|most| **most > 0).count();
        self.progress.edges.fetch_max(edges as u64, Ordering::Relaxed);
        is_news
    }

    /// Whether it is time to end.
    fn ends(&self) -> bool {
        self.progress.ends.load(Ordering::Relaxed)
    }
}

/// Counts that tell nothing apart are one, as AFL has them.
fn class(hits: u8) -> u8 {
    match hits {
        0..=3 => hits,
        4..=7 => 4,
        8..=15 => 5,
        16..=31 => 6,
        32..=127 => 7,
        128.. => 8,
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use std::path::Path;

    use pccd::vary::SettingFile;

    use super::super::known::Answer;
    use super::*;

    /// A guest whose driver trusts a count, and dies of a dropped answer once
    /// it was unbound.
    pub(crate) struct Fake {
        pub(crate) known: Known,
        pub(crate) renewed: usize,
        unbound: bool,
        dead: bool,
    }

    impl Fake {
        pub(crate) fn new(known: Known) -> Fake {
            Fake { known, renewed: 0, unbound: false, dead: false }
        }
    }

    impl Target for Fake {
        fn renew(&mut self) -> Result<()> {
            self.renewed += 1;
            (self.unbound, self.dead) = (false, false);
            Ok(())
        }

        fn run(&mut self, it: &Scenario, hits: &mut [u8]) -> Result<Observed> {
            let answers = self.known.answers(it);
            let requests = answers.len() as u64;
            let mut seen = Observed { requests, ..Observed::default() };
            for entry in &it.answers {
                let at = usize::try_from(entry.answer)?;
                let Some(answer) = answers.get(at) else { continue };
                let count = entry.set.get("fan.count");
                if answer.spots[0].name == "fan.count"
                    && let Some(SettingFile::Number(count)) = count
                {
                    if let Some(hit) = hits.get_mut(100) {
                        *hit = 1;
                    }
                    if *count > 1000 {
                        let title = "BUG: KASAN: out-of-bounds".to_owned();
                        seen.signs.push(Sign::new(
                            Kind::Kasan,
                            "fan_read",
                            title,
                        ));
                        seen.is_over = true;
                    }
                }
                let is_bind = |it: &&Answer| it.spots[0].name == "fan.id";
                let was_bound = answers[..at].iter().any(is_bind);
                self.dead |= entry.drop && (self.unbound || was_bound);
            }
            self.unbound |= it.actions.iter().any(|name| name == "bind");
            let edges = hits.iter_mut().take(10);
            edges.for_each(|hit| *hit = 1);
            Ok(seen)
        }

        fn alive(&mut self, after: &[String]) -> Result<Observed> {
            let mut seen = Observed::default();
            if self.dead {
                let place = after.last().map_or("", String::as_str);
                seen.signs.push(Sign::new(Kind::Dead, place, "dead".into()));
                seen.is_over = true;
            }
            Ok(seen)
        }

        fn keep(&mut self, folder: &Path) -> Result<()> {
            Ok(std::fs::write(folder.join("console.log"), "")?)
        }
    }
}

#[cfg(test)]
mod tests {
    use pccd::vary::{AnswerFile, SettingFile};

    use super::super::known::testing::known;
    use super::super::store::SCENARIO;
    use super::testing::Fake;
    use super::*;

    struct Bench {
        folder: tempfile::TempDir,
        known: Known,
        store: Store,
        progress: Progress,
    }

    impl Bench {
        fn new() -> Bench {
            let folder = tempfile::tempdir().unwrap();
            let store = Store::open(folder.path(), "", None).unwrap();
            let progress = Progress::new(0);
            Bench { folder, known: known(), store, progress }
        }

        fn with<'a, T: Target>(
            &'a self,
            target: T,
            say: &'a (dyn Fn(&str) + Sync),
        ) -> Hunt<'a, T> {
            let settings = Settings::default();
            let Bench { known, store, progress, .. } = self;
            Hunt::new(target, known, store, progress, settings, say)
        }

        fn hunt(&self) -> Hunt<'_, Fake> {
            self.with(Fake::new(self.known.clone()), &|_| ())
        }

        fn scenario(&self, key: &str) -> Scenario {
            let path = self.folder.path().join("findings").join(key);
            let text = std::fs::read(path.join(SCENARIO)).unwrap();
            serde_json::from_slice(&text).unwrap()
        }
    }

    fn set(scenario: &mut Scenario, answer: u64, name: &str, value: u64) {
        let mut entry = AnswerFile::of(answer);
        entry.set.insert(name.to_owned(), SettingFile::Number(value));
        scenario.answers.push(entry);
    }

    #[test]
    fn a_bug_is_made_small_and_written_once() {
        let bench = Bench::new();
        let mut hunt = bench.hunt();
        assert_eq!(hunt.baseline().unwrap(), []);
        let mut scenario = bench.known.plain(&["bind", "speed", "speed"]);
        set(&mut scenario, 1, "fan.status", 9);
        set(&mut scenario, 4, "fan.count", 1 << 31);
        let mut hits = vec![0; 256];
        assert!(hunt.one(&scenario, &mut hits).unwrap());
        assert!(!hunt.one(&scenario, &mut hits).unwrap(), "it is known");
        let small = bench.scenario("kasan-fan_read");
        assert_eq!(small.actions, ["speed"]);
        assert_eq!(small.answers.len(), 1);
        assert_eq!(
            small.answers[0].set["fan.count"],
            SettingFile::Number(0x1_0000)
        );
    }

    #[test]
    fn one_that_needs_two_scenarios_is_found() {
        let bench = Bench::new();
        let mut hunt = bench.hunt();
        let mut hits = vec![0; 256];
        let first = bench.known.plain(&["bind"]);
        assert!(!hunt.one(&first, &mut hits).unwrap());
        let mut second = bench.known.plain(&["speed"]);
        second.answers.push(AnswerFile { drop: true, ..AnswerFile::of(0) });
        let mut found = false;
        for _ in 0..20 {
            found |= hunt.one(&second, &mut hits).unwrap();
        }
        assert!(found);
        let small = bench.scenario("dead-speed");
        assert!(small.actions.contains(&"bind".to_owned()), "{small:?}");
        assert!(small.answers.iter().all(|entry| entry.drop));
    }

    #[test]
    fn what_shows_without_variation_is_no_finding() {
        let bench = Bench::new();
        let mut hunt = bench.hunt();
        let sign = Sign::new(Kind::Conduct, "doorbell-busy", String::new());
        assert!(bench.store.claim(&sign.key()));
        let plain = bench.known.plain(&["speed"]);
        let is_new = hunt.suspect(&sign, &[(plain, 1)]).unwrap();
        assert!(!is_new);
        assert_eq!(hunt.target().renewed, 0);
    }

    #[test]
    fn what_never_shows_again_does_not_count() {
        let bench = Bench::new();
        let mut hunt = bench.hunt();
        let sign = Sign::new(Kind::Oops, "fan_irq", "once".to_owned());
        let plain = bench.known.plain(&["speed"]);
        for _ in 0..5 {
            let batch = [(plain.clone(), 2)];
            assert!(!hunt.suspect(&sign, &batch).unwrap());
        }
        assert_eq!(bench.store.found().unwrap(), Vec::<String>::new());
        assert!(bench.folder.path().join("unconfirmed/oops-fan_irq").is_dir());
        // After some times nobody tries any more.
        let Settings { tries, races, doubts, .. } = Settings::default();
        assert_eq!(hunt.target().renewed, (tries + races) * doubts as usize);
    }

    /// Guests in which this comes of each scenario.
    struct Gives<F>(F);

    impl<F: FnMut() -> Observed> Target for Gives<F> {
        fn renew(&mut self) -> Result<()> {
            Ok(())
        }

        fn run(&mut self, _: &Scenario, _: &mut [u8]) -> Result<Observed> {
            Ok((self.0)())
        }

        fn alive(&mut self, _: &[String]) -> Result<Observed> {
            Ok(Observed::default())
        }

        fn keep(&mut self, _: &std::path::Path) -> Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_crash_that_shows_by_chance_is_tried_for_longer() {
        for (kind, counts) in [(Kind::Kasan, true), (Kind::Hang, false)] {
            let bench = Bench::new();
            let sign = Sign::new(kind, "fan_irq", String::new());
            let mut number = 0;
            let guest = Gives(|| {
                number += 1;
                let shows = number == 20;
                let signs = shows.then(|| sign.clone());
                let signs = signs.into_iter().collect();
                Observed { signs, ..Observed::default() }
            });
            let mut hunt = bench.with(guest, &|_| ());
            let batch = [(bench.known.plain(&["speed"]), 1)];
            assert_eq!(hunt.suspect(&sign, &batch).unwrap(), counts);
            let place = bench.folder.path().join("findings").join(sign.key());
            let text = std::fs::read_to_string(place.join("README.txt"));
            let says = text.is_ok_and(|it| it.contains("by 1 of 20 fresh"));
            assert_eq!(says, counts);
        }
    }

    /// Guests that differ from others, each or not.
    fn differing(guests: Vec<bool>) -> Gives<impl FnMut() -> Observed> {
        let mut guests = guests.into_iter();
        Gives(move || {
            let differs = guests.next().unwrap();
            let sign = Sign::new(Kind::Differs, "speed", String::new());
            let signs = differs.then_some(sign).into_iter().collect();
            Observed { signs, ..Observed::default() }
        })
    }

    #[test]
    fn each_guest_has_to_show_a_difference() {
        for (guests, counts) in [
            (vec![true, true, true], true),
            (vec![false], false),
            (vec![true, true, false], false),
        ] {
            let bench = Bench::new();
            let mut hunt = bench.with(differing(guests), &|_| ());
            let sign = Sign::new(Kind::Differs, "speed", String::new());
            let plain = bench.known.plain(&["speed"]);
            let batch = [(plain.clone(), 1), (plain, 1)];
            assert_eq!(hunt.suspect(&sign, &batch).unwrap(), counts);
            let found = bench.store.found().unwrap();
            assert_eq!(found.is_empty(), !counts);
        }
    }

    #[test]
    fn a_difference_is_tried_by_each_worker_that_sees_it() {
        let bench = Bench::new();
        let free = AtomicU64::new(0);
        // A guest that looks who else may try the same.
        let looking = Gives(|| {
            let keys = ["differs-speed", "oops-speed"];
            let count = keys.iter().filter(|key| !bench.store.knows(key));
            free.store(count.count() as u64, Ordering::Relaxed);
            Observed::default()
        });
        let mut hunt = bench.with(looking, &|_| ());
        let batch = [(bench.known.plain(&["speed"]), 1)];
        for (kind, others) in [(Kind::Differs, 2), (Kind::Oops, 1)] {
            let sign = Sign::new(kind, "speed", String::new());
            assert!(!hunt.suspect(&sign, &batch).unwrap());
            assert_eq!(free.load(Ordering::Relaxed), others, "{sign}");
        }
    }

    #[test]
    fn noise_hides_no_difference() {
        let bench = Bench::new();
        let mut guests = vec![false; 9];
        guests.extend([true; 3]);
        let said = AtomicU64::new(0);
        let say = |_: &str| _ = Progress::add(&said);
        let mut hunt = bench.with(differing(guests), &say);
        let sign = Sign::new(Kind::Differs, "speed", String::new());
        let batch = [(bench.known.plain(&["speed"]), 1)];
        let counts: Vec<bool> =
            (0..10).map(|_| hunt.suspect(&sign, &batch).unwrap()).collect();
        assert_eq!(counts, [&[false; 9][..], &[true]].concat());
        // Twice for each doubt that is told of, twice for the finding.
        let doubts = u64::from(Settings::default().doubts);
        assert_eq!(said.into_inner(), 2 * doubts + 2);
    }
}
