//! Linux takes a PCCT or refuses it exactly when acpi-tools says so.
//!
//! Each table goes into a QEMU by -acpitable; nothing but the kernel's
//! mailbox core looks at it, so that no channel has to exist.

#[path = "../../acpi-tools/src/check/tests/machines.rs"]
#[allow(dead_code)] // some are for acpi-tools' own tests
mod machines;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use acpi_tools::check::{Effect, Target, check_facts, linux};
use acpi_tools::extract;
use acpi_tools::memory::Map;
use acpi_tools::platform::Facts;
use acpi_tools::table::{layout, seal};
use pccd_tests::built;
use pcclab::config::CPU;
use pcclab::lab::Lab;
use pcclab::session::{Config, Session};

/// Types 0 to 5; what it breaks on purpose Linux does not look at.
const ALL_TYPES: &[u8] =
    include_bytes!("../../acpi-tools/tests/data/all-types.dat");

/// A PCCT in the making: header and subspaces.
#[derive(Clone)]
struct Pcct {
    header: Vec<u8>,
    entries: Vec<Vec<u8>>,
}

/// Subspaces of these types, each sound to Linux.
fn pcct(kinds: &[u8]) -> Pcct {
    let header = ALL_TYPES[..48].to_vec();
    let mut at = 48;
    let mut by_type = Vec::new();
    for kind in layout::TYPES {
        let length = layout::of(kind).unwrap().length;
        by_type.push(ALL_TYPES[at..at + length].to_vec());
        at += length;
    }
    let entries = kinds.iter().map(|kind| by_type[*kind as usize].clone());
    let mut pcct = Pcct { header, entries: entries.collect() };
    for (id, kind) in kinds.iter().enumerate() {
        if (1..5).contains(kind) {
            pcct = pcct.set(id, "gsiv", 112 + id as u64).set(
                id,
                "interrupt_flags",
                2,
            );
        }
    }
    pcct
}

impl Pcct {
    fn place(&mut self, id: usize, name: &str) -> &mut [u8] {
        let layout = layout::of(self.entries[id][0]).unwrap();
        let field = layout.fields.iter().find(|f| f.name == name).unwrap();
        let end = field.offset + field.kind.width();
        &mut self.entries[id][field.offset..end]
    }

    fn set(mut self, id: usize, name: &str, value: u64) -> Pcct {
        let place = self.place(id, name);
        let length = place.len();
        place.copy_from_slice(&value.to_le_bytes()[..length]);
        self
    }

    /// Space, width and address of a register.
    fn register(
        mut self,
        id: usize,
        name: &str,
        space: u8,
        width: u8,
        address: u64,
    ) -> Pcct {
        let place = self.place(id, name);
        place[..4].copy_from_slice(&[space, width, 0, 0]);
        place[4..].copy_from_slice(&address.to_le_bytes());
        self
    }

    fn header(mut self, at: usize, value: u8) -> Pcct {
        self.header[at] = value;
        self
    }

    fn flags(self, value: u8) -> Pcct {
        self.header(36, value)
    }

    fn raw(mut self, entry: &[u8]) -> Pcct {
        self.entries.push(entry.to_vec());
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.header.clone();
        bytes.extend(self.entries.concat());
        seal(&mut bytes);
        bytes
    }
}

/// An address where no memory and no device is.
const NOWHERE: u64 = 0x0a10_0000;
/// An address in RAM.
const RAM: u64 = 0x4800_0000;

/// Name, table, and whether Linux refuses it.
fn cases() -> Vec<(&'static str, Pcct, bool)> {
    let pair = || pcct(&[3, 4]);
    let doorbell = "doorbell_register";
    let ack = "ack_register";
    vec![
        ("a pair", pair(), false),
        ("types 0 to 4", pcct(&[0, 1, 2, 3, 4]), false),
        ("no subspace", pcct(&[]), true),
        ("256 subspaces", pcct(&[0; 256]), false),
        ("257 subspaces", pcct(&[0; 257]), true),
        ("a length of 0", pair().raw(&[3, 0, 0, 0]), true),
        ("type 4, polled", pair().flags(0), true),
        ("type 3, polled", pcct(&[3]).flags(0), false),
        ("interrupt 0", pair().set(0, "gsiv", 0), true),
        ("interrupt 0, polled", pcct(&[3]).flags(0).set(0, "gsiv", 0), false),
        ("interrupt 8", pair().set(0, "gsiv", 8), true),
        ("interrupt 31", pair().set(0, "gsiv", 31), false),
        ("interrupt 1020", pair().set(0, "gsiv", 1020), true),
        ("type 1, level", pcct(&[1]).set(0, "interrupt_flags", 0), true),
        (
            "type 1, level, polled",
            pcct(&[1]).flags(0).set(0, "interrupt_flags", 0),
            false,
        ),
        ("type 2, level", pcct(&[2]).set(0, "interrupt_flags", 0), false),
        ("edge shared", pair().set(1, "gsiv", 112), false),
        (
            "edge and level",
            pair().set(1, "gsiv", 112).set(1, "interrupt_flags", 0),
            true,
        ),
        ("active low", pair().set(0, "interrupt_flags", 3), false),
        (
            "doorbell 24 bits",
            pair().register(0, doorbell, 0, 24, NOWHERE),
            true,
        ),
        ("doorbell 8 bits", pair().register(0, doorbell, 0, 8, NOWHERE), false),
        ("no acknowledge", pair().register(0, ack, 0, 0, 0), true),
        (
            "no acknowledge, polled",
            pcct(&[3]).flags(0).register(0, ack, 0, 0, 0),
            false,
        ),
        ("acknowledge fixed", pair().register(0, ack, 0x7f, 0, 0), false),
        (
            "no error register",
            pair().register(1, "error_register", 0, 0, 0),
            true,
        ),
        ("doorbell in RAM", pair().register(0, doorbell, 0, 32, RAM), true),
        ("memory in RAM", pair().set(0, "base_address", RAM), false),
        ("no memory", pair().set(0, "memory_length", 0), false),
        ("reserved flags", pair().flags(0xff), false),
        ("revision 1", pair().header(8, 1), false),
        ("type 5, then 1", pcct(&[5, 1]), true),
        ("type 5, then 3", pcct(&[5, 3]), false),
        (
            "type 5, then 3 of 768 us",
            pcct(&[5, 3]).set(1, "nominal_latency", 768),
            true,
        ),
    ]
}

/// The same of tables that machines shipped with.
fn machines() -> Vec<(&'static str, Vec<u8>, bool)> {
    // Each works on arm64 as well: nothing there maps an x86 port.
    machines::all()
        .into_iter()
        .map(|(name, table)| (name, table, false))
        .collect()
}

fn words(table: &Path) -> Vec<OsString> {
    let mut words: Vec<OsString> =
        ["-machine", "virt,gic-version=3", "-cpu", CPU, "-m", "512M"]
            .map(OsString::from)
            .into();
    words.extend(["-nodefaults", "-acpitable"].map(OsString::from));
    words.push(format!("file={}", table.display()).into());
    words
}

/// What acpi-tools says of the tables that this QEMU has.
fn foretold(table: &Path, target: Target) -> bool {
    let mut line = vec![built("QEMU").into_os_string()];
    line.extend(words(table));
    let platform = extract::qemu(&line).unwrap();
    let findings = check_facts(&Facts::of(&platform));
    linux(findings.iter(), target) == Effect::Table
}

/// Boots until the mailbox core has looked; whether it took the table, and
/// what it said.
fn boot(kernel: &Path, table: &Path) -> (bool, Vec<String>) {
    let mut qemu = Command::new(built("QEMU"))
        .args(words(table))
        .args(["-display", "none", "-no-reboot", "-serial", "stdio"])
        .arg("-bios")
        .arg(built("FIRMWARE"))
        .arg("-kernel")
        .arg(kernel)
        .args(["-append", "console=ttyAMA0 panic=-1 loglevel=7"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (send, lines) = channel();
    let output = BufReader::new(qemu.stdout.take().unwrap());
    std::thread::spawn(move || {
        for line in output.split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).into_owned();
            if send.send(line).is_err() {
                break;
            }
        }
    });
    // Seconds on an idle machine.
    let until = Instant::now() + Duration::from_secs(300);
    let mut said = Vec::new();
    let taken = loop {
        let left = until.saturating_duration_since(Instant::now());
        match lines.recv_timeout(left) {
            Ok(line) => {
                let taken = line.contains("Registering PCC driver");
                // The mailbox core comes before the interpreter.
                let over = line.contains("Interpreter enabled")
                    || line.contains("Kernel panic");
                if line.to_uppercase().contains("PCC") {
                    said.push(line);
                }
                if taken || over {
                    break taken;
                }
            }
            Err(RecvTimeoutError::Disconnected) => break false,
            Err(RecvTimeoutError::Timeout) => panic!("hung: {said:#?}"),
        }
    };
    let _ = qemu.kill();
    let _ = qemu.wait();
    (taken, said)
}

fn agrees(kernel: &str, target: Target) {
    let kernel = built(kernel);
    let folder = tempfile::tempdir().unwrap();
    let made = cases().into_iter();
    let made = made.map(|(name, pcct, refused)| (name, pcct.bytes(), refused));
    let cases: Vec<_> = made.chain(machines()).collect();
    assert!(cases.len() >= 20);
    let next = Mutex::new(cases.iter().enumerate());
    let wrong = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let case = next.lock().unwrap().next();
                    let Some((n, (name, bytes, refused))) = case else { break };
                    let path = folder.path().join(format!("{n}.dat"));
                    std::fs::write(&path, bytes).unwrap();
                    let foretold = foretold(&path, target);
                    let (taken, said) = boot(&kernel, &path);
                    if foretold != *refused || taken == *refused {
                        wrong.lock().unwrap().push(format!(
                            "{name}: expected refused {refused}, acpi-tools \
                             says {foretold}, Linux took it {taken}: {said:#?}"
                        ));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    println!("{} tables: Linux and acpi-tools agree", cases.len());
}

/// What the firmware installed and Linux reads is what was extracted without
/// them, checksums and all; FACP and XSDT have addresses, which differ.
#[test]
fn linux_reads_the_tables_that_were_extracted() {
    const TABLES: &[&str] = &["PCCT", "SSDT", "APIC", "MCFG", "DSDT"];
    let folder = tempfile::tempdir().unwrap();
    let script = format!(
        "for t in {}; do echo table $t; \
         od -An -v -tx1 /sys/firmware/acpi/tables/$t; done; \
         echo iomem; cat /proc/iomem",
        TABLES.join(" ")
    );
    let lab = Lab::find(None, &[]).unwrap();
    let config = Config::new(lab, folder.path(), &["sh", "-c", &script]);
    let session = Session::start(config).unwrap();
    let mut lines = Vec::new();
    session.finish(|line| lines.push(line.to_owned())).unwrap();

    let mut seen: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut current = String::new();
    let mut iomem = String::new();
    for line in &lines {
        if let Some(name) = line.strip_prefix("table ") {
            current = name.to_owned();
        } else if line == "iomem" {
            current = "iomem".to_owned();
        } else if current == "iomem" && line.contains(" : ") {
            iomem += &format!("{line}\n");
        } else if let Ok(bytes) = hex::decode(line.replace(' ', "")) {
            seen.entry(current.clone()).or_default().extend(bytes);
        }
    }
    let mut line = vec![built("QEMU").into_os_string()];
    let words =
        format!("-machine virt,pcc=on -cpu {CPU} -smp 2 -m 512M -nodefaults");
    line.extend(words.split(' ').map(OsString::from));
    // With firmware the machine has another power button, and so the DSDT.
    line.extend(["-bios".into(), built("FIRMWARE").into_os_string()]);
    let mut platform = extract::qemu(&line).unwrap();
    for name in TABLES {
        let table = platform.all(name).next().unwrap();
        let linux = seen.get(*name).unwrap_or_else(|| panic!("{lines:#?}"));
        assert!(table.bytes == *linux, "{name} differs");
    }
    // The map of a real system is read, and the channels are not in its RAM.
    let map = Map::parse("iomem", &iomem).unwrap();
    assert!(!map.ram.is_empty() && !map.reserved.is_empty(), "{iomem}");
    platform.map = Some(map);
    assert_eq!(check_facts(&Facts::of(&platform)), []);
}

#[test]
fn linux_7_agrees() {
    agrees("KERNEL", Target::Linux7);
}

#[test]
#[ignore = "as long again; part of make test-long"]
fn linux_6_12_agrees() {
    agrees("KERNEL_6_12", Target::Linux612);
}
