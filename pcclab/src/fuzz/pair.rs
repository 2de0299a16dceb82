//! Two drivers that meet the same platform: what an action gives with one and
//! not with the other is a sign of its own.

use std::path::Path;

use anyhow::Result;

use super::scenario::Scenario;
use super::sign::{Kind, Sign};
use super::target::{Seen, Target};

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

impl<T: Target> Target for Pair<T> {
    fn renew(&mut self) -> Result<()> {
        self.one.renew()?;
        self.other.as_mut().map_or(Ok(()), Target::renew)
    }

    fn run(&mut self, scenario: &Scenario, hits: &mut [u8]) -> Result<Seen> {
        let mut seen = self.one.run(scenario, hits)?;
        let Some(other) = &mut self.other else { return Ok(seen) };
        let with = other.run(scenario, &mut [])?;
        // One that came to no end did not do all.
        if !seen.is_over && !with.is_over {
            let names = &scenario.actions;
            seen.signs.extend(differs(names, &seen.gave, &with.gave));
        }
        seen.is_over |= with.is_over;
        Ok(seen)
    }

    fn alive(&mut self, after: &[String]) -> Result<Seen> {
        let mut seen = self.one.alive(after)?;
        if let Some(other) = &mut self.other {
            // What is wrong with it is not what is searched.
            seen.is_over |= other.alive(after)?.is_over;
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

    /// A driver that gives this for each action, and can die.
    struct Gives(&'static [&'static str], bool);

    impl Target for Gives {
        fn renew(&mut self) -> Result<()> {
            Ok(())
        }

        fn run(&mut self, _: &Scenario, _: &mut [u8]) -> Result<Seen> {
            let gave = self.0.iter().map(|it| (*it).to_owned()).collect();
            Ok(Seen { gave, is_over: self.1, ..Seen::default() })
        }

        fn alive(&mut self, _: &[String]) -> Result<Seen> {
            Ok(Seen { is_over: self.1, ..Seen::default() })
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
        let good = || Gives(&["0 7", "1", "0 8"], false);
        let bad = || Gives(&["0 7", "0 3", "0 -8"], false);
        let dead = |one: Gives| Gives(one.0, true);
        assert_eq!(seen(bad(), None), (None, false));
        assert_eq!(seen(good(), Some(good())), (None, false));
        assert_eq!(seen(bad(), Some(dead(good()))), (None, true));
        assert_eq!(seen(dead(bad()), Some(good())), (None, true));
        let (sign, is_over) = seen(bad(), Some(good()));
        let sign = sign.unwrap();
        assert!(!is_over);
        assert_eq!(sign.key(), "differs-fan-load-0-1");
        assert_eq!(sign.title, r#"fan/load gives "0 3", and not "1""#);
        let lines = ["speed: 0 7", "fan/load: 0 3 -- and not 1"];
        assert_eq!(sign.lines[..2], lines);
        assert_eq!(sign.lines[2], "speed: 0 -8 -- and not 0 8");
    }
}
