//! Commands to a channel of registers as commands of a handler file: what
//! each asked, byte for byte, and what came back.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json, json};

use super::steps::{envelope, groups, steps};
use crate::recording::{Asked, Exchange, Said, Side};
use crate::wire::pcc::split_envelope;
use crate::wire::region::{Region, SubspaceType};

/// The file of one channel.
pub fn file(
    subspace: u8,
    all: &[&Exchange],
    side: &Side,
    notes: &mut Vec<String>,
) -> Json {
    let kind = side.kinds.get(&subspace).copied();
    let kind = kind.unwrap_or(SubspaceType::HwReducedAck);
    let mut made = Made { subspace, kind, ..Made::default() };
    let groups = groups(all.iter().copied(), |one| one.asked.clone());
    for group in groups {
        made.command(&group, side, notes);
    }
    let name = format!("subspace-{subspace}");
    let mut file = json!({
        "channels": [{
            "name": name,
            "registers": made.registers,
            "commands": made.commands,
        }],
        "subspaces": { subspace.to_string(): name },
    });
    if let Some(object) = file.as_object_mut()
        && !made.variables.is_empty()
    {
        object.insert("variables".to_owned(), made.variables.into());
    }
    file
}

/// What a channel's file is made of.
struct Made {
    subspace: u8,
    kind: SubspaceType,
    registers: BTreeMap<String, Json>,
    commands: Vec<Json>,
    names: BTreeSet<String>,
    variables: Map<String, Json>,
}

impl Default for Made {
    fn default() -> Self {
        Self {
            subspace: 0,
            kind: SubspaceType::HwReducedAck,
            registers: BTreeMap::new(),
            commands: Vec::new(),
            names: BTreeSet::new(),
            variables: Map::new(),
        }
    }
}

impl Made {
    /// A register of all bytes of a request or of an answer.
    fn register(&mut self, what: &str, length: usize, access: &str) -> String {
        let name = format!("{what}_{length}");
        let register =
            json!({ "offset": 0, "bytes": length, "access": access });
        self.registers.insert(name.clone(), register);
        name
    }

    fn command(
        &mut self,
        group: &[&Exchange],
        side: &Side,
        notes: &mut Vec<String>,
    ) {
        let Some(first) = group.first() else { return };
        let Asked::Content(asked) = &first.asked else {
            return;
        };
        let (kind, subspace) = (self.kind, self.subspace);
        let request = Region::split(kind, asked, true);
        let code = request.code(kind).unwrap_or_default();
        let mut when = Map::new();
        if !request.space.is_empty() {
            let length = request.space.len();
            let name = self.register("request", length, "wo");
            when.insert(name, hex::encode(request.space).into());
        }
        for head in request.fields(kind) {
            let is_looked_at =
                ["signature", "notify", "flags", "length"].contains(&head.name);
            if is_looked_at && head.name != "signature" {
                when.insert(format!("pcc.{}", head.name), head.value.into());
            }
        }
        let steps = steps(group, |one| self.says(one, side, notes));
        let is_sequence = steps.len() > 1;
        let variable = format!("step_{subspace}_{}", self.commands.len());
        if is_sequence {
            self.variables.insert(variable.clone(), 0.into());
        }
        let last = steps.len().saturating_sub(1);
        let mut count = 0;
        for (at, step) in steps.into_iter().enumerate() {
            let (mut when, mut says) = (when.clone(), step.says);
            if is_sequence {
                let from = count;
                count += step.times;
                let range = match at == last {
                    true => json!({ "from": from }),
                    false => json!({ "from": from, "to": count - 1 }),
                };
                when.insert(variable.clone(), json!({ "range": range }));
                let next = format!("{{{{ state.{variable} + 1 }}}}");
                let set = says.entry("set").or_insert_with(|| json!({}));
                if let Some(set) = set.as_object_mut() {
                    set.insert(variable.clone(), next.into());
                }
            }
            let plain = format!("{code:#x}");
            let mut name = plain.clone();
            for number in 2.. {
                if self.names.insert(name.clone()) {
                    break;
                }
                name = format!("{plain} {number}");
            }
            let mut command = Map::new();
            command.insert("name".to_owned(), name.into());
            command.insert("code".to_owned(), code.into());
            command.insert("when".to_owned(), when.into());
            if kind.is_extended() {
                command.insert("short".to_owned(), true.into());
            }
            command.extend(says);
            self.commands.push(Json::Object(command));
        }
    }

    /// What goes back.
    fn says(
        &mut self,
        one: &Exchange,
        side: &Side,
        notes: &mut Vec<String>,
    ) -> Map<String, Json> {
        let mut says = Map::new();
        if !one.unasked.is_empty() {
            let count = one.unasked.len();
            notes.push(format!(
                "left out: {count} messages that nobody asked for after {}; \
                 see `notifications` in messages/README.md",
                side.place(one.number - 1)
            ));
        }
        let Some(Said::Contents { contents, .. }) = &one.reply else {
            return says;
        };
        let Some(content) = contents.first() else { return says };
        let (kind, Asked::Content(asked)) = (self.kind, &one.asked) else {
            return says;
        };
        if let Some(told) = envelope(content) {
            says.insert("envelope".to_owned(), told);
        }
        let (_, bare) = split_envelope(content);
        let answer = Region::split(kind, bare, false);
        let request = Region::split(kind, asked, true);
        if answer.space != request.space && !answer.space.is_empty() {
            let length = answer.space.len();
            let name = self.register("answer", length, "answer");
            let bytes = hex::encode(answer.space);
            says.insert("set".to_owned(), json!({ name: bytes }));
        }
        let fields = answer.fields(kind).into_iter().zip(request.fields(kind));
        let mut header = Map::new();
        for (is, was) in fields {
            if is.value != was.value
                && ["flags", "length", "command"].contains(&is.name)
            {
                header.insert(is.name.to_owned(), is.value.into());
            }
        }
        if !header.is_empty() {
            says.insert("header".to_owned(), header.into());
        }
        says
    }
}
