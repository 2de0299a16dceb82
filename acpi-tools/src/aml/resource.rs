//! Resource templates (ACPI 6.5 §6.4): what names a subspace or an interrupt.

use crate::bytes;
use crate::field::Gas;

/// One descriptor of interest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Descriptor {
    /// A generic register (§6.4.3.7) in PCC space.
    Register {
        /// The subspace: the byte of the access size.
        subspace: u8,
        /// Width in bits.
        width: u8,
        /// First bit.
        bit_offset: u8,
        /// Offset in the communication space.
        address: u64,
    },
    /// An address space descriptor (§6.4.3.5) of resource type 0x0A.
    Channel {
        /// The subspace: the range's minimum.
        subspace: u64,
    },
    /// A register descriptor that says another length than 12.
    Length {
        /// What it says.
        length: u16,
        /// It lies in PCC space.
        pcc: bool,
    },
    /// An extended interrupt (§6.4.3.6).
    Interrupt {
        /// The GSIV.
        gsiv: u32,
    },
}

/// Tag of a generic register descriptor.
const REGISTER: u8 = 0x82;

/// Where something that looks like a descriptor of PCC stands.
pub fn places(aml: &[u8]) -> impl Iterator<Item = usize> {
    let alike = |at: &usize| {
        matches!(
            aml[*at..*at + 4],
            [REGISTER, 12 | 18, 0, 0x0a]
                | [0x87, 0x17, 0, 0x0a]
                | [0x88, 0x0d, 0, 0x0a]
                | [0x8a, 0x2b, 0, 0x0a]
        )
    };
    (0..aml.len().saturating_sub(3)).filter(alike)
}

/// The register that a `_CPC` entry begins with, as Linux reads it: by place.
pub fn register(template: &[u8]) -> Option<Gas> {
    Gas::decode(template.get(3..15)?)
}

/// Descriptors in a template and their offsets in it, and where it is
/// damaged, if it is.
pub fn descriptors(
    template: &[u8],
) -> (Vec<(usize, Descriptor)>, Option<usize>) {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(tag) = bytes::u8(template, at) {
        if tag & 0x80 == 0 {
            // Small: tag and length in one byte; 0x79 ends the template.
            let length = usize::from(tag & 7);
            if tag >> 3 == 0x0f {
                return (found, None);
            }
            if at + 1 + length > template.len() {
                return (found, Some(at));
            }
            at += 1 + length;
            continue;
        }
        // Readers take the twelve bytes that a register has, whatever it
        // says: what follows is read as if it had said 12.
        if tag == REGISTER
            && let Some(length) = bytes::u16(template, at + 1)
            && length != 12
            && let Some(body) = template.get(at + 3..at + 15)
        {
            let pcc = body[0] == 0x0a;
            found.push((at, Descriptor::Length { length, pcc }));
            large(tag, body, at, &mut found);
            at += 15;
            continue;
        }
        let length = bytes::u16(template, at + 1).map(usize::from);
        let body = length.and_then(|n| template.get(at + 3..at + 3 + n));
        let Some(body) = body else { return (found, Some(at)) };
        large(tag, body, at, &mut found);
        at += 3 + body.len();
    }
    (found, None)
}

fn large(
    tag: u8,
    body: &[u8],
    at: usize,
    found: &mut Vec<(usize, Descriptor)>,
) {
    match tag {
        REGISTER => {
            let gas = Gas::decode(body);
            if let Some(gas) = gas.filter(|gas| gas.space == 0x0a) {
                found.push((
                    at,
                    Descriptor::Register {
                        subspace: gas.access,
                        width: gas.width,
                        bit_offset: gas.bit_offset,
                        address: gas.address,
                    },
                ));
            }
        }
        // DWord, Word, QWord: granularity comes first, then the minimum.
        0x87 | 0x88 | 0x8a if body.first() == Some(&0x0a) => {
            let minimum = match tag {
                0x87 => bytes::u32(body, 7).map(u64::from),
                0x88 => bytes::u16(body, 5).map(u64::from),
                _ => bytes::u64(body, 11),
            };
            if let Some(subspace) = minimum {
                found.push((at, Descriptor::Channel { subspace }));
            }
        }
        0x89 => {
            let count = usize::from(bytes::u8(body, 1).unwrap_or(0));
            let place = |n: usize| bytes::u32(body, 2 + 4 * n);
            for gsiv in (0..count).map_while(place) {
                found.push((at, Descriptor::Interrupt { gsiv }));
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_of_each() {
        let mut template = vec![0x82, 0x0c, 0, 0x0a, 32, 0, 5, 8, 0];
        template.extend([0; 6]);
        // Another space is of no interest.
        template.extend([0x82, 0x0c, 0, 0, 32, 0, 0]);
        template.extend([0; 8]);
        template.extend([0x87, 0x17, 0, 0x0a, 0x0c, 0, 0, 0, 0, 0, 3, 0, 0, 0]);
        template.extend([0; 12]);
        template.extend([0x89, 6, 0, 1, 1, 112, 0, 0, 0, 0x79, 0]);
        let (found, damage) = descriptors(&template);
        assert_eq!(damage, None);
        assert_eq!(
            found,
            [
                (
                    0,
                    Descriptor::Register {
                        subspace: 5,
                        width: 32,
                        bit_offset: 0,
                        address: 8
                    }
                ),
                (30, Descriptor::Channel { subspace: 3 }),
                (56, Descriptor::Interrupt { gsiv: 112 }),
            ]
        );
        // A length of 18 where 12 follow: the crate acpi_tables 0.2.1.
        let mut wrong = vec![0x82, 18, 0, 0x0a, 32, 0, 5, 8, 0];
        wrong.extend([0; 6]);
        wrong.extend([0x79, 0]);
        let (both, damage) = descriptors(&wrong);
        assert_eq!(damage, None);
        let length = Descriptor::Length { length: 18, pcc: true };
        assert_eq!(both[0], (0, length));
        assert_eq!(both[1], found[0]);
        for length in 0..template.len() {
            descriptors(&template[..length]);
        }
        let (_, damage) = descriptors(&[0x22, 1]);
        assert_eq!(damage, Some(0));
        let (_, damage) = descriptors(&[0x89, 0xff, 0xff, 1]);
        assert_eq!(damage, Some(0));
    }
}
