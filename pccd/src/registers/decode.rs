//! A content of a channel of registers as the log and `pccd decode` print
//! it: envelope, header, registers. Never fails.

use super::channel::{Assign, Channel, Command, Subject};
use super::file::Access;
use super::register::Register;
use crate::record::{self, Decoded, Field, FieldValue};
use crate::script::envelope::Flag;
use crate::wire::layout::Value;
use crate::wire::pcc::{ENVELOPE_LEN, ENVELOPE_MAGIC, is_mctp, signature};
use crate::wire::region::{
    DOORBELL_LEN, GENERIC_LEN, Head, Region, SubspaceType, guess,
};

/// What is known of a content beside its bytes.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// PCCT type of its channel.
    pub kind: SubspaceType,
    pub subspace: u8,
    /// Whether it comes from the guest.
    pub is_request: bool,
    /// Whether nobody asked for it.
    pub is_unasked: bool,
    pub channel: Option<&'a Channel>,
}

fn field(layer: &str, name: &str, value: FieldValue) -> Field {
    Field {
        layer: layer.to_owned(),
        name: name.to_owned(),
        value,
        meaning: None,
    }
}

/// Takes the envelope off, if there is one; its fields, and its flags in
/// words.
fn envelope<'a>(
    content: &'a [u8],
    fields: &mut Vec<Field>,
) -> (&'a [u8], Vec<&'static str>) {
    let split = content
        .split_at_checked(ENVELOPE_LEN)
        .filter(|(head, _)| head.starts_with(&ENVELOPE_MAGIC));
    let Some((head, rest)) = split else {
        return (content, Vec::new());
    };
    let mut found = record::describe(head).fields;
    let flags = found.iter_mut().find(|one| one.name == "flags");
    let mut words = Vec::new();
    if let Some(Field { value: FieldValue::Number(flags), meaning, .. }) = flags
    {
        words.extend(Flag::names(*flags));
        *meaning = (!words.is_empty()).then(|| words.join(", "));
    }
    fields.append(&mut found);
    (rest, words)
}

/// Whether a register has a value in these bytes.
fn is_seen(
    register: &Register,
    known: &Known<'_>,
    commands: &[&Command],
) -> bool {
    match register.access {
        Access::Rw => true,
        Access::Ro => !known.is_request,
        Access::Wo => known.is_request,
        Access::Answer => {
            let sets = |command: &&Command| {
                command.effect.says.set.iter().any(|assign| {
                    matches!(assign, Assign::Register(name, _)
                             if *name == register.name)
                })
            };
            !known.is_request && commands.iter().any(sets)
        }
    }
}

fn register_field(
    layer: &str,
    register: &Register,
    space: &[u8],
) -> Option<Field> {
    let value = register.read(space)?;
    let meaning = register.name_of(&value).map(str::to_owned);
    let shown = match &value {
        Value::Number(number) => FieldValue::Number(*number),
        Value::Bytes(bytes) => FieldValue::Text(hex::encode(bytes)),
    };
    Some(Field { meaning, ..field(layer, &register.name, shown) })
}

/// Commands that a content may be, from its code and, in requests, from
/// what it shows of the conditions; none after one that it surely is.
fn likely<'c>(
    channel: &'c Channel,
    code: u64,
    region: &Region<'_>,
    heads: &[Head],
    known: &Known<'_>,
) -> Vec<&'c Command> {
    let value = &Value::Number(code);
    let mut found = Vec::new();
    for command in &channel.commands {
        if !command.code.holds(value, None) {
            continue;
        }
        let mut sure = known.is_request;
        let mut may = true;
        for (subject, condition) in &command.when {
            let register = match subject {
                Subject::Register(name) => channel.registers.get(name),
                // An answer has the parts of its request's command.
                Subject::Head(name)
                    if known.is_request || name.contains('.') =>
                {
                    let head = heads.iter().find(|head| head.name == *name);
                    may &= head.is_some_and(|head| {
                        let value = Value::Number(head.value);
                        condition.holds(&value, head.meaning.as_deref())
                    });
                    continue;
                }
                Subject::Variable(_) | Subject::Head(_) => None,
            };
            let seen = register
                .filter(|one| known.is_request && one.access != Access::Ro)
                .and_then(|one| Some((one, one.read(region.space)?)));
            match seen {
                Some((register, value)) => {
                    let name = register.name_of(&value);
                    may &= condition.holds(&value, name);
                }
                None => sure = false,
            }
        }
        if may {
            found.push(command);
            if sure {
                break;
            }
        }
    }
    found
}

/// The registers that have a value in a content, in the order of their bytes.
pub fn registers<'c>(
    channel: &'c Channel,
    region: &Region<'_>,
    known: &Known<'_>,
) -> Vec<&'c Register> {
    let heads = channel.heads(region, known.kind);
    let commands = match channel.code(region, known.kind) {
        Some(code) => likely(channel, code, region, &heads, known),
        None => Vec::new(),
    };
    let all = channel.in_order().into_iter();
    all.filter(|register| {
        is_seen(register, known, &commands)
            && register.offset.is_some()
            && register.end() <= region.space.len()
    })
    .collect()
}

/// Names of commands, if they are few enough to tell anything.
fn names(commands: &[&Command]) -> String {
    let mut names: Vec<&str> =
        commands.iter().map(|command| command.name.as_str()).collect();
    names.dedup();
    match names.len() {
        0..=3 => names.join(" or "),
        _ => String::new(),
    }
}

pub fn describe(content: &[u8], known: &Known<'_>) -> Decoded {
    let mut fields = Vec::new();
    let (content, flags) = envelope(content, &mut fields);
    let kind = known.kind;
    let region = Region::split(kind, content, known.is_request);
    let (heads, code) = match known.channel {
        Some(channel) => {
            (channel.heads(&region, kind), channel.code(&region, kind))
        }
        None => (region.fields(kind), region.code(kind)),
    };
    let token = heads.iter().find(|head| head.name == "scmi.token");
    let token = token.map(|head| head.value);
    // What carries the command's name: the part that is the code, if it has
    // parts.
    let named = match token {
        Some(_) => "scmi.message_id",
        None => kind.command(),
    };
    let commands: Vec<&Command> = match (known.channel, code) {
        (Some(channel), Some(code)) => {
            likely(channel, code, &region, &heads, known)
        }
        _ => Vec::new(),
    };
    let names = names(&commands);
    for Head { name, value, meaning } in heads {
        let is_code = name == named;
        let meaning = match is_code && !names.is_empty() {
            true => Some(names.clone()),
            false => meaning,
        };
        let value = FieldValue::Number(value);
        let (layer, name) = name.split_once('.').unwrap_or(("pcc", name));
        fields.push(Field { meaning, ..field(layer, name, value) });
    }
    if let Some(channel) = known.channel {
        for register in registers(channel, &region, known) {
            let layer = &channel.name;
            fields.extend(register_field(layer, register, region.space));
        }
    }
    let data = [region.unread(kind), region.space].concat();
    let data = FieldValue::Text(hex::encode(data));
    fields.push(field("pcc", "data", data));
    let who = match known.channel {
        Some(channel) => channel.name.clone(),
        None => format!("subspace {} (type {kind})", known.subspace),
    };
    let what = kind.command();
    let command = match (code, names.is_empty()) {
        (Some(code), true) => format!("{what} {code:#x}"),
        (Some(code), false) => format!("{what} {code:#x} ({names})"),
        (None, _) => "cut short in the header".to_owned(),
    };
    let command = match token {
        Some(token) => format!("{command}, token {token}"),
        None => command,
    };
    let summary = match (known.is_request, known.is_unasked) {
        (true, _) => {
            let asks = fields.iter().any(|one| {
                let name = one.name.as_str();
                let wants = match name {
                    "notify" => 1,
                    "flags" if one.layer == "pcc" => 1,
                    _ => 0,
                };
                wants == 1
                    && matches!(one.value, FieldValue::Number(n)
                                       if n & 1 == 1)
            });
            let asks = if asks { ", interrupt wanted" } else { "" };
            format!("{who}: {command}{asks}")
        }
        (false, true) if flags.contains(&"notification") => {
            format!("{who}: notification")
        }
        (false, true) => format!("{who}: update"),
        (false, false) if kind == SubspaceType::HwRegisters => {
            format!("{who}: answer")
        }
        (false, false) => format!("{who}: answer to {command}"),
    };
    let flags: Vec<&str> =
        flags.into_iter().filter(|flag| *flag != "notification").collect();
    let summary = match flags.is_empty() {
        true => summary,
        false => format!("{summary}, {}", flags.join(", ")),
    };
    Decoded { summary, fields }
}

/// For what type [`describe_alone`] takes a content when nobody says, and
/// why.
pub fn guessed(content: &[u8]) -> String {
    let (inner, _) = envelope(content, &mut Vec::new());
    match guess(inner) {
        (SubspaceType::HwReducedAck, ground) => {
            format!("types 0 to 2: {ground}")
        }
        (kind, ground) => format!("type {kind}: {ground}"),
    }
}

/// Decodes a content of which nobody knows what channel it is for, unless
/// `kind` says its type. None if it is MCTP's or no PCC message at all.
pub fn describe_alone(
    content: &[u8],
    kind: Option<SubspaceType>,
    is_reply: bool,
    channel: Option<&Channel>,
) -> Option<Decoded> {
    let (inner, _) = envelope(content, &mut Vec::new());
    let has_envelope = inner.len() < content.len();
    let behind = inner.get(DOORBELL_LEN..).unwrap_or(&[]);
    let signed = signature(inner).or_else(|_| signature(behind)).ok();
    let is_known = kind.is_some() || channel.is_some();
    let is_ours = signed.is_some() && inner.len() >= GENERIC_LEN;
    if !is_known && (is_mctp(inner) || !is_ours) {
        return None;
    }
    let told = content.get(16).copied().filter(|_| has_envelope);
    let known = Known {
        kind: kind.unwrap_or_else(|| guess(inner).0),
        subspace: told.or(signed).unwrap_or(0),
        is_request: !is_reply && !has_envelope,
        is_unasked: false,
        channel,
    };
    Some(describe(content, &known))
}
