//! From a file's shape to channels that work: what is wrong is found at the
//! start and not when a command comes.

use std::collections::{BTreeSet, HashMap};

use minijinja::Value as Filling;
use serde_json::{Map, Value as Json};

use super::channel::{
    Assign, Channel, Command, Effect, HeadField, Made, Notification, Says,
    Subject, Then,
};
use super::file::{
    Access, ChannelFile, CommandFile, EffectFile, NotificationFile,
};
use super::layout::registers;
use super::looked::looks_at;
use super::lookup::Lookup;
use super::template::Scope;
use crate::script::check::{Checker, Uses};
use crate::script::condition::Condition;
use crate::script::delay::LONGEST;
use crate::script::envelope::EnvelopeFile;
use crate::script::locate::Place;
use crate::script::number::plain;
use crate::script::problem::Wrong;
use crate::script::template::is_template;
use crate::wire::layout::Value;
use crate::wire::{region, scmi};

/// Shortest time from one notification to the next, in milliseconds.
const SHORTEST_EVERY: u64 = 10;

/// A name that must be there and be one of a kind.
fn name<'s>(
    check: &mut Checker<'_>,
    at: &Place<'_>,
    name: &'s str,
    seen: &mut BTreeSet<&'s str>,
) {
    check.name(at, name);
    if !seen.insert(name) {
        let wrong = Wrong::new(
            format!("there is a `{name}` in this channel already"),
            "another name",
        );
        check.wrong(&at.key("name"), wrong);
    }
}

/// A channel, or mistakes.
pub fn channel(
    check: &mut Checker<'_>,
    at: &Place<'_>,
    file: &str,
    source: &ChannelFile,
) -> Option<Channel> {
    let before = check.mistakes.len();
    check.uses = Uses::default();
    check.name(at, &source.name);
    let registers = registers(check, &at.key("registers"), &source.registers);
    let mut scope = Scope::new(&registers, &source.tables, source.command_word);
    let mut seen = BTreeSet::new();
    let mut commands: Vec<Command> = Vec::new();
    let (mut lookup, mut always) = (Lookup::default(), HashMap::new());
    let list = at.key("commands");
    for (number, source) in source.commands.iter().enumerate() {
        let at = list.index(number);
        name(check, &at, &source.name, &mut seen);
        if let Some(command) = command(check, &at, source, &scope) {
            reached(check, &at, &command, &mut always);
            lookup.add(commands.len(), command.wanted());
            commands.push(command);
        }
    }
    let place = at.key("otherwise");
    let otherwise = source.otherwise.as_ref();
    let otherwise =
        otherwise.map(|source| effect(check, &place, source, &scope));
    scope.has_request = false;
    let mut seen = BTreeSet::new();
    let mut notifications = Vec::new();
    let list = at.key("notifications");
    for (number, source) in source.notifications.iter().enumerate() {
        let at = list.index(number);
        name(check, &at, &source.name, &mut seen);
        notifications.push(notification(check, &at, source, &scope));
    }
    (check.mistakes.len() == before).then(|| Channel {
        name: source.name.clone(),
        file: file.to_owned(),
        rest: source.rest,
        word: source.command_word,
        tables: Filling::from_serialize(&source.tables),
        registers,
        commands,
        lookup,
        otherwise,
        notifications,
        counts: check.uses.count,
    })
}

/// A command that an earlier one answers in any case is a mistake. `always`
/// has the names of those that answer one code in any case.
fn reached(
    check: &mut Checker<'_>,
    at: &Place<'_>,
    command: &Command,
    always: &mut HashMap<Value, String>,
) {
    let Some(code) = command.code.exact() else {
        return;
    };
    if let Some(earlier) = always.get(code) {
        let wrong = Wrong::new(
            format!(
                "`{}` is never asked: `{earlier}` answers this code before it",
                command.name
            ),
            "the command with `when` first",
        );
        check.wrong(&at.key("code"), wrong);
    } else if command.when.is_empty() {
        always.insert(code.clone(), command.name.clone());
    }
}

fn command(
    check: &mut Checker<'_>,
    at: &Place<'_>,
    source: &CommandFile,
    scope: &Scope<'_>,
) -> Option<Command> {
    let code = check.condition(&at.key("code"), &source.code, &|json| {
        number(json, || format!("a command's code cannot be {json}"))
    });
    let when = when(check, &at.key("when"), &source.when, scope);
    let effect = effect(check, at, &source.effect(), scope);
    let looks_at = looks_at(check, &when, &effect, scope);
    Some(Command {
        name: source.name.clone(),
        code: code?,
        when,
        effect,
        looks_at,
        short: source.short,
    })
}

fn number(json: &Json, text: impl Fn() -> String) -> Result<Value, Wrong> {
    let wrong = || Wrong::new(text(), "a number, as in 1 or \"0x1a\"");
    plain(json).map(Value::Number).ok_or_else(wrong)
}

/// A value of a field of the header, or of a part of its command.
fn head_value(head: &str, json: &Json) -> Result<Value, Wrong> {
    let text = json.as_str().unwrap_or_default();
    if let Some(number) = scmi::named(head, text) {
        return Ok(Value::Number(number));
    }
    let found = number(json, || format!("`{head}` cannot be {json}"));
    found.map_err(|wrong| match scmi::values(head).collect::<Vec<_>>() {
        names if names.is_empty() => wrong,
        names => {
            let expected = format!("a number, or {}", listed(&names));
            Wrong::unknown(wrong.message, expected, text, names)
        }
    })
}

fn when(
    check: &mut Checker<'_>,
    at: &Place<'_>,
    when: &Map<String, Json>,
    scope: &Scope<'_>,
) -> Vec<(Subject, Condition)> {
    let mut conditions = Vec::new();
    for (name, json) in when {
        let at = at.key(name);
        let subject = match subject(check, name, scope) {
            Ok(subject) => subject,
            Err(wrong) => {
                check.wrong_key(&at, wrong);
                continue;
            }
        };
        let condition = match &subject {
            Subject::Register(name) => {
                let register = scope.registers.get(name);
                check.condition(&at, json, &|json| match register {
                    Some(register) => register.value(json),
                    None => Ok(Value::Number(0)),
                })
            }
            Subject::Variable(name) => check.state(&at, name, json),
            Subject::Head(head) => {
                check.condition(&at, json, &|json| head_value(head, json))
            }
        };
        conditions.extend(condition.map(|one| (subject, one)));
    }
    conditions
}

fn subject(
    check: &Checker<'_>,
    name: &str,
    scope: &Scope<'_>,
) -> Result<Subject, Wrong> {
    let heads: BTreeSet<&'static str> = region::SubspaceType::ALL
        .iter()
        .filter(|_| scope.has_request)
        .flat_map(|kind| region::field_names(*kind))
        .collect();
    if let Some(register) = scope.registers.get(name) {
        if register.access == Access::Answer {
            return Err(Wrong::new(
                format!("`{name}` has no value before the answer"),
                "a register of another access",
            ));
        }
        return Ok(Subject::Register(name.to_owned()));
    }
    if check.declared.0.contains_key(name) {
        return Ok(Subject::Variable(name.to_owned()));
    }
    let head = name.strip_prefix("pcc.");
    if let Some(head) = head.and_then(|head| heads.get(head)) {
        return Ok(Subject::Head(head));
    }
    let parts = scope.parts();
    if let Some(part) = parts.clone().find(|part| *part == name) {
        return Ok(Subject::Head(part));
    }
    let heads = heads.iter().map(|head| format!("pcc.{head}"));
    let heads = heads.chain(parts.map(str::to_owned));
    Err(unknown(check, name, scope, heads.collect()))
}

fn says(
    check: &mut Checker<'_>,
    at: &Place<'_>,
    set: &Map<String, Json>,
    header: &Map<String, Json>,
    envelope: Option<&EnvelopeFile>,
    scope: &Scope<'_>,
) -> Says {
    let mut says = Says::default();
    check.uses.time = false;
    let place = at.key("set");
    for (name, json) in set {
        says.set.extend(assign(check, &place.key(name), name, json, scope));
    }
    let place = at.key("header");
    for (name, json) in header {
        let at = place.key(name);
        let all = HeadField::ALL;
        let Some((_, field)) = all.iter().find(|(other, _)| other == name)
        else {
            let names = all.map(|(name, _)| name);
            let wrong = Wrong::unknown(
                format!("a header has no field `{name}`"),
                listed(&names),
                name,
                names,
            );
            check.wrong_key(&at, wrong);
            continue;
        };
        let made = made(check, &at, json, scope, &|json| {
            plain(json).filter(|n| *n <= u32::MAX.into()).ok_or_else(|| {
                Wrong::new(
                    format!("`{name}` cannot be {json}"),
                    "a number from 0 to 4294967295",
                )
            })
        });
        says.header.extend(made.map(|made| (*field, made)));
    }
    says.envelope = check.envelope(&at.key("envelope"), envelope);
    says.timely = check.uses.time;
    says
}

fn assign(
    check: &mut Checker<'_>,
    at: &Place<'_>,
    name: &str,
    json: &Json,
    scope: &Scope<'_>,
) -> Option<Assign> {
    if let Some(register) = scope.registers.get(name) {
        if register.access == Access::Wo {
            let wrong = Wrong::new(
                format!("`{name}` is the guest's alone (`wo`)"),
                "a register of another access",
            );
            check.wrong_key(at, wrong);
            return None;
        }
        let made = made(check, at, json, scope, &|json| register.value(json));
        return Some(Assign::Register(name.to_owned(), made?));
    }
    let declared = check.declared;
    if declared.0.contains_key(name) {
        let value = |json: &Json| declared.value(name, json);
        let made = made(check, at, json, scope, &value);
        return Some(Assign::Variable(name.to_owned(), made?));
    }
    let wrong = unknown(check, name, scope, Vec::new());
    check.wrong_key(at, wrong);
    None
}

/// A value or a template, checked.
fn made<T>(
    check: &mut Checker<'_>,
    at: &Place<'_>,
    json: &Json,
    scope: &Scope<'_>,
    value: &dyn Fn(&Json) -> Result<T, Wrong>,
) -> Option<Made<T>> {
    let made = match json {
        Json::String(text) if is_template(text) => {
            scope.check(check, text).map(|()| Made::Template(text.clone()))
        }
        _ => value(json).map(Made::Fixed),
    };
    check.take(at, made)
}

fn effect(
    check: &mut Checker<'_>,
    at: &Place<'_>,
    source: &EffectFile,
    scope: &Scope<'_>,
) -> Effect {
    let EffectFile { set, header, envelope, .. } = source;
    let own = says(check, at, set, header, envelope.as_ref(), scope);
    check.delay(&at.key("delay"), source.delay.as_ref());
    let list = at.key("then");
    let then = source.then.iter().enumerate().map(|(number, source)| {
        let at = list.index(number);
        let envelope = source.envelope.as_ref();
        let (set, header) = (&source.set, &source.header);
        let says = says(check, &at, set, header, envelope, scope);
        let after = check.number(&at.key("after"), source.after, 0, LONGEST);
        Then { after, says }
    });
    Effect {
        take: source.take.unwrap_or(true),
        then: then.collect(),
        says: own,
        error: source.error,
        delay: source.delay.clone(),
        in_order: source.in_order.unwrap_or(true),
    }
}

fn notification(
    check: &mut Checker<'_>,
    at: &Place<'_>,
    source: &NotificationFile,
    scope: &Scope<'_>,
) -> Notification {
    let when = when(check, &at.key("when"), &source.when, scope);
    let NotificationFile { set, header, after, every, times, .. } = source;
    let envelope = source.envelope.as_ref();
    let says = says(check, at, set, header, envelope, scope);
    let clock = check.clock(at, *after, *every, *times, SHORTEST_EVERY);
    Notification { name: source.name.clone(), clock, when, says }
}

pub(super) fn listed(names: &[&str]) -> String {
    match names {
        [] => "a register; there is none".to_owned(),
        names => format!("one of `{}`", names.join("`, `")),
    }
}

fn unknown(
    check: &Checker<'_>,
    name: &str,
    scope: &Scope<'_>,
    more: Vec<String>,
) -> Wrong {
    let registers = scope.registers.keys();
    let names: Vec<&str> = registers
        .chain(check.declared.0.keys())
        .chain(&more)
        .map(String::as_str)
        .collect();
    let text = format!("unknown register `{name}`");
    Wrong::unknown(text, listed(&names), name, names)
}
