//! Reading foreign bytes: every access is checked, nothing is trusted.

/// `N` bytes at `at`, or nothing when they lie outside.
pub fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

/// The byte at `at`.
pub fn u8(bytes: &[u8], at: usize) -> Option<u8> {
    bytes.get(at).copied()
}

/// Two bytes, least significant first.
pub fn u16(bytes: &[u8], at: usize) -> Option<u16> {
    array(bytes, at).map(u16::from_le_bytes)
}

/// Four bytes, least significant first.
pub fn u32(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_le_bytes)
}

/// Eight bytes, least significant first.
pub fn u64(bytes: &[u8], at: usize) -> Option<u64> {
    array(bytes, at).map(u64::from_le_bytes)
}

/// Four bytes, most significant first, as device trees have them.
pub fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_be_bytes)
}

/// Up to eight bytes as one number, least significant first.
///
/// ```
/// assert_eq!(acpi_tools::bytes::number(&[0x34, 0x12]), 0x1234);
/// ```
pub fn number(bytes: &[u8]) -> u64 {
    bytes.iter().take(8).rev().fold(0, |n, b| n << 8 | u64::from(*b))
}

/// All bytes added, modulo 256: zero in a table with a right checksum.
pub fn sum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, byte| sum.wrapping_add(*byte))
}

/// Printable ASCII as it is, the rest as dots.
pub fn ascii(bytes: &[u8]) -> String {
    bytes
        .iter()
        .map(|&b| if (0x20..0x7f).contains(&b) { b as char } else { '.' })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_read_outside() {
        let bytes = [1, 2, 3, 4, 5, 6, 7, 8];
        assert_eq!(u8(&bytes, 8), None);
        assert_eq!(u16(&bytes, 7), None);
        assert_eq!(u32(&bytes, 5), None);
        assert_eq!(u64(&bytes, usize::MAX), None);
        assert_eq!(u64(&bytes, 0), Some(0x0807_0605_0403_0201));
        assert_eq!(be32(&bytes, 0), Some(0x0102_0304));
        assert_eq!(ascii(b"PC\0\xff"), "PC..");
    }
}
