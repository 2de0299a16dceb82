//! Tables that lie: no panic, no hang, no memory out of proportion.
//!
//! A mutation loop with a fixed seed, so that a failure repeats itself. The
//! number of inputs is `ACPI_TOOLS_INPUTS`, 300 without it.

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use acpi_tools::check::{Target, Verdict, check_facts};
use acpi_tools::platform::{
    CONTENTS_FILE, Facts, MAP_FILE, Platform, TREE_FILE,
};
use acpi_tools::report::{self, Style};
use acpi_tools::{diff, extract, table, text};

/// Counts what is allocated, and the most that ever was.
struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator unchanged; the counters
// only watch.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Ordering::Relaxed);
        MOST.fetch_max(now + layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(place, layout) }
    }
}

/// One test at a time: the counters count everything.
static ALONE: Mutex<()> = Mutex::new(());

#[global_allocator]
static COUNTING: Counting = Counting;

/// xorshift64*: the same numbers each time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() >> 16) as usize % n.max(1)
    }
}

const DUMP: &str = "PCCT @ 0x0000000000000000\n    0000: 50 43 43 54 30 00 00 \
    00 02 00 41 42 43 44 45 46  PCCT0.....ABCDEF\n    0010: 00 00 00 00 00 00 \
    00 00 00 00 00 00 00 00 00 00  ................\n    0020: 00 00 00 00 01 \
    00 00 00 00 00 00 00 00 00 00 00  ................\n";

const HEXDUMP: &str = "\
00000000  53 53 44 54 54 00 00 00  01 00 41 42 43 44 45 46  |SSDTT.....ABCDEF|
00000010  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |................|
*
00000050  00 00 00 00                                       |....|
00000054
";

/// iasl's fields, and the lines of bytes of a dump.
fn listing() -> Vec<u8> {
    let rows = DUMP.split_once('\n').map_or("", |(_, rows)| rows);
    let fields = "[000h 0000   4]  Signature : \"PCCT\"\n\
                  [004h 0004   4]  Table Length : 00000030\n\
                  Raw Table Data: Length 48 (0x30)\n\n";
    [fields, rows].concat().into_bytes()
}

/// Name of the file, and its content.
fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("pcct", include_bytes!("data/all-types.dat").to_vec()),
        ("ssdt", include_bytes!("data/clients.dat").to_vec()),
        ("firmware", include_bytes!("data/firmware.dat").to_vec()),
        ("apic", madt()),
        ("facs", facs()),
        ("rsdp", rsdp()),
        (TREE_FILE, include_bytes!("data/virt.dtb").to_vec()),
        ("dump", DUMP.as_bytes().to_vec()),
        ("listing", listing()),
        ("hexdump", HEXDUMP.repeat(2).into_bytes()),
        (MAP_FILE, b"40000000-4fffffff : System RAM\n".to_vec()),
        (CONTENTS_FILE, b"40001000: 00 43 43 50 00 00\n".to_vec()),
        ("pdtt", b"PDTT\x30\0\0\0aaaaaaaaaaaaaaaaaaaaaaaaaaaa\x02\0\0\0\x2c\0\0\0\x01\0\x02\0".to_vec()),
    ]
}

fn facs() -> Vec<u8> {
    let mut table = b"FACS\x40".to_vec();
    table.resize(64, 0);
    table
}

fn rsdp() -> Vec<u8> {
    let mut table = b"RSD PTR \0TESTID\x02".to_vec();
    table.resize(36, 0);
    table[20] = 36;
    table::fix_checksum(&mut table);
    table
}

fn madt() -> Vec<u8> {
    let mut table = vec![0; 44];
    table[..4].copy_from_slice(b"APIC");
    for (kind, length) in [(0x0b, 82), (0x0c, 24), (0x0d, 24), (0x0e, 16)] {
        let mut entry = vec![1; length];
        entry[..2].copy_from_slice(&[kind, length as u8]);
        table.extend(entry);
    }
    table::seal(&mut table);
    table
}

fn mutate(random: &mut Random, bytes: &mut Vec<u8>, other: &[u8]) {
    const NUMBERS: &[u64] = &[
        0,
        1,
        2,
        3,
        7,
        8,
        16,
        31,
        35,
        36,
        47,
        48,
        0x7f,
        0x80,
        0xff,
        0x100,
        0x7fff,
        0xffff,
        0x7fff_ffff,
        0xffff_fffe,
        0xffff_ffff,
        u64::MAX,
    ];
    for _ in 0..1 + random.below(6) {
        let at = random.below(bytes.len());
        match random.below(8) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            1 if at < bytes.len() => bytes[at] = random.next() as u8,
            2 | 3 => {
                let number = NUMBERS[random.below(NUMBERS.len())];
                let width = [1, 2, 4, 8][random.below(4)];
                let number = &number.to_le_bytes()[..width];
                if let Some(place) = bytes.get_mut(at..at + width) {
                    place.copy_from_slice(number);
                }
            }
            4 => bytes.truncate(at),
            5 => {
                // A piece of itself once more: nesting and repetition.
                let end = (at + random.below(200)).min(bytes.len());
                let piece = bytes[at.min(end)..end].to_vec();
                let place = random.below(bytes.len() + 1);
                bytes.splice(place..place, piece);
            }
            6 => {
                let from = random.below(other.len());
                let end = (from + random.below(200)).min(other.len());
                let place = random.below(bytes.len() + 1);
                bytes.splice(place..place, other[from..end].iter().copied());
            }
            _ => {
                let end = (at + random.below(40)).min(bytes.len());
                bytes.drain(at.min(end)..end);
            }
        }
        bytes.truncate(1 << 16);
    }
}

/// Everything the program does with an input.
fn everything(name: &str, bytes: &[u8], sound: &Platform) {
    let mut platform = sound.clone();
    platform.tables.retain(|table| !table.origin.starts_with(name));
    match platform.add(name, name, bytes.to_vec()) {
        Ok(true) => {}
        Ok(false) | Err(_) => return,
    }
    let facts = Facts::of(&platform);
    let findings = check_facts(&facts);
    let verdict = Verdict::of(findings.iter(), Target::Linux7, true);
    let report = report::check::Report {
        open: &findings,
        accepted: &[],
        unused: Vec::new(),
        target: Target::Linux7,
        verdict,
    };
    let mut length = report.text(Style::default()).len();
    length += report.json().to_string().len();
    let sources = report::show::sources(&facts, true);
    length += report::show::text(&sources, Style::default()).len();
    length += report::map::draw(&facts).len();
    let changes = diff::diff(&Facts::of(sound), &facts, true);
    length += report::diff::markdown(&changes).len();
    length += extract::files(&platform).len();
    assert!(length > 0);
}

fn inputs() -> usize {
    let wanted = std::env::var("ACPI_TOOLS_INPUTS").ok();
    wanted.map_or(300, |n| n.parse().expect("ACPI_TOOLS_INPUTS: a number"))
}

#[test]
fn mutated_tables_do_no_harm() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let seeds = seeds();
    let mut sound = Platform::default();
    for (name, bytes) in &seeds {
        assert!(sound.add(name, name, bytes.clone()).unwrap(), "{name}");
    }
    let mut random = Random(0x5043_4354);
    let (mut slowest, mut largest) = ((Duration::ZERO, 0), 0.0f64);
    let start = Instant::now();
    let count = inputs();
    for n in 0..count {
        let (name, seed) = &seeds[random.below(seeds.len())];
        let mut bytes = seed.clone();
        let other = &seeds[random.below(seeds.len())].1;
        mutate(&mut random, &mut bytes, other);
        // Most get past the frame: length and checksum made right.
        let text = text::is_text(&bytes);
        let sealed = !text && bytes.len() >= 36 && *name != TREE_FILE;
        if sealed && random.below(4) > 0 {
            table::seal(&mut bytes);
        }
        let before = NOW.load(Ordering::Relaxed);
        MOST.store(before, Ordering::Relaxed);
        let began = Instant::now();
        everything(name, &bytes, &sound);
        let took = began.elapsed();
        let used = MOST.load(Ordering::Relaxed).saturating_sub(before);
        slowest = slowest.max((took, n));
        // What is known of the sound parts takes its share each time.
        let bound = (4 << 20) + 256 * bytes.len();
        largest = largest.max(used as f64 / bound as f64);
        assert!(used <= bound, "input {n}: {used} bytes for {}", bytes.len());
        assert!(took < Duration::from_secs(5), "input {n}: {took:?}");
    }
    println!(
        "{count} inputs in {:.1?}, slowest {:.1?} (input {}), memory at most \
         {:.0} % of the bound",
        start.elapsed(),
        slowest.0,
        slowest.1,
        largest * 100.0
    );
}

#[test]
fn mutated_loader_scripts_do_no_harm() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut script = Vec::new();
    for command in 1..4u8 {
        let mut entry = vec![0; 128];
        entry[0] = command;
        entry[4..19].copy_from_slice(b"etc/acpi/tables");
        entry[60..75].copy_from_slice(b"etc/acpi/tables");
        if command != 2 {
            entry[60..76].copy_from_slice(&[
                64, 0, 0, 0, 0, 0, 0, 0, 36, 0, 0, 0, 0, 0, 0, 0,
            ]);
        }
        entry[120] = 8;
        script.extend(entry);
    }
    let blob = include_bytes!("data/all-types.dat");
    let mut random = Random(7);
    for _ in 0..inputs() / 10 {
        let mut bytes = script.clone();
        mutate(&mut random, &mut bytes, blob);
        let mut tables = blob.to_vec();
        mutate(&mut random, &mut tables, &script);
        let file = |name: &str, bytes| (name.to_owned(), bytes);
        let mut files: BTreeMap<_, _> =
            [file("etc/acpi/tables", tables), file("etc/table-loader", bytes)]
                .into();
        let _ = extract::loader::tables(&mut files);
    }
}

/// A package of 255 elements and a template of 4 KiB, and names of them.
fn shared(piece: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 36];
    bytes[..4].copy_from_slice(b"SSDT");
    let registers =
        b"\x11\x14\x0a\x11\x82\x0c\0\x0a\x20\0\0\x08\0\0\0\0\0\0\0\x79\0";
    let package = registers.repeat(255);
    let length = package.len() + 4;
    bytes.extend(b"\x08BIGP\x12");
    bytes.extend([0x80 | (length & 15) as u8, (length >> 4) as u8]);
    bytes.extend([(length >> 12) as u8, 255]);
    bytes.extend(package);
    let template = b"\x82\x0c\0\x0a\x20\0\0\x08\0\0\0\0\0\0\0".repeat(256);
    let length = template.len() + 6;
    bytes.extend(b"\x08TMPL\x11");
    bytes.extend([0x80 | (length & 15) as u8, (length >> 4) as u8]);
    bytes.extend([(length >> 12) as u8, 0x0b]);
    bytes.extend((template.len() as u16).to_le_bytes());
    bytes.extend(template);
    while bytes.len() < 1 << 20 {
        bytes.extend(piece);
    }
    table::seal(&mut bytes);
    bytes
}

/// Large inputs of the kinds that once cost too much: work and memory grow
/// with the length, not with its square.
#[test]
fn large_tables_take_their_time_and_no_more() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let table = |signature: &[u8; 4], piece: &[u8]| {
        // What lies in front of subspaces, entries and AML.
        let mut bytes = match signature {
            b"PCCT" => vec![0; 48],
            b"APIC" => vec![0; 44],
            _ => vec![0; 36],
        };
        bytes[..4].copy_from_slice(signature);
        while bytes.len() < 1 << 20 {
            bytes.extend(piece);
        }
        table::seal(&mut bytes);
        bytes
    };
    // Each subspace overlaps each other one: as many findings as can be.
    let mut entry = vec![1; 62];
    entry[..2].copy_from_slice(&[1, 62]);
    let mut frame = vec![1; 24];
    frame[..2].copy_from_slice(&[0x0d, 24]);
    let device = b"\x5b\x82\x19ABCD\x08_HID\x0dDMT0001\0\x08ABCD\x00";
    let cases = [
        ("subspaces", table(b"PCCT", &entry)),
        ("short subspaces", table(b"PCCT", &[7, 2])),
        ("regions", table(b"SSDT", b"\x5b\x80ABCD\x0a\x0a\x03\x0a\x40")),
        ("devices", table(b"SSDT", device)),
        ("half regions", table(b"SSDT", b"\xa4\x5b\x80ABCD\x0a\x0d")),
        ("scopes", table(b"SSDT", b"\x10\x4f\xff\xff")),
        ("conditions", table(b"SSDT", b"\xa0\x4f\xff\xff\x01")),
        ("expressions", table(b"SSDT", &[0x92])),
        ("shared package", shared(b"\x08_CPCBIGP")),
        ("shared method", shared(b"\x14\x0b_CPC\0\xa4BIGP")),
        ("shared template", shared(b"\x08_CRSTMPL")),
        ("names", shared(b"\x14\x0c_CPC\0\xa4^BIGP")),
        ("controllers", table(b"MPAM", &[3, 0, 0x0a])),
        ("frames", table(b"APIC", &frame)),
    ];
    for (_, bytes) in &cases {
        assert!(bytes.len() >= 1 << 20);
    }
    let mut pcct = vec![0; 48];
    pcct[..4].copy_from_slice(b"PCCT");
    for _ in 0..256 {
        pcct.extend(&entry);
    }
    table::seal(&mut pcct);
    let mut sound = Platform::default();
    sound.add("sound", "sound", pcct).unwrap();
    for (name, bytes) in cases {
        let mut platform = match &bytes[..4] {
            b"PCCT" => Platform::default(),
            _ => sound.clone(),
        };
        platform.add(name, name, bytes.clone()).unwrap();
        let before = NOW.load(Ordering::Relaxed);
        MOST.store(before, Ordering::Relaxed);
        let start = Instant::now();
        let facts = Facts::of(&platform);
        let findings = check_facts(&facts);
        let sources = report::show::sources(&facts, false);
        let changes = diff::diff(&Facts::of(&sound), &facts, true);
        let took = start.elapsed();
        let used = MOST.load(Ordering::Relaxed).saturating_sub(before);
        println!(
            "{name}: {took:.1?}, {} MiB, {} findings, {} sources, {} changes",
            used >> 20,
            findings.len(),
            sources.len(),
            changes.len()
        );
        assert!(took < Duration::from_secs(20), "{name}: {took:?}");
        assert!(used < 128 << 20, "{name}: {used} bytes");
    }
}
