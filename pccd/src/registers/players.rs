//! Which channel plays which subspace: what files say, judged.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::channel::Channel;
use super::compile::listed;
use super::file;
use super::register::Register;
use crate::script::check::Checker;
use crate::script::locate::Place;
use crate::script::problem::Wrong;
use crate::wire::layout::Value;

/// Which channel plays a subspace.
#[derive(Debug, Clone)]
pub struct Player {
    pub channel: usize,
    /// Reset values that differ there.
    pub reset: BTreeMap<String, Value>,
}

/// The map from subspaces to channels.
pub(crate) fn players(
    check: &mut Checker<'_>,
    sources: &BTreeMap<String, file::Player>,
    channels: &[Channel],
    players: &mut BTreeMap<u8, Player>,
) {
    let map = Place::FILE.key("subspaces");
    for (subspace, source) in sources {
        let at = map.key(subspace);
        let Ok(number) = subspace.parse::<u8>() else {
            let wrong = Wrong::new(
                format!("`{subspace}` is no subspace id"),
                "a number from 0 to 255, in quotation marks",
            );
            check.wrong_key(&at, wrong);
            continue;
        };
        let mut all = channels.iter().enumerate();
        let named = all.find(|(_, one)| one.name == source.channel);
        let Some((index, channel)) = named else {
            let wrong = Wrong::unknown(
                format!("there is no channel `{}`", source.channel),
                "the name of a channel in one of the files",
                &source.channel,
                channels.iter().map(|one| one.name.as_str()),
            );
            check.wrong(&at, wrong);
            continue;
        };
        let registers = &channel.registers;
        let reset = reset(check, &at.key("reset"), &source.reset, registers);
        if players.contains_key(&number) {
            let wrong = Wrong::new(
                format!("another file says what plays subspace {number}"),
                "one channel for each subspace",
            );
            check.wrong_key(&at, wrong);
            continue;
        }
        players.insert(number, Player { channel: index, reset });
    }
}

/// Reset values for one subspace.
fn reset(
    check: &mut Checker<'_>,
    at: &Place<'_>,
    reset: &Map<String, Json>,
    registers: &BTreeMap<String, Register>,
) -> BTreeMap<String, Value> {
    let mut values = BTreeMap::new();
    for (name, json) in reset {
        let at = at.key(name);
        let Some(register) = registers.get(name) else {
            let names: Vec<&str> =
                registers.keys().map(String::as_str).collect();
            let text = format!("the channel has no register `{name}`");
            let wrong = Wrong::unknown(text, listed(&names), name, names);
            check.wrong_key(&at, wrong);
            continue;
        };
        let value = check.take(&at, register.value(json));
        values.extend(value.map(|value| (name.clone(), value)));
    }
    values
}
