//! Each action after each other, each many times in a row, and the scenarios
//! with one change: every edge of every field of every answer, and all else that
//! can become of an answer; two numbers that are as large as can be; and each
//! action while messages that nobody asked for come one after the other. There
//! are some hundreds to some thousands; the search does them beside what chance
//! brings.

use pccd::vary::{AnswerFile, SettingFile, Spot, TellFile, What};

use super::known::{Answer, Known, edges};
use super::mutate::FLAGS;
use super::scenario::{FLOOD, SPACING_MS, Scenario};

/// How often in a row: a platform may answer otherwise the fifth time.
const TIMES: usize = 12;
/// Rows take long: so many others come before each.
const BETWEEN: usize = 16;
/// How many pairs of numbers at most.
const PAIRS: usize = 2000;

/// All of them, mixed by `seed`; those that vary nothing come first, but for the
/// rows.
pub fn scenarios(known: &Known, seed: u64) -> Vec<Scenario> {
    let (mut plains, mut rows) = (Vec::new(), Vec::new());
    let (mut all, mut pairs) = (Vec::new(), Vec::new());
    for (action, answers) in &known.answers {
        let plain = known.plain_of(action);
        plains.push(plain.clone());
        let mut row = plain.clone();
        row.actions = vec![plain.actions.clone(); TIMES].concat();
        rows.push(row);
        // What one leaves another may not expect.
        let all_next = known.actions().into_iter();
        plains.extend(all_next.map(|next| one_then(known, action, next)));
        // `answers` are those to all of it. What is checked against one size
        // may be used with another.
        let sizes = sizes(answers);
        for (at, one) in sizes.iter().enumerate() {
            pairs.extend(sizes[at + 1..].iter().map(|it| (action, *one, *it)));
        }
        all.extend(floods(known, action));
        for (number, answer) in answers.iter().enumerate() {
            let entry = AnswerFile::of(number as u64);
            let mut add = |entry: AnswerFile| {
                let mut scenario = plain.clone();
                scenario.answers.push(entry);
                all.push(scenario);
            };
            for spot in &answer.spots {
                for value in edges(spot) {
                    let mut entry = entry.clone();
                    entry.set.insert(spot.name.clone(), value);
                    add(entry);
                }
            }
            for flag in FLAGS {
                let flags = vec![*flag];
                let envelope = Some(TellFile { flags, delay_ms: None });
                add(AnswerFile { envelope, ..entry.clone() });
            }
            for ms in known.delays() {
                add(AnswerFile { delay_ms: Some(ms), ..entry.clone() });
            }
            for length in Known::lengths(answer) {
                add(AnswerFile { length: Some(length), ..entry.clone() });
            }
            add(AnswerFile { drop: true, ..entry.clone() });
            add(AnswerFile { repeat: Some(1), ..entry.clone() });
            add(AnswerFile { later: Some(1), ..entry.clone() });
            add(AnswerFile {
                unasked: Some(hex::encode(&answer.content)),
                subspace: Some(answer.subspace),
                ..entry.clone()
            });
        }
    }
    let asks = known.answers.iter().find(|(_, answers)| !answers.is_empty());
    if let Some((action, _)) = asks {
        let plain = known.plain_of(action);
        for message in &known.unasked {
            let subspace = Some(message.subspace);
            for content in message.varied() {
                let unasked = Some(hex::encode(content));
                let mut scenario = plain.clone();
                scenario.answers.push(AnswerFile {
                    unasked,
                    subspace,
                    ..AnswerFile::of(0)
                });
                all.push(scenario);
            }
        }
    }
    let mut two = Vec::new();
    for (action, one, other) in pairs {
        let mut scenario = known.plain_of(action);
        for (number, spot) in [one, other] {
            let mut entry = AnswerFile::of(number);
            let most = SettingFile::Number(spot.most());
            entry.set.insert(spot.name.clone(), most);
            scenario.answers.push(entry);
        }
        two.push(scenario);
    }
    mix(&mut two, seed);
    all.extend(two.into_iter().take(PAIRS));
    mix(&mut plains, seed);
    mix(&mut all, seed);
    mix(&mut rows, seed);
    plains.append(&mut all);
    for (number, row) in rows.into_iter().enumerate() {
        let at = (number + 1) * (BETWEEN + 1) - 1;
        plains.insert(at.min(plains.len()), row);
    }
    plains
}

/// A scenario that varies nothing, of two actions and what comes before each.
fn one_then(known: &Known, action: &str, next: &str) -> Scenario {
    let mut both = known.plain_of(action);
    both.actions.extend_from_slice(&known.plain_of(next).actions);
    both
}

/// Each action while the last answer to this one comes again and again; and
/// those that ask for nothing, as unbind, while other messages do, at once and
/// with time for each.
fn floods(known: &Known, action: &str) -> Vec<Scenario> {
    let Some(last) = known.answers[action].len().checked_sub(1) else {
        return Vec::new();
    };
    let of_last = AnswerFile::of(last as u64);
    let again = AnswerFile { repeat: Some(FLOOD), ..of_last.clone() };
    let then = |next: &str, entry: &AnswerFile| {
        let mut scenario = one_then(known, action, next);
        scenario.answers.push(entry.clone());
        scenario
    };
    let all = known.actions().into_iter();
    let mut floods: Vec<_> = all.map(|next| then(next, &again)).collect();
    let is_quiet = |next: &&str| {
        known.answers[*next].is_empty() || known.before.contains_key(*next)
    };
    let quiet: Vec<_> = known.actions().into_iter().filter(is_quiet).collect();
    let slow =
        TellFile { delay_ms: Some(SPACING_MS.into()), flags: Vec::new() };
    let slowly = AnswerFile { envelope: Some(slow), ..again };
    floods.extend(quiet.iter().map(|next| then(next, &slowly)));
    for message in &known.unasked {
        let content = &message.content;
        let slow = message.later(content, SPACING_MS);
        for content in [content, &slow] {
            let entry = AnswerFile {
                unasked: Some(hex::encode(content)),
                subspace: Some(message.subspace),
                times: Some(FLOOD),
                ..of_last.clone()
            };
            floods.extend(quiet.iter().map(|next| then(next, &entry)));
        }
    }
    floods
}

/// The numbers behind the PCC headers that are no code, and the answers that
/// have them.
fn sizes(answers: &[Answer]) -> Vec<(u64, &Spot)> {
    let is_size = |spot: &&Spot| {
        let what =
            matches!(spot.what, What::Length | What::Count | What::Number);
        what && !spot.name.starts_with("pcc.")
    };
    let all = (0..).zip(answers);
    all.flat_map(|(number, answer)| {
        let spots = answer.spots.iter().filter(is_size);
        spots.map(move |spot| (number, spot))
    })
    .collect()
}

/// Whether it is an action many times in a row.
pub fn is_row(scenario: &Scenario) -> bool {
    scenario.actions.len() >= TIMES && scenario.answers.is_empty()
}

/// The same order for the same seed, on every machine, whatever else is among
/// them.
fn mix(all: &mut [Scenario], seed: u64) {
    all.sort_by_cached_key(|scenario| scenario.hash(seed));
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::known::testing::known;
    use super::*;

    #[test]
    fn each_is_there_once_and_changes_one_thing_or_two_numbers() {
        let known = known();
        let all = scenarios(&known, 1);
        let names: BTreeSet<_> = all.iter().map(Scenario::name).collect();
        assert_eq!(names.len(), all.len());
        assert!(all.len() > 100, "{}", all.len());
        let mut floods = 0;
        let is_flood = |it: &Scenario| {
            let times = |e: &AnswerFile| e.repeat.or(e.times);
            it.answers.iter().any(|e| times(e) == Some(FLOOD))
        };
        for scenario in &all {
            let few = is_row(scenario) || scenario.actions.len() <= 2;
            assert!(few, "{scenario:?}");
            let is_pair = scenario.answers.len() == 2;
            if is_flood(scenario) {
                floods += 1;
                continue;
            }
            let changes = usize::from(scenario.actions.len() == 1);
            assert!(
                is_pair || scenario.answers.len() <= changes,
                "{scenario:?}"
            );
        }
        // Both actions ask for something.
        assert_eq!(floods, 2 * 2);
        assert!(all.iter().any(|it| it.actions == ["speed"; TIMES]));
        let places: Vec<_> =
            (0..all.len()).filter(|at| is_row(&all[*at])).collect();
        assert_eq!(places, [16, 33]);
        for both in [["bind", "speed"], ["speed", "bind"], ["bind", "bind"]] {
            assert!(all.iter().any(|it| it.actions == both), "{both:?}");
        }
        let most = SettingFile::Number(u64::from(u32::MAX));
        let has = |it: &Scenario, answer, name| {
            let mut entries = it.answers.iter();
            entries.any(|e| e.answer == answer && e.set.contains_key(name))
        };
        let pair = |it: &&Scenario| {
            has(it, 0, "fan.length") && has(it, 1, "fan.count")
        };
        assert_eq!(all.iter().filter(pair).count(), 1);
        assert!(all.iter().any(|it| {
            it.answers.iter().any(|e| e.set.get("fan.count") == Some(&most))
        }));
        assert!(all.iter().any(|it| it.answers.is_empty()));
        let unasked =
            |it: &&Scenario| it.answers.iter().any(|e| e.subspace == Some(2));
        let unasked = all.iter().filter(unasked).count();
        assert!(unasked > 5, "a message of its own, with each edge");
    }

    #[test]
    fn what_nobody_asked_for_floods_what_asks_for_nothing() {
        let mut known = known();
        known.answers.insert("unbind".to_owned(), Vec::new());
        let all = scenarios(&known, 1);
        let floods = all.iter().filter(|scenario| {
            scenario.answers.iter().any(|entry| {
                entry.times == Some(FLOOD) && entry.subspace == Some(2)
            })
        });
        let mut actions: Vec<_> = floods.map(|it| &it.actions).collect();
        actions.sort_unstable();
        let [bind, speed] = [&["bind", "unbind"], &["speed", "unbind"]];
        assert_eq!(actions, [bind, bind, speed, speed], "at once, and slowly");
        let slow = |it: &&Scenario| {
            it.answers
                .iter()
                .any(|e| e.repeat.is_some() && e.envelope.is_some())
        };
        assert_eq!(all.iter().filter(slow).count(), 2);
    }

    #[test]
    fn what_is_learnt_beside_it_moves_nothing() {
        let before = known();
        let mut after = before.clone();
        let speed = after.answers["speed"].clone();
        after.answers.insert("more".to_owned(), speed);
        let (before, after) = (scenarios(&before, 7), scenarios(&after, 7));
        let plain = |it: &&Scenario| !is_row(it);
        let known: BTreeSet<_> = before.iter().map(Scenario::name).collect();
        let kept = after.iter().filter(|it| known.contains(&it.name()));
        assert!(kept.filter(plain).eq(before.iter().filter(plain)));
    }

    #[test]
    fn the_seed_is_the_order() {
        let known = known();
        assert_eq!(scenarios(&known, 1), scenarios(&known, 1));
        assert_ne!(scenarios(&known, 1), scenarios(&known, 2));
        let sorted = |seed| {
            let all = scenarios(&known, seed);
            all.iter().map(Scenario::name).collect::<BTreeSet<_>>()
        };
        assert_eq!(sorted(1), sorted(2));
    }
}
