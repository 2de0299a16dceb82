//! A walk over the PCCT that always ends, and its channels decoded.
//!
//! The walk never fails: what does not fit is left out, and [`Stop`] says
//! where and why the walk ended.

use super::layout::{self, Layout, SUBSPACES};
use super::raw::Table;
use crate::bytes;
use crate::field::Gas;

/// A subspace id is one byte (ACPI 6.5 §14.1): there are no more.
pub const MOST: usize = 256;

/// Where the walk over the subspaces ended before the table did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// A subspace claims fewer than two bytes.
    NoLength {
        /// Its offset in the table.
        at: usize,
        /// Its length.
        length: usize,
    },
    /// A subspace claims more bytes than are left.
    Overrun {
        /// Its offset in the table.
        at: usize,
        /// Its length.
        length: usize,
        /// Bytes left.
        left: usize,
    },
    /// One byte is left: not even type and length.
    Trailing {
        /// Its offset in the table.
        at: usize,
    },
}

impl std::fmt::Display for Stop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Stop::NoLength { at, length } => write!(
                f,
                "the subspace at {at:#x} has length {length}; what follows \
                 cannot be read"
            ),
            Stop::Overrun { at, length, left } => write!(
                f,
                "the subspace at {at:#x} has length {length}, but {left} \
                 bytes are left"
            ),
            Stop::Trailing { at } => {
                write!(f, "one byte is left over at {at:#x}")
            }
        }
    }
}

/// A register and where its twelve bytes lie in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Register {
    /// Name of the field.
    pub name: &'static str,
    /// Offset in the table.
    pub at: usize,
    /// The address structure.
    pub gas: Gas,
}

/// A register that is read, masked and written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Write {
    /// The register.
    pub register: Register,
    /// Bits kept.
    pub preserve: u64,
    /// Bits set.
    pub set: u64,
    /// Offset of the second mask in the table.
    pub set_at: usize,
}

/// A register that is read and tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Test {
    /// The register.
    pub register: Register,
    /// Bits tested.
    pub mask: u64,
    /// Offset of the mask in the table.
    pub mask_at: usize,
}

/// One subspace. What its type lacks, or did not fit, is `None`.
#[derive(Debug, Clone)]
pub struct Channel<'a> {
    /// Subspace id: the index in the table.
    pub id: usize,
    /// Offset in the table.
    pub at: usize,
    /// Type.
    pub kind: u8,
    /// The structure's bytes, as many as it claims.
    pub bytes: &'a [u8],
    /// The layout, if the type has one.
    pub layout: Option<&'static Layout>,
    /// Interrupt.
    pub gsiv: Option<u32>,
    /// Interrupt flags.
    pub flags: Option<u8>,
    /// Address of the shared memory.
    pub base: u64,
    /// Bytes of the shared memory.
    pub size: u64,
    /// The doorbell.
    pub doorbell: Option<Write>,
    /// Interrupt acknowledge.
    pub ack: Option<Write>,
    /// Command complete check.
    pub check: Option<Test>,
    /// Command complete update.
    pub update: Option<Write>,
    /// Error status.
    pub error: Option<Test>,
    /// Nominal latency in microseconds.
    pub latency: Option<u64>,
    /// Periodic commands a minute.
    pub rate: Option<u64>,
    /// Minimum turnaround in microseconds.
    pub turnaround: Option<u64>,
}

impl<'a> Channel<'a> {
    fn decode(id: usize, at: usize, bytes: &'a [u8]) -> Channel<'a> {
        let kind = bytes::u8(bytes, 0).unwrap_or(0xff);
        let mut channel = Channel {
            id,
            at,
            kind,
            bytes,
            layout: layout::of(kind),
            gsiv: None,
            flags: None,
            base: 0,
            size: 0,
            doorbell: None,
            ack: None,
            check: None,
            update: None,
            error: None,
            latency: None,
            rate: None,
            turnaround: None,
        };
        // A structure shorter than its type is a finding of its own; reading
        // half of its fields would only add noise.
        if !channel.whole() {
            return channel;
        }
        channel.gsiv =
            channel.number("gsiv").and_then(|n| u32::try_from(n).ok());
        channel.flags =
            channel.number("interrupt_flags").map(|n| (n & 0xff) as u8);
        channel.base = channel.number("base_address").unwrap_or(0);
        channel.size = channel.number("memory_length").unwrap_or(0);
        channel.latency = channel.number("nominal_latency");
        channel.rate = channel.number("max_periodic_rate");
        channel.turnaround = channel.number("min_turnaround");
        let write = |name, preserve, set| channel.write(name, preserve, set);
        let test = |name, mask| channel.test(name, mask);
        let doorbell =
            write("doorbell_register", "doorbell_preserve", "doorbell_write");
        let ack = write("ack_register", "ack_preserve", "ack_set");
        let update = write("update_register", "update_preserve", "update_set");
        let check = test("check_register", "check_mask");
        let error = test("error_register", "error_mask");
        Channel { doorbell, ack, check, update, error, ..channel }
    }

    /// The type is known and all its fixed bytes are there.
    pub fn whole(&self) -> bool {
        self.layout.is_some_and(|layout| self.bytes.len() >= layout.length)
    }

    /// Offset of a field in the table; the structure's own if it lacks it.
    pub fn offset(&self, name: &str) -> usize {
        self.field(name).map_or(self.at, |field| self.at + field.offset)
    }

    fn field(&self, name: &str) -> Option<&'static crate::field::Field> {
        self.layout?.fields.iter().find(|field| field.name == name)
    }

    /// A field's number.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.field(name)?.number(self.bytes)
    }

    fn register(&self, name: &'static str) -> Option<Register> {
        let field = self.field(name)?;
        let gas = Gas::decode(field.bytes(self.bytes)?)?;
        Some(Register { name, at: self.at + field.offset, gas })
    }

    fn write(
        &self,
        register: &'static str,
        preserve: &str,
        set: &str,
    ) -> Option<Write> {
        Some(Write {
            register: self.register(register)?,
            preserve: self.number(preserve)?,
            set: self.number(set)?,
            set_at: self.offset(set),
        })
    }

    fn test(&self, register: &'static str, mask: &str) -> Option<Test> {
        Some(Test {
            register: self.register(register)?,
            mask: self.number(mask)?,
            mask_at: self.offset(mask),
        })
    }

    /// The registers that exist (are not all zero).
    pub fn registers(&self) -> impl Iterator<Item = Register> + '_ {
        self.all_registers().filter(|register| !register.gas.absent())
    }

    /// All registers the type has, absent ones too.
    pub fn all_registers(&self) -> impl Iterator<Item = Register> + '_ {
        [
            self.doorbell.map(|write| write.register),
            self.ack.map(|write| write.register),
            self.check.map(|test| test.register),
            self.update.map(|write| write.register),
            self.error.map(|test| test.register),
        ]
        .into_iter()
        .flatten()
    }

    /// The interrupt is level triggered. Types without interrupt: no.
    pub fn level(&self) -> bool {
        self.flags.is_some_and(|flags| flags & 2 == 0)
    }

    /// The interrupt is active low.
    pub fn active_low(&self) -> bool {
        self.flags.is_some_and(|flags| flags & 1 == 1)
    }

    /// Bytes in front of the payload (ACPI 6.5 §14.2 to §14.4).
    pub fn header_length(&self) -> u64 {
        match self.kind {
            3 | 4 => 16,
            5 => 4,
            _ => 8,
        }
    }

    /// "subspace 3 (type 4)".
    pub fn title(&self) -> String {
        format!("subspace {} (type {})", self.id, self.kind)
    }
}

/// The table decoded.
#[derive(Debug, Clone)]
pub struct Pcct<'a> {
    /// Bytes that both the header and the file have.
    pub bytes: &'a [u8],
    /// Global flags; `None` when the table is shorter than that.
    pub flags: Option<u32>,
    /// The subspaces up to the point where the walk stopped, at most
    /// [`MOST`].
    pub channels: Vec<Channel<'a>>,
    /// How many more there are, which have no id.
    pub more: usize,
    /// Why the walk stopped early.
    pub stop: Option<Stop>,
}

impl<'a> Pcct<'a> {
    /// Decodes a table; whatever the bytes are, the walk ends.
    ///
    /// ```
    /// use acpi_tools::table::{Pcct, Table};
    /// let table = Table { origin: "x".into(), bytes: vec![0xff; 60] };
    /// assert!(Pcct::decode(&table).stop.is_some());
    /// ```
    pub fn decode(table: &'a Table) -> Pcct<'a> {
        let bytes = table.body();
        let mut channels = Vec::new();
        let (mut stop, mut more) = (None, 0);
        let mut at = SUBSPACES;
        while at < bytes.len() {
            let left = bytes.len() - at;
            let Some(length) = bytes::u8(bytes, at + 1).map(usize::from) else {
                stop = Some(Stop::Trailing { at });
                break;
            };
            if length < 2 {
                stop = Some(Stop::NoLength { at, length });
                break;
            }
            let Some(entry) = bytes.get(at..at + length) else {
                stop = Some(Stop::Overrun { at, length, left });
                break;
            };
            match channels.len() {
                MOST.. => more += 1,
                id => channels.push(Channel::decode(id, at, entry)),
            }
            at += length;
        }
        Pcct { bytes, flags: bytes::u32(bytes, 36), channels, more, stop }
    }

    /// The platform can raise interrupts (global flags, bit 0).
    pub fn interrupts(&self) -> bool {
        self.flags.is_some_and(|flags| flags & 1 == 1)
    }

    /// The channel with that subspace id.
    pub fn channel(&self, id: usize) -> Option<&Channel<'a>> {
        self.channels.get(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(entries: &[u8]) -> Table {
        let mut bytes = vec![0; SUBSPACES];
        bytes[..4].copy_from_slice(b"PCCT");
        bytes.extend(entries);
        super::super::seal(&mut bytes);
        Table { origin: String::new(), bytes }
    }

    #[test]
    fn every_length_ends_the_walk() {
        for (entries, stop) in [
            (&[][..], None),
            (&[3][..], Some(Stop::Trailing { at: 48 })),
            (&[3, 0, 0], Some(Stop::NoLength { at: 48, length: 0 })),
            (&[3, 1, 0], Some(Stop::NoLength { at: 48, length: 1 })),
            (&[3, 4, 0], Some(Stop::Overrun { at: 48, length: 4, left: 3 })),
            (&[9, 2, 9, 2], None),
        ] {
            let table = table(entries);
            let pcct = Pcct::decode(&table);
            assert_eq!(pcct.stop, stop, "{entries:?}");
            assert!(pcct.channels.iter().all(|channel| !channel.whole()));
        }
    }

    #[test]
    fn every_prefix_decodes() {
        let mut entry = vec![0xa5; 164];
        entry[..2].copy_from_slice(&[4, 164]);
        let whole = table(&entry);
        assert_eq!(Pcct::decode(&whole).channels.len(), 1);
        for length in 0..whole.bytes.len() {
            let bytes = whole.bytes[..length].to_vec();
            let cut = Table { origin: String::new(), bytes };
            let pcct = Pcct::decode(&cut);
            assert!(pcct.channels.is_empty());
            assert_eq!(pcct.flags.is_some(), length >= 40);
        }
    }

    #[test]
    fn a_channel_has_what_its_type_has() {
        for kind in layout::TYPES {
            let length = layout::of(kind).unwrap().length;
            let mut entry = vec![1; length];
            entry[..2].copy_from_slice(&[kind, length as u8]);
            let table = table(&entry);
            let pcct = Pcct::decode(&table);
            let channel = &pcct.channels[0];
            assert!(channel.whole() && channel.doorbell.is_some());
            assert_eq!(channel.gsiv.is_some(), (1..5).contains(&kind));
            assert_eq!(channel.ack.is_some(), (2..5).contains(&kind));
            assert_eq!(channel.check.is_some(), kind >= 3);
            assert_eq!(channel.update.is_some(), kind == 3 || kind == 4);
            assert_eq!(channel.rate.is_some(), kind != 5);
            assert!(channel.base != 0 && channel.size != 0);
        }
    }
}
