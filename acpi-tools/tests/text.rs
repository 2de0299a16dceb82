//! Texts as people send them, and worse: cut, swapped, damaged, endless. A
//! table is read whole or not at all, and what is wrong has a line number.

mod printed;

use std::fs::File;
use std::io::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};

use acpi_tools::platform::Platform;
use acpi_tools::table::Table;
use acpi_tools::text::{Text, read};
use printed::{FORMS, acpidump, hexdump, listing, tables, xxd};

fn bytes(text: Text) -> Vec<Vec<u8>> {
    text.tables.into_iter().map(|table| table.bytes).collect()
}

/// The tables of a text; none when it is refused, with a line number.
fn taken(text: &[u8]) -> Vec<Vec<u8>> {
    match read("x", text) {
        Ok(None) => Vec::new(),
        Ok(Some(text)) => bytes(text),
        Err(refusal) => {
            let said = refusal.to_string();
            let line = said
                .strip_prefix("x: line ")
                .or(said.strip_prefix("x:"))
                .unwrap_or_else(|| panic!("{said}"));
            assert!(line.starts_with(|c: char| c.is_ascii_digit()), "{said}");
            Vec::new()
        }
    }
}

/// What was read is some of the tables that were printed, each whole; or
/// findings tell that lines of the same offset changed places.
fn whole(text: &[u8], printed: &[Vec<u8>], what: &str) -> usize {
    let taken = taken(text);
    let (sound, mixed): (Vec<_>, Vec<_>) =
        taken.iter().partition(|table| printed.contains(table));
    let wrong = |bytes: &&Vec<u8>| {
        let origin = String::new();
        let table = Table { origin, bytes: bytes.to_vec() };
        table.misfit().is_some() || !table.wrong_sums().is_empty()
    };
    assert!(
        mixed.is_empty() || mixed.iter().any(wrong),
        "{what}: {mixed:02x?}"
    );
    for table in mixed {
        let same = |other: &&Vec<u8>| other[..4] == table[..4];
        let other = printed.iter().find(same).expect("its first line is there");
        assert_eq!(table.len(), other.len(), "{what}");
    }
    sound.len()
}

#[test]
fn each_form_comes_back() {
    let printed = tables();
    for (name, form) in FORMS {
        let text = form(&printed);
        assert_eq!(taken(text.as_bytes()), printed, "{name}");
        let quoted: String =
            text.lines().map(|line| format!("> > {line}\r\n")).collect();
        assert_eq!(taken(quoted.as_bytes()), printed, "{name}, quoted");
    }
    // All in one file.
    let two = [&printed[1..2], &printed[3..4]].concat();
    let all: String = FORMS.iter().map(|(_, form)| form(&two) + "\n").collect();
    assert_eq!(taken(all.as_bytes()), vec![two; FORMS.len()].concat());
}

#[test]
fn a_text_cut_at_any_byte_has_whole_tables_or_none() {
    let printed = tables();
    for (name, form) in FORMS {
        let text = form(&printed);
        let mut most = 0;
        for end in 0..=text.len() {
            let n = whole(&text.as_bytes()[..end], &printed, name);
            // What was complete stays so only while nothing is half there.
            assert!(n == 0 || n >= most, "{name}, {end}: {n} after {most}");
            most = most.max(n);
        }
        assert_eq!(most, printed.len(), "{name}");
    }
}

#[test]
fn lines_that_are_swapped_or_lost_shorten_nothing() {
    let printed = tables()[..2].to_vec();
    for (name, form) in FORMS {
        let text = form(&printed);
        let lines: Vec<_> = text.lines().collect();
        for one in 0..lines.len() {
            let mut fewer = lines.clone();
            fewer.remove(one);
            whole(fewer.join("\n").as_bytes(), &printed, name);
            for two in one + 1..lines.len() {
                let mut swapped = lines.clone();
                swapped.swap(one, two);
                let what = format!("{name}, lines {} and {}", one + 1, two + 1);
                whole(swapped.join("\n").as_bytes(), &printed, &what);
            }
        }
    }
}

#[test]
fn hex_that_is_no_hex_is_never_a_table() {
    let printed = tables()[..2].to_vec();
    for (name, form) in FORMS {
        let text = form(&printed).into_bytes();
        for at in 0..text.len() {
            let bytes = if at % 4 == 0 { &b"g\n"[..] } else { b"g" };
            for byte in bytes.iter().copied() {
                let mut bad = text.clone();
                bad[at] = byte;
                let what = format!("{name}, {byte:#x} at {at}");
                whole(&bad, &printed, &what);
            }
        }
    }
}

/// Other digits are other bytes: the sums tell, or the listing's fields.
#[test]
fn a_digit_that_changed_is_found_or_refused() {
    let table = tables().remove(0);
    let text = listing(std::slice::from_ref(&table)).into_bytes();
    for at in 0..text.len() {
        let other = match text[at] {
            b'0'..=b'8' => text[at] + 1,
            b'9' => b'8',
            _ => continue,
        };
        let mut changed = text.clone();
        changed[at] = other;
        let mut platform = Platform::default();
        match platform.add("x", "x", changed.clone()) {
            Err(why) => assert!(why.to_string().contains("line "), "{why}"),
            Ok(read) => {
                let same = platform.tables.iter().all(|t| t.bytes == table);
                let findings = acpi_tools::check::check(&platform);
                let found = findings.iter().any(|finding| {
                    ["PCCT-002", "PCCT-001", "ACPI-011"]
                        .contains(&finding.rule.id)
                });
                let line = text[..at].split(|b| *b == b'\n').count();
                assert!(read && (same || found), "line {line}");
                // A field before the raw data, and its value.
                let row = text.split(|b| *b == b'\n').nth(line - 1);
                let row = String::from_utf8_lossy(row.unwrap_or_default());
                let column = at
                    - text[..at]
                        .iter()
                        .rposition(|b| *b == b'\n')
                        .map_or(0, |end| end + 1);
                let value = row.find(" : ").is_some_and(|n| column > n);
                assert!(!value || found, "{row}");
            }
        }
    }
}

fn show(path: &std::path::Path) -> (Option<i32>, String, Duration) {
    run(&["show", "--all"], path)
}

fn run(
    words: &[&str],
    path: &std::path::Path,
) -> (Option<i32>, String, Duration) {
    let start = Instant::now();
    let output = Command::new(env!("CARGO_BIN_EXE_acpi-tools"))
        .args(words)
        .arg(path)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), said, start.elapsed())
}

/// Two machines: one text is refused, two files are told apart.
#[test]
fn machines_are_not_mixed_silently() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, tables: &[Vec<u8>]| {
        let path = folder.path().join(name);
        std::fs::write(&path, acpidump(tables)).unwrap();
        path
    };
    let sound = tables();
    let (status, said, _) =
        run(&["validate", "--strict"], &write("a.txt", &sound));
    assert_eq!((status, &said[..]), (Some(0), ""));
    let mut other = sound[0].clone();
    other[24] = 9;
    acpi_tools::table::fix_checksum(&mut other);
    let both = [&sound[..], &[other]].concat();
    let (status, said, _) = run(&["validate"], &write("b.txt", &both));
    assert_eq!(status, Some(2));
    let wanted = "line 26: a second PCCT, the first is in line 1: two machines";
    assert!(said.contains(wanted), "{said}");
    let mut fadts = [printed::made(b"FACP", 276), printed::made(b"FACP", 276)];
    fadts[1][24] = 9;
    acpi_tools::table::fix_checksum(&mut fadts[1]);
    let two = [&sound[..], &fadts].concat();
    let mut platform = Platform::default();
    platform.add("x", "x", acpidump(&two).into_bytes()).unwrap();
    let findings = acpi_tools::check::check(&platform);
    assert!(findings.iter().any(|found| found.rule.id == "ACPI-010"));
}

#[test]
fn what_is_too_large_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("huge.txt");
    let mut file = File::create(&path).unwrap();
    file.write_all(acpidump(&tables()).as_bytes()).unwrap();
    // Without blocks behind the text, it takes no room.
    file.set_len(1 << 30).unwrap();
    let (status, said, took) = show(&path);
    assert_eq!(status, Some(2));
    assert!(said.contains("larger than 64 MiB"), "{said}");
    assert!(took < Duration::from_secs(2), "{took:?}");
    // Nor does a line of a few characters stand for gigabytes.
    let bomb = hexdump(&[vec![b'A'; 32]]).replace("*\n", "");
    let bomb = bomb.replace("00000020\n", "*\nfffffff0\n");
    let path = folder.path().join("bomb.txt");
    std::fs::write(&path, bomb).unwrap();
    let (status, said, took) = show(&path);
    assert_eq!(status, Some(2));
    assert!(said.contains("line 3: more than"), "{said}");
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[test]
fn a_large_text_takes_its_time_and_no_more() {
    let lines = b"    0000: 00\n".repeat(50_000);
    let words = [b"    0000: ".to_vec(), b"41 ".repeat(200_000)].concat();
    let fields = b"[010h 0016   1]  Reserved : 00\n".repeat(20_000);
    let titles = b"SSDT @ 0x0\n".repeat(50_000);
    let rows = acpidump(&[printed::made(b"SSDT", 80_000)]).into_bytes();
    let stars = [&hexdump(&tables()).into_bytes(), &b"*\n".repeat(200_000)[..]];
    for (name, text) in [
        ("lines", lines),
        ("words", words),
        ("fields", fields),
        ("titles", titles),
        ("rows", rows),
        ("stars", stars.concat()),
        ("blanks", vec![b' '; 1 << 20]),
        ("quotes", b"> ".repeat(1 << 18)),
        ("letters", vec![b'a'; 1 << 20]),
    ] {
        let start = Instant::now();
        let _ = read("x", &text);
        let took = start.elapsed();
        assert!(took < Duration::from_secs(10), "{name}: {took:?}");
    }
}

#[test]
fn one_note_says_what_was_skipped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mail.txt");
    let text = xxd(&tables()).replace("\n000000", "\nBad weather\n000000");
    std::fs::write(&path, format!("Hello,\n\n{text}")).unwrap();
    let (status, said, _) = show(&path);
    assert_eq!(status, Some(0));
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains("lines were skipped"), "{said}");
    assert!(said.contains("the first is line 1: \"Hello,\""), "{said}");
    std::fs::write(&path, b"\x1f\x8b\x08\0\0\0\0\0").unwrap();
    let (status, said, _) = show(&path);
    assert_eq!(status, Some(2));
    assert!(said.contains("it looks like gzip: unpack it first"), "{said}");
}

#[test]
fn a_folder_may_hold_a_text_and_what_was_made_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, content: &[u8]| {
        std::fs::write(folder.path().join(name), content).unwrap();
    };
    let printed = tables();
    put("a.txt", acpidump(&printed).as_bytes());
    for (n, table) in printed.iter().enumerate().skip(1) {
        put(&format!("{n}.dat"), table);
        put(&format!("{n}.dsl"), listing(&printed[n..=n]).as_bytes());
    }
    let bare = listing(&printed[..1]);
    put("0.dsl", bare.split("Raw").next().unwrap().as_bytes());
    put("README", b"Tables of this machine.\n");
    let platform = Platform::load(folder.path()).unwrap();
    assert_eq!(platform.tables.len(), printed.len());
    assert_eq!(platform.notes.len(), 1, "{:?}", platform.notes);
    assert!(platform.notes[0].contains("without \"Raw Table Data\""));
}

/// The programs themselves, from Debian's acpica-tools, xxd, bsdextrautils.
#[test]
fn what_the_programs_print_is_read() {
    let wanted = ["acpidump", "acpixtract", "iasl", "xxd", "hexdump"];
    for program in wanted {
        if Command::new(program).arg("-v").output().is_err() {
            let text = format!("{program} is not installed");
            assert!(std::env::var_os("PCCD_CHECK").is_none(), "{text}");
            eprintln!("skipped: {text}");
            return;
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let run = |words: &[&str]| {
        let mut program = Command::new(words[0]);
        program.args(&words[1..]).current_dir(folder.path());
        let output = program.output().unwrap();
        assert!(output.status.success(), "{words:?}: {output:?}");
        output.stdout
    };
    // Neither iasl nor acpidump -f takes an RSDP.
    let printed: Vec<_> =
        tables().into_iter().filter(|t| !t.starts_with(b"RSD")).collect();
    let mut texts = [Vec::new(), Vec::new(), Vec::new(), Vec::new()];
    for (n, table) in printed.iter().enumerate() {
        let name = format!("t{n}.dat");
        std::fs::write(folder.path().join(&name), table).unwrap();
        texts[0].extend(run(&["acpidump", "-f", &name]));
        run(&["iasl", "-d", &name]);
        let listing = folder.path().join(format!("t{n}.dsl"));
        texts[1].extend(std::fs::read(listing).unwrap());
        texts[2].extend(run(&["xxd", &name]));
        texts[3].extend(run(&["hexdump", "-C", &name]));
    }
    for (n, text) in texts.iter().enumerate() {
        let read = read("x", text).unwrap().unwrap();
        assert_eq!((&read.skipped, &read.doubts[..]), (&None, &[][..]), "{n}");
        assert_eq!(bytes(read), printed, "{n}");
    }
    // acpixtract takes the same out of acpidump's text.
    std::fs::write(folder.path().join("dump.txt"), &texts[0]).unwrap();
    for table in &printed {
        let name = String::from_utf8_lossy(&table[..4]).to_lowercase();
        let _ = std::fs::remove_file(folder.path().join(format!("{name}.dat")));
    }
    run(&["acpixtract", "-a", "dump.txt"]);
    for table in &printed {
        let name = String::from_utf8_lossy(&table[..4]).to_lowercase();
        let path = folder.path().join(format!("{name}.dat"));
        assert_eq!(&std::fs::read(path).unwrap(), table, "{name}");
    }
}
