//! What the `acpi` crate knows: MADT, FADT and MCFG.
//!
//! The crate trusts every length it reads. So each table is walked here
//! first; only what passed reaches the crate, in a copy with zeros behind it
//! that are longer than any entry. This is the only module with unsafe code.
#![allow(unsafe_code)]

use std::pin::Pin;

use acpi::fadt::Fadt;
use acpi::madt::{Madt, MadtEntry};
use acpi::mcfg::Mcfg;

use super::header::LENGTH;
use super::raw::Table;
use crate::bytes;

/// Zeros behind a copy: more than the largest entry or fixed table.
const PADDING: usize = 4096;

/// What the MADT says about a GIC (ACPI 6.5 §5.2.12.14 to §5.2.12.18).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Interrupts {
    /// There is a GIC.
    pub gic: bool,
    /// Version of the distributor, 0 if not said.
    pub gic_version: u8,
    /// Addresses of the GIC: name, base, length.
    pub windows: Vec<(&'static str, u64, u64)>,
    /// SPIs that v2m frames hand out: first GSIV, number.
    pub msi: Vec<(u32, u32)>,
    /// Per-processor interrupts named in GICC entries.
    pub ppis: Vec<u32>,
}

/// What the FADT says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fixed {
    /// Hardware-reduced ACPI: there is no SCI.
    pub hardware_reduced: bool,
    /// The interrupt of the SCI.
    pub sci: u16,
}

/// A damaged table: what is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Offset in the table.
    pub at: usize,
    /// What is wrong.
    pub text: String,
}

fn padded(bytes: &[u8]) -> Vec<u8> {
    let mut copy = Vec::with_capacity(bytes.len() + PADDING);
    copy.extend_from_slice(bytes);
    copy.resize(bytes.len() + PADDING, 0);
    copy
}

fn whole(table: &Table, least: usize) -> Result<&[u8], Damage> {
    let body = table.body();
    if table.claimed() != Some(body.len()) || body.len() < least {
        let text = format!(
            "the header claims {} bytes, {} are there, {least} are the least",
            table.claimed().unwrap_or(0),
            table.bytes.len()
        );
        return Err(Damage { at: 4, text });
    }
    Ok(body)
}

/// Reads the MADT.
///
/// # Errors
/// When a length lies.
pub fn interrupts(table: &Table) -> Result<Interrupts, Damage> {
    const ENTRIES: usize = 44;
    let body = whole(table, ENTRIES)?;
    let mut at = ENTRIES;
    while at < body.len() {
        let length = bytes::u8(body, at + 1).unwrap_or(0);
        let length = usize::from(length);
        if length < 2 || at + length > body.len() {
            let left = body.len() - at;
            let text =
                format!("entry of {length} bytes, {left} bytes are left");
            return Err(Damage { at, text });
        }
        at += length;
    }
    let copy = padded(body);
    // SAFETY: `Madt` is packed, so any address is aligned for it. The copy
    // holds the header and all entries, whose lengths were walked above: they
    // are at least two and end where the header's length does. The largest
    // entry type is smaller than the zeros behind the copy. Nothing moves:
    // the reference ends before `copy` does.
    let madt = unsafe { Pin::new_unchecked(&*copy.as_ptr().cast::<Madt>()) };
    let mut facts = Interrupts::default();
    for entry in madt.entries() {
        match entry {
            MadtEntry::Gicd(gicd) => {
                facts.gic = true;
                facts.gic_version = gicd.gic_version;
                let base = gicd.physical_base_address;
                facts.windows.push(("GIC distributor", base, 0x1_0000));
            }
            MadtEntry::GicMsiFrame(frame) => {
                let base = frame.physical_base_address;
                facts.windows.push(("GIC v2m frame", base, 0x1000));
                // Without bit 0 the frame's own register tells the SPIs.
                if frame.flags & 1 == 1 {
                    let first = u32::from(frame.spi_base);
                    facts.msi.push((first, u32::from(frame.spi_count)));
                }
            }
            MadtEntry::Gicc(gicc) => {
                facts.gic = true;
                facts.ppis.push(gicc.performance_interrupt_gsiv);
                facts.ppis.push(gicc.vgic_maintenance_interrupt);
                let base = gicc.gic_registers_address;
                if base != 0 {
                    facts.windows.push(("GIC CPU interface", base, 0x2000));
                }
            }
            MadtEntry::GicRedistributor(gicr) => {
                let base = gicr.discovery_range_base_address;
                let length = u64::from(gicr.discovery_range_length);
                facts.windows.push(("GIC redistributors", base, length));
            }
            MadtEntry::GicInterruptTranslationService(its) => {
                let base = its.physical_base_address;
                facts.windows.push(("GIC ITS", base, 0x2_0000));
            }
            _ => {}
        }
    }
    facts.ppis.retain(|ppi| *ppi != 0);
    facts.windows.sort_unstable();
    facts.windows.dedup();
    Ok(facts)
}

/// Reads the FADT.
///
/// # Errors
/// When it is shorter than its flags.
pub fn fixed(table: &Table) -> Result<Fixed, Damage> {
    // ACPI 6.5 §5.2.9: the flags are at 112.
    let copy = padded(whole(table, 116)?);
    // SAFETY: packed, so aligned anywhere; the copy is longer than `Fadt`
    // (the assertion below), and every bit pattern is a value of its fields.
    let fadt = unsafe { &*copy.as_ptr().cast::<Fadt>() };
    const { assert!(size_of::<Fadt>() <= PADDING) };
    let flags = fadt.flags;
    Ok(Fixed {
        hardware_reduced: flags.system_is_hw_reduced_acpi(),
        sci: fadt.sci_interrupt,
    })
}

/// Reads the MCFG: PCIe configuration space, base and length.
///
/// # Errors
/// When it is shorter than its fixed part.
pub fn ecam(table: &Table) -> Result<Vec<(u64, u64)>, Damage> {
    let body = whole(table, LENGTH + 8)?;
    let copy = padded(body);
    // SAFETY: packed, so aligned anywhere; the header's length is that of the
    // copied body and at least 44, so the entries counted from it lie inside.
    let mcfg = unsafe { &*copy.as_ptr().cast::<Mcfg>() };
    let window = |entry: &acpi::mcfg::McfgEntry| {
        let (first, last) = (entry.bus_number_start, entry.bus_number_end);
        let buses = u64::from(last.saturating_sub(first)) + 1;
        (entry.base_address, buses << 20)
    };
    Ok(mcfg.entries().iter().map(window).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::seal;

    fn table(signature: &[u8; 4], length: usize, rest: &[u8]) -> Table {
        let mut bytes = vec![0; length];
        bytes[..4].copy_from_slice(signature);
        bytes.extend(rest);
        seal(&mut bytes);
        Table { origin: String::new(), bytes }
    }

    #[test]
    fn lying_lengths_never_reach_the_crate() {
        for rest in [&[0x0b, 0][..], &[0x0c, 1], &[0x0c, 3], &[0x0c]] {
            let table = table(b"APIC", 44, rest);
            assert_eq!(interrupts(&table).unwrap_err().at, 44, "{rest:?}");
        }
        // A GICC entry of two bytes: read from the zeros behind the copy.
        let short = table(b"APIC", 44, &[0x0b, 2]);
        assert!(interrupts(&short).unwrap().gic);
        for least in [0, 8, 43] {
            let mut cut = table(b"APIC", 44, &[]);
            cut.bytes.truncate(least);
            assert!(interrupts(&cut).is_err());
            assert!(fixed(&cut).is_err());
            assert!(ecam(&cut).is_err());
        }
        let mut lie = table(b"MCFG", 44, &[]);
        lie.bytes[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(ecam(&lie).is_err());
    }

    #[test]
    fn a_v2m_frame_is_read() {
        let mut frame = vec![0x0d, 24, 0, 0, 0, 0, 0, 0];
        frame.extend(0x0802_0000u64.to_le_bytes());
        frame.extend(1u32.to_le_bytes());
        frame.extend([64, 0, 80, 0]);
        let facts = interrupts(&table(b"APIC", 44, &frame)).unwrap();
        assert_eq!(facts.msi, [(80, 64)]);
        assert_eq!(facts.windows, [("GIC v2m frame", 0x0802_0000, 0x1000)]);
    }

    #[test]
    fn ecam_and_flags() {
        let mut entry = 0x3f00_0000u64.to_le_bytes().to_vec();
        entry.extend([0, 0, 0, 15, 0, 0, 0, 0]);
        assert_eq!(
            ecam(&table(b"MCFG", 44, &entry)).unwrap(),
            [(0x3f00_0000, 16 << 20)]
        );
        let mut fadt = table(b"FACP", 276, &[]);
        assert!(!fixed(&fadt).unwrap().hardware_reduced);
        fadt.bytes[114] = 0x10;
        fadt.bytes[46] = 9;
        assert_eq!(
            fixed(&fadt).unwrap(),
            Fixed { hardware_reduced: true, sci: 9 }
        );
    }
}
