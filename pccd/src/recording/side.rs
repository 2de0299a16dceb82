//! What a recording holds.

use std::collections::BTreeMap;

use super::request::{Message, Request};
use crate::record::Time;
use crate::script::delay::Wait;
use crate::wire::region::SubspaceType;

/// What the platform said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// Contents for the inbox, with their envelopes.
    Contents {
        /// Subspace they were for.
        subspace: u8,
        /// One a packet.
        contents: Vec<Vec<u8>>,
    },
    /// An MCTP message that has to be packed.
    Message(Message),
}

/// What nobody asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unasked {
    /// Milliseconds after the request before it was read, or after a life of
    /// the guest began.
    pub after: u64,
    /// What was sent.
    pub said: Said,
}

/// A request and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// Its place in the recording, from 1.
    pub number: usize,
    /// Life of the guest, from 0.
    pub life: usize,
    /// Subspace it came from; none where the capture does not say.
    pub subspace: Option<u8>,
    /// When it was read.
    pub time: Option<Time>,
    /// File name of its last request; empty where it was no file.
    pub name: String,
    /// What was asked.
    pub asked: Request,
    /// Why it was set aside as malformed.
    pub rejected: Option<String>,
    /// Why it got no answer.
    pub ignored: Option<String>,
    /// What went back.
    pub reply: Option<Said>,
    /// How long that took.
    pub wait: Wait,
    /// Whether later requests of its channel waited for it.
    pub in_order: bool,
    /// What was sent after it.
    pub unasked: Vec<Unasked>,
    /// Handler that answered.
    pub handler: String,
}

/// One mailbox of a recording.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Side {
    /// Its folder, or another name for it.
    pub name: String,
    /// All exchanges, in order.
    pub exchanges: Vec<Exchange>,
    /// By subspace, the places of its exchanges.
    pub channels: BTreeMap<Option<u8>, Vec<usize>>,
    /// Types of its subspaces, as far as they are known.
    pub kinds: BTreeMap<u8, SubspaceType>,
    /// What was sent before a life's first request, by life.
    pub openings: BTreeMap<usize, Vec<Unasked>>,
    /// By subspace, how many packets of the guest make no message.
    pub broken: BTreeMap<u8, usize>,
    /// Whether no message in it has an EID.
    pub is_nameless: bool,
}

/// A recording.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recording {
    /// Its mailboxes.
    pub sides: Vec<Side>,
    /// What should be known about it.
    pub notes: Vec<String>,
}

impl Side {
    /// How it is spoken of: its requests and channels.
    pub fn summary(&self) -> String {
        let count = |count: usize, what: &str| match count {
            1 => format!("1 {what}"),
            count => format!("{count} {what}s"),
        };
        format!(
            "{} of {}",
            count(self.exchanges.len(), "request"),
            count(self.channels.len(), "channel")
        )
    }

    /// Where an exchange stands, for people.
    pub fn place(&self, at: usize) -> String {
        let Some(one) = self.exchanges.get(at) else { return String::new() };
        let mut text = format!("request {}", one.number);
        if let Some(subspace) = one.subspace {
            text.push_str(&format!(" (subspace {subspace}"));
        } else {
            text.push_str(" (MCTP");
        }
        if let Some(time) = one.time {
            text.push_str(&time.format(", at %H:%M:%S%.6f").to_string());
        }
        if !one.name.is_empty() {
            text.push_str(&format!(", {}", one.name));
        }
        text + ")"
    }
}
