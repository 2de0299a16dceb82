//! Channels of registers: channels that do not speak MCTP (CPPC, X-Gene's
//! mailbox, OperationRegions, HCCS…), described by handler files as
//! registers and commands.
//!
//! A request is the channel's shared memory; so is the answer, which goes
//! back in place. Nothing here opens a file or knows a time of its own: what
//! registers hold is part of what handlers remember, and of the ledger.

mod answer;
mod bank;
mod cells;
mod channel;
mod compile;
pub mod decode;
pub mod file;
mod layout;
mod looked;
mod lookup;
mod players;
pub mod rebuild;
pub mod register;
mod template;

use std::collections::BTreeMap;

use minijinja::Environment;

pub use self::answer::{Answer, Request, refusal};
use self::bank::{Bank, Context};
pub use self::channel::Channel;
pub(crate) use self::players::{Player, players};
use crate::mailbox;
use crate::record::Time;
use crate::script::check::{Checker, Clock};
use crate::script::dice::Dice;
use crate::script::locate::Place;
use crate::script::memory::{Declared, Memory};
use crate::script::problem::{Wrong, nearest};
use crate::wire::layout::Value;

/// All channels of registers there are.
#[derive(Debug)]
pub struct Registers {
    channels: Vec<Channel>,
    players: BTreeMap<u8, Player>,
    environment: Environment<'static>,
}

/// A channel in a subspace of a mailbox.
#[derive(Debug, Clone, Copy)]
pub struct Played<'a> {
    registers: &'a Registers,
    pub channel: &'a Channel,
    reset: &'a BTreeMap<String, Value>,
    subspace: u8,
}

/// A notification by the clock.
#[derive(Debug, Clone)]
pub struct Timed {
    /// Channel, subspace and its own name.
    pub name: String,
    pub clock: Clock,
}

/// What a notification by the clock leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticked {
    /// Content, with its envelope; none if `when` does not hold.
    pub content: Option<Vec<u8>>,
    /// What is remembered from now on.
    pub memory: Memory,
}

impl Registers {
    pub(crate) fn new(
        channels: Vec<Channel>,
        players: BTreeMap<u8, Player>,
        environment: Environment<'static>,
    ) -> Self {
        Self { channels, players, environment }
    }

    pub fn channels(&self) -> &[Channel] {
        &self.channels
    }

    /// A channel by its name.
    pub fn named(&self, name: &str) -> Result<&Channel, Wrong> {
        self.channels.iter().find(|one| one.name == name).ok_or_else(|| {
            let names = self.channels.iter().map(|one| one.name.as_str());
            let suggestion = nearest(name, names).map(str::to_owned);
            let wrong = Wrong::plain(format!("no channel `{name}`"));
            Wrong { suggestion, ..wrong }
        })
    }

    /// Lets a channel play a subspace, whatever the files say.
    pub fn assign(&mut self, subspace: u8, name: &str) -> Result<(), Wrong> {
        self.named(name)?;
        let found = self.channels.iter().position(|one| one.name == name);
        if let Some(channel) = found {
            let player = Player { channel, reset: BTreeMap::new() };
            self.players.insert(subspace, player);
        }
        Ok(())
    }

    /// What plays a subspace.
    pub fn played(&self, subspace: u8) -> Option<Played<'_>> {
        let Player { channel, reset } = self.players.get(&subspace)?;
        let channel = self.channels.get(*channel)?;
        Some(Played { registers: self, channel, reset, subspace })
    }
}

/// Compiles the channels of a file. Whether all are sound.
pub(crate) fn add(
    check: &mut Checker<'_>,
    file: &str,
    sources: &[file::ChannelFile],
    channels: &mut Vec<Channel>,
) -> bool {
    let mut sound = true;
    let list = Place::FILE.key("channels");
    for (index, source) in sources.iter().enumerate() {
        let at = list.index(index);
        let first = channels.iter().find(|c| c.name == source.name);
        if let Some(Channel { name, file, .. }) = first {
            let wrong = Wrong::new(
                format!("there is a channel `{name}` in {file} already"),
                "another name",
            );
            check.wrong(&at.key("name"), wrong);
        }
        let channel = compile::channel(check, &at, file, source);
        sound &= channel.is_some();
        channels.extend(channel);
    }
    sound
}

impl Played<'_> {
    fn context<'s>(
        &'s self,
        declared: &'s Declared,
        began: Time,
        now: Time,
    ) -> Context<'s> {
        Context {
            environment: &self.registers.environment,
            declared,
            channel: self.channel,
            reset: self.reset,
            subspace: self.subspace,
            began,
            now,
        }
    }

    pub fn answer(
        &self,
        declared: &Declared,
        memory: &Memory,
        asked: &Request<'_>,
        (began, now): (Time, Time),
    ) -> Answer {
        let context = self.context(declared, began, now);
        self.channel.answer(context, memory, asked)
    }

    fn prefix(&self) -> String {
        format!("{}@{}/", self.channel.name, self.subspace)
    }

    /// Its notifications by the clock.
    pub fn timed(&self) -> impl Iterator<Item = Timed> {
        let prefix = self.prefix();
        self.channel.notifications.iter().map(move |one| Timed {
            name: format!("{prefix}{}", one.name),
            clock: one.clock,
        })
    }

    /// Makes a notification by the clock. None if it is none of its own.
    pub fn tick(
        &self,
        name: &str,
        on: &mailbox::Channel,
        declared: &Declared,
        memory: &Memory,
        (began, now, seed): (Time, Time, u64),
    ) -> Option<Result<Ticked, Wrong>> {
        let own = name.strip_prefix(&self.prefix())?;
        let mut all = self.channel.notifications.iter();
        let notification = all.find(|one| one.name == own)?;
        let mut counted = memory.clone();
        let count = counted.count(name);
        let dice = Dice::new(seed, count, name);
        let context = self.context(declared, began, now);
        let mut bank = Bank::new(context, &counted, dice);
        bank.count = count;
        if bank.unmet(&notification.when).is_some() {
            let memory = memory.clone();
            return Some(Ok(Ticked { content: None, memory }));
        }
        let made = bank.set(&notification.says).and_then(|()| {
            answer::notice(
                &bank,
                &notification.says,
                self.subspace,
                on.kind,
                on.size,
            )
        });
        Some(made.map(|content| Ticked {
            content: Some(content),
            memory: bank.remember(),
        }))
    }
}

#[cfg(test)]
mod tests;
