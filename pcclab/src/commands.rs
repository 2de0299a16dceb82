//! The guest's commands, each followed from its doorbell to the
//! acknowledgement of its answer, and the messages to the guest that nobody
//! asked for, with the time of every step.
//!
//! Made of what pccd and the device say of a run (see `log::capture`).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use pccd::NEVER;
use pccd::capture::{Entry, Kind};
use pccd::mailbox::RequestName;
use pccd::wire::pcc::{self, HEADER_LEN};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::log::names;

/// Most commands, and most deliveries, that are followed.
pub const MOST: usize = 65_536;

/// The flag of an envelope that keeps the interrupt back (docs/mailbox.md,
/// section 6.1).
const NO_INTERRUPT: u32 = 1 << 2;

/// What happens to a command, in this order where nothing is posted.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// The guest rings the doorbell.
    Doorbell,
    /// The device writes the request into the outbox.
    Published,
    /// pccd reads it.
    Read,
    /// It is well formed.
    Decoded,
    /// pccd puts the answer into the inbox.
    Answered,
    /// The device takes the answer.
    Taken,
    /// It sets "command complete".
    Complete,
    /// It raises the interrupt.
    Interrupt,
    /// The guest acknowledges: the answer, where it came on a channel of type
    /// 4, or else the interrupt.
    Acknowledge,
    /// The guest rings the same channel's doorbell again.
    Next,
}

impl Step {
    /// All of them.
    pub const ALL: [Step; 10] = [
        Step::Doorbell,
        Step::Published,
        Step::Read,
        Step::Decoded,
        Step::Answered,
        Step::Taken,
        Step::Complete,
        Step::Interrupt,
        Step::Acknowledge,
        Step::Next,
    ];
    /// Those that come after the first and have a time of their own, as
    /// tables show them.
    pub const LATER: [Step; 8] = [
        Step::Published,
        Step::Read,
        Step::Answered,
        Step::Taken,
        Step::Complete,
        Step::Interrupt,
        Step::Acknowledge,
        Step::Next,
    ];
}

/// A step's name, as `platform.json` has it.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Step::Doorbell => "doorbell",
            Step::Published => "published",
            Step::Read => "read",
            Step::Decoded => "decoded",
            Step::Answered => "answered",
            Step::Taken => "taken",
            Step::Complete => "complete",
            Step::Interrupt => "interrupt",
            Step::Acknowledge => "acknowledge",
            Step::Next => "next",
        })
    }
}

/// How far one command of the guest came; or one message to the guest, of
/// which only `Taken`, `Interrupt` and `Acknowledge` are known.
#[derive(Clone, Debug, Default)]
pub struct Command {
    /// Its channel's id.
    pub subspace: u8,
    /// When each step was, in microseconds since 1970.
    pub steps: BTreeMap<Step, i64>,
    /// Steps that it does not have to pass.
    pub spared: BTreeSet<Step>,
    /// The file's name, once it has one.
    pub name: String,
    /// What pccd says it is.
    pub summary: String,
    /// Why it went no further.
    pub why: String,
    /// Its handler has the delay `never`; of a message to the guest, its
    /// envelope keeps the interrupt back.
    pub is_hung: bool,
}

impl Command {
    /// When it began, in microseconds since 1970.
    pub fn began(&self) -> i64 {
        self.steps.values().min().copied().unwrap_or_default()
    }

    /// How long it was on its way to the guest's interrupt, or as far as it
    /// came, in microseconds.
    pub fn took(&self) -> i64 {
        let later = [Step::Acknowledge, Step::Next];
        let steps = self.steps.iter().filter(|(step, _)| !later.contains(step));
        let last = steps.map(|(_, time)| *time).max();
        last.map_or(0, |last| last.saturating_sub(self.began()))
    }
}

/// All of a run.
#[derive(Debug, Default)]
pub struct Commands {
    /// Commands, in the order of their doorbells.
    pub all: Vec<Command>,
    /// Messages on channels of type 4, answers and others.
    pub deliveries: Vec<Command>,
    /// Those of them that nobody asked for, in the order in which pccd sent
    /// them, and those that never came there. `Answered` is when pccd put one
    /// into the inbox, `Taken` when the device loaded it.
    pub unasked: Vec<Command>,
    /// There were more than [`MOST`] of either.
    pub is_cut: bool,
    /// The last command of each outbox channel, and the last message on each
    /// inbox channel.
    last: BTreeMap<u8, usize>,
    /// Commands by the stem of their file.
    named: BTreeMap<String, usize>,
    /// The command whose answer an inbox channel holds.
    held: BTreeMap<u8, usize>,
    taken: Option<usize>,
    /// The same of what nobody asked for: by file, what an inbox channel
    /// holds, what is being loaded.
    sent: BTreeMap<String, usize>,
    shown: BTreeMap<u8, usize>,
    loading: Option<usize>,
}

impl Commands {
    /// Takes an event of pccd or of the device.
    pub fn event(&mut self, time: i64, entry: &Entry) {
        let subspace = entry.subspace.unwrap_or_default();
        let is_inbox = entry.subspace_type == Some(4);
        let named = self.of_file(entry);
        let last = self.last.get(&subspace).copied();
        match entry.kind {
            Kind::Doorbell if !is_inbox => self.doorbell(time, entry),
            Kind::Published => {
                self.reach(named, Step::Published, time);
            }
            Kind::Request => {
                // The device may say only later that it has written it.
                if let Some(command) = named.and_then(|at| self.all.get_mut(at))
                {
                    command.steps.entry(Step::Published).or_insert(time);
                }
                self.reach(named, Step::Read, time);
                let Some(command) = self.reach(named, Step::Decoded, time)
                else {
                    return;
                };
                command.summary.clone_from(&entry.summary);
                if !is_asking(&entry.content) {
                    command.spared.extend([
                        Step::Answered,
                        Step::Taken,
                        Step::Acknowledge,
                    ]);
                }
            }
            Kind::Rejected => self.why(named, Step::Read, time, entry),
            Kind::Ignored => self.why(named, Step::Decoded, time, entry),
            Kind::Reply => {
                self.reach(named, Step::Answered, time);
            }
            Kind::Unasked if is_inbox => {
                if let Some(one) = self.unasked(time, entry) {
                    one.summary.clone_from(&entry.summary);
                }
            }
            Kind::Taken if is_inbox && entry.sequence.is_none() => {
                self.taken = None;
                self.unasked(time, entry);
                self.loading = self.sent.get(&entry.name).copied();
            }
            Kind::Taken => {
                self.loading = None;
                self.taken = named;
                self.reach(named, Step::Taken, time);
            }
            Kind::Loaded if is_inbox => {
                self.shows(time, subspace, &entry.note);
                self.loaded(time, subspace);
            }
            Kind::Complete | Kind::Failure => {
                self.reach(last, Step::Complete, time);
            }
            Kind::Interrupt if is_inbox => {
                if let Some(one) =
                    last.and_then(|at| self.deliveries.get_mut(at))
                {
                    // A reminder is none.
                    one.steps.entry(Step::Interrupt).or_insert(time);
                }
                if let Some(one) = self.shown(subspace) {
                    one.steps.entry(Step::Interrupt).or_insert(time);
                }
            }
            Kind::Interrupt => {
                self.reach(last, Step::Interrupt, time);
            }
            Kind::Acknowledge if !is_inbox => {
                self.reach(last, Step::Acknowledge, time);
            }
            Kind::Acknowledge if !entry.note.ends_with('1') => {
                if let Some(one) =
                    last.and_then(|at| self.deliveries.get_mut(at))
                {
                    one.steps.insert(Step::Acknowledge, time);
                }
                let at = self.held.remove(&subspace);
                self.reach(at, Step::Acknowledge, time);
                if let Some(one) = self.shown(subspace) {
                    one.steps.insert(Step::Acknowledge, time);
                    if !one.steps.contains_key(&Step::Interrupt) {
                        // The guest has looked without one.
                        one.spared.insert(Step::Interrupt);
                    }
                }
                self.shown.remove(&subspace);
            }
            Kind::Epoch => {
                // What a life of the guest left undone no other one goes on
                // with.
                self.last.clear();
                self.held.clear();
                self.taken = None;
                self.loading = None;
                for at in std::mem::take(&mut self.shown).into_values() {
                    if let Some(one) = self.unasked.get_mut(at) {
                        one.spared.extend([Step::Interrupt, Step::Acknowledge]);
                    }
                }
            }
            Kind::Device => {
                let mut names = names(&entry.note).map(RequestName::stem);
                if entry.note.starts_with("rejected: ")
                    && let Some(name) = names.next()
                {
                    let command = self.named.get(name).copied();
                    let command = command.and_then(|at| self.all.get_mut(at));
                    let message = self.sent.get(&format!("{name}.pcc"));
                    let message = message.copied();
                    let message =
                        message.and_then(|at| self.unasked.get_mut(at));
                    if let Some(one) = command.or(message) {
                        one.why.clone_from(&entry.note);
                    }
                }
            }
            _ => {}
        }
    }

    /// The command of a file: pccd may have read it before the device says
    /// that it wrote it.
    fn of_file(&mut self, entry: &Entry) -> Option<usize> {
        let stem = RequestName::stem(&entry.name);
        if let Some(at) = self.named.get(stem) {
            return Some(*at);
        }
        entry.sequence?;
        let at = *self.last.get(&entry.subspace?)?;
        let command = self.all.get_mut(at)?;
        if !command.name.is_empty() {
            return None;
        }
        command.name.clone_from(&entry.name);
        self.named.insert(stem.to_owned(), at);
        Some(at)
    }

    fn doorbell(&mut self, time: i64, entry: &Entry) {
        let subspace = entry.subspace.unwrap_or_default();
        let last = self.last.get(&subspace).copied();
        self.reach(last, Step::Next, time);
        if self.all.len() >= MOST {
            // What follows is of none that is known.
            self.last.remove(&subspace);
            self.is_cut = true;
            return;
        }
        let mut spared = BTreeSet::from([Step::Acknowledge]);
        if !entry.note.ends_with("interrupt wanted: 1") {
            spared.insert(Step::Interrupt);
        }
        self.last.insert(subspace, self.all.len());
        let steps = BTreeMap::from([(Step::Doorbell, time)]);
        self.all.push(Command {
            subspace,
            steps,
            spared,
            ..Command::default()
        });
    }

    /// An inbox channel has got a message.
    fn loaded(&mut self, time: i64, subspace: u8) {
        if let Some(at) = self.taken.take() {
            self.held.insert(subspace, at);
            if let Some(command) = self.all.get_mut(at) {
                command.spared.remove(&Step::Acknowledge);
                command.steps.remove(&Step::Acknowledge);
            }
        }
        if self.deliveries.len() >= MOST {
            self.last.remove(&subspace);
            self.is_cut = true;
            return;
        }
        self.last.insert(subspace, self.deliveries.len());
        let steps = BTreeMap::from([(Step::Taken, time)]);
        let one = Command { subspace, steps, ..Command::default() };
        self.deliveries.push(one);
    }

    /// The message of a file that nobody asked for, of which either side may
    /// be the first to tell.
    fn unasked(&mut self, time: i64, entry: &Entry) -> Option<&mut Command> {
        let next = self.unasked.len();
        let at = self.sent.get(&entry.name).copied().unwrap_or(next);
        if at == next && next >= MOST {
            self.is_cut = true;
            return None;
        }
        if at == next {
            self.sent.insert(entry.name.clone(), at);
            self.unasked.push(Command {
                subspace: entry.subspace.unwrap_or_default(),
                steps: BTreeMap::from([(Step::Answered, time)]),
                name: entry.name.clone(),
                ..Command::default()
            });
        }
        self.unasked.get_mut(at)
    }

    /// An inbox channel has got what the note says, asked for or not.
    fn shows(&mut self, time: i64, subspace: u8, note: &str) {
        self.shown.remove(&subspace);
        let Some(at) = self.loading.take() else { return };
        let Some(one) = self.unasked.get_mut(at) else { return };
        one.steps.insert(Step::Taken, time);
        let flags = note.rsplit_once("flags 0x").map_or("", |(_, hex)| hex);
        let flags = u32::from_str_radix(flags, 16).unwrap_or_default();
        if flags & NO_INTERRUPT != 0 {
            one.is_hung = true;
            one.why = "its envelope says no-interrupt".to_owned();
        }
        self.shown.insert(subspace, at);
    }

    /// What nobody asked for that an inbox channel holds.
    fn shown(&mut self, subspace: u8) -> Option<&mut Command> {
        self.unasked.get_mut(*self.shown.get(&subspace)?)
    }

    fn reach(
        &mut self,
        at: Option<usize>,
        step: Step,
        time: i64,
    ) -> Option<&mut Command> {
        let command = self.all.get_mut(at?)?;
        command.steps.insert(step, time);
        Some(command)
    }

    /// It came as far as this, and no further for that reason.
    fn why(&mut self, at: Option<usize>, step: Step, time: i64, entry: &Entry) {
        let Some(command) = self.reach(at, step, time) else { return };
        command.is_hung = entry.note == NEVER;
        command.why = match entry.handler.as_str() {
            "" => entry.note.clone(),
            handler => format!("{handler}: {}", entry.note),
        };
    }
}

/// Whether a request wants an answer: the last packet of an MCTP request, or
/// no MCTP at all.
fn is_asking(content: &[u8]) -> bool {
    const END_OF_MESSAGE: u8 = 0x40;
    const TAG_OWNER: u8 = 0x08;
    let both = END_OF_MESSAGE | TAG_OWNER;
    let flags = content.get(HEADER_LEN + 3).copied().unwrap_or(both);
    !pcc::is_mctp(content) || flags & both == both
}
