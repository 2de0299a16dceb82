//! One line of a text: what it can be. Each format that is read has its
//! lines here; what they make together is the business of [`super`].

use std::borrow::Cow;

/// What a line is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line<'a> {
    /// Nothing.
    Blank,
    /// acpidump's `PCCT @ 0x…`: a table begins.
    Title(&'a str),
    /// iasl's `Raw Table Data: Length 686 (0x2AE)`.
    Raw(Option<usize>),
    /// A field of iasl's listing of a data table.
    Field(Field<'a>),
    /// hexdump's `*`: more lines like the one before.
    Repeat,
    /// hexdump's last line: an offset alone.
    End(usize),
    /// An offset and bytes.
    Hex(Hex<'a>),
    /// A comment of ASL or C.
    Comment,
    /// Nothing of these.
    Other,
}

/// A line of bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hex<'a> {
    /// Offset of the first byte.
    pub offset: usize,
    /// The bytes, or the word that is none.
    pub bytes: Result<Vec<u8>, &'a str>,
    /// The characters stand between bars, as hexdump -C has them.
    pub bars: bool,
}

/// A field of a listing: `[024h 0036 004h]   Flags : 00000001`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field<'a> {
    /// Offset in the table.
    pub offset: usize,
    /// Number of bytes.
    pub length: usize,
    /// iasl's name for it.
    pub name: &'a str,
    /// Its value as printed.
    pub value: &'a str,
}

/// Lines with their numbers from 1 on, without what mail puts in front.
pub fn lines(text: &[u8]) -> impl Iterator<Item = (usize, Cow<'_, str>)> {
    let all = text.split(|byte| *byte == b'\n').enumerate();
    // A line that is no UTF-8 can only be a foreign one.
    all.map(|(n, line)| (n + 1, String::from_utf8_lossy(line)))
}

/// Without a mail's quotes, to any depth, and without blanks.
pub fn bare(line: &str) -> &str {
    let front = |c: char| matches!(c, '>' | '\u{feff}') || blank(c);
    line.trim_start_matches(front).trim_end()
}

fn blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\u{a0}')
}

impl<'a> Line<'a> {
    /// What this line is; it has no quotes any more.
    pub fn of(line: &'a str) -> Line<'a> {
        if line.is_empty() {
            return Line::Blank;
        }
        if line == "*" {
            return Line::Repeat;
        }
        hex(line)
            .map(Line::Hex)
            .or_else(|| end(line).map(Line::End))
            .or_else(|| field(line).map(Line::Field))
            .or_else(|| title(line).map(Line::Title))
            .or_else(|| raw(line).map(Line::Raw))
            .or_else(|| comment(line).then_some(Line::Comment))
            .unwrap_or(Line::Other)
    }
}

fn number(digits: &str) -> Option<usize> {
    // from_str_radix takes a sign.
    let sign = digits.starts_with(['+', '-']);
    usize::from_str_radix(digits, 16).ok().filter(|_| !sign)
}

/// acpidump and iasl print at least four digits, hexdump seven.
fn hex(line: &str) -> Option<Hex<'_>> {
    let digits = line.bytes().take_while(u8::is_ascii_hexdigit).count();
    if !(4..=16).contains(&digits) {
        return None;
    }
    let (offset, rest) = line.split_at(digits);
    let offset = number(offset)?;
    if let Some(rest) = rest.strip_prefix(':') {
        let rest = rest.trim_start_matches(blank);
        let (rest, _) = rest.split_once('\t').unwrap_or((rest, ""));
        let bytes = words(rest.split(blank));
        return Some(Hex { offset, bytes, bars: false });
    }
    // hexdump -C has no colon; without the bar it is hexdump's other form.
    let (bytes, _) = rest.split_once('|')?;
    let apart = digits >= 7 && bytes.starts_with(blank);
    let bytes = bytes.split_whitespace();
    apart.then(|| Hex { offset, bytes: words(bytes), bars: true })
}

/// Bytes in groups of two or more digits, up to an empty word: in all forms
/// two blanks or a tab stand in front of the characters.
fn words<'a>(words: impl Iterator<Item = &'a str>) -> Result<Vec<u8>, &'a str> {
    let mut bytes = Vec::with_capacity(16);
    for word in words.take_while(|word| !word.is_empty()) {
        decode(word.as_bytes(), &mut bytes).ok_or(word)?;
    }
    if bytes.is_empty() { Err("") } else { Ok(bytes) }
}

/// As the crate hex does, but into the same vector: a dump has many words.
fn decode(word: &[u8], bytes: &mut Vec<u8>) -> Option<()> {
    let digit = |b: u8| char::from(b).to_digit(16).map(|n| n as u8);
    let (pairs, []) = word.as_chunks::<2>() else { return None };
    for [high, low] in pairs {
        bytes.push(digit(*high)? << 4 | digit(*low)?);
    }
    Some(())
}

fn end(line: &str) -> Option<usize> {
    (7..=16).contains(&line.len()).then(|| number(line)).flatten()
}

/// A name and ` @ 0x…`, be it cut.
fn title(line: &str) -> Option<&str> {
    let (name, place) = line.split_once(" @")?;
    let name = name.trim_end_matches(blank);
    let place = place.trim_start_matches(blank);
    let digits = place.strip_prefix("0x").unwrap_or_default();
    let whole = !digits.is_empty() && number(digits).is_some();
    let part = matches!(place, "" | "0" | "0x" | "(nil)");
    let (four, count) = name.split_at_checked(4).unwrap_or((name, ""));
    let signature =
        four.len() == 4 && four.bytes().all(|b| b.is_ascii_graphic());
    let capital = !four.bytes().any(|b| b.is_ascii_lowercase());
    let numbered = count.len() < 4 && count.bytes().all(|b| b.is_ascii_digit());
    let pointer = matches!(name, "RSD" | "RSD PTR");
    let named = pointer || (signature && numbered);
    (named && (whole || (part && capital))).then_some(name)
}

fn raw(line: &str) -> Option<Option<usize>> {
    let rest = line.strip_prefix("Raw Table Data")?;
    let length = rest.split_once("(0x").and_then(|(_, rest)| {
        let (digits, _) = rest.split_once(')')?;
        number(digits)
    });
    Some(length)
}

fn field(line: &str) -> Option<Field<'_>> {
    let (place, rest) = line.strip_prefix('[')?.split_once(']')?;
    let mut place = place.split_whitespace();
    let offset = number(place.next()?.strip_suffix('h')?)?;
    let _decimal = place.next()?;
    let length = place.next()?;
    let length = match length.strip_suffix('h') {
        Some(digits) => number(digits)?,
        None => length.parse().ok()?,
    };
    let (name, value) = rest.split_once(" : ")?;
    Some(Field { offset, length, name: name.trim(), value: value.trim() })
}

impl Field<'_> {
    /// Every table begins with it; other fields may be at 0, too.
    pub fn begins_table(&self) -> bool {
        self.offset == 0 && self.name == "Signature"
    }
}

fn comment(line: &str) -> bool {
    ["/*", "*/", "//", "* "].iter().any(|mark| line.starts_with(mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(line: &str) -> Result<Vec<u8>, String> {
        match Line::of(bare(line)) {
            Line::Hex(hex) => hex.bytes.map_err(str::to_owned),
            other => panic!("{line:?}: {other:?}"),
        }
    }

    #[test]
    fn each_form_of_a_line_has_its_bytes() {
        for line in [
            "    0010: 61 62 20 63                                      ab c",
            "100010: 61 62 20 63                                      ab c",
            "    0010: 61 62 20 63                    // ab c",
            "> >> 0010: 61 62 20 63  ab c",
            "00000010: 6162 2063                                ab c",
            "00000010  61 62 20 63                            |ab c|",
            "0010: 61 62 20 63",
            "0010: 61 62 20 63\tab c",
            "0010: 61622063\r",
        ] {
            assert_eq!(bytes(line), Ok(b"ab c".to_vec()), "{line}");
        }
        let odd = "00000000: 6162 20                                  ab ";
        assert_eq!(bytes(odd), Ok(b"ab ".to_vec()));
        let full = "00000000  7c 62 20 63 64 65 66 67  68 69 6a 6b 6c 6d 6e \
                    6f  ||b cdefghijklmno|";
        assert_eq!(bytes(full), Ok(b"|b cdefghijklmno".to_vec()));
    }

    #[test]
    fn a_word_that_is_no_byte_is_named() {
        for (line, word) in [
            ("0010: 6g 62", "6g"),
            ("0010: 612 6", "612"),
            ("0010: 61 6", "6"),
            ("0010: +1 62", "+1"),
            ("0010:", ""),
            ("00000010  61 6x  |ab|", "6x"),
        ] {
            assert_eq!(bytes(line), Err(word.to_owned()), "{line}");
        }
    }

    #[test]
    fn other_lines_are_what_they_are() {
        for (line, wanted) in [
            ("", Line::Blank),
            ("> ", Line::Blank),
            ("PCCT @ 0x00000000AFFE0000", Line::Title("PCCT")),
            ("> SSDT1 @ 0xAFFE0000", Line::Title("SSDT1")),
            ("RSD PTR @ 0xE0000", Line::Title("RSD PTR")),
            ("RSD  @ 0xE0000", Line::Title("RSD")),
            ("RSDP @", Line::Title("RSDP")),
            ("SSDT @ (nil)", Line::Title("SSDT")),
            ("meet @ 10", Line::Other),
            ("we meet @ 0x10", Line::Other),
            ("meet @", Line::Other),
            ("Raw Table Data: Length 686 (0x2AE)", Line::Raw(Some(686))),
            ("Raw Table Data", Line::Raw(None)),
            ("*", Line::Repeat),
            ("000002ae", Line::End(0x2ae)),
            ("0002ae", Line::Other),
            (" * Intel ACPI", Line::Comment),
            ("Firmware Warning (ACPI): Incorrect checksum", Line::Other),
            ("0000000 4350 5443 02ae 0000", Line::Other),
            ("Bad: checksum", Line::Other),
            ("00: 86 80", Line::Other),
            ("deadbeef is no line | of hexdump", Line::Other),
        ] {
            let line = bare(line);
            match (Line::of(line), wanted) {
                (Line::Hex(hex), Line::Other) => assert!(hex.bytes.is_err()),
                (is, wanted) => assert_eq!(is, wanted, "{line}"),
            }
        }
    }

    #[test]
    fn old_and_new_iasl_print_the_same_fields() {
        for line in [
            "[024h 0036   4]        Flags (decoded below) : 00000001",
            "[024h 0036 004h]       Flags (decoded below) : 00000001",
        ] {
            let Line::Field(field) = Line::of(line) else { panic!("{line}") };
            assert_eq!((field.offset, field.length), (36, 4));
            assert_eq!(field.value, "00000001");
        }
        assert_eq!(Line::of("[    0.000000] ACPI: PCCT"), Line::Other);
    }
}
