//! PCCTs that machines shipped with, built from their numbers. Judges outside
//! this crate read them, too.

/// Bytes from text: `[n]` stands for n zero bytes.
pub fn bytes(text: &str) -> Vec<u8> {
    let byte = |word: &str| match word.strip_prefix('[') {
        Some(count) => vec![0; count.trim_end_matches(']').parse().unwrap()],
        None => vec![u8::from_str_radix(word, 16).unwrap()],
    };
    text.split_whitespace().flat_map(byte).collect()
}

/// AMD Ryzen desktops, 2019 to 2022.
pub const RYZEN: &str = "50 43 43 54 6E 00 00 00 02 21 41 4D 44 00 00 00
    41 6D 64 54 61 62 6C 65 01 00 00 00 41 4D 44 20 01 00 00 00 [12]
    00 3E [6] 00 00 1C AD 00 00 00 00 00 00 01 00 00 00 00 00
    00 40 00 04 40 05 01 FD 00 00 00 00 00 00 00 00 FF FF FF FF
    01 00 00 00 00 00 00 00 A0 0F 00 00 60 EA 00 00 00 00";

/// Intel laptops of the Haswell and Broadwell years.
pub const BROADWELL: &str = "50 43 43 54 6E 00 00 00 05 33 50 63 63 74 54 61
    50 63 63 74 54 61 62 6C 00 10 00 00 49 4E 54 4C 13 09 12 20
    01 00 00 00 [8] 00 3E [6] 18 90 7F DB 00 00 00 00
    00 10 00 00 00 00 00 00 01 08 00 01 42 18 00 00 00 00 00 00
    FD [7] 02 [7] 88 13 00 00 [6]";

/// Desktops with Intel's X299.
pub const X299: &str = "50 43 43 54 6E 00 00 00 01 C6 41 4C 41 53 4B 41
    41 20 4D 20 49 20 00 00 02 00 00 00 49 4E 54 4C 13 10 09 20
    01 00 00 00 [8] 00 3E [6] 18 61 EB 4C 00 00 00 00 88 08 [6]
    01 08 00 01 B2 [7] [8] FD [7] [10]";

/// Their RASF, of a channel that is not there.
pub const RASF: &str = "52 41 53 46 30 00 00 00 01 3A 41 4C 41 53 4B 41
    41 20 4D 20 49 20 00 00 01 00 00 00 49 4E 54 4C 13 10 09 20
    01 [11]";

/// A server of about 2012.
pub const PROLIANT: &str = "50 43 43 54 6E 00 00 00 01 6B 48 50 20 20 20 20
    50 72 6F 6C 69 61 6E 74 01 00 00 00 50 48 00 00 4D 50 00 00
    01 00 00 00 [8] 00 3E [6] 00 60 FE 7D 00 00 00 00
    00 00 01 00 00 00 00 00 01 08 00 00 B2 [7] [8] 40 [7]
    F4 01 00 00 28 00 00 00 32 00";

/// An AMD client of 2025: a type 4 alone.
pub const AMD_2025: &str = "50 43 43 54 D4 00 00 00 02 50 41 4D 44 00 00 00
    41 6D 64 54 61 62 6C 65 01 00 00 00 41 4D 44 20 01 00 00 00
    01 00 00 00 [8] 04 A4 31 00 00 00 02 00 00 20 A0 6F 00 00 00 00
    A2 01 00 00 00 40 00 04 E0 9F A1 6F 00 00 00 00
    FE FF FF FF FF FF FF FF 01 [7] A0 0F 00 00 60 EA 00 00 [4]
    00 40 00 04 E8 9F A1 6F 00 00 00 00 FE FF FF FF FF FF FF FF 01 [7] [8]
    00 40 00 04 F0 9F A1 6F 00 00 00 00 01 [7]
    00 40 00 04 F0 9F A1 6F 00 00 00 00 FE FF FF FF FF FF FF FF 01 [7]
    00 40 00 04 F8 9F A1 6F 00 00 00 00 01 [7]";

/// Ampere Altra: fifteen subspaces of type 2, level, one of them for CPPC.
pub fn altra() -> Vec<u8> {
    let mut table = bytes("50 43 43 54 76 05 00 00 02 48");
    table.extend(b"AmpereAltra   ");
    table.extend(bytes("02 00 00 00"));
    table.extend(b"AMP.");
    table.extend(bytes("13 00 00 01 01 00 00 00 [8]"));
    for n in 0..15u64 {
        let gsiv = match n {
            0..=7 => 0x38 + n,
            8..=11 => 0x28 + n - 8,
            _ => 0x2d + n - 12,
        };
        let doorbell = match n {
            0..=7 => 0x1000_0154_0010 + n * 0x1000,
            8..=11 => 0x1000_0054_0010 + (n - 8) * 0x1000,
            _ => 0x1000_0054_5010 + (n - 12) * 0x1000,
        };
        let cppc = n == 2;
        let (rung, latency, turnaround) = if cppc {
            (0x5380_0140u64, 100u32, 110u16)
        } else {
            (0x5300_0040, 1000, 0)
        };
        table.extend([2, 90]);
        table.extend((gsiv as u32).to_le_bytes());
        table.extend([0, 0]);
        table.extend((0x807_f848_0000 + n * 0x4000).to_le_bytes());
        table.extend(0x4000u64.to_le_bytes());
        table.extend([0, 32, 0, 3]);
        table.extend(doorbell.to_le_bytes());
        table.extend(0u64.to_le_bytes());
        table.extend(rung.to_le_bytes());
        table.extend(latency.to_le_bytes());
        table.extend(0u32.to_le_bytes());
        table.extend(turnaround.to_le_bytes());
        table.extend([0, 32, 0, 3]);
        table.extend((doorbell + 0x10).to_le_bytes());
        table.extend(0u64.to_le_bytes());
        table.extend(0x1_0001u64.to_le_bytes());
    }
    table
}

/// All PCCTs among them, by name.
pub fn all() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("Ryzen", bytes(RYZEN)),
        ("Broadwell", bytes(BROADWELL)),
        ("X299", bytes(X299)),
        ("ProLiant", bytes(PROLIANT)),
        ("AMD 2025", bytes(AMD_2025)),
        ("Altra", altra()),
    ]
}
