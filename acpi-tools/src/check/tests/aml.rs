//! Cases about AML and the tables that name subspaces; and AML as firmware
//! has it.

use super::*;
use crate::testing::{
    Case, buffer, cpc, cpc_of, cpc_package, descriptor, device, fields,
    hid_device, package, pcct, region, register,
};

type Make = fn() -> Case;

/// Rule, broken, kept.
pub const CASES: &[(&str, Make, Make)] = &[
    ("ACPI-008", || one().ssdt(&lengths(18)), || one().ssdt(&lengths(12))),
    (
        "PCCT-073",
        || one().ssdt(&method(b"\xa4\x60")),
        || one().ssdt(&method(&returned(&sound()))),
    ),
    ("PCCT-096", || one().ssdt(&of(2, 23)), || one().ssdt(&of(2, 21))),
    ("PCCT-097", || one().ssdt(&of(1, 17)), || one().ssdt(&of(2, 21))),
    ("PCCT-098", || one().ssdt(&cpc(0, 0, 1)), || one().ssdt(&cpc(0, 0, 8))),
    (
        "PCCT-099",
        || pcct(&[1, 1]).ssdt(&two_ids(1)),
        || one().ssdt(&two_ids(0)),
    ),
    ("PCCT-100", || many(33), || many(32)),
    (
        "PCCT-101",
        || one().ssdt(&last(b"\x0dx\0")),
        || one().ssdt(&last(&package(&[0x12], &[0]))),
    ),
    ("PCCT-102", || controller(31), || controller(32)),
    ("ACPI-009", || node(80), || node(72)),
    (
        "PCCT-103",
        || pcct(&[3]).with(b"RAS2", RAS2),
        || one().with(b"RAS2", RAS2),
    ),
    (
        "PCCT-106",
        || pcct(&[3]).ssdt(&with_fields(3)),
        || pcct(&[3]).ssdt(&with_fields(4)),
    ),
    (
        "PCCT-107",
        || pcct(&[3]).ssdt(&with_fields(2)),
        || pcct(&[3]).ssdt(&with_fields(3)),
    ),
    (
        "PCCT-105",
        || one().set(0, "memory_length", 47).with(b"RAS2", RAS2),
        || one().set(0, "memory_length", 48).with(b"RAS2", RAS2),
    ),
    (
        "ACPI-012",
        || one().with(b"RAS2", &[RAS2, &[0]].concat()),
        || one().with(b"RAS2", RAS2),
    ),
    (
        "ACPI-013",
        || one().with(b"RAS2", RAS2).with(b"RASF", &[0; 12]),
        || one().with(b"RASF", &[0; 12]),
    ),
    (
        "PCCT-104",
        || one().ssdt(&region(b"SHM_", 0, 64)),
        || pcct(&[3]).ssdt(&region(b"SHM_", 0, 64)),
    ),
];

/// One descriptor: subspace 0, patrol scrub.
const RAS2: &[u8] = &[0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];

fn one() -> Case {
    pcct(&[1])
}

/// A region and so many of its first fields of 32 bits, a scope further in.
fn with_fields(count: u8) -> Vec<u8> {
    let within = device(b"OPRG", &fields(b"SHM_", count));
    [region(b"SHM_", 0, 64), within].concat()
}

fn entry() -> Vec<u8> {
    buffer(&register(0, 8, 32))
}

fn sound() -> Vec<u8> {
    cpc_package(3, &vec![entry(); 21])
}

/// A _CPC of that revision and number of entries.
fn of(revision: u8, count: usize) -> Vec<u8> {
    cpc_of(&cpc_package(revision, &vec![entry(); count - 2]))
}

fn lengths(says: u8) -> Vec<u8> {
    let mut wrong = register(0, 8, 32);
    wrong[1] = says;
    cpc_of(&cpc_package(3, &vec![buffer(&wrong); 21]))
}

/// Revision 4, with that for Resource Priority.
fn last(entry_25: &[u8]) -> Vec<u8> {
    let mut entries = vec![entry(); 22];
    entries.push(entry_25.to_vec());
    cpc_of(&cpc_package(4, &entries))
}

fn two_ids(second: u8) -> Vec<u8> {
    let mut entries = vec![entry(); 20];
    entries.push(buffer(&register(second, 8, 32)));
    cpc_of(&cpc_package(3, &entries))
}

/// So many subspaces of type 1, the last for CPPC.
fn many(count: u8) -> Case {
    let user = |id| {
        let name = format!("U{id:03}");
        let name: &[u8; 4] = name.as_bytes().try_into().unwrap();
        hid_device(name, "TEST0001", &register(id, 0, 8))
    };
    let mut aml: Vec<u8> = (0..count - 1).flat_map(user).collect();
    aml.extend(cpc(count - 1, 0, 8));
    pcct(&vec![1; usize::from(count)]).ssdt(&aml)
}

/// A controller with a node of so many bytes.
fn node(length: u8) -> Case {
    let mut node = vec![0; usize::from(length)];
    (node[0], node[2], node[16]) = (length, 0x0a, 4);
    pcct(&[3]).with(b"MPAM", &node)
}

fn controller(size: u64) -> Case {
    let mut node = vec![0; 72];
    (node[0], node[2], node[16]) = (72, 0x0a, 4);
    pcct(&[3]).set(0, "memory_length", size).with(b"MPAM", &node)
}

/// A processor whose _CPC is a method with that code.
fn method(code: &[u8]) -> Vec<u8> {
    device(b"C000", &package(&[0x14], &[b"_CPC\0", code].concat()))
}

fn returned(value: &[u8]) -> Vec<u8> {
    [&[0xa4], value].concat()
}

fn named(name: &[u8; 4], value: &[u8]) -> Vec<u8> {
    [&[0x08], &name[..], value].concat()
}

/// What is found for Linux 7.
fn ids(case: Case) -> Vec<&'static str> {
    let findings = check(&case.build());
    let concerns = |f: &&Finding| f.concerns(Target::Linux7);
    findings.iter().filter(concerns).map(|f| f.rule.id).collect()
}

/// The users of subspaces that are seen, as path and subspace.
fn seen(case: Case) -> Vec<(String, u64)> {
    let platform = case.build();
    let facts = Facts::of(&platform);
    let seen = |found: &crate::aml::Reference| {
        (found.path.clone(), found.subspace.unwrap_or(999))
    };
    let mut all: Vec<_> =
        facts.references().map(|(.., found)| seen(found)).collect();
    all.dedup();
    all
}

/// The same _CPC in all forms that firmware has: each is judged, none is
/// "not looked into", and none leaves the subspace without a user.
#[test]
fn a_cpc_in_every_form_is_judged() {
    // A register behind the memory: PCCT-086 shows that it was read.
    let far = buffer(&register(0, 0xf0, 32));
    let package_of = |entries: &[Vec<u8>]| cpc_package(3, entries);
    let far_package = package_of(&vec![far.clone(); 21]);
    let names = package_of(&vec![b"FAR_".to_vec(); 21]);
    let far_name = named(b"FAR_", &far);
    let pack = named(b"PACK", &far_package);
    let test = [0x93, 0x60, 0x01];
    let branches = [
        package(&[0xa0], &[&test[..], b"\xa4PACK"].concat()),
        package(&[0xa1], &returned(&far_package)),
    ];
    let local = [pack.clone(), b"\xa4PACK".to_vec()].concat();
    let other = [device(b"C001", &named(b"_CPC", &far_package))];
    let scoped = package(&[0x10], &[b"\\_SB_", &pack[..]].concat());
    let inside = |aml: &[u8]| package(&[0x10], &[b"\\_SB_", aml].concat());
    for (what, aml) in [
        ("a name", cpc_of(&far_package)),
        ("names in it", [far_name, cpc_of(&names)].concat()),
        ("a method", method(&returned(&far_package))),
        (
            "a method that returns a name",
            [pack.clone(), method(b"\xa4PACK")].concat(),
        ),
        ("two branches", [pack.clone(), method(&branches.concat())].concat()),
        ("a name of the method", method(&local)),
        (
            "another processor's",
            [other.concat(), method(b"\xa4\\\x2eC001_CPC")].concat(),
        ),
        ("a name above", [scoped, inside(&method(b"\xa4PACK"))].concat()),
        (
            "under a condition",
            package(&[0xa0], &[&test[..], &cpc_of(&far_package)].concat()),
        ),
    ] {
        let case = || one().set(0, "memory_length", 0x40).ssdt(&aml);
        let found = ids(case());
        assert!(found.iter().all(|id| *id == "PCCT-086"), "{what}: {found:?}");
        assert!(found.len() >= 21, "{what}: {found:?}");
    }
}

#[test]
fn a_name_in_another_table_is_followed() {
    let one_table = method(b"\xa4\\CPCX");
    let other = named(b"CPCX", &sound());
    let case = || one().ssdt(&one_table).ssdt(&other);
    assert_eq!(seen(case()), [("\\C000._CPC".to_owned(), 0)]);
    assert_eq!(ids(case()), ["ACPI-003"]);
    // Without the other table it is said, and no subspace is without user.
    assert_eq!(ids(one().ssdt(&one_table)), ["PCCT-073"]);
}

/// An MCTP device whose _CRS has a branch for each revision of the board.
#[test]
fn branches_of_one_crs_are_one_user() {
    let pair = buffer(&[descriptor(0), descriptor(1)].concat());
    let branches = [
        package(&[0xa0], &[&[0x93, 0x60, 1, 0xa4][..], &pair].concat()),
        package(&[0xa1], &returned(&pair)),
    ];
    let crs = package(&[0x14], &[b"_CRS\0", &branches.concat()[..]].concat());
    let hid = b"\x08_HID\x0dDMT0001\0";
    let device = device(b"MP00", &[&hid[..], &crs].concat());
    assert_eq!(ids(pcct(&[3, 4]).ssdt(&device)), ["PCCT-077"]);
    // One template, from a method: as good as a Name.
    let crs = package(&[0x14], &[b"_CRS\0", &returned(&pair)[..]].concat());
    let device = crate::testing::device(b"MP00", &[&hid[..], &crs].concat());
    assert_eq!(ids(pcct(&[3, 4]).ssdt(&device)), [""; 0]);
}

/// A template that another table's object has is read: nothing else may name
/// a subspace, and a _CRS that needs running is of no interest.
#[test]
fn what_another_table_names_is_no_stray() {
    let name = named(b"CPCX", &sound());
    let busy = device(b"D000", &package(&[0x14], b"_CRS\0\xa4\x60"));
    let case = one().ssdt(&method(b"\xa4\\CPCX")).ssdt(&[name, busy].concat());
    assert_eq!(ids(case), ["ACPI-003"]);
}

/// What is changed before it is returned is not judged.
#[test]
fn what_needs_running_is_said() {
    let pack = named(b"PACK", &sound());
    let store = b"\x70\x01\x88PACK\x0a\x02\x00\xa4PACK";
    for code in
        [&store[..], b"\xa4\x60", b"\xa4NONE", b"\x5b\x20ABCD\x60\xa4PACK", b""]
    {
        let aml = [pack.clone(), method(code)].concat();
        assert_eq!(ids(one().ssdt(&aml)), ["PCCT-073"], "{code:x?}");
    }
    // An element whose name is unknown: the others are judged.
    let mut entries = vec![entry(); 20];
    entries.push(b"NONE".to_vec());
    let aml = cpc_of(&cpc_package(3, &entries));
    assert_eq!(ids(one().ssdt(&aml)), ["PCCT-073"]);
}

#[test]
fn a_crs_in_every_form_is_read() {
    let template = buffer(&descriptor(0));
    let crs = |body: &[u8]| {
        let hid = b"\x08_HID\x0dTEST0001\0";
        let method = package(&[0x14], &[b"_CRS\0", body].concat());
        device(b"D000", &[&hid[..], &method].concat())
    };
    let rbuf = named(b"RBUF", &template);
    for (what, aml) in [
        ("a literal", crs(&returned(&template))),
        ("a name", [rbuf.clone(), crs(b"\xa4RBUF")].concat()),
        ("a name of the method", crs(&[&rbuf[..], b"\xa4RBUF"].concat())),
    ] {
        let seen = seen(pcct(&[3]).ssdt(&aml));
        assert_eq!(seen, [("\\D000._CRS".to_owned(), 0)], "{what}");
        assert_eq!(ids(pcct(&[3]).ssdt(&aml)), [""; 0], "{what}");
    }
    // The buffer may be changed: the subspace is unknown, and it is said.
    let field = b"\x8aRBUF\x0a\x0aMINX\x70\x01MINX\xa4RBUF";
    let changed = [rbuf.clone(), crs(field)].concat();
    assert_eq!(ids(pcct(&[3]).ssdt(&changed)), ["PCCT-073"]);
    // One without PCC in it matters to nobody: the orphan is one.
    let plain = named(b"RBUF", &buffer(&[0x22, 1, 0]));
    let harmless = [plain, crs(field)].concat();
    assert_eq!(ids(pcct(&[3]).ssdt(&harmless)), ["PCCT-084"]);
}

#[test]
fn regions_by_name() {
    let aml = |subspace: &[u8], length: &[u8]| {
        [b"\x5b\x80SHM_\x0a", subspace, length].concat()
    };
    let names = b"\x08SSID\x00\x08SLEN\x0a\x40";
    let method = package(&[0x14], b"GETI\0\xa4\x00");
    for (what, region) in
        [("names", aml(b"SSID", b"SLEN")), ("a method", aml(b"GETI", b"SLEN"))]
    {
        let all = [&names[..], &method, &region].concat();
        let platform = pcct(&[3]).ssdt(&all).build();
        let facts = Facts::of(&platform);
        let (_, _, found) = facts.references().next().unwrap();
        assert_eq!(found.subspace, Some(0), "{what}");
        let wanted = crate::aml::Use::Region { length: Some(0x40) };
        assert_eq!(found.usage, wanted, "{what}");
        assert_eq!(ids(pcct(&[3]).ssdt(&all)), [""; 0], "{what}");
    }
    // Add (SSID, 1): not looked into, and no orphan.
    let sum = aml(b"\x72SSID\x01\x00", b"SLEN");
    let all = [&names[..], &sum].concat();
    assert_eq!(ids(pcct(&[3]).ssdt(&all)), ["PCCT-073"]);
}

#[test]
fn a_wrong_length_is_an_error_and_read_as_linux_does() {
    let findings = check(&one().ssdt(&lengths(18)).build());
    let wrong = findings.iter().find(|f| f.rule.id == "ACPI-008").unwrap();
    assert_eq!(wrong.severity(Target::Linux7), Severity::Error);
    assert_eq!(wrong.effect, Effect::None, "Linux takes it in a _CPC");
    assert_eq!(seen(one().ssdt(&lengths(18))).len(), 1);
    let mut template = register(0, 0, 8);
    template[1] = 18;
    let crs = hid_device(b"D000", "TEST0001", &template);
    let findings = check(&pcct(&[3]).ssdt(&crs).build());
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(findings[0].effect, Effect::Channel, "ACPICA refuses a _CRS");
}

/// The kernels differ in what they know of revision 4.
#[test]
fn each_kernel_reads_cpc_in_its_way() {
    let works = |aml: &[u8]| {
        let findings = check(&one().ssdt(aml).build());
        KERNELS
            .iter()
            .map(move |kernel| linux(findings.iter(), *kernel) == Effect::None)
            .collect::<Vec<_>>()
    };
    assert_eq!(works(&of(1, 17)), [false, false]);
    assert_eq!(works(&of(2, 21)), [true, true]);
    assert_eq!(works(&of(3, 21)), [false, false]);
    assert_eq!(works(&of(4, 25)), [true, true]);
    assert_eq!(works(&of(4, 26)), [true, false]);
    assert_eq!(works(&of(5, 25)), [true, false]);
    assert_eq!(works(&of(5, 26)), [true, true]);
    assert_eq!(works(&last(&package(&[0x12], &[0]))), [true, true]);
    assert_eq!(works(&last(b"\x0dx\0")), [true, false]);
    assert_eq!(works(&last(&buffer(&register(0, 8, 1)))), [true, false]);
    // NumEntries says 23, the package ends before.
    let short = cpc_package(3, &vec![entry(); 21]);
    let mut cut = cpc_package(3, &vec![entry(); 19]);
    let head = short.len() - 21 * entry().len();
    cut[3..head].copy_from_slice(&short[3..head]);
    assert_eq!(works(&cpc_of(&cut)), [false, false]);
}

#[test]
fn regions_by_target() {
    let case = |kind: u8, size: u64| {
        let case = pcct(&[kind]).set(0, "memory_length", size);
        let findings = check(&case.ssdt(&region(b"SHM_", 0, 64)).build());
        [Target::Spec, Target::Linux612, Target::Linux7].map(|target| {
            let concerns = |f: &&Finding| f.concerns(target);
            let ids = findings.iter().filter(concerns).map(|f| f.rule.id);
            ids.collect::<Vec<_>>()
        })
    };
    let both = |id| vec![id];
    let none = Vec::<&str>::new;
    assert_eq!(case(3, 68), [none(), none(), none()]);
    assert_eq!(case(3, 64), [both("PCCT-087"), none(), none()]);
    assert_eq!(case(3, 63), [(); 3].map(|()| both("PCCT-087")));
    let linux = both("PCCT-104");
    assert_eq!(case(2, 68), [none(), linux.clone(), linux]);
}

/// Linux has users for AML's channels only.
#[test]
fn tables_without_a_driver_stop_nothing() {
    let shared = pcct(&[3]).ssdt(&region(b"SHM_", 0, 64));
    let none = [
        shared.with(b"MPST", &[0]),
        one().with(b"RASF", &[7; 12]),
        one().with(b"PDTT", &[1, 0, 0, 0, 44, 0, 0, 0, 9, 0]),
        controller(20),
        pcct(&[3]).with(b"RAS2", RAS2),
    ];
    for case in none {
        let findings = check(&case.build());
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert_eq!(findings[0].rule.severity, Severity::Error);
        assert_eq!(findings[0].severity(Target::Spec), Severity::Error);
        assert_eq!(linux(findings.iter(), Target::Linux7), Effect::None);
    }
}
