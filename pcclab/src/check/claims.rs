//! A platform's test, and what it claims, promises and accepts.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use pccd::conduct;
use pccd::messages::Messages;
use pccd::script::locate::{Side, Step};
use pccd::script::problem::{Problem, nearest};

use super::script::{self, Words};
use super::{Check, fields, key};
use crate::claim::Claim;
use crate::platform::Channel;

impl Check<'_> {
    pub(super) fn test(&mut self, handlers: Option<&Messages>) -> Result<()> {
        let Some(test) = self.read.test.clone() else {
            self.note(
                "there is no `test`: a run needs a command behind --"
                    .to_owned(),
            );
            return Ok(());
        };
        let path = self.folder.join(test);
        let Ok(text) = std::fs::read_to_string(&path) else {
            let message = format!("{} cannot be read", path.display());
            let expected = "a script relative to the platform's folder";
            self.wrong(&[key("test")], message, Some(expected.into()), None);
            return Ok(());
        };
        let file = path.display().to_string();
        if let Some(problem) = script::syntax(&path, &file, &text)? {
            self.put(problem);
        }
        let words = Words::of_platforms()?;
        let (problem, note) = script::results(&file, &text, &words);
        problem.into_iter().for_each(|problem| self.put(problem));
        note.into_iter().for_each(|note| self.note(note));
        self.names_in(&file, &text, &BTreeSet::new(), true);
        let commands = handlers.map(commands).unwrap_or_default();
        for (range, command, values) in script::asked(&text) {
            let Some(handlers) = handlers else { break };
            // Words that cannot be read are for the run to tell.
            let claim = Claim::parse(&format!("{command} {values}"))
                .or_else(|_| Claim::parse(command));
            let Ok(claim) = claim else { continue };
            let wrong = unfit(handlers, &commands, &claim);
            let Some((message, expected, meant)) = wrong else { continue };
            self.put(Problem::at(
                &file,
                &text,
                range,
                String::new(),
                message,
                Some(expected),
                meant,
            ));
        }
        Ok(())
    }

    /// Claims in platform.json.
    pub(super) fn asked(&mut self, handlers: Option<&Messages>) {
        let commands = handlers.map(commands).unwrap_or_default();
        for (index, text) in self.read.asked.clone().iter().enumerate() {
            let path = [key("asked"), Step::Index(index)];
            let claim = match Claim::parse(text) {
                Ok(claim) => claim,
                Err(error) => {
                    let expected = "COMMAND NAME=VALUE… NAME->VALUE…";
                    let expected = Some(expected.to_owned());
                    self.wrong(&path, error.to_string(), expected, None);
                    continue;
                }
            };
            let Some(handlers) = handlers else { continue };
            let wrong = unfit(handlers, &commands, &claim);
            let Some((message, expected, meant)) = wrong else { continue };
            self.wrong(&path, message, Some(expected), meant);
        }
    }

    /// Promises of latency.
    pub(super) fn latency(&mut self) {
        for (index, promise) in self.read.latency.clone().iter().enumerate() {
            let at = |name| [key("latency"), Step::Index(index), key(name)];
            let channels = self.read.channels.clone();
            let named = |it: &&Channel| it.name == promise.channel;
            let Some(_) = channels.iter().find(named) else {
                let message = format!("no channel `{}`", promise.channel);
                let names = channels.iter().map(|it| it.name.as_str());
                let meant = nearest(&promise.channel, names.clone());
                let meant = meant.map(str::to_owned);
                let names: Vec<_> = names.collect();
                let expected = Some(format!("one of {}", names.join(", ")));
                self.wrong(&at("channel"), message, expected, meant);
                continue;
            };
            for channel in channels.iter().filter(named) {
                let (nominal, inbox) =
                    (channel.nominal_us(), channel.is_inbox());
                for (name, error) in promise.mistakes(nominal, inbox) {
                    self.wrong(&at(name), error.to_string(), None, None);
                }
            }
        }
    }

    pub(super) fn accepts(&mut self) {
        let of = |at: Vec<Step>, accepts: &BTreeMap<_, _>| {
            accepts
                .iter()
                .map(|(id, why): (&String, &String)| {
                    let mut at = at.clone();
                    at.push(key(id));
                    (at, id.clone(), why.clone())
                })
                .collect::<Vec<_>>()
        };
        let mut all = of(vec![key("accepts")], &self.read.accepts);
        for (release, on) in &self.read.on {
            let at = vec![key("on"), key(release), key("accepts")];
            all.extend(of(at, &on.accepts));
        }
        for (path, id, why) in all {
            if id.trim().is_empty() {
                let message = "a rule is accepted that has no id".to_owned();
                let expected = "the id that a run prints".to_owned();
                self.wrong(&path, message, Some(expected), None);
            } else if conduct::named(&id).is_none() {
                let ids = || conduct::RULES.iter().map(|rule| rule.id);
                let meant = nearest(&id, ids()).map(str::to_owned);
                let all: Vec<_> = ids().collect();
                let expected = Some(format!("one of {}", all.join(", ")));
                let message = format!("there is no rule `{id}`");
                self.wrong_at(Side::Key, &path, message, expected, meant);
            } else if why.trim().is_empty() {
                let message = format!("nothing says why `{id}` is accepted");
                let expected = "the reason, in a sentence".to_owned();
                self.wrong(&path, message, Some(expected), None);
            }
        }
    }

    pub(super) fn on(&mut self) {
        for (release, on) in self.read.on.clone() {
            let at = |name: &str| [key("on"), key(&release), key(name)];
            if on.because.trim().is_empty() {
                let message = "nothing says why".to_owned();
                let expected = Some("the reason, in a sentence".to_owned());
                self.wrong(&at("because"), message, expected, None);
            }
            if on.smp == Some(0) {
                let message = "no guest has 0 processors".to_owned();
                let expected = Some("a number from 1".to_owned());
                self.wrong(&at("smp"), message, expected, None);
            }
            if let Some(option) = &on.lacks {
                self.option(&at("lacks"), option, Side::Value);
            }
            let idle = on.smp.is_none() && on.lacks.is_none();
            if idle && on.without.is_none() && on.accepts.is_empty() {
                self.note(format!("`on` {release:?} changes nothing"));
            }
        }
    }

    pub(super) fn defects(&mut self) {
        let modes = self.modes();
        for (index, defect) in self.read.defects.clone().iter().enumerate() {
            let at = |name| [key("defects"), Step::Index(index), key(name)];
            let path = self.folder.join(&defect.file);
            if let Some(mode) = defect.mode.filter(|it| !modes.contains(it)) {
                let message =
                    format!("the platform has no mode {}", mode.name());
                self.wrong(&at("mode"), message, None, None);
            }
            if defect.from == defect.to {
                let message = "`from` and `to` are the same".to_owned();
                self.wrong(&at("to"), message, None, None);
            }
            let Ok(text) = std::fs::read_to_string(&path) else {
                let message = format!("{} cannot be read", path.display());
                let expected = "a file relative to the platform's folder";
                let expected = Some(expected.to_owned());
                self.wrong(&at("file"), message, expected, None);
                continue;
            };
            let count = match defect.from.is_empty() {
                true => 0,
                false => text.matches(&defect.from).count(),
            };
            if count != 1 {
                let message =
                    format!("this stands in {} {count} times", path.display());
                let expected = "a text that stands there once, as it is in \
                                the file";
                let expected = Some(expected.to_owned());
                self.wrong(&at("from"), message, expected, None);
            }
        }
    }
}

/// What pccd's log may call the answer to a request.
fn commands(handlers: &Messages) -> BTreeSet<String> {
    let mut names = BTreeSet::from(["endpoint".to_owned()]);
    let mut put = |name: &str| {
        names.extend(name.rsplit('/').next().map(str::to_owned));
        names.insert(name.to_owned());
    };
    handlers.handlers().names().for_each(&mut put);
    for channel in handlers.registers().channels() {
        channel.command_names().for_each(|name| put(&name));
    }
    names
}

/// What no exchange can bear out of a claim: what is wrong, what there is,
/// what was meant.
fn unfit(
    handlers: &Messages,
    commands: &BTreeSet<String>,
    claim: &Claim,
) -> Option<(String, String, Option<String>)> {
    match commands.contains(claim.command()) {
        true => fields::unknown(handlers, claim),
        false => Some(unknown(claim.command(), commands)),
    }
}

/// A command that nothing answers: what is wrong, what there is, what was
/// meant.
fn unknown(
    command: &str,
    commands: &BTreeSet<String>,
) -> (String, String, Option<String>) {
    let all = commands.iter().map(String::as_str);
    let meant = nearest(command, all).map(str::to_owned);
    let short: Vec<&str> = commands
        .iter()
        .map(String::as_str)
        .filter(|name| !name.contains('/'))
        .collect();
    (
        format!("the handler files have no command `{command}`"),
        format!("one of {}", short.join(", ")),
        meant,
    )
}
