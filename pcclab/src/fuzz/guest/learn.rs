//! What a platform says when nothing is varied.

use anyhow::{Context, Result, bail};
use pccd::mailbox::Channels;
use pccd::messages::Messages;
use pccd::record::{Event as Happened, Record};
use pccd::wire::pcc::split_envelope;

use super::Guest;
use crate::config::mailbox;
use crate::fuzz::known::{Answer, Known};
use crate::fuzz::scenario::Scenario;
use crate::fuzz::target::Target;
use crate::sign::Sign;

impl Guest {
    /// Finds out what the platform answers to each action.
    ///
    /// # Errors
    /// When the guest cannot be started, or does not live through it.
    pub fn learn(&mut self) -> Result<Known> {
        let mut known = Known {
            platform: self.setup.platform.clone(),
            timeout_ms: self.setup.timeout_ms,
            ..Known::default()
        };
        self.renew()?;
        let messages = self.messages()?;
        for name in self.setup.actions.clone() {
            let mut before = Vec::new();
            let mut done = self.answers_to(&mut known, &[&name], &messages)?;
            if let Some(sign) = done.died {
                bail!(
                    "the driver does not live through {name} with a platform \
                     that varies nothing: {sign}\n{}",
                    sign.lines.join("\n")
                );
            }
            for first in self.firsts(&name, &done) {
                let both = [first.as_str(), &name];
                let then = self.answers_to(&mut known, &both, &messages)?;
                if then.died.is_some() {
                    // The search has these two together, too, and tells.
                    self.renew()?;
                } else if then.succeeds && (!done.succeeds || then.asks()) {
                    before.push(first);
                    done = then;
                    break;
                }
            }
            known.before.insert(name.clone(), before);
            known.answers.insert(name, done.answers);
        }
        Ok(known)
    }

    /// What may have to come before an action that asks the platform nothing,
    /// so that it does: where it failed any other one, else what unbinds.
    fn firsts(&self, name: &str, done: &Done) -> Vec<String> {
        let is_unbind = |it: &String| it.contains("unbind");
        let mut firsts = self.setup.actions.clone();
        firsts.retain(|it| {
            it != name && !done.asks() && (!done.succeeds || is_unbind(it))
        });
        firsts.sort_by_key(|it| !is_unbind(it));
        firsts
    }

    /// What the platform answers to these actions.
    fn answers_to(
        &mut self,
        known: &mut Known,
        actions: &[&str],
        (messages, channels): &(Messages, Channels),
    ) -> Result<Done> {
        let names = actions.iter().map(|&name| name.to_owned()).collect();
        let plain = Scenario::plain(&self.setup.platform, names);
        let mut seen = self.run(&plain, &mut [])?;
        let records = std::mem::take(&mut self.records);
        if !seen.is_over {
            seen.signs.extend(self.alive(&plain.actions)?.signs);
        }
        let died = seen.signs.into_iter().find(|sign| !sign.kind.goes_on());
        known.add_unasked(unasked(&records, messages, channels));
        Ok(Done {
            answers: answers(&records, messages, channels),
            succeeds: seen.gave.last().is_some_and(|it| it.starts_with("0")),
            died,
        })
    }

    /// The platform's handlers, and the channels of this guest.
    fn messages(&self) -> Result<(Messages, Channels)> {
        let place = self.place();
        let mut folders = self.setup.config.messages.clone();
        if !self.setup.config.plays.is_empty() {
            folders.push(place.join("subspaces"));
        }
        let messages = Messages::load(&folders).map_err(|problems| {
            anyhow::anyhow!("the platform's handlers: {problems}")
        })?;
        let path = mailbox(&place).join("channels.json");
        let text = std::fs::read(&path)
            .with_context(|| format!("reading {}", path.display()))?;
        let channels = Channels::decode(&text)
            .map_err(|why| anyhow::anyhow!("{}: {why}", path.display()))?;
        Ok((messages, channels))
    }
}

/// What came of actions when nothing was varied.
struct Done {
    /// The platform's answers, by the order of the requests.
    answers: Vec<Answer>,
    /// Whether the last of them did.
    succeeds: bool,
    /// What the driver did not live through.
    died: Option<Sign>,
}

impl Done {
    fn asks(&self) -> bool {
        !self.answers.is_empty()
    }
}

/// What of a content can be set, for a channel of this guest.
fn taken_apart(
    content: Vec<u8>,
    subspace: u8,
    messages: &Messages,
    channels: &Channels,
) -> Answer {
    let (_, content) = split_envelope(&content);
    let spots = match channels.get(subspace) {
        Some(on) => pccd::vary::fields(messages, on, content),
        None => Vec::new(),
    };
    Answer { subspace, content: content.to_vec(), spots }
}

/// The messages among these records that nobody asked for.
fn unasked(
    records: &[Record],
    messages: &Messages,
    channels: &Channels,
) -> Vec<Answer> {
    let unasked = records.iter().filter(|it| it.event == Happened::Unasked);
    let message = |record: &Record| {
        let content = hex::decode(record.content.as_ref()?).ok()?;
        let subspace = record.subspace?;
        Some(taken_apart(content, subspace, messages, channels))
    };
    unasked.filter_map(message).collect()
}

/// The answers among these records, by the order of their requests.
fn answers(
    records: &[Record],
    messages: &Messages,
    channels: &Channels,
) -> Vec<Answer> {
    let requests = records.iter().filter(|r| r.event == Happened::Received);
    let answer = |request: &Record| {
        let empty = Answer {
            subspace: request.subspace.unwrap_or(0),
            content: Vec::new(),
            spots: Vec::new(),
        };
        let reply = records.iter().find(|record| {
            record.event == Happened::Replied && record.request == request.name
        });
        let content =
            reply.and_then(|it| hex::decode(it.content.as_ref()?).ok());
        let Some(content) = content else { return empty };
        let subspace = reply.and_then(|it| it.subspace);
        let subspace = subspace.unwrap_or(empty.subspace);
        taken_apart(content, subspace, messages, channels)
    };
    requests.map(answer).collect()
}
