//! Registers as a file describes them, made into registers that lie
//! somewhere: sizes, bits, reset values, and who shares bytes with whom.

use std::collections::BTreeMap;

use super::cells;
use super::file::{Access, RegisterFile};
use super::register::{Form, Register};
use crate::script::check::Checker;
use crate::script::locate::Place;
use crate::script::number::Number;
use crate::script::problem::Wrong;
use crate::script::template::usable_name;
use crate::wire::layout::Value;

/// Largest region the device makes, and then some.
const MOST: u64 = 1 << 16;
/// Names under `request` that are no registers.
const TAKEN: [&str; 4] = ["pcc", "scmi", "hex", "subspace"];

/// All registers of a channel, or faults.
pub(super) fn registers(
    check: &mut Checker<'_>,
    at: &Place<'_>,
    sources: &BTreeMap<String, RegisterFile>,
) -> BTreeMap<String, Register> {
    let mut registers: BTreeMap<String, Register> = BTreeMap::new();
    for (name, source) in sources {
        let place = at.key(name);
        if let Err(wrong) = register_name(check, name) {
            check.wrong_key(&place, wrong);
        }
        let Some(register) = register(check, &place, name, source) else {
            continue;
        };
        let clash = registers.values().find(|other| clash(other, &register));
        if let Some(other) = clash {
            let wrong = Wrong::new(
                format!("`{name}` lies over `{}`", other.name),
                "another `offset` or `bits`; only `wo` and `answer` \
                 registers may lie over each other, and `wo` over `ro`",
            );
            check.wrong_key(&place, wrong);
        }
        registers.insert(name.clone(), register);
    }
    cells::check(check, at, sources, &mut registers);
    registers
}

fn register_name(check: &Checker<'_>, name: &str) -> Result<(), Wrong> {
    usable_name(name)?;
    if TAKEN.contains(&name) {
        return Err(Wrong::new(
            format!("`request.{name}` is something else already"),
            "another name",
        ));
    }
    if check.declared.0.contains_key(name) {
        return Err(Wrong::new(
            format!("there is a scenario or variable `{name}` already"),
            "another name",
        ));
    }
    Ok(())
}

fn register(
    check: &mut Checker<'_>,
    at: &Place<'_>,
    name: &str,
    source: &RegisterFile,
) -> Option<Register> {
    let before = check.mistakes.len();
    let form = form(check, at, source)?;
    let offset = source.offset.map(|offset| {
        let offset = check.number(&at.key("offset"), offset, 0, MOST);
        usize::try_from(offset).unwrap_or(0)
    });
    if let (None, Some(_)) = (offset, source.access) {
        let wrong = Wrong::new(
            "`access` of a register that the guest never sees",
            "an `offset`",
        );
        check.wrong_key(&at.key("access"), wrong);
    }
    let mut register = Register {
        name: name.to_owned(),
        offset,
        form,
        access: source.access.unwrap_or_default(),
        reset: form.zero(),
        values: BTreeMap::new(),
        index: source.index.clone(),
        cells: BTreeMap::new(),
    };
    let values = at.key("values");
    for (name, json) in &source.values {
        let value = check.take(&values.key(name), register.value(json));
        if let Some(Value::Number(number)) = value {
            register.values.insert(name.clone(), number);
        }
    }
    if let Some(json) = &source.reset {
        match register.value(json) {
            Ok(reset) => register.reset = reset,
            Err(wrong) => check.wrong(&at.key("reset"), wrong),
        }
    }
    (check.mistakes.len() == before).then_some(register)
}

fn form(
    check: &mut Checker<'_>,
    at: &Place<'_>,
    source: &RegisterFile,
) -> Option<Form> {
    let size = match (source.width, source.bytes) {
        (Some(Number(width @ (8 | 16 | 32 | 64))), None) => width / 8,
        (Some(Number(width)), None) => {
            let wrong = Wrong::new(
                format!("a width of {width} bits"),
                "8, 16, 32 or 64; other sizes as `bytes`",
            );
            check.wrong(&at.key("width"), wrong);
            return None;
        }
        (None, Some(bytes)) => {
            let count = check.number(&at.key("bytes"), bytes, 1, MOST);
            if source.bits.is_some() {
                let wrong = Wrong::new("bits of bytes", "a `width`");
                check.wrong_key(&at.key("bits"), wrong);
            }
            return Some(Form::Bytes(usize::try_from(count).ok()?));
        }
        (Some(_), Some(_)) => {
            let wrong = Wrong::new("`width` and `bytes`", "one of them");
            check.wrong_key(&at.key("bytes"), wrong);
            return None;
        }
        (None, None) => {
            let wrong = Wrong::new(
                "a register without size",
                "`width`: 8, 16, 32 or 64 bits; or `bytes`",
            );
            check.wrong_key(at, wrong);
            return None;
        }
    };
    let top = u32::try_from(size * 8).ok()? - 1;
    let size = usize::try_from(size).ok()?;
    let Some(text) = &source.bits else {
        return Some(Form::Bits { size, high: top, low: 0 });
    };
    let mut ends = text.split(':').map(|end| end.trim().parse::<u32>());
    let range = match (ends.next(), ends.next(), ends.next()) {
        (Some(Ok(bit)), None, None) => Some((bit, bit)),
        (Some(Ok(high)), Some(Ok(low)), None) => Some((high, low)),
        _ => None,
    };
    let found = range.filter(|(high, low)| low <= high && *high <= top);
    let Some((high, low)) = found else {
        let wrong = Wrong::new(
            format!("`{text}` is no range of bits"),
            format!("the highest and the lowest, as in \"{top}:4\", or one"),
        );
        check.wrong(&at.key("bits"), wrong);
        return None;
    };
    Some(Form::Bits { size, high, low })
}

/// First and last bit of a register, counted from the start of the space.
fn span(register: &Register) -> Option<(usize, usize)> {
    let start = register.offset?.checked_mul(8)?;
    Some(match register.form {
        Form::Bits { high, low, .. } => (
            start + usize::try_from(low).ok()?,
            start + usize::try_from(high).ok()?,
        ),
        Form::Bytes(size) => (start, start + size * 8 - 1),
    })
}

fn clash(a: &Register, b: &Register) -> bool {
    let (Some(one), Some(other)) = (span(a), span(b)) else {
        return false;
    };
    use Access::{Answer, Ro, Wo};
    let may = matches!(
        (a.access, b.access),
        (Wo, Wo | Ro | Answer) | (Ro | Answer, Wo) | (Answer, Answer)
    );
    !may && one.0 <= other.1 && other.0 <= one.1
}
