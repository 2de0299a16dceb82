//! Makes a scenario small that shows a bug: leaves out what becomes of
//! answers, then actions, then members of entries, then makes values simple.

use anyhow::Result;
use pccd::vary::{AnswerFile, SettingFile, TellFile};

use super::known::Known;
use super::scenario::Scenario;

/// The smallest scenario that was found for which `shows` is true still. It
/// is asked at most `most` times.
///
/// # Errors
/// When `shows` has one.
pub fn reduce(
    known: &Known,
    scenario: &Scenario,
    most: usize,
    shows: impl FnMut(&Scenario) -> Result<bool>,
) -> Result<Scenario> {
    let mut reducer = Reducer { best: scenario.clone(), left: most, shows };
    reducer.entries()?;
    reducer.actions(known)?;
    reducer.members()?;
    reducer.values()?;
    Ok(reducer.best)
}

struct Reducer<F> {
    best: Scenario,
    left: usize,
    shows: F,
}

impl<F: FnMut(&Scenario) -> Result<bool>> Reducer<F> {
    /// Takes a smaller one, if the bug shows.
    fn take(&mut self, smaller: Scenario) -> Result<bool> {
        if self.left == 0 || smaller == self.best {
            return Ok(false);
        }
        self.left -= 1;
        let shows = (self.shows)(&smaller)?;
        if shows {
            self.best = smaller;
        }
        Ok(shows)
    }

    /// Leaves out entries: halves first, then smaller parts.
    fn entries(&mut self) -> Result<()> {
        let mut part = self.best.answers.len();
        while part > 0 {
            let mut at = 0;
            while at < self.best.answers.len() {
                let mut smaller = self.best.clone();
                let end = (at + part).min(smaller.answers.len());
                smaller.answers.drain(at..end);
                if !self.take(smaller)? {
                    at += part;
                }
            }
            part /= 2;
        }
        Ok(())
    }

    /// Leaves out actions, the last first; the entries keep their answers.
    fn actions(&mut self, known: &Known) -> Result<()> {
        let mut at = self.best.actions.len();
        while at > 0 && self.best.actions.len() > 1 {
            at -= 1;
            let moved = without(known, &self.best, at);
            if self.take(moved)? {
                continue;
            }
            // Its answers may be others' now.
            let mut smaller = self.best.clone();
            smaller.actions.remove(at);
            self.take(smaller)?;
        }
        Ok(())
    }

    fn members(&mut self) -> Result<()> {
        for at in 0..self.best.answers.len() {
            for name in names(&self.best.answers[at]) {
                let mut smaller = self.best.clone();
                smaller.answers[at].set.remove(&name);
                self.try_entry(at, smaller)?;
            }
            for change in MEMBERS {
                let mut smaller = self.best.clone();
                change(&mut smaller.answers[at]);
                self.try_entry(at, smaller)?;
            }
        }
        Ok(())
    }

    /// An entry that says nothing any more is for [`Reducer::entries`], which
    /// was there before.
    fn try_entry(&mut self, at: usize, smaller: Scenario) -> Result<bool> {
        if smaller.answers[at].is_empty() {
            return Ok(false);
        }
        self.take(smaller)
    }

    fn values(&mut self) -> Result<()> {
        for at in 0..self.best.answers.len() {
            for name in names(&self.best.answers[at]) {
                for value in [0, 1, 0x10, 0x100, 0x1_0000] {
                    let now = self.best.answers[at].set.get(&name);
                    if !matches!(now, Some(SettingFile::Number(it)) if *it > value)
                    {
                        continue;
                    }
                    let mut smaller = self.best.clone();
                    let value = SettingFile::Number(value);
                    smaller.answers[at].set.insert(name.clone(), value);
                    if self.take(smaller)? {
                        break;
                    }
                }
            }
            self.smaller(at, |entry| &mut entry.repeat, 1)?;
            self.smaller(at, |entry| &mut entry.times, 1)?;
            self.smaller(at, |entry| &mut entry.later, 1)?;
            self.smaller(at, |entry| &mut entry.delay_ms, 1)?;
        }
        Ok(())
    }

    fn smaller<T: Copy + PartialEq>(
        &mut self,
        at: usize,
        member: impl Fn(&mut AnswerFile) -> &mut Option<T>,
        value: T,
    ) -> Result<()> {
        let mut smaller = self.best.clone();
        let place = member(&mut smaller.answers[at]);
        if place.is_some() {
            *place = Some(value);
            self.take(smaller)?;
        }
        Ok(())
    }
}

fn names(entry: &AnswerFile) -> Vec<String> {
    entry.set.keys().cloned().collect()
}

/// What an entry can be without.
const MEMBERS: &[fn(&mut AnswerFile)] = &[
    |entry| drop(entry.at.pop()),
    |entry| entry.at.clear(),
    |entry| entry.length = None,
    |entry| entry.drop = false,
    |entry| entry.repeat = None,
    |entry| entry.delay_ms = None,
    |entry| entry.later = None,
    |entry| {
        entry.unasked = None;
        entry.subspace = None;
        entry.times = None;
    },
    |entry| entry.envelope = None,
    |entry| {
        let without = |it: TellFile| TellFile { delay_ms: None, ..it };
        entry.envelope = entry.envelope.take().map(without);
    },
    |entry| {
        if let Some(envelope) = &mut entry.envelope {
            envelope.flags.pop();
        }
    },
];

/// The scenario without one of its actions and what becomes of the answers to
/// it.
fn without(known: &Known, scenario: &Scenario, at: usize) -> Scenario {
    let part = |actions: &[String]| {
        let actions = actions.to_vec();
        let part = Scenario::plain("", actions);
        known.answers(&part).len() as u64
    };
    let first = part(&scenario.actions[..at]);
    let count = part(&scenario.actions[at..=at]);
    let mut smaller = scenario.clone();
    smaller.actions.remove(at);
    smaller.answers.retain(|it| !(first..first + count).contains(&it.answer));
    for entry in &mut smaller.answers {
        if entry.answer >= first + count {
            entry.answer -= count;
        }
    }
    smaller
}

#[cfg(test)]
mod tests {
    use pccd::vary::{AtFile, Flag};

    use super::super::known::testing::known;
    use super::*;

    /// A large scenario, of which the fifth answer's status alone matters.
    fn large() -> Scenario {
        let known = known();
        let mut large =
            known.plain(&["speed", "bind", "speed", "speed", "bind"]);
        for answer in 0..8 {
            let mut entry = AnswerFile::of(answer);
            entry.set.insert("fan.length".to_owned(), SettingFile::Number(9));
            entry.set.insert("fan.status".to_owned(), SettingFile::Number(200));
            entry.at.push(AtFile { offset: 3, hex: "ff".to_owned() });
            entry.delay_ms = Some(answer + 40);
            let flags = vec![Flag::Force, Flag::Error];
            entry.envelope = Some(TellFile { flags, delay_ms: Some(4) });
            large.answers.push(entry);
        }
        large
    }

    /// What a driver does that trusts the status of its second answer to
    /// "speed".
    fn is_bad(known: &Known, scenario: &Scenario) -> bool {
        let answers = known.answers(scenario);
        scenario.answers.iter().any(|entry| {
            let at = usize::try_from(entry.answer).unwrap();
            let is_count = answers
                .get(at)
                .is_some_and(|it| it.spots[0].name == "fan.count");
            let status = entry.set.get("fan.status");
            let is_high =
                matches!(status, Some(SettingFile::Number(it)) if *it > 5);
            is_count && is_high
        })
    }

    #[test]
    fn what_does_not_matter_goes() {
        let known = known();
        let mut asked = 0;
        let small = reduce(&known, &large(), 1000, |it| {
            asked += 1;
            Ok(is_bad(&known, it))
        })
        .unwrap();
        assert!(is_bad(&known, &small));
        assert_eq!(small.actions, ["speed"]);
        assert_eq!(small.answers.len(), 1, "{small:?}");
        let entry = &small.answers[0];
        let mut wanted = AnswerFile::of(1);
        wanted.set.insert("fan.status".to_owned(), SettingFile::Number(0x10));
        assert_eq!(*entry, wanted);
        assert!(asked < 100, "{asked}");
    }

    #[test]
    fn it_stops_when_it_has_asked_enough() {
        let known = known();
        let mut asked = 0;
        let small = reduce(&known, &large(), 3, |it| {
            asked += 1;
            Ok(is_bad(&known, it))
        })
        .unwrap();
        assert_eq!(asked, 3);
        assert!(is_bad(&known, &small));
    }

    #[test]
    fn what_shows_nothing_else_stays_as_it_is() {
        let known = known();
        let large = large();
        let same = reduce(&known, &large, 1000, |_| Ok(false)).unwrap();
        assert_eq!(same, large);
    }
}
