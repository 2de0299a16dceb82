//! Registers as a file describes them, made into registers that lie
//! somewhere: sizes, bits, reset values, and who shares bytes with whom.

use std::collections::BTreeMap;

use super::compile::Compiler;
use super::file::{Access, RegisterFile};
use super::register::{Holds, Register};
use crate::handlers::compile::{join, key};
use crate::handlers::file::Number;
use crate::handlers::locate::{Side, Step};
use crate::handlers::value::Wrong;

/// Largest region the device makes, and then some.
const MOST: u64 = 1 << 16;
/// Names under `request` that are no registers.
const TAKEN: [&str; 3] = ["pcc", "hex", "subspace"];

impl Compiler<'_> {
    /// All registers of a channel, or faults.
    pub(super) fn registers(
        &mut self,
        at: &[Step],
        sources: &BTreeMap<String, RegisterFile>,
    ) -> BTreeMap<String, Register> {
        let mut registers: BTreeMap<String, Register> = BTreeMap::new();
        for (name, source) in sources {
            let place = join(at, [key(name)]);
            if let Err(wrong) = self.register_name(name) {
                self.fault(place.clone(), Side::Key, wrong);
            }
            let Some(register) = self.register(&place, name, source) else {
                continue;
            };
            let clash =
                registers.values().find(|other| clash(other, &register));
            if let Some(other) = clash {
                let wrong = Wrong::new(
                    format!("`{name}` lies over `{}`", other.name),
                    "another `offset` or `bits`; only `wo` and `answer` \
                     registers may lie over each other, and `wo` over `ro`",
                );
                self.fault(place, Side::Key, wrong);
            }
            registers.insert(name.clone(), register);
        }
        registers
    }

    fn register_name(&self, name: &str) -> Result<(), Wrong> {
        let is_word = !name.is_empty()
            && !name.starts_with(|first: char| first.is_ascii_digit())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !is_word {
            return Err(Wrong::new(
                format!("`{name}` is no name that templates can use"),
                "letters, digits and `_`, no digit first",
            ));
        }
        if TAKEN.contains(&name) {
            return Err(Wrong::new(
                format!("`request.{name}` is something else already"),
                "another name",
            ));
        }
        if self.declared.0.contains_key(name) {
            return Err(Wrong::new(
                format!("there is a scenario or variable `{name}` already"),
                "another name",
            ));
        }
        Ok(())
    }

    fn register(
        &mut self,
        at: &[Step],
        name: &str,
        source: &RegisterFile,
    ) -> Option<Register> {
        let before = self.faults.len();
        let place = |name: &str| join(at, [key(name)]);
        let holds = self.holds(at, source)?;
        let offset = source.offset.map(|offset| {
            let offset = self.number(place("offset"), offset, 0, MOST);
            usize::try_from(offset).unwrap_or(0)
        });
        if let (None, Some(_)) = (offset, source.access) {
            let wrong = Wrong::new(
                "`access` of a register that the guest never sees",
                "an `offset`",
            );
            self.fault(place("access"), Side::Key, wrong);
        }
        let mut register = Register {
            name: name.to_owned(),
            offset,
            holds,
            access: source.access.unwrap_or_default(),
            reset: holds.zero(),
            values: BTreeMap::new(),
        };
        for (value, Number(number)) in &source.values {
            let json = (*number).into();
            if let Err(wrong) = register.value(&json) {
                let at = join(&place("values"), [key(value)]);
                self.fault(at, Side::Value, wrong);
            }
            register.values.insert(value.clone(), *number);
        }
        if let Some(json) = &source.reset {
            match register.value(json) {
                Ok(reset) => register.reset = reset,
                Err(wrong) => self.fault(place("reset"), Side::Value, wrong),
            }
        }
        (self.faults.len() == before).then_some(register)
    }

    fn holds(&mut self, at: &[Step], source: &RegisterFile) -> Option<Holds> {
        let place = |name: &str| join(at, [key(name)]);
        let size = match (source.width, source.bytes) {
            (Some(Number(width @ (8 | 16 | 32 | 64))), None) => width / 8,
            (Some(Number(width)), None) => {
                let wrong = Wrong::new(
                    format!("a width of {width} bits"),
                    "8, 16, 32 or 64; other sizes as `bytes`",
                );
                self.fault(place("width"), Side::Value, wrong);
                return None;
            }
            (None, Some(bytes)) => {
                let count = self.number(place("bytes"), bytes, 1, MOST);
                if source.bits.is_some() {
                    let wrong = Wrong::new("bits of bytes", "a `width`");
                    self.fault(place("bits"), Side::Key, wrong);
                }
                return Some(Holds::Bytes(usize::try_from(count).ok()?));
            }
            (Some(_), Some(_)) => {
                let wrong = Wrong::new("`width` and `bytes`", "one of them");
                self.fault(place("bytes"), Side::Key, wrong);
                return None;
            }
            (None, None) => {
                let wrong = Wrong::new(
                    "a register without size",
                    "`width`: 8, 16, 32 or 64 bits; or `bytes`",
                );
                self.fault(at.to_vec(), Side::Key, wrong);
                return None;
            }
        };
        let top = u32::try_from(size * 8).ok()? - 1;
        let size = usize::try_from(size).ok()?;
        let Some(text) = &source.bits else {
            return Some(Holds::Bits { size, high: top, low: 0 });
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
                format!(
                    "the highest and the lowest, as in \"{top}:4\", or one"
                ),
            );
            self.fault(place("bits"), Side::Value, wrong);
            return None;
        };
        Some(Holds::Bits { size, high, low })
    }
}

/// First and last bit of a register, counted from the start of the space.
fn span(register: &Register) -> Option<(usize, usize)> {
    let start = register.offset?.checked_mul(8)?;
    Some(match register.holds {
        Holds::Bits { high, low, .. } => (
            start + usize::try_from(low).ok()?,
            start + usize::try_from(high).ok()?,
        ),
        Holds::Bytes(size) => (start, start + size * 8 - 1),
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
