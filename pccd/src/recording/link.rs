//! Where the MCTP packet lies in what an interface captured
//! (<https://www.tcpdump.org/linktypes.html>).

use crate::capture::{LINKTYPE_PCC, LINKTYPE_SLL2};

/// Linux cooked captures, version 1: what `tcpdump -i mctp…` writes.
const SLL: u16 = 113;
/// USER0 to USER15: older libmctp writes bare packets with one of them.
const USER: std::ops::RangeInclusive<u16> = 147..=162;
/// Bare packets, as DMTF's spdm-emu has them, by its age; these numbers are
/// its own.
const SPDM_EMU: std::ops::RangeInclusive<u16> = 290..=291;
/// ETH_P_MCTP.
const PROTOCOL: [u8; 2] = [0x00, 0xfa];
/// PACKET_OUTGOING.
const OUTGOING: u8 = 4;

/// A packet, whether the machine that captured it sent it, and the number of
/// its interface there.
#[derive(Debug, PartialEq, Eq)]
pub struct Found {
    pub is_outgoing: Option<bool>,
    pub index: Option<u32>,
    pub packet: Vec<u8>,
}

/// Finds the packet; none where it is another protocol's.
pub fn find(link: u16, data: &[u8]) -> Option<Found> {
    let cooked = |head: usize, protocol: usize, way: usize, index| {
        let is_mctp = data.get(protocol..protocol + 2)? == PROTOCOL;
        let is_outgoing = Some(*data.get(way)? == OUTGOING);
        let packet = data.get(head..)?.to_vec();
        is_mctp.then_some(Found { is_outgoing, index, packet })
    };
    match link {
        SLL => cooked(16, 14, 1, None),
        LINKTYPE_SLL2 => {
            let index = data.get(4..8)?.try_into().ok()?;
            cooked(20, 0, 10, Some(u32::from_be_bytes(index)))
        }
        link if USER.contains(&link) || SPDM_EMU.contains(&link) => bare(data),
        _ => None,
    }
}

fn bare(data: &[u8]) -> Option<Found> {
    let mut packet = data.to_vec();
    let version = packet.first_mut()?;
    // spdm-emu writes a header of zeros.
    if *version & 0x0f == 0 {
        *version |= 1;
    }
    Some(Found { is_outgoing: None, index: None, packet })
}

/// The link types that are read, for people.
pub fn known() -> String {
    format!(
        "Linux cooked captures ({SLL} and {LINKTYPE_SLL2}, as of `tcpdump -i \
         mctp…`), bare MCTP packets ({} to {}, {} and {}) and pccd's own \
         ({LINKTYPE_PCC})",
        USER.start(),
        USER.end(),
        SPDM_EMU.start(),
        SPDM_EMU.end()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_found_behind_their_headers() {
        let packet = [1, 9, 8, 0xc8, 0, 0x80, 2];
        let mut sll =
            vec![0, 4, 1, 0x22, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xfa];
        sll.extend(packet);
        let found = find(113, &sll).unwrap();
        assert_eq!(
            (found.is_outgoing, &*found.packet),
            (Some(true), &packet[..])
        );
        sll[15] = 1;
        assert_eq!(find(113, &sll), None, "of another protocol");
        let mut sll2 = vec![0, 0xfa];
        sll2.resize(20, 0);
        sll2.extend(packet);
        let found = find(276, &sll2).unwrap();
        assert_eq!(
            (found.is_outgoing, &*found.packet),
            (Some(false), &packet[..])
        );
        for end in 0..20 {
            assert_eq!(find(276, &sll2[..end]), None);
        }
        // The header that spdm-emu makes up.
        let found = find(290, &[0, 0, 0, 0xc0, 5, 0x10]).unwrap();
        assert_eq!((found.is_outgoing, found.packet[0]), (None, 1));
        assert_eq!(find(1, &packet), None);
    }
}
