//! Tables of real machines, built from their numbers, and every finding on
//! them; and how many findings a machine has.

use std::collections::BTreeMap;

use super::machines::*;
use super::*;
use crate::testing::{
    Case, buffer, cpc_package, device, hid_device, pcct, register,
};

fn platform(tables: &[Vec<u8>]) -> Platform {
    let mut platform = Platform::default();
    for (n, table) in tables.iter().enumerate() {
        let origin = format!("table {n}");
        assert!(platform.add(&origin, &origin, table.clone()).unwrap());
    }
    platform
}

/// Letter and rule of what is found for Linux 7, in order.
fn found(platform: &Platform) -> Vec<String> {
    let findings = check(platform);
    let target = Target::Linux7;
    let shown = findings.iter().filter(|found| found.concerns(target));
    let name =
        |f: &Finding| format!("{} {}", f.severity(target).letter(), f.rule.id);
    shown.map(name).collect()
}

/// A table with other bytes at some places; the checksum is made right.
fn changed(text: &str, changes: &[(usize, &[u8])]) -> Vec<u8> {
    let mut table = bytes(text);
    for (at, new) in changes {
        table[*at..at + new.len()].copy_from_slice(new);
    }
    crate::table::fix_checksum(&mut table);
    table
}

fn ssdt(aml: &[u8]) -> Vec<u8> {
    let case = pcct(&[]).without_pcct().ssdt(aml);
    case.build().tables.remove(0).bytes
}

/// Processors with these entries, as Name or as a method of each but the
/// first that returns what the first has.
fn processors(count: usize, revision: u8, entries: &[Vec<u8>]) -> Vec<u8> {
    let package = cpc_package(revision, entries);
    let one = |n: usize| {
        let name: [u8; 4] = format!("C{n:03}").into_bytes().try_into().unwrap();
        device(&name, &[&b"\x08_CPC"[..], &package].concat())
    };
    ssdt(&(0..count).flat_map(one).collect::<Vec<_>>())
}

/// The _CPC of AMD boards: PCC registers of 32 bits, counters in fixed
/// hardware.
fn amd_processors(revision: u8) -> Vec<u8> {
    let pcc = [0, 4, 8, 0xc, 0x14, 0x18, 0x1c, 0x40, 0x44, 0x48, 0x50];
    let count = if revision == 3 { 21 } else { 19 };
    let mut entries: Vec<_> =
        pcc.iter().map(|at| buffer(&register(0, *at, 32))).collect();
    let mut counter = register(4, 0xe7, 64);
    counter[3] = 0x7f;
    entries.extend([buffer(&counter), buffer(&counter)]);
    entries.resize(count, vec![0]);
    processors(16, revision, &entries)
}

fn old_processors(width: u8) -> Vec<u8> {
    let entries = vec![buffer(&register(0, 0x3c, width)); 15];
    processors(8, 1, &entries)
}

#[test]
fn every_table_adds_up() {
    let alone = [RYZEN, BROADWELL, X299, RASF, PROLIANT, AMD_2025];
    let mut all: Vec<_> = alone.map(bytes).into();
    all.push(altra());
    let lengths: Vec<_> = all.iter().map(Vec::len).collect();
    assert_eq!(lengths, [110, 110, 110, 48, 110, 212, 1398]);
    for table in all {
        assert_eq!(crate::bytes::sum(&table), 0, "{table:x?}");
    }
}

/// Nothing on the commonest table there is, nor on its processors.
#[test]
fn ryzen() {
    for revision in [2, 3] {
        let tables = [bytes(RYZEN), amd_processors(revision)];
        assert_eq!(found(&platform(&tables)), [""; 0]);
    }
}

/// The revision is wrong. Linux takes the table, but not the _CPC.
#[test]
fn broadwell() {
    let table = platform(&[bytes(BROADWELL)]);
    assert_eq!(found(&table), ["E PCCT-003"]);
    let findings = check(&table);
    assert_eq!(linux(findings.iter(), Target::Linux7), Effect::None);
    let machine = platform(&[bytes(BROADWELL), old_processors(32)]);
    let mut all = found(&machine);
    all.dedup();
    assert_eq!(all, ["E PCCT-003", "L PCCT-097"]);
}

/// RASF names a channel that is not there, and Linux has no use for it.
#[test]
fn x299() {
    let machine = platform(&[bytes(X299), bytes(RASF)]);
    let wanted = ["I PCCT-013", "W PCCT-060", "E PCCT-080"];
    assert_eq!(found(&machine), wanted);
    let findings = check(&machine);
    for kernel in KERNELS {
        assert_eq!(linux(findings.iter(), *kernel), Effect::None);
    }
}

/// Registers of one bit are ignored together with their _CPC.
#[test]
fn proliant() {
    let mut all = found(&platform(&[bytes(PROLIANT), old_processors(1)]));
    all.dedup();
    assert_eq!(all, ["I PCCT-013", "L PCCT-097"]);
    // The same registers under revision 2 are read, and cannot be.
    let entries = vec![buffer(&register(0, 0x3c, 1)); 19];
    let mut all =
        found(&platform(&[bytes(PROLIANT), processors(8, 2, &entries)]));
    all.dedup();
    assert_eq!(all, ["I PCCT-013", "L PCCT-098"]);
}

/// A responder alone: amd-hfi knows it, though nothing names it.
#[test]
fn a_lone_responder_with_its_user() {
    let user = ssdt(&hid_device(b"HFI0", "AMDI0104", &[]));
    let machine = platform(&[bytes(AMD_2025), user]);
    assert_eq!(found(&machine), ["I PCCT-062"]);
    let other = ssdt(&hid_device(b"HFI0", "AMDI0105", &[]));
    let machine = platform(&[bytes(AMD_2025), other]);
    assert_eq!(found(&machine), ["I PCCT-062", "W PCCT-084"]);
}

#[test]
fn ampere_altra() {
    let table = platform(&[altra()]);
    assert_eq!(found(&table), [""; 0]);
    // Its CPPC is subspace 2, the payload in the doorbell's own word.
    let entries = vec![buffer(&register(2, 0, 32)); 21];
    let machine = [altra(), processors(80, 3, &entries)];
    let mut all = found(&platform(&machine));
    all.dedup();
    assert_eq!(all, ["W PCCT-084"], "the fourteen others");
}

/// Designs of which only that is known: three of type 1 that are polled; and
/// a template whose times are all 1.
fn described() -> Vec<Case> {
    let ones = ["nominal_latency", "max_periodic_rate", "min_turnaround"];
    let template =
        ones.iter().fold(pcct(&[0]), |case, name| case.set(0, name, 1));
    vec![pcct(&[1, 1, 1]).flags(0), template]
}

#[test]
fn placeholders_that_work_are_no_findings() {
    for case in described() {
        assert_eq!(found(&case.build()), [""; 0]);
    }
}

#[test]
fn flags_of_two_were_meant_for_bit_0() {
    let findings = check(&pcct(&[5]).flags(2).build());
    let found = findings.iter().find(|f| f.rule.id == "PCCT-004").unwrap();
    assert!(found.text.contains("did you mean bit 0"), "{}", found.text);
    let findings = check(&pcct(&[5]).flags(6).build());
    let found = findings.iter().find(|f| f.rule.id == "PCCT-004").unwrap();
    assert!(!found.text.contains("mean"), "{}", found.text);
}

/// The machines of the facts, board by board: bases and doorbells differ,
/// and half of them have SSDTs that share their ids.
fn machines() -> Vec<(&'static str, Platform)> {
    let mut all = Vec::new();
    for board in 0..36u8 {
        let doorbell: [u32; 3] = [0xfd01_0540, 0xfd11_0540, 0xb301_0540];
        let doorbell = doorbell[usize::from(board % 3)].to_le_bytes();
        let base = (0xac1c_0000 + u32::from(board) * 0x1_0000).to_le_bytes();
        let table = changed(RYZEN, &[(56, &base), (76, &doorbell)]);
        let mut tables = vec![table, amd_processors(2 + board % 2)];
        if board % 2 == 1 {
            tables.push(ssdt(b"\x08ABCD\x00"));
        }
        all.push(("Ryzen", platform(&tables)));
    }
    for vendor in 0..6u8 {
        let base = (0xdb7f_9018 - u32::from(vendor) * 0x1000).to_le_bytes();
        let table = changed(BROADWELL, &[(56, &base)]);
        let tables = [table, old_processors(32)];
        all.push(("Broadwell", platform(&tables)));
    }
    for board in 0..3u8 {
        let base = (0x4ceb_6118 + u32::from(board) * 0x1000).to_le_bytes();
        let table = changed(X299, &[(56, &base)]);
        all.push(("X299", platform(&[table, bytes(RASF)])));
    }
    let tables = [bytes(PROLIANT), old_processors(1)];
    all.push(("ProLiant", platform(&tables)));
    let user = ssdt(&hid_device(b"HFI0", "AMDI0104", &[]));
    all.push(("AMD 2025", platform(&[bytes(AMD_2025), user])));
    all.push(("Altra", platform(&[altra()])));
    let described = described().into_iter().map(Case::build);
    all.extend(described.map(|platform| ("described", platform)));
    all
}

/// Errors, Linux errors, warnings and notes a machine, told as they are in
/// text: processors of one mistake are one line.
#[test]
fn the_rate_of_findings() {
    let machines = machines();
    let mut rates: BTreeMap<&str, (usize, BTreeMap<String, usize>)> =
        BTreeMap::new();
    for (name, platform) in &machines {
        let rate = rates.entry(name).or_default();
        rate.0 += 1;
        let mut lines = found(platform);
        lines.dedup();
        for line in lines {
            *rate.1.entry(line).or_default() += 1;
        }
    }
    let mut letters: BTreeMap<char, usize> = BTreeMap::new();
    for (name, (count, lines)) in &rates {
        println!("{name}: {count} machines, {lines:?}");
        for (line, count) in lines {
            *letters.entry(line.chars().next().unwrap()).or_default() += count;
        }
    }
    println!("{} machines: {letters:?}", machines.len());
    assert!(machines.len() >= 50);
    let wanted = [('E', 9), ('I', 23), ('L', 7), ('W', 3)];
    assert_eq!(letters, BTreeMap::from(wanted));
}

/// The tables of our own QEMU: nothing but channels that nobody uses, types
/// that Linux does not know, and type 0 without an SCI.
#[test]
fn our_own_tables() {
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/golden");
    let mut rules: BTreeMap<String, usize> = BTreeMap::new();
    let mut count = 0;
    for entry in std::fs::read_dir(golden).unwrap() {
        let path = entry.unwrap().path();
        if !path.join("pcct.dat").is_file() {
            continue;
        }
        count += 1;
        for line in found(&Platform::load(&path).unwrap()) {
            *rules.entry(line).or_default() += 1;
        }
    }
    println!("{count} of our own: {rules:?}");
    assert!(count > 15, "{count}");
    let known = ["W PCCT-084", "L PCCT-065", "W PCCT-058"];
    for rule in rules.keys() {
        assert!(known.contains(&rule.as_str()), "{rules:?}");
    }
}
