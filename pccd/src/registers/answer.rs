//! One command: which of a channel's it is, what it does, and the bytes that
//! go back.

use serde_json::{Map, Value as Json};

use super::bank::{Bank, Context};
use super::channel::{Channel, Command, Effect, HeadField, Says};
use super::file::{Access, CommandWord, Rest};
use super::register::Register;
use super::template::json;
use crate::conduct::Breach;
use crate::script::delay::{Delay, Wait};
use crate::script::dice::Dice;
use crate::script::envelope::{EnvelopeOptions, Flag};
use crate::script::memory::Memory;
use crate::script::problem::Wrong;
use crate::wire::layout::Value;
use crate::wire::pcc::{HEADER_LEN, SIGNATURE, UNCOUNTED_LEN};
use crate::wire::region::{Head, Region, SubspaceType, header_len};
use crate::wire::scmi;

/// Most commands of which it is said why they do not fit.
const MOST_NAMED: usize = 16;

/// A command as it came.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// PCCT type of the channel.
    pub kind: SubspaceType,
    /// Bytes of its region.
    pub size: usize,
    /// Number of the request in its life of the guest.
    pub serial: u32,
    pub content: &'a [u8],
    pub seed: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Content, with its envelope.
    pub content: Vec<u8>,
    /// Milliseconds after the answer.
    pub after: u64,
}

/// What a command leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub handler: String,
    /// Content that goes back, with its envelope if it needs one.
    pub content: Vec<u8>,
    /// What is said after it.
    pub unasked: Vec<Sent>,
    /// What is remembered from now on.
    pub memory: Memory,
    pub wait: Wait,
    /// Whether later commands wait for it.
    pub in_order: bool,
    /// Whether it would be another one at another time.
    pub timely: bool,
    /// What should be known about it.
    pub note: Option<String>,
    /// A rule of conduct that the request breaks, as the registers show.
    pub breach: Option<Breach>,
    /// Whether the device writes it even if the request is over.
    pub is_forced: bool,
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    if let Some(place) = bytes.get_mut(at..at.saturating_add(value.len())) {
        place.copy_from_slice(value);
    }
}

/// Header and communication space as a content.
pub fn region(
    kind: SubspaceType,
    size: usize,
    subspace: u8,
    request: Option<&Region<'_>>,
    fields: &[(HeadField, u32)],
    space: &[u8],
) -> Result<Vec<u8>, Wrong> {
    let length = header_len(kind);
    let total = length.saturating_add(space.len());
    if size == 0 && space.is_empty() {
        // Type 5 without shared memory.
        return Ok(Vec::new());
    }
    if total > size {
        return Err(Wrong::plain(format!(
            "registers reach to byte {total} of subspace {subspace}, which \
             has {size}"
        )));
    }
    let mut out = vec![0; length];
    if let Some(request) = request {
        put(&mut out, 0, request.header);
    }
    let own = SIGNATURE | u32::from(subspace);
    put(&mut out, 0, &own.to_le_bytes());
    if kind.is_extended() {
        let had = request.map(|request| request.space.len());
        if had.is_none_or(|had| space.len() > had) {
            let counted = u32::try_from(space.len()).unwrap_or(u32::MAX - 4);
            put(&mut out, 8, &(counted + 4).to_le_bytes());
        }
    }
    for (field, number) in fields {
        let raw = number.to_le_bytes();
        let low = raw.get(..2).unwrap_or(&[]);
        match field {
            HeadField::Signature => put(&mut out, 0, &raw),
            HeadField::Flags if kind.is_extended() => put(&mut out, 4, &raw),
            HeadField::Length if kind.is_extended() => put(&mut out, 8, &raw),
            HeadField::Command if kind.is_extended() => put(&mut out, 12, &raw),
            HeadField::Command if kind != SubspaceType::HwRegisters => {
                put(&mut out, 4, low);
            }
            _ => {
                return Err(Wrong::plain(format!(
                    "a header of type {kind} has no field `{field:?}`"
                )));
            }
        }
    }
    out.extend(space);
    Ok(out)
}

/// The answer with error status to what cannot be answered otherwise: the
/// region as it came.
pub fn refusal(asked: &Request<'_>, subspace: u8) -> Vec<u8> {
    let request = Region::split(asked.kind, asked.content, true);
    let content = region(
        asked.kind,
        asked.size,
        subspace,
        Some(&request),
        &[],
        request.space,
    );
    let flags = Flag::Error.bit();
    let told = EnvelopeOptions { flags, ..EnvelopeOptions::default() };
    told.put_before(content.unwrap_or_default(), subspace, asked.kind)
        .unwrap_or_default()
}

/// What templates see of a request.
fn request_json(
    channel: &Channel,
    subspace: u8,
    heads: &[Head],
    space: &[u8],
) -> Json {
    let mut seen = Map::new();
    for (name, register) in &channel.registers {
        if let Some(value) = register.read(space) {
            seen.insert(name.clone(), json(&value));
        }
    }
    let (mut pcc, mut parts) = (Map::new(), Map::new());
    for head in heads {
        let value = head.value.into();
        match head.name.split_once('.') {
            Some((_, part)) => parts.insert(part.to_owned(), value),
            None => pcc.insert(head.name.to_owned(), value),
        };
    }
    seen.insert("pcc".to_owned(), Json::Object(pcc));
    if channel.word == CommandWord::Scmi {
        seen.insert(scmi::LAYER.to_owned(), Json::Object(parts));
    }
    seen.insert("hex".to_owned(), hex::encode(space).into());
    seen.insert("subspace".to_owned(), subspace.into());
    Json::Object(seen)
}

enum Miss {
    /// The request ends before something that a command looks at.
    Short(String),
    /// None is for it.
    Unknown(String),
}

impl Channel {
    /// The first command that fits what the guest wrote, whether that will
    /// count or not; or why those with this code do not.
    fn find(
        &self,
        code: u64,
        taken: &Bank<'_>,
        request: &Region<'_>,
        kind: SubspaceType,
    ) -> Result<&Command, Miss> {
        let value = &Value::Number(code);
        let mut numbers =
            self.lookup.candidates(code, |subject| taken.holds(subject));
        if kind.is_extended() {
            // Whatever they want, a request may be too short for them.
            let all = self.commands.iter().enumerate();
            let all = all.filter(|(_, one)| !one.short);
            numbers.extend(all.map(|(number, _)| number));
        }
        numbers.sort_unstable();
        numbers.dedup();
        let has_code = |one: &&Command| one.code.holds(value, None);
        let found = numbers.iter().filter_map(|at| self.commands.get(*at));
        for command in found.filter(has_code) {
            if let Some(cut) = self.cut_short(command, request, kind) {
                return Err(Miss::Short(cut));
            }
            if taken.unmet(&command.when).is_none() {
                return Ok(command);
            }
        }
        let mut others = self.commands.iter().filter(has_code);
        let why: Vec<String> = others
            .by_ref()
            .filter_map(|command| {
                let differs = taken.differs(taken.unmet(&command.when)?);
                Some(format!("`{}`: {differs}", command.name))
            })
            .take(MOST_NAMED)
            .collect();
        let more = match others.count() {
            0 => String::new(),
            count => format!("; nor does any of {count} more"),
        };
        Err(Miss::Unknown(if why.is_empty() {
            format!("`{}` has no command {code:#x}", self.name)
        } else {
            let why = why.join("; ");
            format!("no command {code:#x} of `{}` fits: {why}{more}", self.name)
        }))
    }

    /// What a request lacks of what a command looks at. Those of types 0 to 2
    /// are always whole.
    fn cut_short(
        &self,
        command: &Command,
        request: &Region<'_>,
        kind: SubspaceType,
    ) -> Option<String> {
        if command.short || !kind.is_extended() {
            return None;
        }
        let has = request.space.len();
        let (name, needs) = command.looks_at.iter().find_map(|name| {
            let needs = self.registers.get(name)?.end();
            (needs > has).then_some((name, needs))
        })?;
        let fields = request.fields(kind);
        let length = fields.iter().find(|field| field.name == "length");
        let length = length.map_or(0, |field| field.value);
        Some(format!(
            "`{}`: the request ends before `{name}`: length {length} holds \
             {has} bytes, it needs {needs}",
            command.name
        ))
    }

    /// Whether a request has more bytes than the channel has registers for,
    /// and more than the command looks at by just what a length that counts
    /// the whole header has too much.
    fn counts_header(
        &self,
        command: &Command,
        request: &Region<'_>,
        kind: SubspaceType,
    ) -> Option<Breach> {
        let has = request.space.len();
        let ends = || self.registers.values().map(Register::end);
        let looked_at = command
            .looks_at
            .iter()
            .filter_map(|name| self.registers.get(name).map(Register::end));
        let needs = looked_at.max().unwrap_or(0);
        let is_more = kind.is_extended()
            && ends().all(|end| end < has)
            && has == needs + UNCOUNTED_LEN;
        is_more.then(|| {
            Breach::new(
                "length-header",
                format!(
                    "the length is {}, {} are right: it counts the \
                     {UNCOUNTED_LEN} bytes of signature, flags and length",
                    has + HEADER_LEN - UNCOUNTED_LEN,
                    needs + HEADER_LEN - UNCOUNTED_LEN,
                ),
            )
        })
    }

    pub fn answer(
        &self,
        context: Context<'_>,
        memory: &Memory,
        asked: &Request<'_>,
    ) -> Answer {
        let request = Region::split(asked.kind, asked.content, true);
        let heads = self.heads(&request, asked.kind);
        let dice = Dice::new(asked.seed, asked.serial.into(), &self.name);
        let mut before = Bank::new(context, memory, dice);
        if self.counts {
            let name = format!("{}@{}", self.name, context.subspace);
            before.count = before.memory.to_mut().count(&name);
        }
        let seen = request_json(self, context.subspace, &heads, request.space);
        before.request = Some(seen);
        before.heads = heads;
        let taken = before.taken(request.space, &[Access::Rw, Access::Wo]);
        let kept = before.taken(request.space, &[Access::Wo]);
        let code = self.code(&request, asked.kind).unwrap_or(0);
        let refused = |handler, note| Answer {
            handler,
            content: refusal(asked, context.subspace),
            unasked: Vec::new(),
            memory: before.memory.clone().into_owned(),
            wait: Wait::Ms(0),
            in_order: true,
            timely: false,
            note: Some(note),
            breach: None,
            is_forced: false,
        };
        let is_scmi = self.word == CommandWord::Scmi;
        if is_scmi && !asked.kind.is_extended() {
            return refused(
                self.name.clone(),
                format!(
                    "a command word of SCMI has 32 bits: `{}` needs a \
                     subspace of type 3, not {}",
                    self.name, asked.kind
                ),
            );
        }
        let mut breach = None;
        let (name, effect) = match self.find(code, &taken, &request, asked.kind)
        {
            Ok(command) => {
                breach = self.counts_header(command, &request, asked.kind);
                (command.name.as_str(), &command.effect)
            }
            Err(Miss::Short(why)) => return refused(self.name.clone(), why),
            Err(Miss::Unknown(why)) => match &self.otherwise {
                Some(effect) => ("otherwise", effect),
                None => return refused(self.name.clone(), why),
            },
        };
        let bank = if effect.take { &taken } else { &kept };
        let handler = format!("{}/{name}", self.name);
        let wait = Delay::wait(effect.delay.as_ref(), &bank.dice);
        let done = self.perform(&context, asked, &request, effect, bank);
        match done {
            Ok(done) => Answer { handler, wait, breach, ..done },
            Err(wrong) => refused(handler, wrong.to_string()),
        }
    }

    fn perform(
        &self,
        context: &Context<'_>,
        asked: &Request<'_>,
        request: &Region<'_>,
        effect: &Effect,
        bank: &Bank<'_>,
    ) -> Result<Answer, Wrong> {
        let (kind, subspace) = (asked.kind, context.subspace);
        let mut bank = bank.taken(request.space, &[]);
        bank.set(&effect.says)?;
        let mut space = match self.rest {
            Rest::Keep => request.space.to_vec(),
            Rest::Zero => vec![0; request.space.len()],
        };
        bank.write_to(&mut space);
        let fields = bank.header(&effect.says)?;
        let content =
            region(kind, asked.size, subspace, Some(request), &fields, &space)?;
        let mut told = effect.says.envelope.unwrap_or_default();
        if effect.error {
            told.flags |= Flag::Error.bit();
        }
        let content = told.put_if_needed(content, subspace, kind)?;
        let mut timely = effect.says.timely;
        let mut unasked = Vec::new();
        for then in &effect.then {
            bank.set(&then.says)?;
            timely |= then.says.timely;
            let content =
                notice(&bank, &then.says, subspace, kind, asked.size)?;
            unasked.push(Sent { content, after: then.after });
        }
        Ok(Answer {
            handler: String::new(),
            content,
            unasked,
            memory: bank.remember(),
            wait: Wait::Ms(0),
            in_order: effect.in_order,
            timely,
            note: None,
            breach: None,
            is_forced: told.flags & Flag::Force.bit() != 0,
        })
    }
}

/// A content that nobody asked for: the header, and the registers if the
/// guest sees one that was set.
pub fn notice(
    bank: &Bank<'_>,
    says: &Says,
    subspace: u8,
    kind: SubspaceType,
    size: usize,
) -> Result<Vec<u8>, Wrong> {
    let mut told = says.envelope.unwrap_or_default();
    match kind {
        _ if !kind.takes_unasked() => {
            return Err(Wrong::plain(format!(
                "nothing unasked goes to subspace {subspace} of type {kind}"
            )));
        }
        SubspaceType::Responder => {}
        _ if told.flags & Flag::Force.bit() == 0 => {
            told.flags |= Flag::Notification.bit();
        }
        _ => {}
    }
    let mut space = Vec::new();
    if bank.is_seen() {
        bank.write_to(&mut space);
    }
    let fields = bank.header(says)?;
    let content = region(kind, size, subspace, None, &fields, &space)?;
    told.put_if_needed(content, subspace, kind)
}
