//! The checksums of the protocols above MCTP, by the `crc` crate.

use crc::{CRC_8_SMBUS, CRC_32_ISCSI, CRC_32_ISO_HDLC, Crc};

/// A checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checksum {
    /// CRC-8 with polynomial 0x07: of a PDR (DSP0248 §26.2.7).
    Crc8,
    /// CRC-32 as in Ethernet: of PLDM's parts and tables (DSP0240 §11.6).
    Crc32,
    /// CRC-32C: the message integrity check of NVMe-MI.
    Crc32c,
}

impl Checksum {
    /// Bytes it has; they are sent least significant first.
    pub fn size(self) -> usize {
        match self {
            Self::Crc8 => 1,
            Self::Crc32 | Self::Crc32c => 4,
        }
    }

    /// The checksum of some bytes.
    pub fn of(self, bytes: &[u8]) -> u64 {
        const CRC8: Crc<u8> = Crc::<u8>::new(&CRC_8_SMBUS);
        const CRC32: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);
        const CRC32C: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);
        match self {
            Self::Crc8 => u64::from(CRC8.checksum(bytes)),
            Self::Crc32 => u64::from(CRC32.checksum(bytes)),
            Self::Crc32c => u64::from(CRC32C.checksum(bytes)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_values() {
        let digits = b"123456789";
        assert_eq!(Checksum::Crc8.of(digits), 0xf4);
        assert_eq!(Checksum::Crc32.of(digits), 0xcbf4_3926);
        assert_eq!(Checksum::Crc32c.of(digits), 0xe306_9283);
        // libpldm: the versions of GetPLDMVersion, 1.1.0.
        let sum = Checksum::Crc32.of(&[0x00, 0xf0, 0xf1, 0xf1]);
        assert_eq!(sum.to_le_bytes()[..4], [0xba, 0xbe, 0x9d, 0x53]);
    }
}
