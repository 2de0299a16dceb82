//! Fields as data: name, offset, width, meaning, and what a change means.
//!
//! One list serves `show`, `validate`, `diff` and the documents. This module
//! knows no table; the lists are in [`crate::table`].

use crate::bytes;

/// How much a change of a field matters.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Impact {
    /// Says nothing about the hardware: checksum, creator, OEM revision.
    Noise,
    /// Visible, but no driver acts on it.
    Cosmetic,
    /// Works for some drivers or under some load, not for others.
    Risky,
    /// A driver written for one side does not work on the other.
    Breaks,
}

impl Impact {
    /// The words people read.
    pub fn text(self) -> &'static str {
        match self {
            Impact::Noise => "noise",
            Impact::Cosmetic => "cosmetic",
            Impact::Risky => "risky",
            Impact::Breaks => "breaks the contract",
        }
    }
}

/// How a field lies in the bytes and how it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// That many characters.
    Text(usize),
    /// A number of that many bytes, shown in decimal.
    Number(usize),
    /// A number of that many bytes, shown in hexadecimal.
    Hex(usize),
    /// A length in bytes, of that many bytes.
    Size(usize),
    /// A physical address of eight bytes.
    Address,
    /// A mask of eight bytes.
    Mask,
    /// A Global System Interrupt of four bytes.
    Gsiv,
    /// Microseconds, in that many bytes.
    Micros(usize),
    /// Commands a minute, four bytes, zero for no limit.
    PerMinute,
    /// Bits of that many bytes: number, words when set, words when clear.
    Bits(usize, &'static [(u32, &'static str, &'static str)]),
    /// A code of that many bytes with names.
    Code(usize, &'static [(u64, &'static str)]),
    /// That many bytes that must be zero.
    Reserved(usize),
    /// A Generic Address Structure (ACPI 6.5 §5.2.3.2), twelve bytes.
    Register,
}

impl Kind {
    /// Number of bytes.
    pub const fn width(self) -> usize {
        match self {
            Kind::Text(n)
            | Kind::Number(n)
            | Kind::Hex(n)
            | Kind::Size(n)
            | Kind::Micros(n)
            | Kind::Bits(n, _)
            | Kind::Code(n, _)
            | Kind::Reserved(n) => n,
            Kind::Address | Kind::Mask => 8,
            Kind::Gsiv | Kind::PerMinute => 4,
            Kind::Register => 12,
        }
    }
}

/// One field of a structure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// The specification's name in small letters and underscores.
    pub name: &'static str,
    /// Offset in the structure.
    pub offset: usize,
    /// How it lies in the bytes.
    pub kind: Kind,
    /// What it is for.
    pub meaning: &'static str,
    /// How much a change matters.
    pub impact: Impact,
    /// Why it matters, as the end of "changed: …".
    pub why: &'static str,
}

/// A field of a table of fields, in a line.
pub(crate) const fn field(
    name: &'static str,
    offset: usize,
    kind: Kind,
    meaning: &'static str,
    impact: Impact,
    why: &'static str,
) -> Field {
    Field { name, offset, kind, meaning, impact, why }
}

impl Field {
    /// The field's bytes in a structure, if all of them are there.
    pub fn bytes<'a>(&self, structure: &'a [u8]) -> Option<&'a [u8]> {
        structure.get(self.offset..self.offset + self.kind.width())
    }

    /// The field's value, if it is a number of at most eight bytes.
    pub fn number(&self, structure: &[u8]) -> Option<u64> {
        let bytes = self.bytes(structure)?;
        (bytes.len() <= 8).then(|| bytes::number(bytes))
    }

    /// The value in words.
    pub fn text(&self, structure: &[u8]) -> Option<String> {
        self.bytes(structure).map(|bytes| describe(self.kind, bytes))
    }
}

/// The parts of a Generic Address Structure (ACPI 6.5 §5.2.3.2).
pub const REGISTER: &[Field] = &[
    part(
        "space_id",
        0,
        Kind::Code(
            1,
            &[
                (0, "SystemMemory"),
                (1, "SystemIO"),
                (2, "PCI configuration"),
                (3, "EmbeddedController"),
                (4, "SMBus"),
                (5, "CMOS"),
                (6, "PCI BAR target"),
                (7, "IPMI"),
                (8, "GPIO"),
                (9, "GenericSerialBus"),
                (0x0a, "PCC"),
                (0x0b, "PRM"),
                (0x7f, "FunctionalFixedHardware"),
            ],
        ),
        "address space",
    ),
    part("bit_width", 1, Kind::Number(1), "width of the register in bits"),
    part("bit_offset", 2, Kind::Number(1), "first bit of the register"),
    part(
        "access_size",
        3,
        Kind::Code(
            1,
            &[
                (0, "undefined"),
                (1, "byte"),
                (2, "word"),
                (3, "dword"),
                (4, "qword"),
            ],
        ),
        "access size",
    ),
    part("address", 4, Kind::Address, "address in the space"),
];

const fn part(
    name: &'static str,
    offset: usize,
    kind: Kind,
    meaning: &'static str,
) -> Field {
    let why = "a driver accesses another register, or in another way";
    Field { name, offset, kind, meaning, impact: Impact::Breaks, why }
}

/// A Generic Address Structure, decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Gas {
    /// Address space.
    pub space: u8,
    /// Width in bits.
    pub width: u8,
    /// First bit.
    pub bit_offset: u8,
    /// Access size; in PCC space the subspace.
    pub access: u8,
    /// Address.
    pub address: u64,
}

impl Gas {
    /// Decodes twelve bytes.
    pub fn decode(bytes: &[u8]) -> Option<Gas> {
        Some(Gas {
            space: bytes::u8(bytes, 0)?,
            width: bytes::u8(bytes, 1)?,
            bit_offset: bytes::u8(bytes, 2)?,
            access: bytes::u8(bytes, 3)?,
            address: bytes::u64(bytes, 4)?,
        })
    }

    /// Twelve zero bytes: the register does not exist.
    pub fn absent(&self) -> bool {
        *self == Gas::default()
    }

    /// Bytes from the first to the last bit, at least one.
    pub fn bytes(&self) -> u64 {
        let bits = u64::from(self.width) + u64::from(self.bit_offset);
        bits.div_ceil(8).max(1)
    }

    /// The name of the address space.
    pub fn space_name(&self) -> String {
        name(REGISTER[0].kind, self.space)
    }

    /// All bits the register has.
    pub fn bits(&self) -> u64 {
        match self.width {
            64.. => u64::MAX,
            width => (1 << width) - 1,
        }
    }
}

impl std::fmt::Display for Gas {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.absent() {
            return f.write_str("none");
        }
        let Gas { width, address, .. } = self;
        write!(f, "{} {address:#x}, {width} bits", self.space_name())?;
        if self.bit_offset != 0 {
            write!(f, " from bit {}", self.bit_offset)?;
        }
        if self.access != 0 {
            write!(f, ", {}", name(REGISTER[3].kind, self.access))?;
        }
        Ok(())
    }
}

/// The name of a code, without the code.
fn name(kind: Kind, code: u8) -> String {
    let names = match kind {
        Kind::Code(_, names) => names,
        _ => &[],
    };
    let known = names.iter().find(|(value, _)| *value == u64::from(code));
    match known {
        Some((_, name)) => (*name).to_owned(),
        None => format!("{code:#x}"),
    }
}

/// A value in words; `bytes` has the kind's width.
pub fn describe(kind: Kind, raw: &[u8]) -> String {
    let n = bytes::number(raw);
    match kind {
        Kind::Text(_) => format!("\"{}\"", bytes::ascii(raw)),
        Kind::Number(_) => n.to_string(),
        Kind::Hex(width) => format!("{n:#0w$x}", w = 2 * width + 2),
        Kind::Size(_) => match n {
            0..1024 => format!("{n} bytes"),
            _ if n.is_multiple_of(1024) && n < 1 << 30 => {
                format!("{n:#x} ({} KiB)", n / 1024)
            }
            _ => format!("{n:#x} ({n} bytes)"),
        },
        Kind::Address => format!("{n:#x}"),
        Kind::Mask => mask(n),
        Kind::Gsiv => gsiv(n),
        Kind::Micros(_) => match n {
            1000.. if n.is_multiple_of(1000) => {
                format!("{n} us ({} ms)", n / 1000)
            }
            _ => format!("{n} us"),
        },
        Kind::PerMinute => match n {
            0 => "no limit".to_owned(),
            _ => format!("{n} a minute"),
        },
        Kind::Bits(_, names) => bits(n, names),
        Kind::Code(_, names) => {
            match names.iter().find(|(code, _)| *code == n) {
                Some((_, name)) => format!("{n} ({name})"),
                None => format!("{n} (reserved)"),
            }
        }
        Kind::Reserved(_) => match raw.iter().all(|b| *b == 0) {
            true => "0".to_owned(),
            false => format!("{} (reserved, not zero)", hex::encode(raw)),
        },
        Kind::Register => {
            Gas::decode(raw).map_or_else(String::new, |gas| gas.to_string())
        }
    }
}

fn mask(n: u64) -> String {
    let set = n.count_ones();
    match set {
        0 => "0 (no bits)".to_owned(),
        1 => format!("{n:#x} (bit {})", n.trailing_zeros()),
        _ if n == u64::MAX => format!("{n:#x} (all bits)"),
        // One run of ones: name its ends.
        _ if (n >> n.trailing_zeros()).trailing_ones() == set => format!(
            "{n:#x} (bits {}..{})",
            n.trailing_zeros(),
            63 - n.leading_zeros()
        ),
        _ => format!("{n:#x} ({set} bits)"),
    }
}

/// A GSIV, and the SPI it is on a GIC (INTID 32 is SPI 0).
pub fn gsiv(n: u64) -> String {
    match n {
        32..1020 => format!("{n} (SPI {})", n - 32),
        _ => n.to_string(),
    }
}

fn bits(n: u64, names: &[(u32, &str, &str)]) -> String {
    let mut known = 0;
    let mut words = Vec::new();
    for (bit, set, clear) in names {
        known |= 1 << bit;
        let word = if n >> bit & 1 == 1 { set } else { clear };
        if !word.is_empty() {
            words.push((*word).to_owned());
        }
    }
    if n & !known != 0 {
        words.push(format!("reserved bits {:#x}", n & !known));
    }
    match words.is_empty() {
        true => format!("{n:#x}"),
        false => format!("{n:#x} ({})", words.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_read_as_a_person_would_say_them() {
        let cases: &[(Kind, &[u8], &str)] = &[
            (Kind::Text(4), b"PCCT", "\"PCCT\""),
            (Kind::Gsiv, &[112, 0, 0, 0], "112 (SPI 80)"),
            (Kind::Gsiv, &[5, 0, 0, 0], "5"),
            (Kind::Micros(4), &[0xe8, 3, 0, 0], "1000 us (1 ms)"),
            (Kind::Micros(2), &[7, 0], "7 us"),
            (Kind::PerMinute, &[0; 4], "no limit"),
            (Kind::Mask, &[0; 8], "0 (no bits)"),
            (Kind::Mask, &[8, 0, 0, 0, 0, 0, 0, 0], "0x8 (bit 3)"),
            (Kind::Mask, &[0xff; 8], "0xffffffffffffffff (all bits)"),
            (Kind::Mask, &[0xfe, 0, 0, 0, 0, 0, 0, 0], "0xfe (bits 1..7)"),
            (Kind::Mask, &[5, 0, 0, 0, 0, 0, 0, 0], "0x5 (2 bits)"),
            (Kind::Size(4), &[0, 0x20, 0, 0], "0x2000 (8 KiB)"),
            (Kind::Size(4), &[84, 0, 0, 0], "84 bytes"),
            (Kind::Reserved(2), &[0, 1], "0001 (reserved, not zero)"),
            (Kind::Register, &[0; 12], "none"),
            (
                Kind::Register,
                &[0, 32, 0, 3, 0, 0x80, 0, 0x0a, 0, 0, 0, 0],
                "SystemMemory 0xa008000, 32 bits, dword",
            ),
        ];
        for (kind, bytes, text) in cases {
            assert_eq!(kind.width(), bytes.len());
            assert_eq!(describe(*kind, bytes), *text);
        }
    }

    #[test]
    fn a_register_knows_its_bits() {
        let gas = |width| Gas { width, ..Gas::default() };
        assert_eq!(gas(0).bits(), 0);
        assert_eq!(gas(32).bits(), 0xffff_ffff);
        assert_eq!(gas(64).bits(), u64::MAX);
        assert_eq!(gas(255).bits(), u64::MAX);
    }
}
