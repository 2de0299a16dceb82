//! The cases: rule, a table that breaks it, one that keeps it.

use super::make::*;
use crate::field::Gas;
use crate::platform::{CONTENTS_FILE, MAP_FILE, TREE_FILE};
use crate::testing::{
    Case, cpc, descriptor, hid_device, mctp, pcct, region, register, window,
};

type Make = fn() -> Case;

/// Rule, broken, kept.
pub const CASES: &[(&str, Make, Make)] = &[
    ("PCCT-001", || three().last(|t| t.push(0)), three),
    ("PCCT-002", || three().last(|t| t[9] ^= 1), three),
    ("PCCT-003", || three().header(8, 1), || pcct(&[2]).header(8, 1)),
    ("PCCT-004", || three().flags(3), three),
    ("PCCT-005", || three().header(47, 1), three),
    ("PCCT-006", || pcct(&[]), || pcct(&[5; 256])),
    ("PCCT-007", || three().entry(0, |e| *e = vec![3, 0]), three),
    ("PCCT-008", || three().entry(0, |e| e.push(3)), three),
    ("PCCT-009", || three().entry(0, |e| *e = vec![6, 2]), || pcct(&[5])),
    (
        "PCCT-010",
        || three().entry(0, |e| *e = vec![3, 4, 0, 0]),
        || pcct(&[5]).entry(0, longer_five),
    ),
    ("PCCT-011", || pcct(&[4]).flags(0), || pcct(&[3]).flags(0)),
    ("PCCT-012", || three().with_bytes(sealed(&three())), three),
    ("PCCT-013", || pcct(&[2]).header(8, 1), three),
    ("PCCT-014", || three().entry(0, |e| e.truncate(163)), three),
    ("PCCT-015", || three().gic(None).without_pcct(), || three().gic(None)),
    ("PCCT-020", || three().entry(0, |e| e[90] = 1), three),
    (
        "PCCT-021",
        || three().set(0, "interrupt_flags", 6),
        || pcct(&[3]).set(0, "interrupt_flags", 2),
    ),
    (
        "PCCT-022",
        || pcct(&[1]).set(0, "memory_length", 8),
        || pcct(&[1]).set(0, "memory_length", 9),
    ),
    (
        "PCCT-023",
        || three().set(0, "memory_length", 15),
        || three().set(0, "memory_length", 17),
    ),
    (
        "PCCT-024",
        || three().set(0, "memory_length", 16),
        || three().set(0, "memory_length", 17),
    ),
    (
        "PCCT-025",
        || three().set(0, "base_address", u64::MAX - 7),
        || three().set(0, "base_address", u64::MAX - 0xfff),
    ),
    (
        "PCCT-026",
        || three().set(0, "base_address", window(0) + 0x1004),
        || three().set(0, "base_address", window(0) + 0x1008),
    ),
    (
        "PCCT-027",
        || pcct(&[3, 4]).set(0, "base_address", window(1) + 0x1ff8),
        || pcct(&[3, 4]).set(0, "base_address", window(1) + 0x2000),
    ),
    (
        "PCCT-028",
        || three().file(MAP_FILE, b"a011ff0-bffffff : System RAM\n"),
        || three().file(MAP_FILE, b"a012000-bffffff : System RAM\n"),
    ),
    (
        "PCCT-029",
        || three().change(0, "error_register", |r| r.address += 0xff0),
        || three().change(0, "error_register", |r| r.address += 0x1ff0),
    ),
    (
        "PCCT-030",
        || three().change(0, "ack_register", |r| r.space = 2),
        || three().change(0, "ack_register", |r| r.space = 0x7f),
    ),
    (
        "PCCT-031",
        || three().gic(None).change(0, "ack_register", |r| r.space = 1),
        || three().change(0, "ack_register", |r| r.space = 1),
    ),
    (
        "PCCT-032",
        || three().register(0, "ack_register", Gas::default()),
        || three().register(0, "ack_register", Gas::default()).flags(0),
    ),
    (
        "PCCT-033",
        || three().change(0, "ack_register", |r| r.bit_offset = 1),
        || three().change(0, "ack_register", |r| r.width = 64),
    ),
    (
        "PCCT-034",
        || three().change(0, "ack_register", |r| r.access = 4),
        || three().change(0, "ack_register", |r| r.access = 0),
    ),
    (
        "PCCT-035",
        || three().change(0, "error_register", |r| r.address += 1),
        || three().change(0, "error_register", |r| r.address += 4),
    ),
    (
        "PCCT-036",
        || three().change(0, "doorbell_register", |r| r.address = 0),
        || three().change(0, "doorbell_register", |r| r.address = 4),
    ),
    (
        "PCCT-037",
        || pcct(&[4]).change(0, "doorbell_register", |r| r.address = 0),
        || pcct(&[4]),
    ),
    (
        "PCCT-038",
        || three().set(0, "doorbell_write", 0),
        || pcct(&[5]).set(0, "doorbell_write", 0),
    ),
    (
        "PCCT-039",
        || three().set(0, "error_mask", 1 << 32),
        || three().set(0, "ack_preserve", u64::MAX),
    ),
    (
        "PCCT-040",
        || three().set(0, "doorbell_preserve", 1),
        || three().set(0, "doorbell_preserve", 2),
    ),
    (
        "PCCT-041",
        || three().set(0, "check_mask", 0),
        || three().set(0, "check_mask", 0x8000_0000).set_update_zero(),
    ),
    (
        "PCCT-042",
        || three().set(0, "update_preserve", 0xffff_ffff),
        || three().set(0, "update_preserve", 0xffff_fffe),
    ),
    (
        "PCCT-043",
        || pcct(&[4]).set(0, "update_set", 0),
        || pcct(&[4]).set(0, "update_set", 1),
    ),
    (
        "PCCT-044",
        || three().set(0, "error_mask", 0),
        || pcct(&[4]).set(0, "error_mask", 0),
    ),
    (
        "PCCT-045",
        || three().change(0, "error_register", |r| r.address -= 4),
        || {
            three().change(0, "error_register", |r| r.address -= 4).set(
                0,
                "error_mask",
                2,
            )
        },
    ),
    (
        "PCCT-046",
        || three().change(0, "ack_register", |r| r.address -= 8),
        three,
    ),
    (
        "PCCT-047",
        || pcct(&[3, 3]).change(1, "doorbell_register", down),
        || {
            pcct(&[3, 3])
                .change(1, "doorbell_register", down)
                .set(1, "doorbell_write", 2)
                .set(1, "doorbell_preserve", 1)
        },
    ),
    (
        "PCCT-048",
        || pcct(&[5, 5]).change(1, "check_register", down),
        || {
            pcct(&[5, 5]).change(1, "check_register", down).set(
                1,
                "check_mask",
                2,
            )
        },
    ),
    (
        "PCCT-049",
        || three().file(MAP_FILE, b"a010000-a010fff : System RAM\n"),
        || three().file(MAP_FILE, b"a012000-a012fff : System RAM\n"),
    ),
    ("PCCT-050", || level(3), || level(3).set(0, "ack_set", 1).no_keep()),
    ("PCCT-051", || level(1), || pcct(&[1])),
    (
        "PCCT-052",
        || pcct(&[3, 4]).set(1, "gsiv", 112),
        || pcct(&[3, 3]).set(1, "gsiv", 112).flags(0),
    ),
    ("PCCT-053", || shared(3, 1), || shared(3, 2)),
    (
        "PCCT-054",
        || three().set(0, "gsiv", 0),
        || three().set(0, "gsiv", 0).flags(0),
    ),
    (
        "PCCT-055",
        || three().gic(None).set(0, "gsiv", 31),
        || three().gic(None).set(0, "gsiv", 32),
    ),
    (
        "PCCT-056",
        || {
            pcct(&[3, 3])
                .set(1, "gsiv", 112)
                .set(1, "interrupt_flags", 0)
                .set(1, "ack_set", 1)
                .set(1, "ack_preserve", 0)
        },
        || shared(3, 2),
    ),
    (
        "PCCT-057",
        || three().set(0, "gsiv", 9).fadt(false, 9),
        || three().set(0, "gsiv", 9).fadt(true, 9),
    ),
    ("PCCT-058", || pcct(&[0]).fadt(true, 0), || pcct(&[0]).fadt(false, 9)),
    (
        "PCCT-059",
        || three().gic(None).set(0, "interrupt_flags", 3),
        || three().set(0, "interrupt_flags", 3),
    ),
    (
        "PCCT-060",
        || three().set(0, "nominal_latency", 1_000_001),
        || three().set(0, "nominal_latency", 1_000_000),
    ),
    (
        "PCCT-061",
        || three().set(0, "max_periodic_rate", 60_001).turn(1000),
        || three().set(0, "max_periodic_rate", 60_000).turn(1000),
    ),
    ("PCCT-062", || pcct(&[4]).set(0, "nominal_latency", 1), || pcct(&[4])),
    ("PCCT-063", || pcct(&[5]).set(0, "version", 2), || pcct(&[5])),
    (
        "PCCT-064",
        || pcct(&[5]).set(0, "memory_length", 3),
        || pcct(&[5]).set(0, "memory_length", 0),
    ),
    ("PCCT-065", || pcct(&[5]), three),
    ("PCCT-066", || three().turn(65_536), || three().turn(65_535)),
    ("PCCT-067", || pcct(&[5, 1]), three),
    (
        "PCCT-068",
        || three().change(0, "ack_register", |r| r.space = 0x7f),
        || three().change(0, "ack_register", |r| r.space = 1),
    ),
    ("PCCT-069", || shared(2, 2), || shared(3, 2)),
    (
        "PCCT-070",
        || three().file(CONTENTS_FILE, b"a011000: 01 43 43 50\n"),
        || three().file(CONTENTS_FILE, b"a011000: 00 43 43 50\n"),
    ),
    (
        "PCCT-071",
        || pcct(&[1]).file(CONTENTS_FILE, b"a011004: 00 00 0e 00\n"),
        || pcct(&[1]).file(CONTENTS_FILE, b"a011004: 00 00 01 00\n"),
    ),
    (
        "PCCT-072",
        || three().file(CONTENTS_FILE, b"a011008: f5 0f 00 00\n"),
        || three().file(CONTENTS_FILE, b"a011008: f4 0f 00 00\n"),
    ),
    (
        "PCCT-076",
        || three().gic(None).set(0, "gsiv", 1020),
        || three().gic(None).set(0, "gsiv", 1019),
    ),
    (
        "PCCT-077",
        || pair().ssdt(&[computed(), two_regions()].concat()),
        || pair().ssdt(&mctp(b"MP00", 0, 1)),
    ),
    (
        "PCCT-078",
        || three().ssdt(&hid_device(b"H000", "APMC0D29", &register(0, 0, 8))),
        || three().ssdt(&hid_device(b"H000", "HISI04B2", &register(0, 0, 8))),
    ),
    (
        "PCCT-079",
        || three().ssdt(&hid_device(b"MP00", "DMT0001", &descriptor(0))),
        || pair().ssdt(&mctp(b"MP00", 0, 1)),
    ),
    (
        "PCCT-080",
        || pcct(&[1]).ssdt(&[cpc(1, 0, 8), cpc(0, 0, 8)].concat()),
        || pcct(&[1]).ssdt(&cpc(0, 0, 8)).with(b"MPST", &[0]),
    ),
    (
        "PCCT-081",
        || pcct(&[4]).ssdt(&region(b"SHM_", 0, 64)),
        || three().ssdt(&region(b"SHM_", 0, 64)),
    ),
    (
        "PCCT-082",
        || three().ssdt(&region(b"SHM_", 0, 64)).with(b"MPST", &[0]),
        || pcct(&[3, 3]).ssdt(&region(b"SHM_", 0, 64)).with(b"MPST", &[1]),
    ),
    (
        "PCCT-083",
        || pair().ssdt(&mctp(b"MP00", 1, 0)),
        || pair().ssdt(&mctp(b"MP00", 0, 1)),
    ),
    (
        "PCCT-084",
        || three().ssdt(b"\x08ABCD\x00"),
        || three().ssdt(&region(b"SHM_", 0, 64)),
    ),
    (
        "PCCT-085",
        || three().flags(0).ssdt(&region(b"SHM_", 0, 64)),
        || three().ssdt(&region(b"SHM_", 0, 64)),
    ),
    (
        "PCCT-086",
        || pcct(&[1]).set(0, "memory_length", 0x20).ssdt(&cpc(0, 0x15, 32)),
        || pcct(&[1]).set(0, "memory_length", 0x20).ssdt(&cpc(0, 0x14, 32)),
    ),
    (
        "PCCT-087",
        || three().set(0, "memory_length", 63).ssdt(&region(b"SHM_", 0, 64)),
        || three().set(0, "memory_length", 68).ssdt(&region(b"SHM_", 0, 64)),
    ),
    (
        "PCCT-088",
        || three().ssdt(&cpc(0, 0, 32)),
        || pcct(&[2]).ssdt(&cpc(0, 0, 32)),
    ),
    ("PCCT-089", || hccs(63), || hccs(64)),
    (
        "PCCT-095",
        || pair().set(1, "memory_length", 83).ssdt(&mctp(b"MP00", 0, 1)),
        || pair().set(1, "memory_length", 84).ssdt(&mctp(b"MP00", 0, 1)),
    ),
    (
        "PCCT-090",
        || three().file(TREE_FILE, &tree(window(0) as u32, 0x1fff, &[80])),
        || three().file(TREE_FILE, &tree(window(0) as u32, 0x2000, &[80])),
    ),
    (
        "PCCT-091",
        || three().file(TREE_FILE, &tree(window(0) as u32, 0x2000, &[80, 81])),
        || pair().file(TREE_FILE, &tree(window(0) as u32, 0x20000, &[80, 81])),
    ),
    (
        "PCCT-092",
        || three().file(TREE_FILE, &node(4)),
        || three().file(TREE_FILE, &node(3)),
    ),
    (
        "PCCT-093",
        || three().gic(Some((80, 33))),
        || three().gic(Some((80, 32))),
    ),
    (
        "PCCT-094",
        || three().with(b"MCFG", &ecam(window(0) as u32 + 0x1000)),
        || three().with(b"MCFG", &ecam(window(1) as u32)),
    ),
    ("ACPI-001", || three().with_bytes(long_table()), || three().gic(None)),
    ("ACPI-002", || three().with_bytes(wrong_sum()), || three().gic(None)),
    (
        "ACPI-003",
        || three().with(b"SPCR", &[1]).with(b"SPCR", &[2]),
        || three().with(b"SPCR", &[1]).with(b"DBG2", &[2]),
    ),
    (
        "ACPI-004",
        || three().with(b"APIC", &[0, 0, 0, 0, 0, 0, 0, 0, 0x0c, 1]),
        || three().gic(Some((32, 1))),
    ),
    (
        "ACPI-005",
        || three().ssdt(&[region(b"SHM_", 0, 64), vec![0x10, 0x3f]].concat()),
        || three().ssdt(&region(b"SHM_", 0, 64)),
    ),
    (
        "ACPI-006",
        || three().ssdt(&[region(b"SHM_", 0, 64), vec![0x70, 1]].concat()),
        || three().ssdt(&region(b"SHM_", 0, 64)),
    ),
    (
        "ACPI-007",
        || three().file(TREE_FILE, &[0xd0, 0x0d, 0xfe, 0xed, 0, 0]),
        || three().file(TREE_FILE, &node(3)),
    ),
    (
        "ACPI-010",
        || three().fadt(true, 0).with_bytes(other_fadt()),
        || three().fadt(true, 0),
    ),
    (
        "ACPI-011",
        || three().file("x.dsl", listing("02").as_bytes()),
        || three().file("x.dsl", listing("01").as_bytes()),
    ),
];
