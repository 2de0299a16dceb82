//! From a file's shape to channels that work: what is wrong is found at the
//! start and not when a command comes.

use std::collections::BTreeSet;

use minijinja::{Environment, Value as Filling};
use serde_json::{Map, Value as Json};

use super::channel::{
    Assign, Channel, Command, Effect, HeadField, Made, Notification, Says,
    Subject, Then,
};
use super::file::{
    Access, ChannelFile, CommandFile, EffectFile, NotificationFile,
};
use super::template::Scope;
use crate::handlers::compile::{Fault, join, key};
use crate::handlers::condition::{self, Condition};
use crate::handlers::error::nearest;
use crate::handlers::fault::Told;
use crate::handlers::file::{Number, parse_number};
use crate::handlers::locate::{Side, Step};
use crate::handlers::memory::Declared;
use crate::handlers::rule::{Delay, EnvelopeFile};
use crate::handlers::template::is_template;
use crate::handlers::value::Wrong;
use crate::script::budget;
use crate::wire::layout::Value;
use crate::wire::region;

/// Longest time something waits: a day.
const LONGEST: u64 = 86_400_000;
/// Longest delay of an interrupt (docs/mailbox.md §6.1).
const LONGEST_INTERRUPT: u64 = 60_000;
/// Shortest time from one notification to the next.
const SHORTEST_EVERY: u64 = 10;

/// Compiles the channels of one file and gathers what is wrong.
pub struct Compiler<'a> {
    /// The environment templates are checked in.
    pub environment: &'a Environment<'static>,
    /// Scenarios and variables of all files.
    pub declared: &'a Declared,
    /// What is wrong so far.
    pub faults: Vec<Fault>,
    /// Whether a template of the channel at hand counts commands.
    pub counts: bool,
}

impl Compiler<'_> {
    pub(super) fn fault(&mut self, path: Vec<Step>, side: Side, wrong: Wrong) {
        self.faults.push(Fault { path, side, wrong });
    }

    pub(super) fn number(
        &mut self,
        path: Vec<Step>,
        number: Number,
        least: u64,
        most: u64,
    ) -> u64 {
        if (least..=most).contains(&number.0) {
            return number.0;
        }
        let wrong = Wrong::new(
            format!("{} is not possible here", number.0),
            format!("a number from {least} to {most}"),
        );
        self.fault(path, Side::Value, wrong);
        least
    }

    /// A name that must be there and be one of a kind.
    fn name<'s>(
        &mut self,
        path: &[Step],
        name: &'s str,
        seen: &mut BTreeSet<&'s str>,
    ) {
        let wrong = if name.trim().is_empty() {
            Wrong::new("a name without letters", "some text")
        } else if !seen.insert(name) {
            Wrong::new(
                format!("there is a `{name}` in this channel already"),
                "another name",
            )
        } else {
            return;
        };
        self.fault(join(path, [key("name")]), Side::Value, wrong);
    }

    /// A channel, or faults.
    pub fn channel(
        &mut self,
        file: &str,
        index: usize,
        source: &ChannelFile,
    ) -> Option<Channel> {
        let before = self.faults.len();
        self.counts = false;
        let path = [key("channels"), Step::Index(index)];
        let at = |name: &str| join(&path, [key(name)]);
        if source.name.trim().is_empty() {
            let wrong = Wrong::new("a name without letters", "some text");
            self.fault(at("name"), Side::Value, wrong);
        }
        let registers = self.registers(&at("registers"), &source.registers);
        let declared = self.declared;
        let scope = Scope {
            registers: &registers,
            tables: &source.tables,
            declared,
            has_request: true,
        };
        let mut seen = BTreeSet::new();
        let mut commands: Vec<Command> = Vec::new();
        for (number, command) in source.commands.iter().enumerate() {
            let at = join(&at("commands"), [Step::Index(number)]);
            self.name(&at, &command.name, &mut seen);
            if let Some(command) = self.command(&at, command, &scope) {
                self.reached(&at, &command, &commands);
                commands.push(command);
            }
        }
        let otherwise = source
            .otherwise
            .as_ref()
            .map(|effect| self.effect(&at("otherwise"), effect, &scope));
        let scope = Scope { has_request: false, ..scope };
        let mut seen = BTreeSet::new();
        let mut notifications = Vec::new();
        for (number, source) in source.notifications.iter().enumerate() {
            let at = join(&at("notifications"), [Step::Index(number)]);
            self.name(&at, &source.name, &mut seen);
            notifications.push(self.notification(&at, source, &scope));
        }
        let plays = source.plays.clone().unwrap_or_default();
        let at = at("for");
        let subspaces =
            self.bytes(&join(&at, [key("subspaces")]), &plays.subspaces, 255);
        let types = self.bytes(&join(&at, [key("types")]), &plays.types, 5);
        (self.faults.len() == before).then(|| Channel {
            name: source.name.clone(),
            file: file.to_owned(),
            subspaces,
            types,
            rest: source.rest,
            tables: Filling::from_serialize(&source.tables),
            registers,
            commands,
            otherwise,
            notifications,
            counts: self.counts,
        })
    }

    fn bytes(&mut self, at: &[Step], list: &[Number], most: u8) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (index, number) in list.iter().enumerate() {
            let at = join(at, [Step::Index(index)]);
            let number = self.number(at, *number, 0, most.into());
            bytes.extend(u8::try_from(number));
        }
        bytes
    }

    /// A command that an earlier one answers in any case is a mistake.
    fn reached(&mut self, at: &[Step], command: &Command, others: &[Command]) {
        let Some(code) = command.code.exact() else {
            return;
        };
        let earlier = others.iter().find(|other| {
            other.when.is_empty() && other.code.exact() == Some(code)
        });
        if let Some(earlier) = earlier {
            let wrong = Wrong::new(
                format!(
                    "`{}` is never asked: `{}` answers this code before it",
                    command.name, earlier.name
                ),
                "the command with `when` first",
            );
            self.fault(join(at, [key("code")]), Side::Value, wrong);
        }
    }

    fn command(
        &mut self,
        at: &[Step],
        source: &CommandFile,
        scope: &Scope<'_>,
    ) -> Option<Command> {
        let place = join(at, [key("code")]);
        let code = self.condition(&place, &source.code, &|json| {
            plain(json).map(Value::Number).ok_or_else(|| {
                Wrong::new(
                    format!("a command's code cannot be {json}"),
                    "a number, as in 1 or \"0x1a\"",
                )
            })
        });
        let when = self.when(&join(at, [key("when")]), &source.when, scope);
        let effect = self.effect(at, &source.effect(), scope);
        let looks_at = self.looks_at(&when, &effect, scope);
        Some(Command {
            name: source.name.clone(),
            code: code?,
            when,
            effect,
            looks_at,
            short: source.short,
        })
    }

    /// Registers of the request that a command looks at: those of its
    /// conditions that the guest writes, and `request.…` of its templates.
    fn looks_at(
        &self,
        when: &[(Subject, Condition)],
        effect: &Effect,
        scope: &Scope<'_>,
    ) -> Vec<String> {
        let mut names: BTreeSet<String> = when
            .iter()
            .filter_map(|(subject, _)| match subject {
                Subject::Register(name) => Some(name.clone()),
                _ => None,
            })
            .collect();
        let says = effect.then.iter().map(|then| &then.says);
        for says in says.chain([&effect.says]) {
            let set = says.set.iter().filter_map(|assign| match assign {
                Assign::Register(_, Made::Template(source))
                | Assign::Variable(_, Made::Template(source)) => Some(source),
                _ => None,
            });
            let header =
                says.header.iter().filter_map(|(_, made)| match made {
                    Made::Template(source) => Some(source),
                    Made::Fixed(_) => None,
                });
            for source in set.chain(header) {
                // A template that is wrong was told already.
                let used =
                    budget::names(self.environment, source).unwrap_or_default();
                names.extend(used.iter().filter_map(|name| {
                    let name = name.strip_prefix("request.")?;
                    let first = name.split('.').next().unwrap_or(name);
                    Some(first.to_owned())
                }));
            }
        }
        let is_written = |name: &String| {
            scope.registers.get(name).is_some_and(|register| {
                register.offset.is_some()
                    && matches!(register.access, Access::Rw | Access::Wo)
            })
        };
        names.into_iter().filter(is_written).collect()
    }

    fn condition(
        &mut self,
        place: &[Step],
        json: &Json,
        value: &dyn Fn(&Json) -> Result<Value, Wrong>,
    ) -> Option<Condition> {
        condition::parse(json, value)
            .map_err(|found| {
                let path = join(place, found.path);
                self.fault(path, found.side, found.wrong);
            })
            .ok()
    }

    fn when(
        &mut self,
        at: &[Step],
        when: &Map<String, Json>,
        scope: &Scope<'_>,
    ) -> Vec<(Subject, Condition)> {
        let mut conditions = Vec::new();
        for (name, json) in when {
            let place = join(at, [key(name)]);
            let subject = match self.subject(name, scope) {
                Ok(subject) => subject,
                Err(wrong) => {
                    self.fault(place, Side::Key, wrong);
                    continue;
                }
            };
            let condition = match &subject {
                Subject::Register(name) => {
                    let register = scope.registers.get(name);
                    self.condition(&place, json, &|json| match register {
                        Some(register) => register.value(json),
                        None => Ok(Value::Number(0)),
                    })
                }
                Subject::Variable(name) => {
                    let declared = self.declared;
                    self.condition(&place, json, &|json| {
                        Ok(declared.value(name, json)?.value())
                    })
                }
                Subject::Head(_) => self.condition(&place, json, &|json| {
                    plain(json).map(Value::Number).ok_or_else(|| {
                        let text = format!("`{name}` cannot be {json}");
                        Wrong::new(text, "a number, as in 1 or \"0x1a\"")
                    })
                }),
            };
            conditions.extend(condition.map(|one| (subject, one)));
        }
        conditions
    }

    fn subject(&self, name: &str, scope: &Scope<'_>) -> Result<Subject, Wrong> {
        let heads: BTreeSet<&'static str> = [0, 3, 5]
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
        if scope.declared.0.contains_key(name) {
            return Ok(Subject::Variable(name.to_owned()));
        }
        let head = name.strip_prefix("pcc.");
        if let Some(head) = head.and_then(|head| heads.get(head)) {
            return Ok(Subject::Head(head));
        }
        let heads = heads.iter().map(|head| format!("pcc.{head}"));
        Err(unknown(name, scope, heads.collect()))
    }

    fn says(
        &mut self,
        at: &[Step],
        set: &Map<String, Json>,
        header: &Map<String, Json>,
        envelope: Option<&EnvelopeFile>,
        scope: &Scope<'_>,
    ) -> Says {
        let mut says = Says::default();
        let place = join(at, [key("set")]);
        for (name, json) in set {
            let place = join(&place, [key(name)]);
            let assign = self.assign(&place, name, json, scope, &mut says);
            says.set.extend(assign);
        }
        let place = join(at, [key("header")]);
        for (name, json) in header {
            let place = join(&place, [key(name)]);
            let all = HeadField::ALL;
            let known = all.iter().find(|(other, _)| other == name);
            let Some((_, field)) = known else {
                let names = all.map(|(name, _)| name);
                let wrong = Wrong {
                    message: format!("a header has no field `{name}`"),
                    expected: Some(format!("one of `{}`", names.join("`, `"))),
                    suggestion: nearest(name, names).map(str::to_owned),
                };
                self.fault(place, Side::Key, wrong);
                continue;
            };
            let made = self.made(&place, json, scope, &mut says, &|json| {
                plain(json).filter(|n| *n <= u32::MAX.into()).ok_or_else(|| {
                    Wrong::new(
                        format!("`{name}` cannot be {json}"),
                        "a number from 0 to 4294967295",
                    )
                })
            });
            says.header.extend(made.map(|made| (*field, made)));
        }
        let place = join(at, [key("envelope")]);
        says.told = envelope.map(|envelope| {
            let at = join(&place, [key("delay_ms")]);
            self.number(at, envelope.delay_ms, 0, LONGEST_INTERRUPT);
            if let Some(subspace) = envelope.subspace {
                let at = join(&place, [key("subspace")]);
                self.number(at, subspace, 0, 255);
            }
            Told::new(envelope)
        });
        says
    }

    fn assign(
        &mut self,
        place: &[Step],
        name: &str,
        json: &Json,
        scope: &Scope<'_>,
        says: &mut Says,
    ) -> Option<Assign> {
        if let Some(register) = scope.registers.get(name) {
            if register.access == Access::Wo {
                let wrong = Wrong::new(
                    format!("`{name}` is the guest's alone (`wo`)"),
                    "a register of another access",
                );
                self.fault(place.to_vec(), Side::Key, wrong);
                return None;
            }
            let made = self
                .made(place, json, scope, says, &|json| register.value(json))?;
            return Some(Assign::Register(name.to_owned(), made));
        }
        if scope.declared.0.contains_key(name) {
            let declared = self.declared;
            let made = self.made(place, json, scope, says, &|json| {
                declared.value(name, json)
            })?;
            return Some(Assign::Variable(name.to_owned(), made));
        }
        let wrong = unknown(name, scope, Vec::new());
        self.fault(place.to_vec(), Side::Key, wrong);
        None
    }

    /// A value or a template, checked.
    fn made<T>(
        &mut self,
        place: &[Step],
        json: &Json,
        scope: &Scope<'_>,
        says: &mut Says,
        value: &dyn Fn(&Json) -> Result<T, Wrong>,
    ) -> Option<Made<T>> {
        let made = match json {
            Json::String(text) if is_template(text) => {
                scope.check(self.environment, text).map(|uses| {
                    says.timely |= uses.time;
                    self.counts |= uses.count;
                    Made::Template(text.clone())
                })
            }
            _ => value(json).map(Made::Fixed),
        };
        made.map_err(|wrong| self.fault(place.to_vec(), Side::Value, wrong))
            .ok()
    }

    fn effect(
        &mut self,
        at: &[Step],
        source: &EffectFile,
        scope: &Scope<'_>,
    ) -> Effect {
        let envelope = source.envelope.as_ref();
        let (set, header) = (&source.set, &source.header);
        let says = self.says(at, set, header, envelope, scope);
        let delay = join(at, [key("delay")]);
        let longest = match &source.delay {
            Some(Delay::Fixed(ms)) => *ms,
            Some(Delay::Range(range)) if range.from > range.to => {
                let text = format!("{} is more than {}", range.from, range.to);
                let wrong = Wrong::new(text, "the lower end in `from`");
                self.fault(delay.clone(), Side::Value, wrong);
                0
            }
            Some(Delay::Range(range)) => range.to,
            Some(Delay::Never) | None => 0,
        };
        self.number(delay, Number(longest), 0, LONGEST);
        let then = source.then.iter().enumerate().map(|(number, source)| {
            let at = join(at, [key("then"), Step::Index(number)]);
            let (set, header) = (&source.set, &source.header);
            let envelope = source.envelope.as_ref();
            let says = self.says(&at, set, header, envelope, scope);
            let place = join(&at, [key("after")]);
            let after = self.number(place, source.after, 0, LONGEST);
            Then { after, says }
        });
        let then = then.collect();
        Effect {
            take: source.take.unwrap_or(true),
            says,
            error: source.error,
            delay: source.delay.clone(),
            in_order: source.in_order.unwrap_or(true),
            then,
        }
    }

    fn notification(
        &mut self,
        at: &[Step],
        source: &NotificationFile,
        scope: &Scope<'_>,
    ) -> Notification {
        let when = self.when(&join(at, [key("when")]), &source.when, scope);
        let envelope = source.envelope.as_ref();
        let (set, header) = (&source.set, &source.header);
        let says = self.says(at, set, header, envelope, scope);
        let place = |name: &str| join(at, [key(name)]);
        let after = self.number(place("after"), source.after, 0, LONGEST);
        let every = source.every.map(|every| {
            self.number(place("every"), every, SHORTEST_EVERY, LONGEST)
        });
        let times = match (source.times, every) {
            (Some(times), _) => self.number(place("times"), times, 1, u64::MAX),
            (None, Some(_)) => u64::MAX,
            (None, None) => 1,
        };
        let name = source.name.clone();
        Notification { name, after, every, times, when, says }
    }
}

pub(super) fn listed(names: &[&str]) -> String {
    match names {
        [] => "a register; there is none".to_owned(),
        names => format!("one of `{}`", names.join("`, `")),
    }
}

fn unknown(name: &str, scope: &Scope<'_>, more: Vec<String>) -> Wrong {
    let names: Vec<&str> = scope
        .registers
        .keys()
        .chain(scope.declared.0.keys())
        .chain(&more)
        .map(String::as_str)
        .collect();
    Wrong {
        message: format!("unknown register `{name}`"),
        expected: Some(listed(&names)),
        suggestion: nearest(name, names).map(str::to_owned),
    }
}

fn plain(json: &Json) -> Option<u64> {
    match json {
        Json::Number(number) => number.as_u64(),
        Json::String(text) => parse_number(text.trim()),
        _ => None,
    }
}
