//! How a driver should behave: the rules of ACPI 6.5 chapter 14 and of MCTP
//! that its messages show. A driver that breaks one and still gets an answer
//! has a bug.
//!
//! Judges bytes; knows no file, no time and no state. What only the device
//! sees (the doorbell's order and times, registers) is judged by whoever
//! reads its trace, by the same table.

use crate::record::{Decoded, FieldValue};
use crate::wire::pcc::{HEADER_LEN, SIGNATURE, UNCOUNTED_LEN};
use crate::wire::region::{GENERIC_LEN, SubspaceType};

/// A rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Its name, as `platform.json` accepts a break of it.
    pub id: &'static str,
    /// Where it stands.
    pub paragraph: &'static str,
    /// What it says.
    pub says: &'static str,
}

const fn rule(
    id: &'static str,
    paragraph: &'static str,
    says: &'static str,
) -> Rule {
    Rule { id, paragraph, says }
}

/// All rules there are.
pub const RULES: &[Rule] = &[
    rule(
        "signature",
        "ACPI 6.5 §14.2, §14.3",
        "the signature is 0x50434300 and the subspace id",
    ),
    rule(
        "length-minimum",
        "ACPI 6.5 §14.3",
        "the length counts the command's 4 bytes, so it is not below 4",
    ),
    rule(
        "length-region",
        "ACPI 6.5 §14.3",
        "what the length counts lies in the region",
    ),
    rule(
        "length-header",
        "ACPI 6.5 §14.3",
        "the length counts command and payload, not signature, flags and \
         length",
    ),
    rule("reserved-flags", "ACPI 6.5 §14.3", "bits 1 to 31 of the flags are 0"),
    rule(
        "reserved-command",
        "ACPI 6.5 §14.2.1",
        "bits 8 to 14 of the command are 0",
    ),
    rule(
        "reserved-status",
        "ACPI 6.5 §14.2.2",
        "bits 4 to 15 of the status are 0",
    ),
    rule(
        "error-kept",
        "ACPI 6.5 §14.2.2",
        "a new command begins with the error bit of the status clear",
    ),
    rule(
        "mctp-tag",
        "DSP0236 1.3.1 §8",
        "a response has the tag of a request that waits for one",
    ),
    rule(
        "mctp-instance",
        "DSP0236 1.3.1 §11",
        "a control response has the instance id of its request",
    ),
    rule(
        "mctp-size",
        "DSP0236 1.3.1 §12",
        "a response is as long as its fields",
    ),
    rule(
        "doorbell-busy",
        "ACPI 6.5 §14.5",
        "the doorbell is not rung while a command is pending",
    ),
    rule(
        "doorbell-complete",
        "ACPI 6.5 §14.5",
        "command complete is cleared before the doorbell is rung",
    ),
    rule(
        "completion-side",
        "ACPI 6.5 §14.6",
        "on a responder subspace only the platform clears command complete",
    ),
    rule(
        "acknowledge-twice",
        "ACPI 6.5 §14.6",
        "a message of the platform is acknowledged once",
    ),
    rule(
        "acknowledge-missing",
        "ACPI 6.5 §14.1.4",
        "a level interrupt is acknowledged before the channel is used again",
    ),
    rule(
        "acknowledge-value",
        "ACPI 6.5 §14.1.4",
        "what is written to the acknowledge register has its set mask",
    ),
    rule(
        "region-busy",
        "ACPI 6.5 §14.5",
        "while a command is pending the shared memory is the platform's",
    ),
    rule(
        "rate",
        "ACPI 6.5 §14.1",
        "no more commands a minute than the maximum periodic access rate",
    ),
    rule(
        "turnaround",
        "ACPI 6.5 §14.1",
        "the minimum request turnaround time lies between a completion and \
         the next command",
    ),
    rule(
        "preserve",
        "ACPI 6.5 §14.1",
        "a register's preserve mask keeps its bits",
    ),
    rule(
        "register-access",
        "ACPI 6.5 §14.1",
        "registers are accessed where and as wide as the table says",
    ),
];

/// The rule of this name.
pub fn named(id: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.id == id)
}

/// A rule that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// The rule's name.
    pub rule: &'static str,
    /// What was wrong.
    pub reason: String,
}

impl Breach {
    /// A break of the rule of this name.
    pub fn new(rule: &'static str, reason: String) -> Self {
        Self { rule, reason }
    }
}

fn u16_at(content: &[u8], at: usize) -> Option<u16> {
    let bytes = content.get(at..at.checked_add(2)?)?;
    Some(u16::from_le_bytes(bytes.try_into().ok()?))
}

fn u32_at(content: &[u8], at: usize) -> Option<u32> {
    let bytes = content.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

/// What is wrong with the frame of a request: with what its guest wrote into
/// the header. `size` is that of the channel's shared memory.
pub fn frame(
    kind: SubspaceType,
    subspace: u8,
    size: usize,
    content: &[u8],
) -> Vec<Breach> {
    let mut list = Vec::new();
    let mut broken = |rule, reason| list.push(Breach::new(rule, reason));
    // The doorbell's value stands before it there, and nobody writes one.
    if kind != SubspaceType::HwRegisters
        && let Some(signature) = u32_at(content, 0)
    {
        let right = SIGNATURE | u32::from(subspace);
        if signature != right {
            broken(
                "signature",
                format!(
                    "the signature is {signature:#010x}, not {right:#010x}"
                ),
            );
        }
    }
    match kind {
        SubspaceType::HwRegisters => {}
        _ if kind.is_extended() => {
            if content.len() >= UNCOUNTED_LEN {
                let flags = u32_at(content, 4).unwrap_or(0);
                let length = u32_at(content, 8).unwrap_or(0);
                if flags & !1 != 0 {
                    broken(
                        "reserved-flags",
                        format!("the flags are {flags:#010x}"),
                    );
                }
                list.extend(length_breach(size, length));
            }
        }
        _ if content.len() < GENERIC_LEN => {}
        _ => {
            let command = u16_at(content, 4).unwrap_or(0);
            let status = u16_at(content, 6).unwrap_or(0);
            if command & 0x7f00 != 0 {
                broken(
                    "reserved-command",
                    format!("the command word is {command:#06x}"),
                );
            }
            if status & 0xfff0 != 0 {
                broken(
                    "reserved-status",
                    format!("the status word is {status:#06x}"),
                );
            }
            if status & 4 != 0 {
                broken(
                    "error-kept",
                    format!(
                        "the status word is {status:#06x}: the error of an \
                         earlier command was not cleared"
                    ),
                );
            }
        }
    }
    list
}

fn length_breach(size: usize, length: u32) -> Option<Breach> {
    let counted = usize::try_from(length).unwrap_or(usize::MAX);
    let most = size.saturating_sub(UNCOUNTED_LEN);
    if counted < HEADER_LEN - UNCOUNTED_LEN {
        return Some(Breach::new(
            "length-minimum",
            format!("the length is {length}, but the command alone has 4"),
        ));
    }
    if counted <= most {
        return None;
    }
    Some(match counted == size {
        true => Breach::new(
            "length-header",
            format!(
                "the length is {length}, the whole region: it counts the \
                 {UNCOUNTED_LEN} bytes of signature, flags and length; at \
                 most {most} follow them"
            ),
        ),
        false => Breach::new(
            "length-region",
            format!(
                "the length is {length}, but only {most} bytes of the \
                 region's {size} follow the length field"
            ),
        ),
    })
}

/// What is wrong with the size of a decoded MCTP message of the guest. A
/// control request with just the header's size too much tells that the
/// length of its frame counts the header; the bytes of other requests are
/// somebody else's than the driver's.
pub fn message(decoded: &Decoded) -> Option<Breach> {
    let number = |name| match decoded.field(name)?.value {
        FieldValue::Number(number) => Some(number),
        _ => None,
    };
    let end = decoded.fields.iter().find(|field| field.layer == "end")?;
    let is_response =
        ["control.rq", "pldm.rq"].iter().any(|field| number(field) == Some(0));
    let extra = match &end.value {
        FieldValue::Text(hex) if end.name == "extra" => hex.len() / 2,
        _ => 0,
    };
    if number("control.rq") == Some(1) && extra == UNCOUNTED_LEN {
        return Some(Breach::new(
            "length-header",
            format!(
                "{extra} bytes stand behind the message: the length seems to \
                 count signature, flags and length"
            ),
        ));
    }
    is_response.then(|| Breach::new("mctp-size", decoded.summary.clone()))
}

#[cfg(test)]
mod tests {
    use super::SubspaceType::*;
    use super::*;
    use crate::record::describe_message;

    fn generic(command: u16, status: u16) -> Vec<u8> {
        let mut content = (SIGNATURE | 3).to_le_bytes().to_vec();
        content.extend(command.to_le_bytes());
        content.extend(status.to_le_bytes());
        content.extend([0; 8]);
        content
    }

    fn extended(flags: u32, length: u32) -> Vec<u8> {
        let mut content = (SIGNATURE | 3).to_le_bytes().to_vec();
        content.extend(flags.to_le_bytes());
        content.extend(length.to_le_bytes());
        content.extend([0; 8]);
        content
    }

    fn signed(mut content: Vec<u8>, signature: u32) -> Vec<u8> {
        content[..4].copy_from_slice(&signature.to_le_bytes());
        content
    }

    /// Each rule with a request that breaks it beside one that does not.
    #[test]
    fn each_rule_of_the_frame_has_its_two_cases() {
        let right = [
            (Generic, generic(0x80ff, 0)),
            // Complete is the device's to judge, the interrupt's bit may be
            // there when nobody looks at interrupts.
            (HwReduced, generic(0, 0b1011)),
            (Initiator, extended(1, 4)),
            (Initiator, extended(0, 52)),
            (Responder, extended(0, 4)),
            (HwRegisters, vec![0; 8]),
            (Initiator, vec![3, 0x43, 0x43, 0x50]),
            (Initiator, Vec::new()),
        ];
        for (kind, content) in &right {
            assert_eq!(frame(*kind, 3, 64, content), [], "{content:02x?}");
        }
        let wrong = [
            (Generic, signed(generic(0, 0), 0), "signature"),
            (Initiator, signed(extended(0, 4), SIGNATURE | 4), "signature"),
            (HwReducedAck, generic(0x0100, 0), "reserved-command"),
            (HwReducedAck, generic(0, 0x10), "reserved-status"),
            (HwReduced, generic(0, 4), "error-kept"),
            (Initiator, extended(2, 4), "reserved-flags"),
            (Initiator, extended(0, 3), "length-minimum"),
            (Initiator, extended(0, 0), "length-minimum"),
            (Initiator, extended(0, 53), "length-region"),
            (Initiator, extended(0, 400), "length-region"),
            (Initiator, extended(0, u32::MAX), "length-region"),
            (Initiator, extended(0, 64), "length-header"),
        ];
        for (kind, content, rule) in &wrong {
            let list = frame(*kind, 3, 64, content);
            let rules: Vec<_> = list.iter().map(|one| one.rule).collect();
            assert_eq!(rules, [*rule], "{content:02x?}");
        }
    }

    #[test]
    fn messages_are_judged_by_their_last_byte() {
        let set = [0, 0x80, 1, 0, 9];
        let padded = |extra: usize| [&set[..], &vec![0; extra]].concat();
        let cases: &[(&[u8], Option<&str>)] = &[
            (&set, None),
            (&padded(12), Some("length-header")),
            // Whoever wrote the message wanted it so.
            (&padded(1), None),
            (&set[..4], None),
            // The guest's answers
            (&[0, 0, 1, 0, 0, 9, 0], None),
            (&[0, 0, 1, 0, 0, 9], Some("mctp-size")),
            (&[0, 0, 1, 0, 0, 9, 0, 0], Some("mctp-size")),
            (&[1, 0, 0, 2, 0, 1], None),
            (&[1, 0, 0, 2, 0], Some("mctp-size")),
            (&[1, 0x80, 0, 2, 0], None),
            (&[0x7e, 0x1a, 0xf4, 1, 2, 3], None),
            (&[], None),
        ];
        for (bytes, rule) in cases {
            let found = message(&describe_message(bytes)).map(|one| one.rule);
            assert_eq!(found, *rule, "{bytes:02x?}");
        }
    }

    #[test]
    fn names_are_unique() {
        for one in RULES {
            assert_eq!(named(one.id), Some(one));
        }
        assert_eq!(named("kindness"), None);
    }
}
