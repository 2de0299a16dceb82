//! The PCCT as a file: taken from QEMU, handed back with `-acpitable`, and
//! with one thing wrong in it. Linux's `drivers/mailbox/pcc.c` is the judge.

use std::path::Path;

use acpi_tools::check::{Effect, Target, check, linux};
use pccd_tests::firmware::{files, tables, with_checksum};
use pccd_tests::qtest::Qtest;
use pccd_tests::{Logs, built};
use pcclab::session::{Config, Session};

use crate::lab::{Kernel, guest, kernels, pass, platform};

/// Channels of types 0 to 4, in this order.
fn devices() -> Vec<String> {
    (0..=4).map(|kind| format!("pcc-type{kind}")).collect()
}

/// The PCCT that QEMU makes for these channels; no guest runs.
fn pcct(logs: &Logs) -> Vec<u8> {
    let mailbox = format!(
        "pcc-mailbox-dir,id=pcc,path={}",
        logs.path().join("unused").display()
    );
    let mut args = vec!["-machine", "virt,pcc=bare", "-object", &mailbox];
    let devices: Vec<_> =
        devices().iter().map(|d| format!("{d},mailbox=pcc")).collect();
    for device in &devices {
        args.extend(["-device", device]);
    }
    let mut qtest = Qtest::start(&built("QEMU"), &args).unwrap();
    let tables = tables(&files(&mut qtest).unwrap()).unwrap();
    let mut pccts = tables.into_iter().filter(|(name, _)| name == "PCCT");
    let (_, table) = pccts.next().expect("QEMU makes a PCCT");
    assert!(pccts.next().is_none(), "QEMU makes two PCCTs");
    table
}

/// A guest whose PCCT is `table`, and whose channels are [`devices`].
fn with_table(
    logs: &Logs,
    kernel: Kernel,
    table: &[u8],
    script: &str,
) -> Config {
    let path = logs.path().join("pcct.aml");
    std::fs::write(&path, table).unwrap();
    let machine = "pcc=bare,pcc-table=off";
    let mut config = guest(logs, kernel, machine, &devices(), script);
    let word = format!("file={}", path.display());
    config.qemu_args.extend(["-acpitable".into(), word.into()]);
    config
}

#[test]
fn a_pcct_from_a_file_does_what_qemus_own_does() {
    let script = "
        dmesg | grep -q 'Detected 5 PCC Subspaces' || exit 9
        exec sh /tests/channels.sh irq quick 0:answered 1:answered \\
            2:answered 3:answered 4:inbox";
    for &kernel in kernels() {
        let logs = Logs::new();
        let table = with_checksum(pcct(&logs));
        let config = with_table(&logs, kernel, &table, script);
        let session = Session::start(config).unwrap();
        let peer = platform(&session.mailbox());
        pass(&format!("{kernel:?}"), session);
        peer.stop().unwrap();
    }
}

/// Where the entries of a PCCT begin (ACPI 6.5 §14.1).
fn entries(table: &[u8]) -> Vec<usize> {
    let mut starts = Vec::new();
    let mut at = 48;
    while at + 1 < table.len() {
        starts.push(at);
        at += usize::from(table[at + 1]);
    }
    starts
}

/// One thing wrong: what, where (from the start of which entry; the table's
/// header without), the bytes, and what Linux says.
type Wrong = (&'static str, Option<usize>, usize, &'static [u8], &'static str);

const WRONG: &[Wrong] = &[
    ("an entry without length", Some(2), 1, &[0], "Invalid zero length"),
    (
        "polling with a type 4 channel",
        None,
        36,
        &[0],
        "Platform Interrupt flag must be set to 1",
    ),
    (
        "no interrupt on type 1",
        Some(1),
        2,
        &[0, 0, 0, 0],
        "PCC GSI 0 not registered",
    ),
    (
        "a level interrupt on type 1",
        Some(1),
        6,
        &[0],
        "PCC subspace has level IRQ with no ACK register",
    ),
    (
        "a doorbell of 24 bits on type 0",
        Some(0),
        24,
        &[0, 24],
        "Error: Cannot access register of 24 bit width",
    ),
    (
        "an all-zero error status register on type 3",
        Some(3),
        144,
        &[0; 12],
        "Error: Cannot access register of 0 bit width",
    ),
];

/// One bad entry takes all channels with it, and Linux says why.
#[test]
fn linux_7_refuses_a_table_with_one_bad_entry() {
    refuses_one_bad_entry(Kernel::New);
}

#[test]
#[ignore = "Linux 6.12: make test-long"]
fn linux_6_12_refuses_a_table_with_one_bad_entry() {
    refuses_one_bad_entry(Kernel::Old);
}

fn refuses_one_bad_entry(kernel: Kernel) {
    for (what, entry, at, bytes, message) in WRONG {
        let logs = Logs::new();
        let mut table = pcct(&logs);
        let start = entry.map_or(0, |n| entries(&table)[n]);
        table[start + at..][..bytes.len()].copy_from_slice(bytes);
        let text = refused(&logs, kernel, &with_checksum(table), what);
        assert!(text.contains(message), "{kernel:?}, {what}: {text}");
    }
}

/// What the kernel says of such a table; it must not offer channels.
fn refused(logs: &Logs, kernel: Kernel, table: &[u8], what: &str) -> String {
    let script = "
        dmesg
        cd /sys/kernel/debug/pcc-client/0 && ! echo bind >control";
    let config = with_table(logs, kernel, table, script);
    let lines =
        pass(&format!("{kernel:?}, {what}"), Session::start(config).unwrap());
    let text = lines.join("\n");
    assert!(
        !text.contains("Registering PCC driver"),
        "{kernel:?} takes {what}: {text}"
    );
    text
}

#[test]
fn linux_refuses_a_table_without_channels() {
    for &kernel in kernels() {
        let logs = Logs::new();
        let mut table = pcct(&logs);
        table.truncate(48);
        table[4..8].copy_from_slice(&48u32.to_le_bytes());
        let config = with_table(&logs, kernel, &with_checksum(table), "dmesg");
        let text = pass("no channels", Session::start(config).unwrap());
        let text = text.join("\n");
        assert!(
            text.contains("Invalid PCCT: 0 PCC subspaces"),
            "{kernel:?}: {text}"
        );
    }
}

/// Type 5 is read with the layout of type 3 (facts of Linux 7.3 and 6.12):
/// what stands behind it decides; a type 0 entry ends the probe.
#[test]
fn linux_misreads_a_type_5_channel() {
    let devices = ["pcc-type5".to_owned(), "pcc-type0".to_owned()];
    for &kernel in kernels() {
        let logs = Logs::new();
        let script = "dmesg";
        let config = guest(&logs, kernel, "pcc=bare", &devices, script);
        let lines = pass("type 5", Session::start(config).unwrap());
        let text = lines.join("\n");
        assert!(
            text.contains("Cannot access register of 62 bit width"),
            "{kernel:?}: {text}"
        );
    }
}

/// Two PCCTs are refused by QEMU before a guest sees them.
#[test]
fn a_second_pcct_is_refused() {
    let logs = Logs::new();
    let table = with_checksum(pcct(&logs));
    let mut config = with_table(&logs, Kernel::New, &table, "true");
    config.machine = "virt,pcc=bare".to_owned();
    let outcome = Session::start(config).unwrap().finish(|_| ()).unwrap();
    let pcclab::session::End::Qemu(text) = outcome.end else {
        panic!("{outcome:?}")
    };
    assert!(text.contains("PCCT"), "{text}");
    assert!(!Path::new(&logs.path().join("unused")).exists());
}

/// Which of these channels work on Linux, as acpi-tools says.
fn foretold(devices: &[String; 4], kernel: Kernel) -> [bool; 4] {
    let target = match kernel {
        Kernel::New | Kernel::Debug => Target::Linux7,
        Kernel::Old => Target::Linux612,
    };
    let mut line = vec![built("QEMU").into_os_string()];
    let bare = "-machine virt,pcc=bare -m 512M \
                -object pcc-mailbox-dir,id=m,path=none";
    line.extend(bare.split(' ').map(Into::into));
    for device in devices {
        line.push("-device".into());
        line.push(format!("{device},mailbox=m").into());
    }
    let platform = acpi_tools::extract::qemu(&line).unwrap();
    let findings = check(&platform);
    std::array::from_fn(|n| {
        let subject = format!("subspace {n} ");
        let of = findings.iter().filter(|f| f.subject.starts_with(&subject));
        linux(of, target) == Effect::None
    })
}

/// A table that lies about one region costs that channel alone.
#[test]
fn linux_refuses_a_region_that_cannot_be() {
    let devices = [
        "pcc-type2,pcct-size=2".to_owned(),
        "pcc-type2,pcct-base=0x50000000".to_owned(),
        "pcc-type2,pcct-base=0xffffffffffffff00".to_owned(),
        "pcc-type2".to_owned(),
    ];
    let script = "
        cd /sys/kernel/debug/pcc-client
        for id in 0 1 2 3; do
            echo bind 2>&1 >$id/control
            cat $id/control
        done
        dmesg";
    for &kernel in kernels() {
        let logs = Logs::new();
        let config = guest(&logs, kernel, "pcc=bare", &devices, script);
        let lines = pass("regions", Session::start(config).unwrap());
        let text = lines.join("\n");
        let mut expected = vec![
            "Invalid argument",
            "No such device or address",
            "requested region covers kernel memory",
        ];
        if kernel == Kernel::New {
            expected.push("PCC subspace 0 shared memory is too small");
        }
        for message in expected {
            assert!(text.contains(message), "{kernel:?}: {message}: {text}");
        }
        let states: Vec<_> = lines
            .iter()
            .filter_map(|l| l.split_once(" interrupts=").map(|(s, _)| s))
            .collect();
        let works = foretold(&devices, kernel);
        let foretold = works.map(|works| if works { "bound" } else { "free" });
        assert_eq!(states, foretold, "{kernel:?}: {text}");
        assert_eq!(foretold[3], "bound");
    }
}
