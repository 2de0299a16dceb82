//! What the platform says when nothing is varied: its answers to each action,
//! their fields, and the values at and beyond the edges of each.

use std::collections::{BTreeMap, BTreeSet};

use pccd::vary::{SettingFile, Spot, What};
use pccd::wire::layout::Value;
use pccd::wire::pcc::Envelope;

use super::scenario::Scenario;

/// One answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The channel it was for.
    pub subspace: u8,
    /// Its bytes, without an envelope.
    pub content: Vec<u8>,
    /// What in it can be set.
    pub spots: Vec<Spot>,
}

impl Answer {
    /// Its bytes with this field set, if the value fits.
    pub fn set(&self, spot: &Spot, value: &SettingFile) -> Option<Vec<u8>> {
        let value = match value {
            SettingFile::Number(number) => Value::Number(*number),
            SettingFile::Negative(number) => {
                Value::Number(number.cast_unsigned())
            }
            SettingFile::Text(digits) => {
                Value::Bytes(hex::decode(digits).ok()?)
            }
        };
        let mut content = self.content.clone();
        spot.write(&mut content, &value).ok()?;
        Some(content)
    }

    /// These bytes, or others of its kind, with an envelope that has its
    /// interrupt so many milliseconds later.
    pub fn later(&self, content: &[u8], delay_ms: u32) -> Vec<u8> {
        let Answer { subspace, .. } = *self;
        let mut all = Envelope { flags: 0, delay_ms, subspace }.encode();
        all.extend(content);
        all
    }

    /// Its bytes, and those with one field at or beyond an edge.
    pub fn varied(&self) -> Vec<Vec<u8>> {
        let edges = |spot| edges(spot).into_iter().map(move |it| (spot, it));
        let all = self.spots.iter().flat_map(edges);
        let all = all.filter_map(|(spot, value)| self.set(spot, &value));
        let all = all.chain([self.content.clone()]);
        all.collect::<BTreeSet<_>>().into_iter().collect()
    }
}

/// What is known of a platform.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Its name, or names with blanks between.
    pub platform: String,
    /// The answers to each action of the guest.
    pub answers: BTreeMap<String, Vec<Answer>>,
    /// Messages that nobody asked for, each once.
    pub unasked: Vec<Answer>,
    /// What comes before an action, so that there are these answers.
    pub before: BTreeMap<String, Vec<String>>,
    /// How long its drivers wait for an answer, in milliseconds.
    pub timeout_ms: u64,
}

impl Known {
    /// The answers of a scenario, as far as they can be told: those to its
    /// actions, one after the other.
    pub fn answers(&self, scenario: &Scenario) -> Vec<&Answer> {
        let each = scenario.actions.iter();
        each.filter_map(|name| self.answers.get(name)).flatten().collect()
    }

    /// Takes these messages over that are not known yet; some are enough.
    pub fn add_unasked(&mut self, messages: Vec<Answer>) {
        const MOST: usize = 16;
        for message in messages {
            let is_it = |known: &Answer| {
                known.subspace == message.subspace
                    && known.content == message.content
            };
            if self.unasked.len() < MOST && !self.unasked.iter().any(is_it) {
                self.unasked.push(message);
            }
        }
    }

    /// The names of the actions.
    pub fn actions(&self) -> Vec<&str> {
        self.answers.keys().map(String::as_str).collect()
    }

    /// A scenario that varies nothing.
    pub fn plain(&self, actions: &[&str]) -> Scenario {
        let actions = actions.iter().map(|&name| name.to_owned()).collect();
        Scenario::plain(&self.platform, actions)
    }

    /// A scenario that varies nothing, of one action and what comes before it.
    pub fn plain_of(&self, action: &str) -> Scenario {
        let before = self.before.get(action).into_iter().flatten();
        let mut actions: Vec<&str> = before.map(String::as_str).collect();
        actions.push(action);
        self.plain(&actions)
    }

    /// Delays around the moment at which drivers give up, in milliseconds.
    pub fn delays(&self) -> Vec<u64> {
        let late = self.timeout_ms;
        let mut all = vec![1, late / 2, late.saturating_sub(2), late, late + 2];
        all.push(late + late / 10 + 1);
        all.sort_unstable();
        all.dedup();
        all.retain(|ms| (1..=60_000).contains(ms));
        all
    }

    /// Lengths at and beyond the edges of an answer's own.
    pub fn lengths(answer: &Answer) -> Vec<u64> {
        let length = answer.content.len();
        let mut all = vec![0, 1, 4, 8, 16, length / 2, length * 2];
        all.extend([length.saturating_sub(1), length + 1]);
        // Where a field begins, and in its middle.
        for spot in &answer.spots {
            all.extend([spot.offset, spot.offset + spot.size / 2]);
        }
        all.sort_unstable();
        all.dedup();
        all.retain(|it| *it != length && *it <= 4096);
        all.into_iter().map(|it| it as u64).collect()
    }
}

/// Values at and beyond the edges of a field, without the one it has.
pub fn edges(spot: &Spot) -> Vec<SettingFile> {
    match &spot.value {
        Value::Number(now) => {
            let all = numbers(spot, *now).into_iter();
            all.map(SettingFile::Number).collect()
        }
        Value::Bytes(now) => {
            let mut all = vec![vec![0; now.len()], vec![0xff; now.len()]];
            let mut text = vec![b'A'; now.len()];
            if let Some(last) = text.last_mut() {
                // A text without an end.
                *last = b'Z';
            }
            all.push(text);
            let flipped = |at: usize| {
                let mut bytes = now.clone();
                bytes[at] ^= 0x80;
                bytes
            };
            all.extend((0..now.len().min(4)).map(flipped));
            all.retain(|bytes| bytes != now);
            all.dedup();
            all.into_iter()
                .map(|it| SettingFile::Text(hex::encode(it)))
                .collect()
        }
    }
}

fn numbers(spot: &Spot, now: u64) -> Vec<u64> {
    let most = spot.most();
    let sign = (most >> 1) + 1;
    let mut all = vec![0, 1, most, most - most.min(1), sign, sign - 1];
    all.extend([now.wrapping_sub(1), now.wrapping_add(1)]);
    // Where a driver that keeps less of it finds a sign, and where nothing.
    for width in [8, 16, 32] {
        if width < spot.width {
            all.extend([1 << (width - 1), 1 << width]);
        }
    }
    match &spot.what {
        What::Length => {
            let size = spot.offset as u64;
            let moved = [4, size].map(|by| now.wrapping_add(by));
            all.extend([now.wrapping_mul(2), now / 2, 0x1000]);
            all.extend(moved);
        }
        What::Count => {
            all.extend([now.wrapping_mul(2), now.wrapping_add(2)]);
        }
        What::Code(codes) => {
            for (code, _) in codes {
                let next = code.wrapping_add(1);
                all.extend([code.wrapping_sub(1), *code, next]);
            }
        }
        What::Checksum => all.push(!now),
        What::Number | What::Bytes => {
            all.extend([now.wrapping_mul(2), !now]);
        }
    }
    for value in &mut all {
        *value &= most;
    }
    all.sort_unstable();
    all.dedup();
    all.retain(|value| *value != now);
    all
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;

    /// A number of a field that lies there.
    pub(crate) fn spot(
        name: &str,
        offset: usize,
        width: u32,
        what: What,
        value: u64,
    ) -> Spot {
        Spot {
            name: name.to_owned(),
            offset,
            size: width.div_ceil(8) as usize,
            low: 0,
            width,
            is_big_endian: false,
            is_signed: false,
            what,
            value: Value::Number(value),
        }
    }

    /// A platform with two actions of two answers and one.
    pub(crate) fn known() -> Known {
        let codes = vec![(0, "ok".to_owned()), (4, "no".to_owned())];
        let answer = |name: &str, value: u64| Answer {
            subspace: 1,
            content: vec![7; 16],
            spots: vec![
                spot(&format!("fan.{name}"), 8, 32, What::Number, value),
                spot("fan.status", 12, 8, What::Code(codes.clone()), 0),
                spot("fan.length", 13, 8, What::Length, 3),
            ],
        };
        let mut known = Known {
            platform: "fan".to_owned(),
            timeout_ms: 500,
            ..Known::default()
        };
        let speed = vec![answer("speed", 7), answer("count", 2)];
        known.answers.insert("speed".to_owned(), speed);
        known.unasked.push(Answer { subspace: 2, ..answer("hot", 90) });
        let bind = vec![answer("id", 1)];
        known.answers.insert("bind".to_owned(), bind);
        known
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{known, spot};
    use super::*;

    fn values(width: u32, what: What, now: u64) -> Vec<u64> {
        numbers(&spot("a.b", 8, width, what, now), now)
    }

    #[test]
    fn values_lie_at_the_edges() {
        let all = values(8, What::Number, 5);
        assert_eq!(all, [0, 1, 4, 6, 10, 127, 128, 250, 254, 255]);
        let codes = vec![(1, "a".to_owned()), (9, "b".to_owned())];
        let all = values(4, What::Code(codes), 1);
        assert_eq!(all, [0, 2, 7, 8, 9, 10, 14, 15]);
        let all = values(64, What::Length, u64::MAX);
        assert!(all.contains(&(u64::MAX - 1)) && all.contains(&(1 << 63)));
        assert_eq!(values(1, What::Count, 1), [0]);
        for width in 1..=64 {
            let spot = spot("a.b", 8, width, What::Number, 0);
            let all = numbers(&spot, 0);
            assert!(all.iter().all(|it| *it <= spot.most()), "{width}");
            assert!(!all.is_empty() && !all.contains(&0), "{width}");
        }
    }

    #[test]
    fn bytes_have_edges_too() {
        let mut spot = spot("a.b", 8, 0, What::Bytes, 0);
        spot.value = Value::Bytes(vec![0, 1]);
        assert_eq!(
            edges(&spot),
            ["0000", "ffff", "415a", "8001", "0081"]
                .map(|it| SettingFile::Text(it.to_owned()))
        );
        spot.value = Value::Bytes(Vec::new());
        assert!(edges(&spot).is_empty());
    }

    #[test]
    fn a_scenario_has_the_answers_of_its_actions() {
        let known = known();
        let scenario = known.plain(&["bind", "speed", "no-such", "speed"]);
        let names: Vec<_> = known
            .answers(&scenario)
            .iter()
            .map(|answer| answer.spots[0].name.clone())
            .collect();
        let wanted = ["id", "speed", "count", "speed", "count"];
        assert_eq!(names, wanted.map(|it| format!("fan.{it}")));
        assert_eq!(known.delays(), [1, 250, 498, 500, 502, 551]);
        let lengths = Known::lengths(known.answers(&scenario)[0]);
        for wanted in [0, 8, 12, 15, 17, 32] {
            assert!(lengths.contains(&wanted), "{wanted}: {lengths:?}");
        }
        assert!(!lengths.contains(&16));
    }
}
