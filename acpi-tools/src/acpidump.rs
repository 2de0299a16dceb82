//! The text that `acpidump` prints: `PCCT @ 0x…` and lines of 16 bytes.

use crate::table::Table;

/// Columns of the 16 bytes behind the offset; the characters follow.
const COLUMNS: usize = 48;

/// A text looks like a dump: one of its first lines names a table.
pub fn is_dump(text: &str) -> bool {
    text.lines().take(64).any(|line| title(line).is_some())
}

fn title(line: &str) -> Option<&str> {
    let (name, place) = line.split_once(" @ ")?;
    let address = place.trim().strip_prefix("0x")?;
    let hex = address.bytes().all(|b| b.is_ascii_hexdigit());
    (name.len() == 4 && hex).then_some(name)
}

/// Reads all tables of a dump.
///
/// ```
/// let text = "PCCT @ 0x0000000000000000\n    0000: 50 43 43 54  PCCT\n";
/// let tables = acpi_tools::acpidump::parse("x", text).unwrap();
/// assert_eq!(tables[0].bytes, b"PCCT");
/// ```
///
/// # Errors
/// When a line has another form; the text has its number.
pub fn parse(origin: &str, text: &str) -> Result<Vec<Table>, String> {
    let mut tables: Vec<Table> = Vec::new();
    for (n, line) in text.lines().enumerate() {
        if let Some(name) = title(line) {
            let origin = format!("{origin}:{} {name}", n + 1);
            tables.push(Table { origin, bytes: Vec::new() });
            continue;
        }
        if line.trim().is_empty() {
            continue;
        }
        let fail = |what: String| {
            format!("{origin}: line {}: {what}; dump it again", n + 1)
        };
        let Some(table) = tables.last_mut() else {
            // Whatever a tool prints before the first table.
            continue;
        };
        let (offset, rest) = line
            .split_once(':')
            .and_then(|(offset, rest)| {
                Some((usize::from_str_radix(offset.trim(), 16).ok()?, rest))
            })
            .ok_or_else(|| fail("no \"offset: bytes\"".to_owned()))?;
        if offset != table.bytes.len() {
            return Err(fail(format!(
                "offset {offset:#x}, but the table has {:#x} bytes so far",
                table.bytes.len()
            )));
        }
        let rest = rest.strip_prefix(' ').unwrap_or(rest);
        let columns: String = rest.chars().take(COLUMNS).collect();
        for word in columns.split(' ').take_while(|word| !word.is_empty()) {
            let byte = (word.len() == 2)
                .then(|| u8::from_str_radix(word, 16).ok())
                .flatten()
                .ok_or_else(|| fail(format!("\"{word}\" is no byte")))?;
            table.bytes.push(byte);
        }
    }
    Ok(tables)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DUMP: &str = "\
PCCT @ 0x00000000AFFE0000
    0000: 50 43 43 54 14 00 00 00 01 00 41 42 43 44 45 46  PCCT......ABCDEF
    0010: 61 62 20 63                                      ab c

SSDT @ 0x0000000000000000
    0000: 53 53 44 54                                      SSDT

";

    #[test]
    fn bytes_end_where_the_characters_begin() {
        assert!(is_dump(DUMP));
        let tables = parse("x", DUMP).unwrap();
        assert_eq!(tables.len(), 2);
        assert_eq!(tables[0].bytes.len(), 20);
        assert_eq!(tables[0].bytes[16..], *b"ab c");
        assert_eq!(tables[1].signature(), "SSDT");
    }

    #[test]
    fn damage_has_a_line_number() {
        for (from, to, text) in [
            ("0010:", "0020:", "line 3: offset 0x20"),
            ("0010:", "hello", "line 3: no \"offset"),
            ("61 62", "6g 62", "line 3: \"6g\" is no byte"),
            ("61 62", "612 6", "line 3: \"612\" is no byte"),
        ] {
            let error = parse("x", &DUMP.replace(from, to)).unwrap_err();
            assert!(error.contains(text), "{error}");
        }
        assert!(!is_dump("PCCT at 0x0"));
    }
}
