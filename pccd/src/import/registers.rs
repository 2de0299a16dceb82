//! Commands to a channel of registers as commands of a handler file: what
//! each asked, byte for byte, and what came back.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use super::steps::{Names, envelope, groups, steps};
use crate::recording::{Exchange, Request, Said, Side};
use crate::script::delay::Wait;
use crate::wire::pcc::split_envelope;
use crate::wire::region::{Region, SubspaceType};

/// How often a message by the clock may be sent at most, in milliseconds.
const OFTENEST: u64 = 10;

/// Messages to other channels that commands lead to: milliseconds after the
/// command, and content; each by the value of a variable, from 1.
type Others = BTreeMap<u8, Vec<(u64, Vec<u8>)>>;

/// The files of all channels of registers, by subspace.
pub fn files(side: &Side, notes: &mut Vec<String>) -> Vec<(u8, Json)> {
    let (mut all, mut others) = (BTreeMap::new(), Others::new());
    for (subspace, places) in &side.channels {
        let Some(subspace) = subspace else { continue };
        let found = places.iter().filter_map(|at| side.exchanges.get(*at));
        let commands = found.filter(|one| is_command(one));
        let mut made = Made::new(*subspace, side);
        let groups = groups(commands, |one| {
            let (code, when) = made.when(one);
            (code, Json::Object(when).to_string())
        });
        if groups.is_empty() {
            continue;
        }
        for group in groups {
            made.command(&group, &mut others, side, notes);
        }
        all.insert(*subspace, made);
    }
    for (subspace, messages) in others {
        let new = || Made::new(subspace, side);
        let made = all.entry(subspace).or_insert_with(new);
        for (value, (after, content)) in (1_u64..).zip(messages) {
            made.notification(value, after, &content);
        }
    }
    all.into_iter().map(|(subspace, made)| (subspace, made.file())).collect()
}

/// Whether it is a command to a channel of registers.
fn is_command(one: &Exchange) -> bool {
    matches!(one.asked, Request::Content(_)) && one.rejected.is_none()
}

/// What a channel's file is made of.
struct Made {
    subspace: u8,
    kind: SubspaceType,
    registers: BTreeMap<String, Json>,
    commands: Vec<Json>,
    notifications: Vec<Json>,
    names: Names,
    variables: Map<String, Json>,
}

impl Made {
    fn new(subspace: u8, side: &Side) -> Self {
        let kind = side.kinds.get(&subspace).copied();
        Self {
            subspace,
            kind: kind.unwrap_or(SubspaceType::HwReducedAck),
            registers: BTreeMap::new(),
            commands: Vec::new(),
            notifications: Vec::new(),
            names: Names::default(),
            variables: Map::new(),
        }
    }

    fn file(self) -> Json {
        let name = format!("subspace-{}", self.subspace);
        let mut channel = json!({
            "name": name,
            "registers": self.registers,
            "commands": self.commands,
        });
        if let Some(object) = channel.as_object_mut()
            && !self.notifications.is_empty()
        {
            let all = self.notifications.into();
            object.insert("notifications".to_owned(), all);
        }
        let mut file = json!({
            "channels": [channel],
            "subspaces": { self.subspace.to_string(): name },
        });
        if let Some(object) = file.as_object_mut()
            && !self.variables.is_empty()
        {
            object.insert("variables".to_owned(), self.variables.into());
        }
        file
    }

    /// Header and registers of a message that nobody asked for, and its
    /// envelope.
    fn message(&mut self, content: &[u8]) -> Map<String, Json> {
        let mut says = Map::new();
        let kind = self.kind;
        if let Some(told) = envelope(content)
            && told != json!({ "flags": ["notification"] })
        {
            says.insert("envelope".to_owned(), told);
        }
        let (_, bare) = split_envelope(content);
        let region = Region::split(kind, bare, false);
        let mut header = Map::new();
        if kind.is_extended() {
            for head in region.fields(kind) {
                if ["flags", "command"].contains(&head.name) && head.value > 0 {
                    header.insert(head.name.to_owned(), head.value.into());
                }
            }
        } else if let Some([low, high]) = bare.get(4..6)
            && [*low, *high] != [0, 0]
        {
            let word = u16::from_le_bytes([*low, *high]);
            header.insert("command".to_owned(), word.into());
        }
        if !header.is_empty() {
            says.insert("header".to_owned(), header.into());
        }
        if !region.space.is_empty() {
            let length = region.space.len();
            let name = self.register("answer", length, "answer");
            let bytes = hex::encode(region.space);
            says.insert("set".to_owned(), json!({ name: bytes }));
        }
        says
    }

    /// Adds a message that another channel's command leads to, through a
    /// variable.
    fn notification(&mut self, value: u64, after: u64, content: &[u8]) {
        let variable = variable(self.subspace);
        self.variables.insert(variable.clone(), 0.into());
        let mut says = self.message(content);
        let set = says.entry("set").or_insert_with(|| json!({}));
        if let Some(set) = set.as_object_mut() {
            set.insert(variable.clone(), 0.into());
        }
        let mut notification = Map::new();
        let name = format!("unasked {value}");
        notification.insert("name".to_owned(), name.into());
        notification.insert("every".to_owned(), after.max(OFTENEST).into());
        notification.insert("when".to_owned(), json!({ variable: value }));
        notification.extend(says);
        self.notifications.push(Json::Object(notification));
    }

    /// A register of all bytes of a request or of an answer.
    fn register(&mut self, what: &str, length: usize, access: &str) -> String {
        let name = format!("{what}_{length}");
        let register =
            json!({ "offset": 0, "bytes": length, "access": access });
        self.registers.insert(name.clone(), register);
        name
    }

    /// The code of a command, and what else a handler file looks at.
    fn when(&self, one: &Exchange) -> (u64, Map<String, Json>) {
        let mut when = Map::new();
        let Request::Content(asked) = &one.asked else { return (0, when) };
        let request = Region::split(self.kind, asked, true);
        if !request.space.is_empty() {
            let name = format!("request_{}", request.space.len());
            when.insert(name, hex::encode(request.space).into());
        }
        for head in request.fields(self.kind) {
            if ["notify", "flags", "length"].contains(&head.name) {
                when.insert(format!("pcc.{}", head.name), head.value.into());
            }
        }
        (request.code(self.kind).unwrap_or_default(), when)
    }

    /// Adds commands for exchanges that ask the same.
    fn command(
        &mut self,
        group: &[&Exchange],
        others: &mut Others,
        side: &Side,
        notes: &mut Vec<String>,
    ) {
        let Some(first) = group.first() else { return };
        let (kind, subspace) = (self.kind, self.subspace);
        let (code, when) = self.when(first);
        if let Request::Content(asked) = &first.asked {
            let length = Region::split(kind, asked, true).space.len();
            if length > 0 {
                self.register("request", length, "wo");
            }
        }
        let steps = steps(group, |one| self.says(one, others, side, notes));
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
                // What comes once needs no counting, and the last stays.
                let (is, next) = match step.times {
                    _ if at == last => {
                        (json!({ "range": { "from": from } }), None)
                    }
                    1 => (json!(from), Some(json!(count))),
                    _ => {
                        let range = json!({ "from": from, "to": count - 1 });
                        let next = format!("{{{{ state.{variable} + 1 }}}}");
                        (json!({ "range": range }), Some(json!(next)))
                    }
                };
                when.insert(variable.clone(), is);
                if let Some(next) = next
                    && let Some(set) = says
                        .entry("set")
                        .or_insert_with(|| json!({}))
                        .as_object_mut()
                {
                    set.insert(variable.clone(), next);
                }
            }
            let name = self.names.unique(&format!("{code:#x}"));
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
        others: &mut Others,
        side: &Side,
        notes: &mut Vec<String>,
    ) -> Map<String, Json> {
        let mut says = self.answer(one);
        let waited = match one.wait {
            Wait::Ms(ms) => ms,
            Wait::Never => 0,
        };
        let mut then = Vec::new();
        for unasked in &one.unasked {
            let Said::Contents { subspace, contents } = &unasked.said else {
                continue;
            };
            let [content] = contents.as_slice() else { continue };
            let after = unasked.after.saturating_sub(waited);
            if *subspace == self.subspace {
                let mut sent = Map::new();
                sent.insert("after".to_owned(), after.into());
                sent.extend(self.message(content));
                then.push(Json::Object(sent));
                continue;
            }
            let all = others.entry(*subspace).or_default();
            let known = all.iter().position(|(_, one)| one == content);
            let at = known.unwrap_or(all.len());
            if known.is_none() {
                all.push((after, content.clone()));
            }
            let set = says.entry("set").or_insert_with(|| json!({}));
            let set = set.as_object_mut();
            let before = set.and_then(|set| {
                set.insert(variable(*subspace), (at + 1).into())
            });
            if before.is_some() {
                notes.push(format!(
                    "of several messages to subspace {subspace} after {} the \
                     last is in the files",
                    side.place(one.number - 1)
                ));
            }
        }
        if !then.is_empty() {
            says.insert("then".to_owned(), then.into());
        }
        says
    }

    /// The answer itself.
    fn answer(&mut self, one: &Exchange) -> Map<String, Json> {
        let mut says = Map::new();
        let Some(Said::Contents { contents, .. }) = &one.reply else {
            return says;
        };
        let Some(content) = contents.first() else { return says };
        let (kind, Request::Content(asked)) = (self.kind, &one.asked) else {
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

/// The variable that says which message goes to a subspace next.
fn variable(subspace: u8) -> String {
    format!("unasked_{subspace}")
}
