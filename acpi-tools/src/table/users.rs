//! Other tables that name PCC subspaces: RASF, RAS2, MPST and PDTT (ACPI 6.5
//! §5.2.20, §5.2.21, §5.2.22, §5.2.28), MPAM (Arm DEN0065).

use super::header::LENGTH;
use super::part::{Part, Stop};
use super::raw::Table;
use super::{mpam, ras2};
use crate::bytes;

/// The parts behind the header of a table whose fields are known, and where
/// it does not end as it says.
pub fn parts(table: &Table) -> Option<(Vec<Part<'_>>, Option<Stop>)> {
    match table.signature().as_str() {
        "MPAM" => Some(mpam::walk(table.body())),
        "RAS2" => Some(ras2::walk(table.body())),
        _ => None,
    }
}

/// The subspaces a table names: id and offset of the id in the table.
pub fn subspaces(table: &Table) -> Vec<(usize, usize)> {
    let body = table.body();
    let byte = |at: usize| bytes::u8(body, at).map(usize::from);
    let one = |at: usize| byte(at).map(|id| (id, at)).into_iter().collect();
    match table.signature().as_str() {
        // A channel identifier of 12 bytes, of 1 byte.
        "RASF" => one(36),
        "MPST" => one(36),
        // Count at 38, descriptors of 8 bytes from 40, id first.
        "RAS2" => {
            let count = usize::from(bytes::u16(body, 38).unwrap_or(0));
            let places = (0..count).map(|n| 40 + 8 * n);
            places.map_while(|at| Some((byte(at)?, at))).collect()
        }
        // Count at 36, offset of the array at 40, entries of 2 bytes.
        "PDTT" => {
            let count = byte(36).unwrap_or(0);
            let array = bytes::u32(body, 40).unwrap_or(0) as usize;
            let places = (0..count).map(|n| array.saturating_add(2 * n));
            places.map_while(|at| Some((byte(at)?, at))).collect()
        }
        "MPAM" => controllers(body),
        _ => Vec::new(),
    }
}

/// MSCs whose interface is PCC: type 0x0A at 2, the id in place of the
/// address at 8.
fn controllers(body: &[u8]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut at = LENGTH;
    while let Some(length) = bytes::u16(body, at).filter(|n| *n > 0) {
        if bytes::u8(body, at + 2) == Some(0x0a)
            && let Some(id) = bytes::u64(body, at + 8)
        {
            found.push((usize::try_from(id).unwrap_or(usize::MAX), at + 8));
        }
        at += usize::from(length);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::seal;

    #[test]
    fn ids_are_found_and_nothing_outside() {
        let case = |signature: &[u8; 4], rest: &[u8]| {
            let mut bytes = vec![0; 36];
            bytes[..4].copy_from_slice(signature);
            bytes.extend(rest);
            seal(&mut bytes);
            subspaces(&Table { origin: String::new(), bytes })
        };
        assert_eq!(case(b"MPST", &[7]), [(7, 36)]);
        assert_eq!(case(b"MPST", &[]), []);
        assert_eq!(case(b"RASF", &[2; 12]), [(2, 36)]);
        let ras2 = [&[0, 0, 9, 0][..], &[5, 0, 0, 0, 0, 0, 0, 0]].concat();
        assert_eq!(case(b"RAS2", &ras2), [(5, 40)]);
        let pdtt = [2, 0, 0, 0, 44, 0, 0, 0, 1, 0, 3, 0];
        assert_eq!(case(b"PDTT", &pdtt), [(1, 44), (3, 46)]);
        let lie = [255, 0, 0, 0, 255, 255, 255, 255];
        assert_eq!(case(b"PDTT", &lie), []);
        assert_eq!(case(b"SPCR", &[1; 12]), []);
        let msc = |interface: u8, id: u8| {
            let mut node = vec![0; 72];
            node[0] = 72;
            node[2] = interface;
            node[8] = id;
            node
        };
        let mpam = [msc(0, 9), msc(0x0a, 3)].concat();
        assert_eq!(case(b"MPAM", &mpam), [(3, 116)]);
        assert_eq!(case(b"MPAM", &[0; 8]), [], "no length, no end");
    }
}
