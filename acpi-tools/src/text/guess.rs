//! What a file is that is not read, and what to do about it.

use super::line::{Hex, Line, bare};
use crate::bytes;

/// How to get tables, in the words of all answers.
const AGAIN: &str = "dump the tables again: acpidump >tables.txt, as root";

/// What begins so, and what to do.
const MAGIC: &[(&[u8], &str, &str)] = &[
    (b"\x1f\x8b", "gzip", "unpack it first: gunzip"),
    (b"PK\x03\x04", "a zip archive", "unpack it first: unzip"),
    (b"\xfd7zXZ\0", "xz", "unpack it first: unxz"),
    (b"BZh", "bzip2", "unpack it first: bunzip2"),
    (b"\x28\xb5\x2f\xfd", "zstd", "unpack it first: unzstd"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it first: 7z x"),
    (b"%PDF", "a PDF", AGAIN),
    (b"\x89PNG", "a picture", AGAIN),
    (b"\xff\xd8\xff", "a picture", AGAIN),
    (b"\x7fELF", "a program", AGAIN),
    (
        b"\xff\xfe",
        "UTF-16 text, as PowerShell's > writes it",
        "save it as UTF-8, or dump again with acpidump -o tables.txt",
    ),
    (b"\xfe\xff", "UTF-16 text", "save it as UTF-8"),
];

/// Words that betray a text, the surest first; small letters.
const WORDS: &[(&str, &str, &str)] = &[
    ("<!doctype html", "HTML", "save the raw text, not the page"),
    ("<html", "HTML", "save the raw text, not the page"),
    ("<?xml", "XML", AGAIN),
    (
        "definitionblock",
        "ASL source",
        "compile it with iasl, and give the .aml file",
    ),
    ("unsigned char ", "C source, as xxd -i writes it", "use xxd without -i"),
    ("acpi: rsdp 0x", "the kernel's log, which has no bytes of tables", AGAIN),
    ("acpi: pcct 0x", "the kernel's log or a list of tables", AGAIN),
    ("linux version ", "the kernel's log, which has no bytes of tables", AGAIN),
];

/// The bytes may be a text, not a table or another binary.
pub fn is_text(blob: &[u8]) -> bool {
    let odd = |b: &u8| *b < 0x20 && !b"\t\n\r\x0c\x1b".contains(b);
    !blob.is_empty() && !blob.iter().take(512).any(odd)
}

/// What the content of a file looks like, and what to do: the end of
/// "looks like …".
pub fn guess(blob: &[u8]) -> Option<String> {
    let say = |what: &str, to_do: &str| Some(format!("{what}: {to_do}"));
    if blob.is_empty() {
        return say("nothing, it is empty", AGAIN);
    }
    let magic = MAGIC.iter().find(|(magic, ..)| blob.starts_with(magic));
    if let Some((_, what, to_do)) = magic {
        return say(what, to_do);
    }
    if blob.get(257..262) == Some(b"ustar") {
        return say("a tar archive", "unpack it first: tar xf");
    }
    if !is_text(blob) {
        return None;
    }
    let start = &blob[..blob.len().min(64 << 10)];
    let start = String::from_utf8_lossy(start).to_lowercase();
    let words = WORDS.iter().find(|(words, ..)| start.contains(words));
    if let Some((_, what, to_do)) = words {
        return say(what, to_do);
    }
    let text = start.trim_start();
    if text.starts_with(['{', '[']) && text.contains("\":") {
        return say("JSON", AGAIN);
    }
    if let Some(what) = dump(&start) {
        return say(&what, "make it again with xxd or hexdump -C");
    }
    if is_base64(&start) {
        return say("base64", "decode it first: base64 -d");
    }
    None
}

/// A dump of another form, or none of a table.
fn dump(text: &str) -> Option<String> {
    let hex = |word: &str| word.bytes().all(|b| b.is_ascii_hexdigit());
    let mut lines = (1..).zip(text.lines().map(bare));
    lines.find_map(|(n, line)| {
        if let Line::Hex(Hex { offset, bytes: Ok(bytes), .. }) = Line::of(line)
        {
            return (bytes.len() >= 8).then(|| match offset {
                0 => format!(
                    "a dump, but of no table: line {n} begins with \"{}\"",
                    bytes::ascii(&bytes[..4])
                ),
                _ => format!(
                    "a dump without its beginning: line {n} has offset \
                     {offset:#x}"
                ),
            });
        }
        let mut words = line.split_whitespace();
        let first = words.next().filter(|word| hex(word))?;
        if first.len() >= 40 && words.next().is_none() {
            return Some("a dump without offsets".to_owned());
        }
        let numbers = words.take_while(|w| matches!(w.len(), 2 | 4) && hex(w));
        let other = (6..=8).contains(&first.len()) && numbers.count() >= 8;
        other.then(|| "a dump of another form, as od has it".to_owned())
    })
}

/// Long lines of nothing but base64's characters.
fn is_base64(text: &str) -> bool {
    let char = |b: u8| b.is_ascii_alphanumeric() || b"+/=".contains(&b);
    let mut lines = text.lines().map(str::trim).filter(|l| !l.is_empty());
    let first = lines.next().unwrap_or_default();
    first.len() >= 40
        && first.bytes().all(char)
        && lines.all(|l| l.bytes().all(char))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_send_is_known() {
        let base64 = "UENDVK4CAAACXlRFU1RJRFRFU1RUQUJMAQAAAFRFU1QBAAAA\nAQAA";
        for (blob, wanted) in [
            (&b""[..], "empty"),
            (b"\x1f\x8b\x08\0", "gzip: unpack it first"),
            (b"PK\x03\x04\x14\0", "zip"),
            (b"\xfd7zXZ\0\0", "xz"),
            (b"%PDF-1.7", "PDF"),
            (b"\xff\xfeP\0C\0C\0T\0", "UTF-16"),
            (b"\n<!DOCTYPE html><body>", "HTML"),
            (b"{\"tables\": []}", "JSON"),
            (b"/*\n */\nDefinitionBlock (\"\", \"SSDT\", 2", "iasl"),
            (b"[    0.0] Linux version 6.12", "kernel's log"),
            (b"[    0.004] ACPI: PCCT 0x000000007F", "log"),
            (b"unsigned char pcct_dat[] = {\n  0x50,", "without -i"),
            (
                b"0000000 4350 5443 02ae 0000 5e02 4554 5453 4449\n",
                "of another form, as od has it: make it again with xxd",
            ),
            (
                b"000000 50 43 43 54 ae 02 00 00 02 5e >PCCT.....^<\n",
                "of another form",
            ),
            (b"50434354ae020000025e54455354494454455354\n", "offsets"),
            (
                b"hi\n0010: 00 01 02 03 04 05 06 07\n",
                "without its beginning: line 2 has offset 0x10",
            ),
            (
                b"0000: 7F 45 4C 46 02 01 01 00  .ELF....\n",
                "of no table: line 1 begins with \".ELF\"",
            ),
            (base64.as_bytes(), "base64 -d"),
        ] {
            let said = guess(blob).unwrap_or_default();
            assert!(said.contains(wanted), "{wanted}: {said}");
        }
        assert_eq!(guess(b"Dear all,\nhow are you?\n"), None);
        assert_eq!(guess(b"\0\x01\x02\x03"), None);
    }
}
