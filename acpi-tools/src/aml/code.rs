//! Code as far as it can be read without running it: where an expression
//! ends, and what a method returns (ACPI 6.5 §20.2.5).

use super::data::{self, Constant, Name};
use super::names::Names;
use crate::bytes;

/// Deeper expressions and blocks are not read.
const DEPTH: usize = 32;
/// A method that returns more things is not read to its end.
const RETURNS: usize = 64;

/// Code of one table, in a scope.
#[derive(Clone, Copy)]
pub struct Code<'a> {
    /// The table's bytes.
    pub aml: &'a [u8],
    /// What names stand for.
    pub names: &'a Names,
    /// Where names start from.
    pub scope: &'a str,
}

/// What a method may return.
#[derive(Debug, Default)]
pub struct Returns {
    /// Constants and names, and their offsets.
    pub values: Vec<(Constant, usize)>,
    /// Names declared in the code.
    pub locals: Vec<(Name, Constant)>,
    /// Named objects may have been changed before they are returned.
    pub changes: bool,
    /// It may return something else, too.
    pub open: bool,
}

impl Code<'_> {
    /// Where the expression at `at` ends.
    pub fn skip(self, at: usize) -> Option<usize> {
        self.expression(at, 0)
    }

    fn expression(self, at: usize, depth: usize) -> Option<usize> {
        if depth > DEPTH {
            return None;
        }
        let operands = |from: usize, count: usize| {
            (0..count).try_fold(from, |at, _| self.expression(at, depth + 1))
        };
        match bytes::u8(self.aml, at)? {
            // Locals and arguments.
            0x60..=0x6e => Some(at + 1),
            // Increment, Decrement, SizeOf, ObjectType, LNot, DerefOf, RefOf.
            0x71 | 0x75 | 0x76 | 0x83 | 0x87 | 0x8e | 0x92 => {
                operands(at + 1, 1)
            }
            // One operand and a target; or two operands.
            0x70 | 0x80..=0x82 | 0x86 | 0x90 | 0x91 | 0x93..=0x99 | 0x9d => {
                operands(at + 1, 2)
            }
            // Two operands and a target.
            0x72..=0x74 | 0x77 | 0x79..=0x7f | 0x84 | 0x85 | 0x88 | 0x9c => {
                operands(at + 1, 3)
            }
            // Divide, Mid.
            0x78 | 0x9e => operands(at + 1, 4),
            0x5b => match bytes::u8(self.aml, at + 1)? {
                // CondRefOf.
                0x12 => operands(at + 2, 2),
                // Stall, Sleep, Reset, Signal, Release: one operand.
                0x21 | 0x22 | 0x24 | 0x26 | 0x27 => operands(at + 2, 1),
                // Acquire and its timeout of two bytes.
                0x23 => Some(operands(at + 2, 1)? + 2),
                // Revision, Debug, Timer.
                0x30 | 0x31 | 0x33 => Some(at + 2),
                _ => None,
            },
            _ => match data::constant(self.aml, at)? {
                (Constant::Name(name), end) => {
                    let count = self.names.arguments(&name, self.scope);
                    operands(end, count)
                }
                (_, end) => Some(end),
            },
        }
    }

    /// What the code may return.
    pub fn returns(self, from: usize, to: usize) -> Returns {
        let mut all = Returns::default();
        self.block(from, to.min(self.aml.len()), &mut all, 0);
        all
    }

    fn block(self, from: usize, to: usize, all: &mut Returns, depth: usize) {
        let mut at = from;
        while at < to {
            // Nothing behind a Return is reached.
            if self.aml[at] == 0xa4 {
                return self.returned(at + 1, to, all);
            }
            match self.statement(at, to, all, depth) {
                Some(end) if end <= to && depth < DEPTH => at = end,
                _ => return self.lost(at, to, all),
            }
        }
    }

    fn returned(self, at: usize, to: usize, all: &mut Returns) {
        let full = all.values.len() >= RETURNS;
        match data::constant(self.aml, at) {
            Some((Constant::Computed, _)) | None => all.open = true,
            Some((_, end)) if end > to || full => all.open = true,
            Some((value, _)) => all.values.push((value, at)),
        }
    }

    /// One statement; where it ends.
    fn statement(
        self,
        at: usize,
        to: usize,
        all: &mut Returns,
        depth: usize,
    ) -> Option<usize> {
        match self.aml[at] {
            // Continue, Noop, Break, BreakPoint.
            0x9f | 0xa3 | 0xa5 | 0xcc => Some(at + 1),
            // If and While with their predicates, Else. iasl makes Switch a
            // While that is left at its end.
            op @ 0xa0..=0xa2 => {
                let (end, content) = data::package(self.aml, at + 1)?;
                let inside = match op {
                    0xa1 => content,
                    _ => self.skip(content)?,
                };
                if end > to || inside > end {
                    return None;
                }
                self.block(inside, end, all, depth + 1);
                Some(end)
            }
            // Name.
            0x08 => {
                let (name, next) = data::name(self.aml, at + 1)?;
                let (value, end) = data::constant(self.aml, next)?;
                all.locals.push((name, value));
                Some(end)
            }
            // CreateXField: the buffer can be changed by the field.
            0x8a..=0x8d | 0x8f => {
                all.changes = true;
                self.create_field(at)
            }
            0x5b if self.aml.get(at + 1) == Some(&0x13) => {
                all.changes = true;
                self.create_field(at)
            }
            // OperationRegion; Field, IndexField, BankField.
            0x5b if self.aml.get(at + 1) == Some(&0x80) => {
                let (_, next) = data::name(self.aml, at + 2)?;
                self.skip(self.skip(next + 1)?)
            }
            0x5b if matches!(self.aml.get(at + 1)?, 0x81 | 0x86 | 0x87) => {
                data::package(self.aml, at + 2).map(|(end, _)| end)
            }
            // Store; into a local it changes no name.
            0x70 => {
                let target = self.skip(at + 1)?;
                let local = matches!(self.aml.get(target)?, 0x60..=0x6e);
                all.changes |= !local;
                self.skip(target)
            }
            _ => {
                all.changes = true;
                self.skip(at)
            }
        }
    }

    /// Behind CreateXField (source, index, name), CreateField with a width.
    pub fn create_field(self, at: usize) -> Option<usize> {
        let next = match self.aml.get(at)? {
            0x5b => self.skip(self.skip(at + 2)?)?,
            _ => self.skip(at + 1)?,
        };
        let (_, end) = data::name(self.aml, self.skip(next)?)?;
        Some(end)
    }

    /// Code that cannot be read: constants that it returns are looked for.
    fn lost(self, from: usize, to: usize, all: &mut Returns) {
        all.open = true;
        all.changes = true;
        let mut at = from;
        while at + 1 < to && all.values.len() < RETURNS {
            let literal = matches!(self.aml[at + 1], 0x11 | 0x12);
            if self.aml[at] == 0xa4
                && literal
                && let Some((value, end)) = data::constant(self.aml, at + 1)
                && end <= to
            {
                all.values.push((value, at + 1));
                at = end;
            } else {
                at += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::package;

    fn returns(aml: &[u8]) -> Returns {
        let names = Names::default();
        let code = Code { aml, names: &names, scope: "\\" };
        code.returns(0, aml.len())
    }

    fn offsets(returns: &Returns) -> Vec<usize> {
        returns.values.iter().map(|(_, at)| *at).collect()
    }

    #[test]
    fn each_branch_returns() {
        // If (CFGD & 4) { Return (ABCD) } Else { Return (Package () {1}) }
        let test = [0x7b, b'C', b'F', b'G', b'D', 0x0a, 4, 0];
        let first = [&test[..], b"\xa4ABCD"].concat();
        let second = [&[0xa4][..], &package(&[0x12], &[1, 1])].concat();
        let both =
            [package(&[0xa0], &first), package(&[0xa1], &second)].concat();
        let found = returns(&both);
        assert!(!found.open && !found.changes, "{found:?}");
        assert_eq!(found.values.len(), 2);
        assert!(matches!(found.values[0].0, Constant::Name(_)));
        assert!(matches!(found.values[1].0, Constant::Package(..)));
    }

    #[test]
    fn what_is_changed_first_is_told() {
        // Local0 = ABCD changes nothing, ABCD = 1 does.
        let local = returns(b"\x70ABCD\x60\xa4ABCD");
        assert_eq!((local.changes, local.open), (false, false));
        assert_eq!(offsets(&local), [7]);
        let store = returns(b"\x70\x01ABCD\xa4ABCD");
        assert_eq!((store.changes, store.open), (true, false));
        assert!(returns(b"\xa4\x60").open, "a local");
        // Load cannot be read; a literal behind it can.
        let literal = [&[0xa4][..], &package(&[0x12], &[1, 1])].concat();
        let behind = [b"\x5b\x20ABCD\x60", &literal[..]].concat();
        let found = returns(&behind);
        assert!(found.open && found.values.len() == 1, "{found:?}");
    }

    /// Switch (ABCD) { Case (1) { Return (EFGH) } }, a field of a register,
    /// CreateField.
    #[test]
    fn statements_that_real_methods_have() {
        let case = [&[0x93, 0x60, 1][..], b"\xa4EFGH"].concat();
        let body = [&[1][..], b"\x70ABCD\x60", &package(&[0xa0], &case)];
        let body = [&body.concat()[..], &[0xa5]].concat();
        let switch = package(&[0xa2], &body);
        let region =
            b"\x5b\x80REGN\x01\x0b\x80\x00\x01\x5b\x81\x0bREGN\x01POST\x08";
        let found = returns(&[&switch[..], region, b"\xa3\xa4ABCD"].concat());
        assert!(!found.open && !found.changes, "{found:?}");
        assert_eq!(found.values.len(), 2);
        let field = b"\x5b\x13ABCD\x00\x0a\x08EFGH\xa4ABCD";
        let found = returns(field);
        assert_eq!((found.changes, found.open), (true, false));
        assert_eq!(offsets(&found), [14]);
    }

    #[test]
    fn a_call_s_arguments_are_skipped() {
        use crate::aml::names::Entry;
        let mut names = Names::default();
        names.add("\\CALL".to_owned(), Entry::External(2));
        let aml = b"\x93CALL\x01\x0a\x02\x60";
        let code = Code { aml, names: &names, scope: "\\_SB_" };
        assert_eq!(code.skip(0), Some(aml.len()));
        let deep = [0x92; 100];
        assert_eq!(Code { aml: &deep, ..code }.skip(0), None);
    }
}
