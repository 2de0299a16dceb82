use std::collections::BTreeSet;

use super::*;
use crate::aml::{Cpc, Element, Use};
use crate::testing::{device, package};

fn table(aml: &[u8]) -> Table {
    let mut bytes = b"SSDT".to_vec();
    bytes.resize(LENGTH, 0);
    bytes.extend(aml);
    crate::table::seal(&mut bytes);
    Table { origin: String::new(), bytes }
}

const REGION: &[u8] = b"\x5b\x80SHM_\x0a\x0a\x03\x0a\x40";

#[test]
fn a_pair_and_its_device() {
    let mut crs = b"\x08_CRS".to_vec();
    let mut template = Vec::new();
    for id in [4u8, 5] {
        template.extend([0x87, 0x17, 0, 0x0a, 0x0c, 0, 0, 0, 0, 0, id]);
        template.extend([0; 15]);
    }
    template.extend([0x79, 0]);
    crs.extend(package(
        &[0x11],
        &[&[0x0a, template.len() as u8], &template[..]].concat(),
    ));
    let hid = b"\x08_HID\x0dDMT0001\0";
    let inner = device(b"MP00", &[&hid[..], &crs].concat());
    let scope = package(&[0x10], &[&b"\\_SB_"[..], &inner].concat());
    let found = scan(&table(&scope));
    assert_eq!(found.troubles, []);
    assert_eq!(found.devices[0].path, "\\_SB_.MP00");
    assert_eq!(found.devices[0].hid.as_deref(), Some("DMT0001"));
    let ids: Vec<_> = found.references.iter().map(|r| r.subspace).collect();
    assert_eq!(ids, [Some(4), Some(5)]);
    assert_eq!(found.references[0].path, "\\_SB_.MP00._CRS");
    assert_eq!(found.device_of(&found.references[0]), Some(&found.devices[0]));
}

#[test]
fn regions_in_scopes_methods_and_behind_code() {
    let region = |path: &str, aml: Vec<u8>| {
        let found = scan(&table(&aml));
        assert_eq!(found.references.len(), 1, "{found:?}");
        let reference = &found.references[0];
        assert_eq!(reference.path, path);
        assert_eq!(reference.subspace, Some(3));
        assert_eq!(reference.usage, Use::Region { length: Some(64) });
    };
    region("\\SHM_", REGION.to_vec());
    region("\\D000.SHM_", device(b"D000", REGION));
    let method = [&b"M000\x00"[..], &[0x70, 0x01, 0x60], REGION].concat();
    region("\\M000.SHM_", package(&[0x14], &method));
    let condition = [&[1][..], REGION].concat();
    region("\\SHM_", package(&[0xa0], &condition));
    // Store at declaration level is beyond the walk; the search finds it.
    region("\\SHM_", [&[0x70, 0x01, 0x60], REGION].concat());
}

/// Code between declarations, as real tables have it.
#[test]
fn code_among_declarations_is_walked_over() {
    let test = [0x93, 0x60, 0x01];
    for code in [
        &b"\xa3\xa3"[..],
        b"\xa4\x00",
        b"\x70\x01\x60",
        b"\x5b\x13BUFF\x0a\x10\x0b\x00\x04DATA",
        b"\x8aBUFF\x00DATA",
        b"\x86\\ABCD\x0a\x80",
        &package(&[0xa2], &[&test[..], b"\x70\x01\x60\xa5"].concat()),
        &package(&[0xa1], b"\x08ABCD\x00"),
        b"\x5b\x23MUTX\xff\xff\x5b\x27MUTX",
    ] {
        let found = scan(&table(&[code, REGION].concat()));
        assert_eq!(found.troubles, [], "{code:x?}");
        assert_eq!(found.references.len(), 1, "{code:x?}");
    }
    // A call's arguments are no declarations.
    let method = package(&[0x14], b"CALL\x02\xa4\x00");
    let call = b"CALL\x01\x0dtext\0";
    let found = scan(&table(&[&method[..], call, REGION].concat()));
    assert_eq!((found.troubles.len(), found.references.len()), (0, 1));
}

#[test]
fn cpc_and_dsd() {
    let mut buffer = vec![0x0a, 17, 0x82, 0x0c, 0, 0x0a, 32, 0, 2, 8];
    buffer.extend([0; 7]);
    buffer.extend([0x79, 0]);
    let cpc = [&[2, 0x0a, 23][..], &package(&[0x11], &buffer)].concat();
    let mut aml = [&b"\x08_CPC"[..], &package(&[0x12], &cpc)].concat();
    let pair = package(&[0x12], b"\x02\x0dpcc-channel\0\x0a\x07");
    let dsd = [&[1][..], &package(&[0x12], &[&[1][..], &pair].concat())];
    aml.extend([&b"\x08_DSD"[..], &package(&[0x12], &dsd.concat())].concat());
    let found = scan(&table(&aml));
    assert_eq!(found.troubles, []);
    let usage = Use::Cpc { address: 8, width: 32, bit_offset: 0 };
    assert_eq!(found.references[0].usage, usage);
    assert_eq!(found.references[0].subspace, Some(2));
    assert_eq!(found.references[1].usage, Use::Property);
    assert_eq!(found.references[1].subspace, Some(7));
}

#[test]
fn nesting_without_end_ends() {
    // Scopes in scopes, each as long as the rest allows.
    let mut aml = Vec::new();
    for _ in 0..400 {
        aml = package(&[0x10], &[&b"ABCD"[..], &aml].concat());
    }
    let found = scan(&table(&aml));
    assert!(found.troubles.iter().any(|trouble| trouble.damaged));
    // A package in a package in a package, in a _CPC.
    let mut inner = vec![0];
    for _ in 0..200 {
        inner = package(&[0x12], &[&[1][..], &inner].concat());
    }
    let found = scan(&table(&[&b"\x08_CPC"[..], &inner].concat()));
    assert!(!found.troubles.is_empty());
}

#[test]
fn every_prefix_ends() {
    let aml = device(b"D000", &[REGION, REGION].concat());
    let whole = table(&aml);
    for length in 0..whole.bytes.len() {
        let bytes = whole.bytes[..length].to_vec();
        scan(&Table { origin: String::new(), bytes });
    }
    let lie = [0x10, 0xcf, 0xff, 0xff, 0xff, b'A', b'B', b'C', b'D'];
    assert!(scan(&table(&lie)).troubles[0].damaged);
}

/// What iasl made of `tests/data/clients.asl`.
#[test]
fn a_compiled_table_is_read_without_trouble() {
    let bytes = include_bytes!("../../../tests/data/clients.dat").to_vec();
    let found = scan(&Table { origin: String::new(), bytes });
    assert_eq!(found.troubles, []);
    let brief: Vec<_> = found
        .references
        .iter()
        .map(|r| (r.path.as_str(), r.subspace.unwrap()))
        .collect();
    assert_eq!(
        brief,
        [
            ("\\_SB_.HWM0._DSD", 1),
            ("\\_SB_.HCC0._CRS", 4),
            ("\\_SB_.MCT0._CRS", 5),
            ("\\_SB_.MCT0._CRS", 6),
            ("\\_SB_.OPR0.SHM_", 3),
            ("\\_SB_.OPR0.INSI.LATE", 7),
            ("\\_SB_.C000._CPC", 0),
            ("\\_SB_.C000._CPC", 0),
        ]
    );
    assert_eq!(found.devices[3].interrupts[0].0, 120);
    let hids: Vec<_> =
        found.devices.iter().filter_map(|d| d.hid.as_deref()).collect();
    assert_eq!(hids, ["APMC0D29", "HISI04B2", "DMT0001", "PCCL0001"]);
}

/// What iasl made of `tests/data/firmware.asl`.
#[test]
fn what_firmware_writes_is_read_without_trouble() {
    let bytes = include_bytes!("../../../tests/data/firmware.dat").to_vec();
    let found = scan(&Table { origin: String::new(), bytes });
    assert_eq!(found.troubles, []);
    assert_eq!(found.unread, []);
    let named: BTreeSet<_> = found
        .references
        .iter()
        .map(|r| (r.path.as_str(), r.subspace.unwrap()))
        .collect();
    let wanted = [
        ("\\_SB_.C000._CPC", 1),
        ("\\_SB_.C001._CPC", 1),
        ("\\_SB_.HCC0._CRS", 4),
        ("\\_SB_.OPR0.SHM0", 3),
        ("\\_SB_.OPR0.SHM1", 3),
        ("\\_SB_.OPR0.SHM2", 3),
    ];
    assert_eq!(named, BTreeSet::from(wanted));
    // Both packages, once for each processor; names in them are followed.
    let heads: Vec<_> = found.cpcs.iter().map(Cpc::head).collect();
    let (three, two) = (Some((23, 3)), Some((21, 2)));
    assert_eq!(heads, [three, two, three, two]);
    assert_eq!(found.cpcs[0].elements[22], Element::Integer(2400));
    let lengths: Vec<_> = found.references.iter().map(|r| r.usage).collect();
    let whole = Use::Region { length: Some(0x40) };
    assert_eq!(lengths.iter().filter(|usage| **usage == whole).count(), 3);
}

#[test]
fn fields_begin_where_they_say() {
    // AAAA, 16 bits; 48 bits of no name; AccessAs; BBBB, 300 bits; CCCC.
    let list = b"AAAA\x10\x00\x30\x01\x03\x00BBBB\x4c\x12CCCC\x08";
    let field = package(&[0x5b, 0x81], &[&b"SHM_\x01"[..], list].concat());
    let found = scan(&table(&[REGION, &device(b"OPRG", &field)].concat()));
    let fields = &found.fields[0];
    assert_eq!(fields.begins, [0, 64, 364]);
    assert_eq!(fields.region, "\\OPRG.SHM_");
    assert!(fields.are_of(&found.references[0].path));
    assert!(!fields.are_of("\\OPRG.SHMX"));
    assert!(!fields.are_of("\\OTHR.SHM_"));
    // A connection of a serial bus, and a list that is cut.
    for list in [&b"\x02^BUS_AAAA\x10"[..], b"AAAA\x10BBB", b"AAAA\xc0"] {
        let field = package(&[0x5b, 0x81], &[b"SHM_\x01", list].concat());
        assert_eq!(scan(&table(&field)).fields, []);
    }
}
