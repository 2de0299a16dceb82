//! Where the fields of an answer lie, what kind of number each is, and how it
//! is written over. The tables that decode an answer say all that.

use std::fmt;

use crate::mailbox::Channel;
use crate::messages::Messages;
use crate::platform::Protocol;
use crate::registers::Channel as Registers;
use crate::registers::decode::{self, Known};
use crate::registers::register::{Form, Register};
use crate::wire::layout::{Found, Kind, Names, Value};
use crate::wire::message::{describe, describe_content};
use crate::wire::pcc::split_envelope;
use crate::wire::region::{self, Region, SubspaceType, header_len};
use crate::wire::scmi;
use crate::wire::text::{number_be, number_le};

/// What a field says, as far as its table knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// How many bytes of something follow.
    Length,
    /// How many of something there are.
    Count,
    /// One of these values and their names, or of others without a name.
    Code(Vec<(u64, String)>),
    /// A checksum over other bytes of the message.
    Checksum,
    /// Another number.
    Number,
    /// Bytes.
    Bytes,
}

/// A field where it lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot {
    /// Its name as `pccd decode` has it: `layer.field`, with the place in a
    /// list.
    pub name: String,
    /// Where its first byte lies: in the content without its envelope, or,
    /// of [`message_fields`], in the message.
    pub offset: usize,
    /// How many bytes it lies in.
    pub size: usize,
    /// Its lowest bit in the word that these bytes are; 0 for bytes.
    pub low: u32,
    /// How many bits of that word it has; 0 for bytes.
    pub width: u32,
    /// Whether the word lies most significant byte first.
    pub is_big_endian: bool,
    /// Whether it may be below zero, in two's complement.
    pub is_signed: bool,
    /// What it says.
    pub what: What,
    /// What is there; a number without its sign.
    pub value: Value,
}

/// Why a value cannot be written over a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// The bytes end before the field.
    Behind,
    /// It is so many bytes, and the value is a number or more of them.
    Bytes(usize),
    /// It is a number of so many bits, and the value is bytes.
    Number(u32),
    /// It has room for so many bits, and the number takes more.
    Bits(u32),
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unfit::Behind => write!(f, "the bytes end before it"),
            Unfit::Bytes(size) => write!(f, "it is {size} bytes, in hex"),
            Unfit::Number(bits) => write!(f, "it is a number of {bits} bits"),
            Unfit::Bits(bits) => write!(f, "it has room for {bits} bits"),
        }
    }
}

impl std::error::Error for Unfit {}

/// A number with that many bits set.
fn ones(width: u32) -> u64 {
    1_u64.checked_shl(width).map_or(u64::MAX, |bit| bit - 1)
}

impl Spot {
    /// The largest number that it has room for, its sign taken for a bit.
    pub fn most(&self) -> u64 {
        ones(self.width)
    }

    /// Writes a value over the field. Bytes may be fewer than it has: those
    /// behind them stay. A number below zero is in two's complement of 64
    /// bits.
    ///
    /// # Errors
    ///
    /// The value does not fit: how much room there is. The bytes end before
    /// the field.
    pub fn write(&self, bytes: &mut [u8], value: &Value) -> Result<(), Unfit> {
        let end = self.offset.saturating_add(self.size);
        let place = bytes.get_mut(self.offset..end).ok_or(Unfit::Behind)?;
        let number = match (self.width, value) {
            (0, Value::Bytes(new)) if new.len() <= self.size => {
                for (to, from) in place.iter_mut().zip(new) {
                    *to = *from;
                }
                return Ok(());
            }
            (0, _) => return Err(Unfit::Bytes(self.size)),
            (_, Value::Number(number)) => *number,
            (width, Value::Bytes(_)) => return Err(Unfit::Number(width)),
        };
        let ones = self.most();
        // All bits above the field's are its sign, whatever it says of one.
        let is_below = number | (ones >> 1) == u64::MAX;
        if number > ones && !is_below {
            return Err(Unfit::Bits(self.width));
        }
        if self.is_big_endian {
            place.reverse();
        }
        let kept = number_le(place) & !(ones << self.low);
        let word = kept | ((number & ones) << self.low);
        for (to, from) in place.iter_mut().zip(word.to_le_bytes()) {
            *to = from;
        }
        if self.is_big_endian {
            place.reverse();
        }
        Ok(())
    }

    fn read(mut self, bytes: &[u8]) -> Option<Self> {
        let end = self.offset.checked_add(self.size)?;
        let raw = bytes.get(self.offset..end)?;
        self.value = match (self.width, self.is_big_endian) {
            (0, _) => Value::Bytes(raw.to_vec()),
            (width, is_big_endian) => {
                let word = match is_big_endian {
                    true => number_be(raw),
                    false => number_le(raw),
                };
                Value::Number((word >> self.low) & ones(width))
            }
        };
        Some(self)
    }
}

fn code(names: Names) -> What {
    let names = names.iter().map(|(code, name)| (*code, (*name).to_owned()));
    What::Code(names.collect())
}

/// What a number says that no table tells more of: often its name does.
fn by_name(name: &str) -> What {
    let mut words = name.split('_');
    let has = |word: &str, of: &[&str]| of.contains(&word);
    words
        .find_map(|word| match word {
            _ if has(word, &["length", "len", "size", "bytes"]) => {
                Some(What::Length)
            }
            _ if has(word, &["count", "number", "num", "total", "entries"]) => {
                Some(What::Count)
            }
            _ => None,
        })
        .unwrap_or(What::Number)
}

/// A field of a message's tables.
fn found(found: &Found) -> Spot {
    let (low, width, size) = match (&found.value, found.kind) {
        (Value::Bytes(bytes), _) => (0, 0, bytes.len()),
        (_, Kind::Bits { shift, width }) => (shift, width, 1),
        (_, kind) => (0, kind.width(), kind.size()),
    };
    let what = match found.kind {
        _ if width == 0 => What::Bytes,
        Kind::Length { .. } => What::Length,
        Kind::Count(_) => What::Count,
        Kind::Sum(..) => What::Checksum,
        _ if !found.names.is_empty() => code(found.names),
        _ => by_name(found.name),
    };
    let value = match found.value {
        Value::Number(number) => Value::Number(number & ones(width)),
        Value::Bytes(ref bytes) => Value::Bytes(bytes.clone()),
    };
    Spot {
        name: found.full_name(),
        offset: found.offset,
        size,
        low,
        width,
        is_big_endian: found.kind.is_big_endian(),
        is_signed: found.kind.is_signed(),
        what,
        value,
    }
}

/// What of a whole message, type byte first, a scenario's `set` can set.
pub fn message_fields(message: &[u8]) -> Vec<Spot> {
    describe(message).fields.iter().map(found).collect()
}

/// A number of a header, or a part of one.
fn number(name: String, (offset, size): (usize, usize), bits: Bits) -> Spot {
    Spot {
        name,
        offset,
        size,
        low: bits.low,
        width: bits.high - bits.low + 1,
        is_big_endian: false,
        is_signed: false,
        what: bits.what,
        value: Value::Number(0),
    }
}

struct Bits {
    high: u32,
    low: u32,
    what: What,
}

/// The header's fields of a type.
fn heads(kind: SubspaceType) -> impl Iterator<Item = Spot> {
    region::places(kind).iter().map(|place| {
        let what = match place.name {
            "length" => What::Length,
            "command" => What::Code(Vec::new()),
            _ if !place.names.is_empty() => code(place.names),
            _ => What::Number,
        };
        let (high, low) = (place.high, place.low);
        let name = format!("pcc.{}", place.name);
        number(name, (place.offset, place.size), Bits { high, low, what })
    })
}

/// The parts of a command word of SCMI, in a header of type 3 or 4.
fn parts() -> impl Iterator<Item = Spot> {
    scmi::PARTS.iter().map(|part| {
        let what = match part.names.is_empty() {
            true => What::Number,
            false => code(part.names),
        };
        let (high, low) = (part.high, part.low);
        number(part.name.to_owned(), (12, 4), Bits { high, low, what })
    })
}

/// A register, in a content of this type. None if the guest never sees it.
fn register(
    layer: &str,
    register: &Register,
    kind: SubspaceType,
) -> Option<Spot> {
    let offset = header_len(kind).checked_add(register.offset?)?;
    let name = format!("{layer}.{}", register.name);
    let values = register.values.iter();
    let values = values.map(|(name, code)| (*code, name.clone()));
    let what = match (register.form, register.values.is_empty()) {
        (Form::Bytes(_), _) => What::Bytes,
        (Form::Bits { .. }, false) => What::Code(values.collect()),
        (Form::Bits { .. }, true) => by_name(&register.name),
    };
    let (size, high, low) = match register.form {
        Form::Bits { size, high, low } => (size, high, low),
        Form::Bytes(size) => (size, 0, 0),
    };
    let is_bytes = matches!(register.form, Form::Bytes(_));
    let spot = number(name, (offset, size), Bits { high, low, what });
    let width = if is_bytes { 0 } else { spot.width };
    Some(Spot { width, ..spot })
}

/// What follows the header, as bytes.
fn data(kind: SubspaceType, length: usize) -> Spot {
    let offset = header_len(kind);
    let size = length.saturating_sub(offset);
    Spot {
        name: "pcc.data".to_owned(),
        offset,
        size,
        low: 0,
        width: 0,
        is_big_endian: false,
        is_signed: false,
        what: What::Bytes,
        value: Value::Bytes(Vec::new()),
    }
}

/// All of a channel that does not speak MCTP; `channel` is what plays it.
fn in_place(
    channel: Option<&Registers>,
    kind: SubspaceType,
    content: &[u8],
    registers: &[&Register],
) -> Vec<Spot> {
    let is_scmi = channel.is_some_and(|channel| channel.is_scmi(kind));
    let layer = channel.map_or("", |channel| channel.name.as_str());
    let own = registers.iter().filter_map(|one| register(layer, one, kind));
    heads(kind)
        .chain(parts().filter(|_| is_scmi))
        .chain(own)
        .chain([data(kind, content.len())])
        .filter_map(|spot| spot.read(content))
        .collect()
}

/// The fields of one content: see [`super::fields`].
pub(super) fn listed(
    messages: &Messages,
    on: &Channel,
    content: &[u8],
) -> Vec<Spot> {
    const DEVICE: [&str; 4] = [
        "pcc.command_complete",
        "pcc.platform_interrupt",
        "pcc.error",
        "pcc.platform_notification",
    ];
    let (_, inner) = split_envelope(content);
    let (channel, registers) = match Protocol::of(messages, on, inner) {
        Protocol::Mctp => return packet(inner),
        Protocol::Registers(played) => {
            let known = Known {
                kind: on.kind,
                subspace: on.subspace,
                is_request: false,
                is_unasked: false,
                channel: Some(played.channel),
            };
            let region = Region::split(on.kind, inner, false);
            let seen = decode::registers(played.channel, &region, &known);
            (Some(played.channel), seen)
        }
        Protocol::Unknown => (None, Vec::new()),
    };
    let mut all = in_place(channel, on.kind, inner, &registers);
    all.retain(|spot| !DEVICE.contains(&&*spot.name) && spot.size > 0);
    all
}

/// All that `set` knows in one content, without its envelope: registers that
/// an answer to another command has as well.
pub(super) fn all(
    messages: &Messages,
    on: &Channel,
    content: &[u8],
) -> Vec<Spot> {
    match Protocol::of(messages, on, content) {
        Protocol::Mctp => packet(content),
        Protocol::Registers(played) => {
            let registers = played.channel.in_order();
            in_place(Some(played.channel), on.kind, content, &registers)
        }
        Protocol::Unknown => in_place(None, on.kind, content, &[]),
    }
}

/// The fields of a content that is an MCTP packet.
fn packet(content: &[u8]) -> Vec<Spot> {
    let fields = describe_content(content).fields;
    fields.iter().map(found).filter(|spot| spot.size > 0).collect()
}
