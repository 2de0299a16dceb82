//! Changes of a scenario: one field at an edge, one answer late, one action
//! more. Each is a mutator of LibAFL's; several are made at a time.

use std::borrow::Cow;
use std::num::NonZeroUsize;
use std::sync::Arc;

use libafl::corpus::{Corpus, CorpusId};
use libafl::mutators::{MutationResult, Mutator};
use libafl::state::{HasCorpus, HasRand};
use libafl_bolts::Named;
use libafl_bolts::rands::Rand;
use pccd::vary::{AnswerFile, AtFile, Flag, TellFile};

use super::known::{Answer, Known, edges};
use super::scenario::{FLOOD, MOST_ACTIONS, SPACING_MS, Scenario};

/// The flags of an envelope that the device has, but for those by which a
/// command is never complete: they leave a driver no way on, and no bug of it
/// shows. Notifications come beside answers.
pub const FLAGS: &[Flag] = &[
    Flag::NoInterrupt,
    Flag::DoubleInterrupt,
    Flag::EarlyInterrupt,
    Flag::Error,
    Flag::Force,
];

/// Where chance comes from.
pub trait Dice {
    /// A number below this one; 0 if that is 0.
    fn below(&mut self, end: usize) -> usize;
}

impl<R: Rand> Dice for R {
    fn below(&mut self, end: usize) -> usize {
        NonZeroUsize::new(end).map_or(0, |end| Rand::below(self, end))
    }
}

/// A change: made, or it had nothing to change.
pub type Change = fn(&Known, &mut dyn Dice, &mut Scenario) -> bool;

/// The changes that know what the platform says.
pub const CHANGES: &[(&str, Change)] = &[
    // A name twice is twice as likely.
    ("edge", edge),
    ("edge", edge),
    ("edge", edge),
    ("flag", flag),
    ("interrupt-delay", interrupt_delay),
    ("delay", delay),
    ("drop", drop_answer),
    ("repeat", repeat),
    ("flood", flood),
    ("later", later),
    ("length", length),
    ("unasked", unasked),
    ("bytes", bytes),
    ("more-actions", more_actions),
    ("fewer-actions", fewer_actions),
    ("swap-actions", swap_actions),
    ("forget", forget),
    ("move", moved),
];

/// The changes that know nothing of it, to compare with.
pub const BLIND: &[(&str, Change)] = &[
    ("bytes", bytes),
    ("bytes", bytes),
    ("blind-length", blind_length),
    ("more-actions", more_actions),
    ("fewer-actions", fewer_actions),
    ("forget", forget),
];

fn pick<'a, T>(dice: &mut dyn Dice, all: &'a [T]) -> Option<&'a T> {
    all.get(dice.below(all.len()))
}

/// Some answer of the scenario, and its number.
fn answer<'k>(
    known: &'k Known,
    dice: &mut dyn Dice,
    scenario: &Scenario,
) -> Option<(u64, &'k Answer)> {
    let all = known.answers(scenario);
    let at = dice.below(all.len());
    Some((at as u64, *all.get(at)?))
}

/// The entry for an answer, a new one if there is none.
fn entry(scenario: &mut Scenario, answer: u64) -> &mut AnswerFile {
    let all = &mut scenario.answers;
    let at = all.iter().position(|entry| entry.answer == answer);
    let at = at.unwrap_or_else(|| {
        all.push(AnswerFile::of(answer));
        all.len() - 1
    });
    &mut all[at]
}

fn edge(known: &Known, dice: &mut dyn Dice, to: &mut Scenario) -> bool {
    let Some((number, answer)) = answer(known, dice, to) else { return false };
    let Some(spot) = pick(dice, &answer.spots) else { return false };
    let Some(value) = pick(dice, &edges(spot)).cloned() else { return false };
    entry(to, number).set.insert(spot.name.clone(), value);
    true
}

fn flag(known: &Known, dice: &mut dyn Dice, to: &mut Scenario) -> bool {
    let Some((number, _)) = answer(known, dice, to) else { return false };
    let Some(&flag) = pick(dice, FLAGS) else { return false };
    let envelope = &mut entry(to, number).envelope;
    let flags = &mut envelope.get_or_insert_default().flags;
    match flags.iter().position(|it| *it == flag) {
        Some(at) => drop(flags.remove(at)),
        None => flags.push(flag),
    }
    if *envelope == Some(TellFile::default()) {
        *envelope = None;
    }
    true
}

fn interrupt_delay(
    known: &Known,
    dice: &mut dyn Dice,
    to: &mut Scenario,
) -> bool {
    let Some((number, _)) = answer(known, dice, to) else { return false };
    let Some(&ms) = pick(dice, &known.delays()) else { return false };
    let envelope = entry(to, number).envelope.get_or_insert_default();
    envelope.delay_ms = Some(ms);
    true
}

fn delay(known: &Known, dice: &mut dyn Dice, to: &mut Scenario) -> bool {
    let Some((number, _)) = answer(known, dice, to) else { return false };
    let Some(&ms) = pick(dice, &known.delays()) else { return false };
    entry(to, number).delay_ms = Some(ms);
    true
}

fn drop_answer(known: &Known, dice: &mut dyn Dice, to: &mut Scenario) -> bool {
    let Some((number, _)) = answer(known, dice, to) else { return false };
    let is = &mut entry(to, number).drop;
    *is = !*is;
    true
}

fn repeat(known: &Known, dice: &mut dyn Dice, to: &mut Scenario) -> bool {
    let Some((number, _)) = answer(known, dice, to) else { return false };
    let count = 1 + dice.below(3) as u64;
    entry(to, number).repeat = Some(count);
    true
}

fn flood(known: &Known, dice: &mut dyn Dice, to: &mut Scenario) -> bool {
    let Some((number, _)) = answer(known, dice, to) else { return false };
    let ms = spacing(dice);
    let entry = entry(to, number);
    entry.repeat = Some(FLOOD);
    if ms > 0 {
        entry.envelope.get_or_insert_default().delay_ms = Some(ms.into());
    }
    true
}

/// Milliseconds between the messages of a flood; 0 is as fast as can be.
fn spacing(dice: &mut dyn Dice) -> u32 {
    u32::try_from(dice.below(SPACING_MS as usize + 1)).unwrap_or(SPACING_MS)
}

fn later(known: &Known, dice: &mut dyn Dice, to: &mut Scenario) -> bool {
    let Some((number, _)) = answer(known, dice, to) else { return false };
    let count = 1 + dice.below(3) as u64;
    entry(to, number).later = Some(count);
    true
}

fn length(known: &Known, dice: &mut dyn Dice, to: &mut Scenario) -> bool {
    let Some((number, answer)) = answer(known, dice, to) else { return false };
    let Some(&bytes) = pick(dice, &Known::lengths(answer)) else {
        return false;
    };
    entry(to, number).length = Some(bytes);
    true
}

fn blind_length(known: &Known, dice: &mut dyn Dice, to: &mut Scenario) -> bool {
    let Some((number, _)) = answer(known, dice, to) else { return false };
    entry(to, number).length = Some(dice.below(512) as u64);
    true
}

fn unasked(known: &Known, dice: &mut dyn Dice, to: &mut Scenario) -> bool {
    let Some((number, _)) = answer(known, dice, to) else { return false };
    let own = pick(dice, &known.unasked).filter(|_| dice.below(2) == 0);
    let said = own.or_else(|| answer(known, dice, to).map(|(_, it)| it));
    let Some(said) = said else { return false };
    let spot = pick(dice, &said.spots).filter(|_| dice.below(2) == 0);
    let varied =
        spot.and_then(|spot| said.set(spot, pick(dice, &edges(spot))?));
    let content = varied.unwrap_or_else(|| said.content.clone());
    let times = (dice.below(8) == 0).then_some(FLOOD);
    let content = match times.map(|_| spacing(dice)) {
        Some(ms @ 1..) => said.later(&content, ms),
        _ => content,
    };
    let content = hex::encode(content);
    let entry = entry(to, number);
    entry.unasked = Some(content);
    entry.subspace = Some(said.subspace);
    entry.times = times;
    true
}

fn bytes(known: &Known, dice: &mut dyn Dice, to: &mut Scenario) -> bool {
    const MOST: usize = 8;
    let Some((number, answer)) = answer(known, dice, to) else { return false };
    let offset = dice.below(answer.content.len().max(1));
    let count = 1 + dice.below(4);
    let bytes: Vec<u8> =
        (0..count).filter_map(|_| u8::try_from(dice.below(256)).ok()).collect();
    let at = &mut entry(to, number).at;
    at.truncate(MOST - 1);
    let offset = offset as u64;
    at.push(AtFile { offset, hex: hex::encode(bytes) });
    true
}

fn more_actions(known: &Known, dice: &mut dyn Dice, to: &mut Scenario) -> bool {
    if to.actions.len() >= MOST_ACTIONS {
        return false;
    }
    let Some(&name) = pick(dice, &known.actions()) else { return false };
    let at = dice.below(to.actions.len() + 1);
    to.actions.insert(at, name.to_owned());
    true
}

fn fewer_actions(_: &Known, dice: &mut dyn Dice, to: &mut Scenario) -> bool {
    if to.actions.len() < 2 {
        return false;
    }
    let at = dice.below(to.actions.len());
    to.actions.remove(at);
    true
}

fn swap_actions(_: &Known, dice: &mut dyn Dice, to: &mut Scenario) -> bool {
    let count = to.actions.len();
    if count < 2 {
        return false;
    }
    let (one, other) = (dice.below(count), dice.below(count));
    to.actions.swap(one, other);
    to.actions[one] != to.actions[other]
}

fn forget(_: &Known, dice: &mut dyn Dice, to: &mut Scenario) -> bool {
    if to.answers.is_empty() {
        return false;
    }
    let at = dice.below(to.answers.len());
    to.answers.remove(at);
    true
}

/// The same for another answer.
fn moved(known: &Known, dice: &mut dyn Dice, to: &mut Scenario) -> bool {
    let Some((number, _)) = answer(known, dice, to) else { return false };
    let at = dice.below(to.answers.len());
    let is_free = to.answers.iter().all(|entry| entry.answer != number);
    match to.answers.get_mut(at) {
        Some(entry) if is_free => entry.answer = number,
        _ => return false,
    }
    true
}

/// One of these changes, as a mutator.
pub struct Choice {
    list: &'static [(&'static str, Change)],
    known: Arc<Known>,
}

impl Choice {
    /// Of these, for this platform.
    pub fn new(
        list: &'static [(&'static str, Change)],
        known: &Arc<Known>,
    ) -> Choice {
        Choice { list, known: Arc::clone(known) }
    }
}

impl Named for Choice {
    fn name(&self) -> &Cow<'static, str> {
        &Cow::Borrowed("choice")
    }
}

/// What LibAFL calls the outcome.
fn result(is_changed: bool) -> MutationResult {
    match is_changed {
        true => MutationResult::Mutated,
        false => MutationResult::Skipped,
    }
}

impl<S: HasRand> Mutator<Scenario, S> for Choice {
    fn mutate(
        &mut self,
        state: &mut S,
        to: &mut Scenario,
    ) -> Result<MutationResult, libafl::Error> {
        let at = Dice::below(state.rand_mut(), self.list.len());
        let Some((_, change)) = self.list.get(at) else {
            return Ok(MutationResult::Skipped);
        };
        let is_changed = change(&self.known, state.rand_mut(), to);
        to.trim();
        Ok(result(is_changed))
    }

    fn post_exec(
        &mut self,
        _: &mut S,
        _: Option<CorpusId>,
    ) -> Result<(), libafl::Error> {
        Ok(())
    }
}

/// Makes one of a scenario and another one of the corpus.
pub struct Combine {
    name: Cow<'static, str>,
    known: Arc<Known>,
    /// Whether the other one is of use.
    fits: fn(&Scenario, &Scenario) -> bool,
    both: fn(&Known, &mut dyn Dice, &Scenario, &Scenario) -> Scenario,
}

impl Combine {
    /// The actions of the other one behind some of this one's, with what
    /// becomes of their answers.
    pub fn splice(known: &Arc<Known>) -> Combine {
        Combine {
            name: Cow::Borrowed("splice"),
            known: Arc::clone(known),
            fits: |_, _| true,
            both: |known, dice, one, other| {
                let actions = dice.below(one.actions.len() + 1);
                splice(known, one, actions, other)
            },
        }
    }

    /// What the other one does to the answers, too: a wrong count here, a
    /// wrong length there. They are to the same requests only where the actions
    /// are the same.
    pub fn merge(known: &Arc<Known>) -> Combine {
        Combine {
            name: Cow::Borrowed("merge"),
            known: Arc::clone(known),
            fits: |one, other| {
                other.actions == one.actions && !other.answers.is_empty()
            },
            both: |_, _, one, other| merge(one, other),
        }
    }
}

/// The first `actions` actions of one scenario, then the other.
fn splice(
    known: &Known,
    one: &Scenario,
    actions: usize,
    other: &Scenario,
) -> Scenario {
    let mut head = one.clone();
    head.actions.truncate(actions);
    let requests = known.answers(&head).len() as u64;
    head.answers.retain(|entry| entry.answer < requests);
    let mut whole = Scenario::joined(&[(head, requests), (other.clone(), 0)]);
    whole.trim();
    whole
}

/// The changes of both, as far as there are such answers.
fn merge(one: &Scenario, other: &Scenario) -> Scenario {
    let mut both = one.clone();
    let more = other.answers.iter().filter(|it| !one.answers.contains(it));
    both.answers.extend(more.cloned());
    both.trim();
    both
}

impl Named for Combine {
    fn name(&self) -> &Cow<'static, str> {
        &self.name
    }
}

impl<S: HasRand + HasCorpus<Scenario>> Mutator<Scenario, S> for Combine {
    fn mutate(
        &mut self,
        state: &mut S,
        to: &mut Scenario,
    ) -> Result<MutationResult, libafl::Error> {
        let mut fits = Vec::new();
        for id in state.corpus().ids() {
            let kept = state.corpus().get(id)?.borrow();
            if kept.input().as_ref().is_some_and(|it| (self.fits)(to, it)) {
                fits.push(id);
            }
        }
        let at = Dice::below(state.rand_mut(), fits.len());
        let Some(id) = fits.get(at) else {
            return Ok(MutationResult::Skipped);
        };
        let other = state.corpus().cloned_input_for_id(*id)?;
        let whole = (self.both)(&self.known, state.rand_mut(), to, &other);
        let is_changed = whole != *to;
        *to = whole;
        Ok(result(is_changed))
    }

    fn post_exec(
        &mut self,
        _: &mut S,
        _: Option<CorpusId>,
    ) -> Result<(), libafl::Error> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use libafl_bolts::rands::StdRand;
    use pccd::vary::{MOST_ENTRIES, SettingFile};

    use super::super::known::testing::known;
    use super::*;

    /// What a change makes of a scenario, for many throws of the dice.
    fn made(change: Change) -> Vec<Scenario> {
        let known = known();
        let mut dice = StdRand::with_seed(7);
        (0..300)
            .filter_map(|_| {
                let mut scenario = known.plain(&["speed", "bind", "speed"]);
                change(&known, &mut dice, &mut scenario).then_some(scenario)
            })
            .collect()
    }

    #[test]
    fn each_changes_something_and_only_what_is_there() {
        for (name, change) in CHANGES.iter().chain(BLIND) {
            let plain = known().plain(&["speed", "bind", "speed"]);
            let all = made(*change);
            if ["forget", "move"].contains(name) {
                assert!(all.is_empty(), "{name}: there is no entry");
                continue;
            }
            assert!(all.len() > 100, "{name}");
            for scenario in &all {
                assert_ne!(*scenario, plain, "{name}");
                let is_one = scenario.answers.iter().all(|e| e.answer < 5);
                assert!(is_one, "{name}: {scenario:?}");
                assert!(scenario.actions.len() <= 4, "{name}");
            }
        }
    }

    #[test]
    fn merged_is_what_both_do_to_the_same_answers() {
        let known = known();
        let with = |answer, drop| {
            let mut scenario = known.plain(&["speed", "bind"]);
            let entry = AnswerFile { drop, ..AnswerFile::of(answer) };
            scenario.answers.push(AnswerFile { length: Some(7), ..entry });
            scenario
        };
        let (one, other) = (with(0, false), with(2, true));
        let both = merge(&one, &other);
        assert_eq!(both.actions, one.actions);
        let all = [&one.answers[..], &other.answers[..]].concat();
        assert_eq!(both.answers, all);
        assert_eq!(merge(&both, &other), both, "nothing twice");
    }

    #[test]
    fn edges_are_of_the_fields_of_that_answer() {
        let all = made(edge);
        let has = |answer: u64, name: &str, value: u64| {
            all.iter().any(|scenario| {
                let entry = &scenario.answers[0];
                entry.answer == answer
                    && entry.set.get(name) == Some(&SettingFile::Number(value))
            })
        };
        assert!(has(0, "fan.speed", u64::from(u32::MAX)));
        assert!(has(2, "fan.id", 0));
        assert!(!has(2, "fan.speed", 0), "that one has no speed");
        assert!((0..5).any(|answer| has(answer, "fan.status", 5)));
    }

    #[test]
    fn delays_lie_at_the_time_out() {
        let all = made(delay);
        for wanted in [1, 498, 500, 502, 551] {
            let has = |it: &Scenario| it.answers[0].delay_ms == Some(wanted);
            assert!(all.iter().any(has), "{wanted}");
        }
    }

    #[test]
    fn a_second_throw_takes_a_flag_away() {
        let known = known();
        let mut dice = StdRand::with_seed(1);
        let mut scenario = known.plain(&["bind"]);
        let mut counts = std::collections::BTreeSet::new();
        for _ in 0..200 {
            assert!(flag(&known, &mut dice, &mut scenario));
            let envelope = scenario.answers[0].envelope.clone();
            let mut flags = envelope.unwrap_or_default().flags;
            counts.insert(flags.len());
            let count = flags.len();
            flags.sort_by_key(|it| *it as u32);
            flags.dedup();
            assert_eq!(flags.len(), count, "none is there twice");
        }
        assert!(counts.contains(&0) && counts.contains(&3), "{counts:?}");
    }

    #[test]
    fn many_changes_stay_within_the_limits() {
        let known = known();
        let mut dice = StdRand::with_seed(3);
        let mut scenario = known.plain(&["speed"]);
        for _ in 0..5000 {
            let (_, change) = CHANGES[Dice::below(&mut dice, CHANGES.len())];
            change(&known, &mut dice, &mut scenario);
            scenario.trim();
        }
        assert!(scenario.actions.len() <= MOST_ACTIONS);
        assert!(!scenario.actions.is_empty());
        assert!(scenario.answers.len() <= MOST_ENTRIES);
        assert!(scenario.to_json().len() < 64 << 10);
    }

    #[test]
    fn the_same_seed_gives_the_same() {
        let run = |seed| {
            let known = known();
            let mut dice = StdRand::with_seed(seed);
            let mut scenario = known.plain(&["speed"]);
            for _ in 0..50 {
                let (_, change) =
                    CHANGES[Dice::below(&mut dice, CHANGES.len())];
                change(&known, &mut dice, &mut scenario);
            }
            scenario
        };
        assert_eq!(run(5), run(5));
        assert_ne!(run(5), run(6));
    }

    #[test]
    fn two_scenarios_are_spliced() {
        let known = known();
        let mut one = known.plain(&["speed", "bind"]);
        one.answers = vec![AnswerFile::of(1), AnswerFile::of(2)];
        one.answers[0].drop = true;
        one.answers[1].drop = true;
        let mut other = known.plain(&["bind"]);
        other.answers =
            vec![AnswerFile { length: Some(3), ..AnswerFile::of(0) }];
        let whole = splice(&known, &one, 1, &other);
        assert_eq!(whole.actions, ["speed", "bind"]);
        assert_eq!(whole.answers.len(), 2);
        assert!(whole.answers[0].drop && whole.answers[0].answer == 1);
        assert_eq!(whole.answers[1].answer, 2);
        assert_eq!(whole.answers[1].length, Some(3));
    }
}
