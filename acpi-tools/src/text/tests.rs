use super::*;
use std::fmt::Write as _;

use crate::table::header::tests::{facs, rsdp};
use crate::table::seal;

const DUMP: &str = "\
PCCT @ 0x00000000AFFE0000
    0000: 50 43 43 54 24 00 00 00 01 00 41 42 43 44 45 46  PCCT$.....ABCDEF
    0010: 61 62 20 63 64 65 66 67 68 69 6A 6B 6C 6D 6E 6F  ab cdefghijklmno
    0020: 61 62 20 63                                      ab c

SSDT @ 0x0000000000000000
    0000: 53 53 44 54 24 00 00 00 01 00 41 42 43 44 45 46  SSDT$.....ABCDEF
    0010: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  ................
    0020: 00 00 00 00                                      ....

";

fn good(text: &str) -> Text {
    read("x", text.as_bytes()).unwrap().unwrap()
}

fn bad(text: &str) -> String {
    read("x", text.as_bytes()).unwrap_err().to_string()
}

fn all(text: &str) -> Vec<Vec<u8>> {
    good(text).tables.into_iter().map(|table| table.bytes).collect()
}

fn made(signature: &[u8; 4], length: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..length).map(|n| n as u8).collect();
    bytes[..4].copy_from_slice(signature);
    seal(&mut bytes);
    bytes
}

/// As acpidump prints them.
fn acpidump(tables: &[Vec<u8>]) -> String {
    let mut out = String::new();
    for table in tables {
        let name = Table { origin: String::new(), bytes: table.clone() };
        let name = name.signature().replace("RSDP", "RSD PTR");
        let _ = writeln!(out, "{name} @ 0x00000000AFFE0000");
        for (n, row) in table.chunks(16).enumerate() {
            let _ = write!(out, "{:>8}: ", format!("{:04X}", 16 * n));
            for byte in row {
                let _ = write!(out, "{byte:02X} ");
            }
            let gap = 3 * (16 - row.len());
            let _ = writeln!(out, "{:gap$} {}", "", bytes::ascii(row));
        }
        out.push('\n');
    }
    out
}

#[test]
fn bytes_end_where_the_characters_begin() {
    let text = good(DUMP);
    assert_eq!(text.tables.len(), 2);
    assert_eq!(text.tables[0].bytes.len(), 36);
    assert_eq!(text.tables[0].bytes[32..], *b"ab c");
    assert_eq!(text.tables[1].origin, "x:6 SSDT");
    assert_eq!(text.skipped, None);
}

#[test]
fn what_stands_around_the_lines_does_no_harm() {
    let wanted = all(DUMP);
    let warning =
        "Firmware Warning (ACPI): Incorrect checksum in table [SSDT] - 0x1\n";
    for (from, to, skipped) in [
        ("    0010", &format!("{warning}    0010")[..], 2),
        ("    0010", "0010", 0),
        ("PCCT @", "Dear all,\nhere it is. Bad: 10.\n\nPCCT @", 2),
        ("....\n\n", "....\n\n-- \nBob\n", 2),
        (" @ ", "  @ ", 0),
        ("\n", "\r\n", 0),
    ] {
        let text = good(&DUMP.replace(from, to));
        let tables: Vec<_> =
            text.tables.iter().map(|table| table.bytes.clone()).collect();
        assert_eq!(tables, wanted, "{to}");
        assert_eq!(text.skipped.map_or(0, |(n, _)| n), skipped, "{to}");
    }
    for mark in ["> ", ">", "> > ", ">>> ", "\u{feff}"] {
        let quoted: String =
            DUMP.lines().map(|line| format!("{mark}{line}\n")).collect();
        assert_eq!(all(&quoted), wanted, "{mark}");
    }
    let latin = [b"Gr\xfc\xdfe\n", DUMP.as_bytes()].concat();
    let text = read("x", &latin).unwrap().unwrap();
    let (count, first) = text.skipped.unwrap();
    assert_eq!((count, first.line), (1, 1));
    assert_eq!(text.tables.len(), 2);
}

#[test]
fn a_large_table_s_offsets_begin_in_column_0() {
    let large = made(b"SSDT", (1 << 16) + 40);
    let text = acpidump(std::slice::from_ref(&large));
    assert!(text.contains("\n   10000: "));
    assert_eq!(all(&text.replace("\n   100", "\n100")), [large]);
}

#[test]
fn facs_and_rsdp_have_titles_of_several_kinds() {
    let tables = [rsdp(2), facs(), rsdp(0)];
    for table in tables {
        let text = acpidump(std::slice::from_ref(&table));
        for title in ["RSD PTR @", "RSDP @", "RSD  @"] {
            let text = text.replace("RSD PTR @", title);
            assert_eq!(all(&text), std::slice::from_ref(&table), "{title}");
        }
        let rows: Vec<_> = text.trim_end().lines().collect();
        let cut = rows[..rows.len() - 1].join("\n");
        assert!(bad(&cut).contains("should have"), "{cut}");
    }
}

#[test]
fn damage_has_a_line_number() {
    for (from, to, wanted) in [
        ("0010:", "0030:", "line 3: offset 0x30"),
        ("61 62 20 63 64", "6g 62 20 63 64", "line 3: \"6g\" is no byte"),
        ("61 62 20 63 64", "612 62 20 63 64", "line 3: \"612\" is no byte"),
        ("    0020: 61", "    0x20: 61", "(line 4 was skipped: \"0x20: 61"),
        ("    0020: 61 62 20 63  ", "", "line 3: the PCCT of line 1 ends"),
        ("PCCT @", "APIC @", "line 1: the title is \"APIC\""),
        ("PCCT @ 0x00000000AFFE0000\n", "PCCT @\nPCCT @\n", "line 1: no bytes"),
        ("61 62 20 63 64", "62 20 63 64", "line 4: offset 0x20, but"),
        ("54 24", "54 34", "ends after 36 bytes, it should have 52"),
    ] {
        let error = bad(&DUMP.replace(from, to));
        assert!(error.contains(wanted), "{error}");
    }
    assert_eq!(read("x", b"PCCT at 0x0\n\nhello 0000: 1").unwrap(), None);
    assert_eq!(read("x", b"0a009000: 00 43 43 50 00 00\n").unwrap(), None);
    let stray = DUMP.replace("PCCT @", "0040: 1 2 3 4 5\nPCCT @");
    assert!(good(&stray).skipped.is_some());
    let stray = DUMP.replace("PCCT @", "0040: 0102030405060708\nPCCT @");
    assert!(bad(&stray).contains("line 1: offset 0x40, but no table"));
}

#[test]
fn two_machines_in_one_text_are_told_apart() {
    let other = DUMP.replace("63 64 65", "63 64 66");
    let error = bad(&[DUMP, &other].concat());
    assert!(error.contains("line 11: a second PCCT, the first is in line 1"));
    // The same table twice is no second machine, nor is a second SSDT.
    assert_eq!(all(&[DUMP, DUMP].concat()).len(), 4);
    let other = DUMP
        .replace("53 53 44 54 24 00 00 00 01", "53 53 44 54 24 00 00 00 02");
    assert_eq!(all(&[DUMP, &other].concat()).len(), 4);
}

#[test]
fn hexdump_repeats_and_ends() {
    let dump = "\
00000000  53 53 44 54 54 00 00 00  01 00 41 42 43 44 45 46  |SSDTT.....ABCDEF|
00000010  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |................|
*
00000050  7c 2a 00 01                                       ||*..|
00000054
";
    let tables = all(dump);
    assert_eq!(tables[0].len(), 0x54);
    assert_eq!(tables[0][0x50..], [0x7c, 0x2a, 0, 1]);
    for (from, to, wanted) in [
        ("*\n", "", "line 3: offset 0x50, but"),
        ("00000054\n", "00000064\n", "line 5: the dump of line 1 ends at"),
        ("00000054\n", "00000044\n", "line 5: the dump of line 1 ends at"),
        ("00000050  7c", "00000058  7c", "line 4: offset 0x58"),
        ("00000050  7c", "f0000050  7c", "line 4: more than"),
        ("54 54 00", "54 5x 00", "0x10, but no table"),
    ] {
        let said = match read("x", dump.replace(from, to).as_bytes()) {
            Ok(None) => "0x10, but no table".to_owned(),
            other => other.unwrap_err().to_string(),
        };
        assert!(said.contains(wanted), "{said}");
    }
    // Both programs' texts, several times and behind each other.
    let twice = [dump, "\n", DUMP, dump].concat();
    assert_eq!(all(&twice).len(), 4);
}

#[test]
fn a_dump_of_a_blob_has_its_tables() {
    let blob = [made(b"SSDT", 40), made(b"APIC", 48)].concat();
    let mut text = String::new();
    for (n, row) in blob.chunks(16).enumerate() {
        let _ = write!(text, "{:08x}: ", 16 * n);
        for pair in row.chunks(2) {
            let _ = write!(text, "{} ", hex::encode(pair));
        }
        let _ = writeln!(text, " {}", bytes::ascii(row));
    }
    assert_eq!(all(&text), [made(b"SSDT", 40), made(b"APIC", 48)]);
    let cut = text.lines().take(5).collect::<Vec<_>>().join("\n");
    assert!(bad(&cut).contains("x:1: the table \"APIC\" at offset 0x28"));
}

#[test]
fn xxd_leaves_out_zeros_only() {
    let zeros = "00000000: 5353 4454 3400 0000  SSDT4...\n\
                 00000008: 0000 0000 0000 0000  ........\n*\n\
                 00000030: 0000 0001            ....\n";
    assert_eq!(all(zeros)[0].len(), 0x34);
    let ones = zeros.replace("0000 0000 0000 0000", "0101 0101 0101 0101");
    assert!(bad(&ones).contains("line 4: offset 0x30"));
}

const LISTING: &str = "\
/*
 * Intel ACPI Component Architecture
 *
 * ACPI Data Table [SSDT]
 */

[000h 0000   4]                    Signature : \"SSDT\"    [Secondary]
[004h 0004   4]                 Table Length : 00000024
[008h 0008   1]                     Revision : 01
[009h 0009   1]                     Checksum : 00
[00Ah 0010   6]                       Oem ID : \"ABCDEF\"
                                    Platform : 1
**** Unexpected or unknown subtable type 0x5

Raw Table Data: Length 36 (0x24)

    0000: 53 53 44 54 24 00 00 00 01 00 41 42 43 44 45 46  // SSDT$.....ABCDEF
    0010: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  // ................
    0020: 00 00 00 00                                      // ....
";

#[test]
fn a_listing_is_its_raw_data() {
    let text = good(&[LISTING, LISTING].concat());
    assert_eq!(text.tables.len(), 2);
    assert_eq!(text.tables[0].bytes, all(DUMP)[1]);
    assert_eq!((text.skipped, text.doubts), (None, vec![]));
    for (from, to, wanted) in [
        (": 01\n", ": 02\n", "Revision is 02 in line 9 of the listing, its"),
        ("\"ABCDEF\"", "\"ABCDEG\"", "Oem ID is ABCDEG in line 11"),
        ("44 45 46 ", "44 45 47 ", "its raw data has \"ABCDEG\""),
    ] {
        let text = good(&LISTING.replace(from, to));
        assert_eq!(text.doubts.len(), 1, "{to}");
        assert!(text.doubts[0].text.contains(wanted), "{:?}", text.doubts);
        assert_eq!(text.doubts[0].origin, text.tables[0].origin);
    }
    // iasl counts some fields from their structure, and some wrongly: what
    // it says from there on is not held against the raw data.
    let relative = "[000h 0000   1]   Data : 77\n[012h 0018   1]   Data : 77\n";
    let text = LISTING.replace("\nRaw", &[relative, "\nRaw"].concat());
    assert_eq!(good(&text).doubts, []);
}

#[test]
fn a_listing_without_raw_data_is_refused() {
    let fields = LISTING.split("Raw").next().unwrap();
    for text in
        [fields, &[fields, LISTING].concat(), &[LISTING, fields].concat()]
    {
        let Err(Refusal::Bare(said)) = read("x", text.as_bytes()) else {
            panic!("{text}");
        };
        assert!(said.contains("iasl -d"), "{said}");
        assert!(said.contains("listing of SSDT"), "{said}");
    }
    for (from, to, wanted) in [
        (
            "    0020: 00 00 00 00",
            "",
            "line 18: the raw data of line 15 has 32",
        ),
        ("(0x24)", "(0x26)", "line 19: the raw data of line 15 has 36"),
        ("    0000: 53", "    xxxx: 53", "line 18: offset 0x10, but"),
        ("00 00                                ", "0", "is no byte"),
    ] {
        let error = bad(&LISTING.replace(from, to));
        assert!(error.contains(wanted), "{error}");
    }
    // Without the line above it, the raw data is still raw data.
    let lost = LISTING.replace("Raw Table Data: Length 36 (0x24)", "");
    assert_eq!(all(&lost).len(), 1);
}
