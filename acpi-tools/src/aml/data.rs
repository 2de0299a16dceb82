//! Package lengths, names and constants (ACPI 6.5 §20.2.2 to §20.2.4).

use crate::bytes;

/// Longer paths are cut.
const PATH: usize = 250;

/// `PkgLength` at `at`: end of the package, and where its content begins.
pub fn package(aml: &[u8], at: usize) -> Option<(usize, usize)> {
    let (length, content) = length(aml, at)?;
    // The length counts its own bytes.
    (length >= content - at).then_some((at + length, content))
}

/// The bits from its region's first at which each field of a list with a name
/// begins (ACPI 6.5 §20.2.5.2), if all of the list can be read.
pub fn fields(aml: &[u8], from: usize, to: usize) -> Option<Vec<u64>> {
    let (mut at, mut bit, mut begins) = (from, 0, Vec::new());
    while at < to {
        at = match bytes::u8(aml, at)? {
            // Bits without a name.
            0x00 => {
                let (bits, next) = length(aml, at + 1)?;
                bit += bits as u64;
                next
            }
            // Another way of access, from here on.
            0x01 => at + 3,
            0x03 => at + 4,
            // What serial buses need.
            0x02 => return None,
            _ => {
                let (bits, next) = length(aml, at + 4)?;
                begins.push(bit);
                bit += bits as u64;
                next
            }
        };
    }
    (at == to).then_some(begins)
}

/// A `PkgLength`, and where it ends.
fn length(aml: &[u8], at: usize) -> Option<(usize, usize)> {
    let lead = bytes::u8(aml, at)?;
    let more = usize::from(lead >> 6);
    let mut length = usize::from(lead & if more == 0 { 0x3f } else { 0x0f });
    for n in 0..more {
        let byte = bytes::u8(aml, at + 1 + n)?;
        length |= usize::from(byte) << (4 + 8 * n);
    }
    Some((length, at + 1 + more))
}

/// A `NameString`: absolute, carets, segments; and where it ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    root: bool,
    up: usize,
    segments: Vec<String>,
}

impl Name {
    /// The last segment.
    pub fn last(&self) -> &str {
        self.segments.last().map_or("", String::as_str)
    }

    /// It is looked for upwards, if it is not in the scope.
    pub fn searched(&self) -> bool {
        !self.root && self.up == 0 && self.segments.len() == 1
    }

    /// The path this name means in a scope.
    pub fn within(&self, scope: &str) -> String {
        let mut path = if self.root { "\\" } else { scope };
        for _ in 0..self.up {
            path = path.rsplit_once('.').map_or("\\", |(above, _)| above);
        }
        let mut path = path.to_owned();
        for segment in &self.segments {
            // Paths are for people; a hostile table must not make them large.
            if path.len() > PATH {
                break;
            }
            if !path.ends_with('\\') {
                path.push('.');
            }
            path.push_str(segment);
        }
        path
    }
}

/// Reads a `NameString` at `at`.
pub fn name(aml: &[u8], mut at: usize) -> Option<(Name, usize)> {
    let mut name = Name { root: false, up: 0, segments: Vec::new() };
    if bytes::u8(aml, at)? == b'\\' {
        name.root = true;
        at += 1;
    }
    while bytes::u8(aml, at)? == b'^' {
        name.up += 1;
        at += 1;
    }
    let count = match bytes::u8(aml, at)? {
        0x00 => {
            return Some((name, at + 1));
        }
        0x2e => {
            at += 1;
            2
        }
        0x2f => {
            at += 2;
            usize::from(bytes::u8(aml, at - 1)?)
        }
        _ => 1,
    };
    for _ in 0..count {
        let segment = aml.get(at..at + 4)?;
        let lead = |b: u8| b.is_ascii_uppercase() || b == b'_';
        let rest = |b: &u8| lead(*b) || b.is_ascii_digit();
        if !lead(segment[0]) || !segment[1..].iter().all(rest) {
            return None;
        }
        name.segments.push(bytes::ascii(segment));
        at += 4;
    }
    Some((name, at))
}

/// A constant and where it ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Constant {
    /// An integer.
    Integer(u64),
    /// A string.
    Text(String),
    /// A buffer: the bytes given lie from the first to the second offset.
    Buffer(usize, usize),
    /// A package: its elements lie from the first to the second offset.
    Package(usize, usize),
    /// The name of another object.
    Name(Name),
    /// Something that needs evaluation.
    Computed,
}

/// An integer constant.
pub fn integer(aml: &[u8], at: usize) -> Option<(u64, usize)> {
    let small = |n: Option<u64>, width: usize| Some((n?, at + 1 + width));
    match bytes::u8(aml, at)? {
        0x00 => Some((0, at + 1)),
        0x01 => Some((1, at + 1)),
        0xff => Some((u64::MAX, at + 1)),
        0x0a => small(bytes::u8(aml, at + 1).map(u64::from), 1),
        0x0b => small(bytes::u16(aml, at + 1).map(u64::from), 2),
        0x0c => small(bytes::u32(aml, at + 1).map(u64::from), 4),
        0x0e => small(bytes::u64(aml, at + 1), 8),
        _ => None,
    }
}

/// A constant at `at`, where a `DataRefObject` stands.
pub fn constant(aml: &[u8], at: usize) -> Option<(Constant, usize)> {
    if let Some((n, end)) = integer(aml, at) {
        return Some((Constant::Integer(n), end));
    }
    match bytes::u8(aml, at)? {
        0x0d => {
            let rest = aml.get(at + 1..)?;
            let length = rest.iter().position(|b| *b == 0)?;
            let text = bytes::ascii(&rest[..length]);
            Some((Constant::Text(text), at + 2 + length))
        }
        // BufferOp PkgLength BufferSize ByteList.
        0x11 => {
            let (end, content) = package(aml, at + 1)?;
            aml.get(..end)?;
            let start = integer(aml, content).map(|(_, start)| start);
            match start.filter(|start| *start <= end) {
                Some(start) => Some((Constant::Buffer(start, end), end)),
                None => Some((Constant::Computed, end)),
            }
        }
        // PackageOp PkgLength NumElements, VarPackageOp with a TermArg.
        op @ (0x12 | 0x13) => {
            let (end, content) = package(aml, at + 1)?;
            aml.get(..end)?;
            let start = match op {
                0x12 => Some(content + 1),
                _ => integer(aml, content).map(|(_, start)| start),
            };
            match start.filter(|start| *start <= end) {
                Some(start) => Some((Constant::Package(start, end), end)),
                None => Some((Constant::Computed, end)),
            }
        }
        // RevisionOp.
        0x5b if bytes::u8(aml, at + 1)? == 0x30 => {
            Some((Constant::Computed, at + 2))
        }
        _ => name(aml, at).map(|(name, end)| (Constant::Name(name), end)),
    }
}

/// A hardware id as people write it: a string, or a packed EISA id
/// (ACPI 6.5 §19.3.4).
pub fn hid(constant: &Constant) -> Option<String> {
    match constant {
        Constant::Text(text) => Some(text.clone()),
        Constant::Integer(n) => {
            let id = u32::try_from(*n).ok()?.swap_bytes();
            let letter = |shift: u32| (0x40 + (id >> shift & 0x1f)) as u8;
            let letters = [letter(26), letter(21), letter(16)];
            Some(format!("{}{:04X}", bytes::ascii(&letters), id & 0xffff))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn package_lengths_of_all_forms() {
        assert_eq!(package(&[0x3f], 0), Some((63, 1)));
        assert_eq!(package(&[0x41, 0x02], 0), Some((0x21, 2)));
        assert_eq!(package(&[0x8f, 1, 2], 0), Some((0x201f, 3)));
        assert_eq!(package(&[0xcf, 0xff, 0xff, 0xff], 0).unwrap().1, 4);
        assert_eq!(package(&[0x00], 0), None, "shorter than itself");
        assert_eq!(package(&[0x41], 0), None, "cut");
    }

    #[test]
    fn names_within_scopes() {
        let path = |aml: &[u8], scope: &str| {
            name(aml, 0).map(|(name, end)| (name.within(scope), end))
        };
        let case = |aml: &[u8], scope, text: &str, end| {
            assert_eq!(path(aml, scope), Some((text.to_owned(), end)));
        };
        case(b"ABCD", "\\", "\\ABCD", 4);
        case(b"\\_SB_", "\\X", "\\_SB_", 5);
        case(b"^AB12", "\\_SB_.DEV0", "\\_SB_.AB12", 5);
        case(b"^^^AB12", "\\_SB_.DEV0", "\\AB12", 7);
        case(b"\x2eABCDEFGH", "\\S", "\\S.ABCD.EFGH", 9);
        case(b"\x2f\x03AAAABBBBCCCC", "\\", "\\AAAA.BBBB.CCCC", 14);
        case(b"\\\0", "\\X", "\\", 2);
        for bad in [&b"abcd"[..], b"AB", b"1BCD", b"\x2f\xffAAAA", b"\\"] {
            assert_eq!(path(bad, "\\"), None);
        }
    }

    #[test]
    fn ids_in_both_forms() {
        // EisaId ("PNP0A03") as the specification packs it.
        let packed = Constant::Integer(0x030a_d041);
        assert_eq!(hid(&packed).unwrap(), "PNP0A03");
        let text = Constant::Text("DMT0001".to_owned());
        assert_eq!(hid(&text).unwrap(), "DMT0001");
        assert_eq!(hid(&Constant::Computed), None);
    }
}
