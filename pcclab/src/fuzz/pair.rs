//! Two drivers that meet the same platform: what an action gives with one and
//! not with the other is a sign of its own, and what is wrong with both is none.

use std::path::Path;

use anyhow::Result;

use super::scenario::Scenario;
use super::target::{Observed, Target};
use crate::sign::{Kind, Sign};

/// A driver that is searched, and perhaps one that it is compared with.
pub struct Pair<T> {
    one: T,
    other: Option<T>,
}

impl<T> Pair<T> {
    /// With `other`, what `one` gives is compared.
    pub fn new(one: T, other: Option<T>) -> Pair<T> {
        Pair { one, other }
    }
}

/// The first action that gives something else, with all that they give. The
/// sign's place is its name; and how both end, if not alike.
fn differs(names: &[String], one: &[String], other: &[String]) -> Option<Sign> {
    let all = || names.iter().zip(one.iter().zip(other));
    let (name, (gives, wanted)) =
        all().find(|(_, (one, other))| one != other)?;
    let [one, other] =
        [gives, wanted].map(|gave| gave.split(' ').next().unwrap_or_default());
    let place = match one == other {
        true => name.clone(),
        false => format!("{name}-{one}-{other}"),
    };
    let short = |text: &str| match text.char_indices().nth(60) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text.to_owned(),
    };
    let (gives, wanted) = (short(gives), short(wanted));
    let title = format!("{name} gives \"{gives}\", and not \"{wanted}\"");
    let mut sign = Sign::new(Kind::Differs, &place, title);
    sign.lines = all()
        .map(|(name, (one, other))| match one == other {
            true => format!("{name}: {one}"),
            false => format!("{name}: {one} -- and not {other}"),
        })
        .collect();
    Some(sign)
}

/// Takes away what is wrong with the other driver, too: tried again and made
/// small one by one, it would take the time of what tells the two apart.
fn leave_own(signs: &mut Vec<Sign>, others: &[Sign]) {
    let keys: Vec<String> = others.iter().map(Sign::key).collect();
    signs.retain(|it| !keys.contains(&it.key()));
}

impl<T: Target> Target for Pair<T> {
    fn renew(&mut self) -> Result<()> {
        self.one.renew()?;
        self.other.as_mut().map_or(Ok(()), Target::renew)
    }

    fn run(
        &mut self,
        scenario: &Scenario,
        hits: &mut [u8],
    ) -> Result<Observed> {
        let mut seen = self.one.run(scenario, hits)?;
        let Some(other) = &mut self.other else { return Ok(seen) };
        let with = other.run(scenario, &mut [])?;
        // One that came to no end did not do all.
        if !seen.is_over && !with.is_over {
            let names = &scenario.actions;
            seen.signs.extend(differs(names, &seen.gave, &with.gave));
        }
        leave_own(&mut seen.signs, &with.signs);
        seen.is_over |= with.is_over;
        Ok(seen)
    }

    fn alive(&mut self, after: &[String]) -> Result<Observed> {
        let mut seen = self.one.alive(after)?;
        if let Some(other) = &mut self.other {
            let with = other.alive(after)?;
            leave_own(&mut seen.signs, &with.signs);
            seen.is_over |= with.is_over;
        }
        Ok(seen)
    }

    fn keep(&mut self, folder: &Path) -> Result<()> {
        self.one.keep(folder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A driver that gives this for each action, breaks these rules, and can
    /// die.
    struct Gives(&'static [&'static str], &'static [&'static str], bool);

    impl Gives {
        fn signs(&self) -> Vec<Sign> {
            let rule = |it: &&str| Sign::new(Kind::Conduct, it, String::new());
            let dead = || Sign::new(Kind::Dead, "speed", String::new());
            let died = self.2.then(dead);
            self.1.iter().map(rule).chain(died).collect()
        }
    }

    impl Target for Gives {
        fn renew(&mut self) -> Result<()> {
            Ok(())
        }

        fn run(&mut self, _: &Scenario, _: &mut [u8]) -> Result<Observed> {
            let gave = self.0.iter().map(|it| (*it).to_owned()).collect();
            let signs = self.signs();
            Ok(Observed { gave, signs, is_over: self.2, ..Observed::default() })
        }

        fn alive(&mut self, _: &[String]) -> Result<Observed> {
            let signs = self.signs();
            Ok(Observed { signs, is_over: self.2, ..Observed::default() })
        }

        fn keep(&mut self, _: &Path) -> Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_one_gives_and_the_other_does_not_is_a_sign() {
        let names = ["speed", "fan/load", "speed"].map(str::to_owned);
        let plain = Scenario::plain("fan", names.to_vec());
        let seen = |one, other| {
            let mut pair = Pair::new(one, other);
            pair.renew().unwrap();
            let mut seen = pair.run(&plain, &mut []).unwrap();
            let alive = pair.alive(&plain.actions).unwrap();
            assert_eq!(seen.is_over, alive.is_over);
            (seen.signs.pop(), seen.is_over)
        };
        let good = || Gives(&["0 7", "1", "0 8"], &[], false);
        let bad = || Gives(&["0 7", "0 3", "0 -8"], &[], false);
        let dead = |one: Gives| Gives(one.0, one.1, true);
        assert_eq!(seen(bad(), None), (None, false));
        assert_eq!(seen(good(), Some(good())), (None, false));
        assert_eq!(seen(bad(), Some(dead(good()))), (None, true));
        assert_eq!(seen(dead(bad()), Some(dead(good()))), (None, true));
        let (sign, is_over) = seen(dead(bad()), Some(good()));
        assert_eq!((sign.unwrap().kind, is_over), (Kind::Dead, true));
        let (sign, is_over) = seen(bad(), Some(good()));
        let sign = sign.unwrap();
        assert!(!is_over);
        assert_eq!(sign.key(), "differs-fan-load-0-1");
        assert_eq!(sign.title, r#"fan/load gives "0 3", and not "1""#);
        let lines = ["speed: 0 7", "fan/load: 0 3 -- and not 1"];
        assert_eq!(sign.lines[..2], lines);
        assert_eq!(sign.lines[2], "speed: 0 -8 -- and not 0 8");
    }

    #[test]
    fn a_break_of_conduct_counts_if_one_alone_has_it() {
        let plain = Scenario::plain("fan", vec!["speed".to_owned()]);
        let with = |rules| Gives(&["0 7"], rules, false);
        let mut pair =
            Pair::new(with(&["busy", "length"]), Some(with(&["busy"])));
        let run = pair.run(&plain, &mut []).unwrap();
        let alive = pair.alive(&plain.actions).unwrap();
        for seen in [run, alive] {
            let keys: Vec<String> = seen.signs.iter().map(Sign::key).collect();
            assert_eq!(keys, ["conduct-length"]);
        }
    }
}
