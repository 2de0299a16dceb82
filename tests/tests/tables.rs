//! Without `pcc=` nothing changes, with it exactly what is promised: the
//! patched QEMU beside the unpatched one, and iasl and dtc as judges.

use std::path::Path;
use std::process::Command;

use pccd_tests::firmware::{files, tables, with_checksum};
use pccd_tests::{built, qtest::Qtest};

/// Machines that people use; `pcc=` is in none of them.
const MACHINES: &[&[&str]] = &[
    &["-machine", "virt"],
    &["-machine", "virt,gic-version=2", "-smp", "2"],
    &["-machine", "virt,gic-version=3", "-smp", "4"],
    &["-machine", "virt,gic-version=3,its=off,iommu=smmuv3"],
    &["-machine", "virt,virtualization=on,secure=on", "-m", "3G"],
    &["-machine", "virt,highmem-ecam=off,gic-version=max"],
    &["-machine", "virt-9.2"],
];

fn start(qemu: &Path, machine: &[&str]) -> Qtest {
    let mut args = vec!["-cpu", "max"];
    args.extend(machine);
    Qtest::start(qemu, &args).unwrap()
}

fn device_tree(qemu: &Path, machine: &[&str]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dtb");
    let mut args: Vec<String> =
        machine.iter().map(|word| (*word).to_owned()).collect();
    // A random seed would make any two trees differ.
    args[1] += &format!(
        ",dtb-randomness=off,dumpdtb={}",
        path.display().to_string().replace(',', ",,")
    );
    let status = Command::new(qemu)
        .args(["-cpu", "max", "-display", "none", "-nodefaults"])
        .args(&args)
        .output()
        .unwrap();
    assert!(status.status.success(), "{args:?}: {status:?}");
    std::fs::read(path).unwrap()
}

#[test]
fn without_pcc_everything_is_as_upstream() {
    let patched = built("QEMU");
    let unpatched = built("QEMU_BASE");
    for machine in MACHINES {
        let ours = files(&mut start(&patched, machine)).unwrap();
        let theirs = files(&mut start(&unpatched, machine)).unwrap();
        assert!(theirs["etc/acpi/tables"].starts_with(b"DSDT"));
        assert_eq!(
            ours.keys().collect::<Vec<_>>(),
            theirs.keys().collect::<Vec<_>>(),
            "{machine:?}"
        );
        for (name, content) in &theirs {
            assert!(ours[name] == *content, "{machine:?}: {name} differs");
        }
        let tree = device_tree(&patched, machine);
        assert!(!tree.is_empty());
        assert!(
            tree == device_tree(&unpatched, machine),
            "{machine:?}: the device tree differs"
        );
    }
}

fn with_pcc(gic: &str) -> Vec<(String, Vec<u8>)> {
    let machine = format!("virt,pcc=on,gic-version={gic}");
    let mut qtest = start(&built("QEMU"), &["-machine", &machine]);
    tables(&files(&mut qtest).unwrap()).unwrap()
}

fn find<'a>(tables: &'a [(String, Vec<u8>)], signature: &str) -> &'a [u8] {
    let found: Vec<_> =
        tables.iter().filter(|(name, _)| name == signature).collect();
    assert_eq!(found.len(), 1, "one {signature}");
    &found[0].1
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

#[test]
fn the_pcct_names_the_pair() {
    for gic in ["2", "3"] {
        let tables = with_pcc(gic);
        let pcct = find(&tables, "PCCT");
        // ACPI 6.5 §14.1: revision 2, platform interrupts, types 3 and 4.
        assert_eq!(pcct[8], 2);
        assert_eq!(u32_at(pcct, 36), 1);
        assert_eq!(pcct.len(), 48 + 164 + 164);
        let (outbox, inbox) = (&pcct[48..212], &pcct[212..]);
        assert_eq!(outbox[..2], [3, 164]);
        assert_eq!(inbox[..2], [4, 164]);
        // SPI n is GSIV 32 + n; edge, active high.
        assert_eq!((u32_at(outbox, 2), outbox[6]), (32 + 80, 2));
        assert_eq!((u32_at(inbox, 2), inbox[6]), (32 + 81, 2));
        for entry in [outbox, inbox] {
            let base = u32_at(entry, 8);
            let size = u32_at(entry, 16);
            assert!(size >= 84, "MCTP's smallest region");
            assert!(base >= 0x0a00_8000 && base + size <= 0x0a01_0000);
            for at in [20, 60, 96, 116, 144] {
                let space_width = (entry[at], entry[at + 1]);
                assert_eq!(space_width, (0, 32), "register at {at}");
                let address = u32_at(entry, at + 4);
                assert!((0x0a00_8000..0x0a01_0000).contains(&address));
            }
        }
        // Linux waits 500 times as long: 0 would be no time at all. A type 4
        // subspace has none (ACPI 6.5 §14.1.6).
        assert_ne!(u32_at(outbox, 48), 0, "nominal latency");
        assert_eq!(u32_at(inbox, 48), 0, "nominal latency");
        let ssdt = find(&tables, "SSDT");
        let has = |bytes: &[u8]| {
            ssdt.windows(bytes.len()).any(|window| window == bytes)
        };
        assert!(has(b"DMT0001"), "the SSDT has the MCTP device");
    }
}

/// ACPI 6.5 §5.2.12.16: the v2m frame and how many SPIs it claims.
fn v2m_spis(madt: &[u8]) -> Option<(u16, u16)> {
    let mut at = 44;
    while at + 2 <= madt.len() {
        let (kind, length) = (madt[at], usize::from(madt[at + 1]));
        if kind == 0x0d {
            let u16_at =
                |at: usize| u16::from_le_bytes([madt[at], madt[at + 1]]);
            // Count, then base.
            return Some((u16_at(at + 22), u16_at(at + 20)));
        }
        assert!(length >= 2, "entry at {at} has no length");
        at += length;
    }
    None
}

#[test]
fn the_v2m_frame_ends_below_spi_80() {
    let (base, count) = v2m_spis(find(&with_pcc("2"), "APIC")).unwrap();
    assert_eq!((base, count), (32 + 48, 32));
    let mut qtest =
        start(&built("QEMU_BASE"), &["-machine", "virt,gic-version=2"]);
    let upstream = tables(&files(&mut qtest).unwrap()).unwrap();
    assert_eq!(v2m_spis(find(&upstream, "APIC")), Some((32 + 48, 64)));
    // The frame itself: MSI_TYPER (GICv2m, offset 8) has base and count.
    let mut qtest =
        start(&built("QEMU"), &["-machine", "virt,pcc=on,gic-version=2"]);
    let typer = u32_at(&qtest.read(0x0802_0008, 4).unwrap(), 0);
    assert_eq!((typer >> 16 & 0x3ff, typer & 0x3ff), (32 + 48, 32));
}

#[test]
fn iasl_reads_the_tables() {
    let folder = tempfile::tempdir().unwrap();
    for (signature, bytes) in with_pcc("3") {
        if signature != "PCCT" && signature != "SSDT" {
            continue;
        }
        let path = folder.path().join(format!("{signature}.dat"));
        std::fs::write(&path, with_checksum(bytes)).unwrap();
        let out = Command::new("iasl").arg("-d").arg(&path).output().unwrap();
        let text = String::from_utf8_lossy(&out.stderr).into_owned()
            + &String::from_utf8_lossy(&out.stdout);
        assert!(out.status.success(), "{text}");
        for word in ["Error", "Invalid", "Warning"] {
            assert!(!text.contains(word), "{signature}: {text}");
        }
        let source =
            std::fs::read_to_string(path.with_extension("dsl")).unwrap();
        // This iasl knows no address space of resource type 0x0A and says so
        // in a comment; everything else it must decode.
        let unknown = source.matches("** Invalid Resource Type: 0xA").count();
        assert_eq!(unknown, if signature == "SSDT" { 2 } else { 0 });
        assert_eq!(source.matches("Invalid").count(), unknown, "{source}");
        let wanted: &[&str] = match signature.as_str() {
            "PCCT" => &[
                "Extended PCC Master Subspace",
                "Extended PCC Slave Subspace",
                "Platform Interrupt : 00000070",
                "Platform Interrupt : 00000071",
            ],
            _ => &["\"DMT0001\"", "_CRS"],
        };
        for text in wanted {
            assert!(
                source.contains(text),
                "{signature} lacks {text}: {source}"
            );
        }
    }
}

#[test]
fn the_device_tree_has_the_node() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dtb");
    let tree = device_tree(&built("QEMU"), &["-machine", "virt,pcc=on"]);
    std::fs::write(&path, tree).unwrap();
    let out = Command::new("dtc")
        .args(["-q", "-I", "dtb", "-O", "dts"])
        .arg(&path)
        .output()
        .unwrap();
    let source = String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success());
    assert!(source.contains("pcc@a008000 {"), "{source}");
    for (node, spi) in [("channel@a008000", 0x50), ("channel@a008800", 0x51)] {
        let node = source.split(node).nth(1).unwrap_or_default();
        let node = node.split('}').next().unwrap_or_default();
        // Edge, rising.
        let line = format!("interrupts = <0x00 {spi:#x} 0x01>");
        assert!(node.contains(&line), "{source}");
    }
}

#[test]
fn reading_tables_touches_no_mailbox() {
    let folder = tempfile::tempdir().unwrap();
    let mailbox = folder.path().join("mailbox");
    let object = format!("pcc-mailbox-dir,id=m,path={}", mailbox.display());
    let mut qtest = start(
        &built("QEMU"),
        &["-object", &object, "-machine", "virt,pcc=on,pcc-mailbox=m"],
    );
    files(&mut qtest).unwrap();
    assert!(!mailbox.exists());
}
