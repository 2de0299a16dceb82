//! What looks like a bug is tried again in fresh guests, made small, and written
//! down.

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use anyhow::Result;

use super::super::reduce::reduce;
use super::super::scenario::Scenario;
use super::super::store::Finding;
use super::super::target::Target;
use super::Hunt;
use crate::sign::{Kind, Sign};

/// Claimed by the worker that tries again why a driver died.
const DEAD: &str = "dead";
/// Fresh guests at most in which a smaller scenario has to show what shows at
/// times.
const MOST_ASKS: usize = 10;

impl<T: Target> Hunt<'_, T> {
    /// Tries what looks like a bug; true if it is one that was not known.
    pub(super) fn suspect(
        &mut self,
        sign: &Sign,
        batch: &[(Scenario, u64)],
    ) -> Result<bool> {
        let key = sign.key();
        let Some((last, _)) = batch.last() else { return Ok(false) };
        // Two guests that are out of step differ in what is right. While one
        // worker tries that again, another one may see what is wrong under the
        // same name, in a scenario that is run only once.
        let is_noisy = sign.kind == Kind::Differs;
        let is_known = match is_noisy {
            true => self.store.knows(&key),
            false => !self.store.claim(&key),
        };
        if is_known {
            return Ok(false);
        }
        // One bug kills a driver after many an action: one worker is enough
        // to look at that.
        let is_dead = sign.kind == Kind::Dead;
        if is_dead && !self.store.claim(DEAD) {
            self.store.release(&key);
            return Ok(false);
        }
        let found = self.try_again(sign, last, batch);
        if is_dead {
            self.store.release(DEAD);
        }
        if matches!(&found, Ok(Some(other)) if *other != key) {
            self.store.release(&key);
        }
        if !matches!(found, Ok(Some(_))) {
            let doubts = self.doubts.entry(key.clone()).or_default();
            *doubts += 1;
            let is_enough = *doubts >= self.settings.doubts;
            if !is_noisy && (found.is_err() || !is_enough) {
                self.store.release(&key);
            }
        }
        found.map(|key| key.is_some())
    }

    /// The key of what fresh guests have shown, if it counts.
    fn try_again(
        &mut self,
        sign: &Sign,
        last: &Scenario,
        batch: &[(Scenario, u64)],
    ) -> Result<Option<String>> {
        let key = sign.key();
        let doubts = self.doubts.get(&key).copied().unwrap_or(0);
        let is_told = doubts < self.settings.doubts;
        if is_told {
            (self.say)(&format!("{key}: {}; trying it again", sign.title));
        }
        let start = self.progress.start.elapsed();
        let inputs = self.progress.inputs.load(Ordering::Relaxed);
        let mut best = last.clone();
        let (mut shown, mut seen) = self.tries(&best, sign)?;
        if sign.kind == Kind::Differs {
            if shown == 0 && is_told {
                (self.say)(&format!("{key}: never again, so it is none"));
            }
            if shown == 0 || !self.store.claim(&key) {
                return Ok(None);
            }
        } else {
            // Those before it may have to do with it.
            for count in [2, 8, batch.len()] {
                if shown > 0
                    || self.ends()
                    || count > batch.len()
                    || batch.len() < 2
                {
                    break;
                }
                best = Scenario::joined(&batch[batch.len() - count..]);
                (shown, seen) = self.tries(&best, sign)?;
            }
        }
        let mut of = self.settings.tries;
        if shown == 0
            && sign.kind.is_crash()
            && let Some((number, sign)) = self.race(last, sign)?
        {
            best = last.clone();
            (shown, of, seen) = (1, number, Some(sign));
        }
        let sign = seen.unwrap_or_else(|| sign.clone());
        let is_other = sign.key() != key;
        let key = sign.key();
        if is_other && !self.store.claim(&key) {
            return Ok(None);
        }
        let mut finding = Finding {
            sign,
            scenario: best,
            shown: (shown, of),
            inputs,
            seconds: start.as_secs(),
        };
        let place = self.write(&finding)?;
        if shown > 0 {
            (self.say)(&format!("{key}: {shown} of {of}; it is made small"));
            if self.make_small(&mut finding)? {
                self.write(&finding)?;
            }
        }
        self.is_over = true;
        let how = match shown {
            0 => "never again, so it does not count",
            _ => "a finding",
        };
        (self.say)(&format!("{key}: {how}: {}", place.display()));
        Ok((shown > 0).then_some(key))
    }

    /// Leaves out of a finding's scenario what it does not take to show it;
    /// whether there was such.
    fn make_small(&mut self, finding: &mut Finding) -> Result<bool> {
        let sign = finding.sign.clone();
        // What shows only at times is asked for more than once.
        let asks = match finding.shown {
            (shown, of) if shown == of => 1,
            (shown, of) => of.div_ceil(shown.max(1)).clamp(3, MOST_ASKS),
        };
        let known = self.known;
        // Many drivers break a rule somewhere: there is more to look for.
        let share = match finding.sign.kind {
            Kind::Conduct => 4,
            _ => 1,
        };
        let most = self.settings.reductions.div_ceil(asks * share);
        let small = reduce(known, &finding.scenario, most, |smaller| {
            // It is small enough for one who wants to end.
            let ends = self.ends();
            for _ in (0..asks).filter(|_| !ends) {
                if self.again(smaller, &sign)?.is_some() {
                    return Ok(true);
                }
            }
            Ok(false)
        })?;
        if small == finding.scenario {
            return Ok(false);
        }
        let (shown, shows) = self.tries(&small, &sign)?;
        let (shown, seen) = match shows {
            Some(seen) => ((shown, self.settings.tries), seen),
            None if finding.shown.1 == self.settings.tries => return Ok(false),
            None => match self.race(&small, &sign)? {
                Some((number, seen)) => ((1, number), seen),
                None => return Ok(false),
            },
        };
        finding.scenario = small;
        finding.shown = shown;
        // Its folder is there.
        if seen.key() == sign.key() {
            finding.sign = seen;
        }
        Ok(true)
    }

    /// Writes a finding down, with what a guest left that showed it.
    fn write(&mut self, finding: &Finding) -> Result<PathBuf> {
        for _ in 0..finding.shown.1 {
            if self.shows || finding.shown.0 == 0 {
                break;
            }
            self.again(&finding.scenario, &finding.sign)?;
        }
        let target = &mut self.target;
        self.store.write(finding, |place| target.keep(place))
    }

    /// How many of some fresh guests show this, and what it looks like. Two
    /// drivers differ at times by the moment alone: there all have to show it.
    fn tries(
        &mut self,
        scenario: &Scenario,
        wanted: &Sign,
    ) -> Result<(usize, Option<Sign>)> {
        let (mut shown, mut sign) = (0, None);
        for number in 0..self.settings.tries {
            // Somebody waits for the end.
            if number > 0 && self.ends() {
                break;
            }
            match self.again(scenario, wanted)? {
                Some(seen) => {
                    shown += 1;
                    sign = Some(seen);
                }
                None if wanted.kind == Kind::Differs => return Ok((0, None)),
                None => {}
            }
        }
        Ok((shown, sign))
    }

    /// What of a scenario shows by chance alone, in one of many fresh guests:
    /// the number of the first that shows it.
    fn race(
        &mut self,
        scenario: &Scenario,
        wanted: &Sign,
    ) -> Result<Option<(usize, Sign)>> {
        for number in 1..=self.settings.races {
            if self.ends() {
                break;
            }
            if let Some(seen) = self.again(scenario, wanted)? {
                return Ok(Some((self.settings.tries + number, seen)));
            }
        }
        Ok(None)
    }

    /// Runs a scenario in a fresh guest; what it shows, if it is this, or a
    /// crash, as this is, that nobody knows yet.
    fn again(
        &mut self,
        scenario: &Scenario,
        wanted: &Sign,
    ) -> Result<Option<Sign>> {
        self.renew()?;
        let mut seen = self.target.run(scenario, &mut [])?;
        if !seen.is_over {
            let alive = self.target.alive(&scenario.actions)?;
            seen.signs.extend(alive.signs);
        }
        self.is_over = true;
        let key = wanted.key();
        let is_like_it = |sign: &&Sign| {
            wanted.kind.is_crash()
                && sign.kind.is_crash()
                && !self.store.knows(&sign.key())
        };
        let mut all = seen.signs.iter();
        let exact = all.clone().find(|sign| sign.key() == key);
        let sign = exact.or_else(|| all.find(is_like_it)).cloned();
        self.shows = sign.is_some();
        Ok(sign)
    }
}
