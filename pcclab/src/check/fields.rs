//! Which fields the log may show of a command's requests and answers, and
//! which registers lie in the memory of the channel that plays them.

use std::collections::BTreeSet;

use pccd::messages::Messages;
use pccd::script::problem::nearest;
use pccd::wire::layout::{Section, without_place};
use pccd::wire::region::{SubspaceType, field_names, header_len};
use pccd::wire::{message, pcc, scmi};
use serde_json::Value;

use crate::claim::{Claim, is_of};
use crate::platform::Channel;

/// The names of a command's fields.
struct Fields {
    /// Registers, or fields of a message.
    own: BTreeSet<String>,
    /// Those of headers.
    common: BTreeSet<String>,
}

impl Fields {
    fn of(handlers: &Messages, command: &str, is_request: bool) -> Self {
        let mut fields =
            Fields { own: BTreeSet::new(), common: BTreeSet::new() };
        let Section { layer, items } = pcc::ENVELOPE;
        put(&mut fields.common, layer, items.iter().map(|item| item.name));
        for kind in SubspaceType::ALL {
            put(&mut fields.common, pcc::HEADER.layer, field_names(kind));
        }
        put(&mut fields.common, pcc::HEADER.layer, ["data"]);
        for channel in handlers.registers().channels() {
            if channel.command_names().any(|one| is_of(&one, command)) {
                let shown = channel.shown(is_request);
                put(&mut fields.own, &channel.name, shown);
                let parts = scmi::PARTS.iter().map(|part| part.name);
                let parts = parts.filter_map(|name| name.split_once('.'));
                put(&mut fields.common, scmi::LAYER, parts.map(|part| part.1));
            }
        }
        let mut names = handlers.handlers().names();
        if command == "endpoint" || names.any(|one| is_of(one, command)) {
            for (layer, item) in message::all_items() {
                put(&mut fields.own, layer, [item.name]);
            }
            put(&mut fields.common, "end", ["rest", "extra"]);
        }
        fields
    }

    fn holds(&self, name: &str) -> bool {
        let name = without_place(name);
        self.own.contains(name) || self.common.contains(name)
    }

    /// Those of its own, as short as they may be written, if they are few.
    fn shown(&self) -> String {
        const MOST: usize = 24;
        let own = self.own.iter().filter(|name| !name.contains('.'));
        let own: Vec<&str> = own.map(String::as_str).collect();
        match own.len() {
            0 => "a field of its header, as in pcc.command".to_owned(),
            1..=MOST => {
                format!("{}, or a field of its header", own.join(", "))
            }
            _ => "a field as `pccd decode` prints it".to_owned(),
        }
    }
}

/// Puts names, with their layer and without.
fn put<'a>(
    names: &mut BTreeSet<String>,
    layer: &str,
    fields: impl IntoIterator<Item = &'a str>,
) {
    for field in fields {
        names.insert(format!("{layer}.{field}"));
        names.insert(field.to_owned());
    }
}

/// A field of a claim that its command cannot have: what is wrong, what there
/// is, what was meant.
pub fn unknown(
    handlers: &Messages,
    claim: &Claim,
) -> Option<(String, String, Option<String>)> {
    let sides = [(true, "request", "of"), (false, "answer", "to")];
    sides.into_iter().find_map(|(is_request, what, of)| {
        let command = claim.command();
        let fields = Fields::of(handlers, command, is_request);
        let mut names = claim.names(is_request);
        let name = names.find(|name| !fields.holds(name))?;
        let all = fields.own.iter().chain(&fields.common).map(String::as_str);
        Some((
            format!("the {what} {of} `{command}` has no `{name}`"),
            fields.shown(),
            nearest(name, all).map(str::to_owned),
        ))
    })
}

/// A channel's type, if its device says one that there is.
fn kind(channel: &Channel) -> Option<SubspaceType> {
    let kind = channel.device.get("subspace-type").and_then(Value::as_u64)?;
    SubspaceType::try_from(u8::try_from(kind).ok()?).ok()
}

/// The registers that do not lie in the memory of the channel that `plays`
/// them, and how large that had to be.
pub fn beyond(handlers: &Messages, channel: &Channel) -> Option<(String, u64)> {
    let kind = kind(channel)?;
    let size = channel.size()?;
    let plays = channel.plays.as_deref()?;
    let played = handlers.registers().named(plays).ok()?;
    let header = header_len(kind);
    let end = |end: usize| (header + end) as u64;
    let registers = played.registers.values();
    let last = registers.max_by_key(|register| register.end())?;
    let needed = end(last.end());
    (needed > size).then(|| {
        let message = format!(
            "the register `{}` of `{plays}` ends at byte {needed} with the \
             header of {header}, `size` is {size}",
            last.name
        );
        (message, needed)
    })
}

/// What the channel that `plays` them can never be asked or say, by its type.
pub fn unfit(handlers: &Messages, channel: &Channel) -> Vec<String> {
    let Some(kind) = kind(channel) else { return Vec::new() };
    let plays = channel.plays.as_deref().unwrap_or_default();
    let Ok(played) = handlers.registers().named(plays) else {
        return Vec::new();
    };
    let said = played.unfit(kind).into_iter();
    said.map(|what| format!("`{plays}` on a channel of type {kind}: {what}"))
        .collect()
}
