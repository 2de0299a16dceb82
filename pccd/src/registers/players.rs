//! Which channel plays which subspace: what files say, judged.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::channel::Channel;
use super::compile::{Compiler, listed};
use super::register::Register;
use crate::handlers::compile::{join, key};
use crate::handlers::error::nearest;
use crate::handlers::file::File;
use crate::handlers::locate::{Side, Step};
use crate::handlers::value::Wrong;
use crate::wire::layout::Value;

/// Which channel plays a subspace.
#[derive(Debug, Clone)]
pub struct Player {
    /// Its number.
    pub channel: usize,
    /// Reset values that differ there.
    pub reset: BTreeMap<String, Value>,
}

impl Compiler<'_> {
    /// Two channels cannot play the same subspace or type.
    pub(super) fn alone(
        &mut self,
        index: usize,
        channel: &Channel,
        others: &[Channel],
    ) {
        let at = |list: &str| {
            vec![key("channels"), Step::Index(index), key("for"), key(list)]
        };
        let mut check = |list: &str, own: &[u8], of: fn(&Channel) -> &[u8]| {
            for number in own {
                let other =
                    others.iter().find(|other| of(other).contains(number));
                if let Some(other) = other {
                    let wrong = Wrong::new(
                        format!(
                            "`{}` in {} plays {number} as well",
                            other.name, other.file
                        ),
                        "one channel for each; `subspaces` beside `channels` \
                         says which plays where",
                    );
                    self.fault(at(list), Side::Value, wrong);
                }
            }
        };
        check("subspaces", &channel.subspaces, |other| &other.subspaces);
        check("types", &channel.types, |other| &other.types);
    }

    /// The map from subspaces to channels.
    pub(super) fn players(
        &mut self,
        file: &File,
        channels: &[Channel],
        players: &mut BTreeMap<u8, Player>,
    ) {
        for (subspace, source) in &file.subspaces {
            let at = vec![key("subspaces"), key(subspace)];
            let Ok(number) = subspace.parse::<u8>() else {
                let wrong = Wrong::new(
                    format!("`{subspace}` is no subspace id"),
                    "a number from 0 to 255, in quotation marks",
                );
                self.fault(at, Side::Key, wrong);
                continue;
            };
            let found =
                channels.iter().position(|one| one.name == source.channel);
            let Some(index) = found else {
                let names = channels.iter().map(|one| one.name.as_str());
                let wrong = Wrong {
                    message: format!(
                        "there is no channel `{}`",
                        source.channel
                    ),
                    expected: Some(
                        "the name of a channel in one of the files".to_owned(),
                    ),
                    suggestion: nearest(&source.channel, names)
                        .map(str::to_owned),
                };
                self.fault(at, Side::Value, wrong);
                continue;
            };
            let mut reset_at = at.clone();
            reset_at.push(key("reset"));
            let registers = channels.get(index).map(|one| &one.registers);
            let reset = match registers {
                Some(registers) => {
                    self.reset(&reset_at, &source.reset, registers)
                }
                None => BTreeMap::new(),
            };
            if players.contains_key(&number) {
                let wrong = Wrong::new(
                    format!("another file says what plays subspace {number}"),
                    "one channel for each subspace",
                );
                self.fault(at, Side::Key, wrong);
                continue;
            }
            players.insert(number, Player { channel: index, reset });
        }
    }

    /// Reset values for one subspace.
    fn reset(
        &mut self,
        at: &[Step],
        reset: &Map<String, Json>,
        registers: &BTreeMap<String, Register>,
    ) -> BTreeMap<String, Value> {
        let mut values = BTreeMap::new();
        for (name, json) in reset {
            let place = join(at, [key(name)]);
            let Some(register) = registers.get(name) else {
                let names: Vec<&str> =
                    registers.keys().map(String::as_str).collect();
                let wrong = Wrong {
                    message: format!("the channel has no register `{name}`"),
                    expected: Some(listed(&names)),
                    suggestion: nearest(name, names).map(str::to_owned),
                };
                self.fault(place, Side::Key, wrong);
                continue;
            };
            match register.value(json) {
                Ok(value) => {
                    values.insert(name.clone(), value);
                }
                Err(wrong) => self.fault(place, Side::Value, wrong),
            }
        }
        values
    }
}
