//! What is made wrong with a reply on purpose, in its message and in its
//! packets.

use super::make::{Maker, Setting};
use crate::script::problem::Wrong;
use crate::wire::encode::overwrite;
use crate::wire::layout::Value;
use crate::wire::message::{describe, describe_content};

/// A fault as a file says it, checked.
#[derive(Debug, Clone)]
pub enum Plan {
    /// This packet is not sent.
    Drop(usize),
    /// This packet is sent twice.
    Duplicate(usize),
    /// Packets in this order, then the others.
    Reorder(Vec<usize>),
    /// So many bytes are missing at the end.
    Truncate(usize),
    /// Bytes that do not belong at the end.
    Append(Vec<u8>),
    Bits(u64),
    At {
        offset: usize,
        /// What it is xor-ed with.
        xor: u8,
    },
    /// Wrong values in fields, of one packet or of all.
    Overwrite(Vec<(String, Setting)>, Option<usize>),
}

/// A fault with everything filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// This packet is not sent.
    Drop(usize),
    /// This packet is sent twice.
    Duplicate(usize),
    /// Packets in this order, then the others.
    Reorder(Vec<usize>),
    /// So many bytes are missing at the end.
    Truncate(usize),
    /// Bytes that do not belong at the end.
    Append(Vec<u8>),
    /// Bits to be flipped, each a random number of any size.
    Bits(Vec<u64>),
    /// This byte is xor-ed with that.
    At(usize, u8),
    /// A wrong value in a field, of one packet or of all.
    Overwrite(String, Value, Option<usize>),
}

impl Plan {
    pub fn fill(&self, maker: &Maker<'_>) -> Result<Vec<Fault>, Wrong> {
        Ok(vec![match self {
            Self::Drop(packet) => Fault::Drop(*packet),
            Self::Duplicate(packet) => Fault::Duplicate(*packet),
            Self::Reorder(order) => Fault::Reorder(order.clone()),
            Self::Truncate(count) => Fault::Truncate(*count),
            Self::Append(bytes) => Fault::Append(bytes.clone()),
            Self::Bits(count) => Fault::Bits(
                (0..*count).map(|_| maker.dice.roll(0, u64::MAX)).collect(),
            ),
            Self::At { offset, xor } => Fault::At(*offset, *xor),
            Self::Overwrite(settings, packet) => {
                return settings
                    .iter()
                    .map(|(field, setting)| {
                        let value = maker.setting(field, setting)?;
                        Ok(Fault::Overwrite(field.clone(), value, *packet))
                    })
                    .collect();
            }
        }])
    }
}

/// Whether a field lies in the headers and not in the message.
fn in_headers(field: &str) -> bool {
    field.starts_with("pcc.")
        || (field.starts_with("mctp.")
            && !matches!(
                field,
                "mctp.type" | "mctp.ic" | "mctp.integrity_check"
            ))
}

fn write(
    bytes: &mut [u8],
    fields: &[crate::wire::layout::Found],
    field: &str,
    value: &Value,
) -> Result<(), Wrong> {
    let place = fields.iter().find(|found| found.is(field));
    let place = place.ok_or_else(|| {
        let text = format!("`overwrite`: the reply has no field `{field}`");
        Wrong::plain(text)
    })?;
    overwrite(bytes, place, value)
        .map_err(|error| Wrong::plain(format!("`overwrite`: {error}")))
}

/// Makes a message wrong, before it is cut into packets.
pub fn spoil_message(
    message: &mut Vec<u8>,
    faults: &[Fault],
) -> Result<(), Wrong> {
    for fault in faults {
        match fault {
            Fault::Truncate(count) => {
                message.truncate(message.len().saturating_sub(*count));
            }
            Fault::Append(bytes) => message.extend(bytes),
            Fault::Bits(bits) => {
                let count = (message.len() * 8) as u64;
                for bit in bits.iter().filter_map(|n| n.checked_rem(count)) {
                    let at = usize::try_from(bit / 8).unwrap_or(0);
                    if let Some(byte) = message.get_mut(at) {
                        *byte ^= 1 << (bit % 8);
                    }
                }
            }
            Fault::At(offset, xor) => {
                let size = message.len();
                let byte = message.get_mut(*offset).ok_or_else(|| {
                    Wrong::plain(format!(
                        "`corrupt` at byte {offset} of a reply of {size} bytes"
                    ))
                })?;
                *byte ^= xor;
            }
            Fault::Overwrite(field, value, _) if !in_headers(field) => {
                let fields = describe(message).fields;
                write(message, &fields, field, value)?;
            }
            Fault::Overwrite(..)
            | Fault::Drop(_)
            | Fault::Duplicate(_)
            | Fault::Reorder(_) => {}
        }
    }
    Ok(())
}

/// Makes contents wrong, one a packet: fields of their headers, then which
/// of them are sent and in which order.
pub fn spoil_contents(
    contents: Vec<Vec<u8>>,
    faults: &[Fault],
) -> Result<Vec<Vec<u8>>, Wrong> {
    let count = contents.len();
    let known = |packet: usize| match (1..=count).contains(&packet) {
        true => Ok(packet),
        false => {
            let text = format!("packet {packet} of a reply of {count}");
            Err(Wrong::plain(text))
        }
    };
    let mut contents: Vec<(usize, Vec<u8>)> = (1..).zip(contents).collect();
    for fault in faults {
        match fault {
            Fault::Overwrite(field, value, packet) if in_headers(field) => {
                packet.map(known).transpose()?;
                for (number, content) in &mut contents {
                    if packet.is_none_or(|packet| packet == *number) {
                        let fields = describe_content(content).fields;
                        write(content, &fields, field, value)?;
                    }
                }
            }
            Fault::Drop(packet) => {
                known(*packet)?;
                contents.retain(|(number, _)| number != packet);
            }
            Fault::Duplicate(packet) => {
                known(*packet)?;
                let place = contents.iter().position(|(n, _)| n == packet);
                if let Some(place) = place {
                    let copy = contents.get(place).cloned();
                    contents.extend(copy);
                    if let Some(tail) = contents.get_mut(place + 1..) {
                        tail.rotate_right(1);
                    }
                }
            }
            Fault::Reorder(order) => {
                for packet in order {
                    known(*packet)?;
                }
                // Those not named follow in their order: the sort is stable.
                contents.sort_by_key(|(number, _)| {
                    let place = order.iter().position(|n| n == number);
                    place.unwrap_or(order.len())
                });
            }
            _ => {}
        }
    }
    Ok(contents.into_iter().map(|(_, content)| content).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(faults: &[Fault]) -> Result<String, Wrong> {
        let three = vec![b"a".to_vec(), b"b".to_vec(), b"c".to_vec()];
        let bytes = spoil_contents(three, faults)?.concat();
        Ok(String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn packets_go_missing_twice_or_astray() {
        use Fault::{Drop, Duplicate, Reorder};
        let cases: &[(&[Fault], &str)] = &[
            (&[], "abc"),
            (&[Drop(1)], "bc"),
            (&[Drop(3), Drop(1)], "b"),
            (&[Duplicate(2)], "abbc"),
            (&[Duplicate(3)], "abcc"),
            (&[Reorder(vec![3, 1])], "cab"),
            (&[Reorder(vec![2])], "bac"),
            (&[Reorder(vec![2, 1]), Duplicate(1)], "baac"),
            (&[Drop(2), Duplicate(2)], "ac"),
        ];
        for (faults, expected) in cases {
            assert_eq!(contents(faults).unwrap(), *expected);
        }
        for fault in [Drop(4), Drop(0), Duplicate(4), Reorder(vec![9])] {
            assert!(
                contents(&[fault]).unwrap_err().message.contains("of a reply")
            );
        }
    }

    #[test]
    fn messages_are_cut_lengthened_and_corrupted() {
        let spoiled = |faults: &[Fault]| {
            let mut message = vec![1, 0, 0, 2, 0, 7];
            spoil_message(&mut message, faults).map(|()| message)
        };
        assert_eq!(spoiled(&[Fault::Truncate(2)]), Ok(vec![1, 0, 0, 2]));
        assert_eq!(spoiled(&[Fault::Truncate(99)]), Ok(vec![]));
        assert_eq!(
            spoiled(&[Fault::Append(vec![9])]),
            Ok(vec![1, 0, 0, 2, 0, 7, 9])
        );
        assert_eq!(spoiled(&[Fault::At(5, 0xff)]).unwrap()[5], 0xf8);
        assert!(spoiled(&[Fault::At(6, 1)]).is_err());
        let flipped = spoiled(&[Fault::Bits(vec![8, 48 + 17])]).unwrap();
        assert_eq!(flipped, [1, 1, 2, 2, 0, 7]);
        let instance = Fault::Overwrite(
            "pldm.instance_id".to_owned(),
            Value::Number(5),
            None,
        );
        assert_eq!(spoiled(&[instance]).unwrap()[1], 5);
        let nothing =
            Fault::Overwrite("control.eid".into(), Value::Number(5), None);
        assert!(spoiled(&[nothing]).unwrap_err().message.contains("no field"));
        assert_eq!(
            spoiled(&[Fault::Truncate(99), Fault::Bits(vec![1])]),
            Ok(vec![])
        );
    }
}
