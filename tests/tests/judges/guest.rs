//! Debian's own programs in the guest, on the lab's kernel and driver.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use pccd::record::{Event, Record};
use pccd_tests::Logs;
use pcclab::exchange::Script;
use pcclab::judge::judge;
use pcclab::lab::Lab;
use pcclab::run::exit;
use pcclab::session::{Config, Session};

use super::{Judged, built};

/// The program, its loader and the libraries it needs.
const NVME: &[&str] = &[
    "usr/sbin/nvme",
    "usr/lib/aarch64-linux-gnu/ld-linux-aarch64.so.1",
    "usr/lib/aarch64-linux-gnu/libc.so.6",
    "usr/lib/aarch64-linux-gnu/libcrypto.so.3",
    "usr/lib/aarch64-linux-gnu/libjson-c.so.5",
    "usr/lib/aarch64-linux-gnu/libkeyutils.so.1",
    "usr/lib/aarch64-linux-gnu/libnvme-mi.so.1",
    "usr/lib/aarch64-linux-gnu/libnvme.so.1",
    "usr/lib/aarch64-linux-gnu/libz.so.1",
    "usr/lib/aarch64-linux-gnu/libzstd.so.1",
];

/// A command, and what must be in lines of what it prints, in this order; the
/// last line is "-- " and its exit status.
type Asked = (&'static str, &'static str);

const NVME_ASKED: &[Asked] = &[
    ("nvme version", "nvme version\n-- 0"),
    // 4 KiB of answer.
    ("nvme id-ctrl mctp:1,9", "mn        : pccd test drive\n-- 0"),
    ("nvme smart-log mctp:1,9", "35 °C (308 K, 95 °F)\n-- 0"),
    ("nvme list-ctrl mctp:1,9", "[   0]:0\n-- 0"),
    ("nvme list-ns mctp:1,9", "[   0]:0x1\n-- 0"),
    ("nvme id-ns mctp:1,9 -n 1", "nsze    : 0x200000\n-- 0"),
    (
        "nvme ns-descs mctp:1,9 -n 1",
        "3a6b1d0c-6e0f-4b7e-9a55-70636364aa02\n-- 0",
    ),
    ("nvme get-log mctp:1,9 -i 2 -l 512", "0000: 00 34 01 64 0a 00\n-- 0"),
    ("nvme get-log mctp:1,9 -i 9 -l 512", "Invalid Log Page"),
    // The second time More Processing Required comes first.
    ("nvme error-log mctp:1,9 -e 1", "parm_err_loc\t: 0x28\n-- 0"),
    (
        "nvme error-log mctp:1,9 -e 1 -o json",
        "\"parm_error_location\":40\n-- 0",
    ),
    ("nvme fw-log mctp:1,9", "(1.0\n-- 0"),
    ("nvme get-feature mctp:1,9 -n 1 -f 4", "Current value:0x00000157\n-- 0"),
];

/// All that `mi-mctp` can do but for D-Bus. A status that a command ends in is
/// one of the management interface, in the upper half of 27 bits.
const MI_MCTP_ASKED: &[Asked] = &[
    (
        "mi-mctp 1 9 info",
        "num ports: 1\nmajor ver: 1\nminor ver: 2\ntype PCIe[1]\nMCTP MTU: 64\n\
         MEB size: 0\nPCIe max payload: 0x100\nPCIe link speeds: 0x0f\n\
         PCIe current speed: 0x04\nPCIe max link width: 0x04\n\
         PCIe neg link width: 0x04\nsubsystem status:  0x38\n\
         smart warnings:    0xff\ncomposite temp:    35\n\
         drive life used:   0%\ncontroller status: 0x0101\n-- 0",
    ),
    // The health poll before has cleared it.
    ("mi-mctp 1 9 info again", "controller status: 0x0000\n-- 0"),
    (
        "mi-mctp 1 9 controllers",
        "Controller id: 0\nport id: 0\nPCIe routing valid\nPCIe bus: 0x01\n\
         PCIe dev: 0x00\nPCIe fn : 0x00\nPCI vendor: 1af4\n\
         PCI device: 1001\nPCI subsys vendor: 1af4\n\
         PCI subsys device: 1001\n-- 0",
    ),
    (
        "mi-mctp 1 9 identify 0",
        "PCI vendor: 1af4\nSerial number: PCCD0001\n\
         Model number: pccd test drive\nFirmware rev: 1.0\n-- 0",
    ),
    (
        "mi-mctp 1 9 identify 0 --partial",
        "Model number: pccd test drive\nFirmware rev: 1.0\n-- 0",
    ),
    ("mi-mctp 1 9 identify 1", "can't perform Admin Identify\n-- 1"),
    (
        "mi-mctp 1 9 get-log-page 0 2",
        "00000000  00 34 01 64 0a 00\n000001f0  00\n-- 0",
    ),
    (
        "mi-mctp 1 9 get-log-page 0 3",
        "00000000  01 00 00 00 00 00 00 00 31 2e 30 20\n-- 0",
    ),
    ("mi-mctp 1 9 get-log-page 0 9", "can't perform Get Log page\n-- 1"),
    // Identify in pieces, of what fits into its buffer.
    (
        "mi-mctp 1 9 admin 0 6 1",
        "Status: 0x00\ncdw3:   0x00000000\ndata [492 bytes]\n\
         00000010  20 20 20 20 20 20 20 20 70 63 63 64\n-- 0",
    ),
    ("mi-mctp 1 9 admin 0 10 4", "cdw0:   0x00000157\n-- 0"),
    ("mi-mctp 1 9 admin 0 2 0x7f00f0", "cdw3:   0x82120000\n-- 0"),
    ("mi-mctp 1 9 admin 0 127", "Status: 0x03\n-- 0"),
    ("mi-mctp 1 9 security-info 0", "Receive command: rc 134217731\n-- 1"),
    // Port 0 is PCI Express, there is no other.
    (
        "mi-mctp 1 9 get-config 0",
        "can't query SMBus freq for port 0\nMCTP MTU (port 0): 64\n-- 0",
    ),
    (
        "mi-mctp 1 9 get-config 1",
        "can't query SMBus freq for port 1\ncan't query MCTP MTU for port 1",
    ),
    ("mi-mctp 1 9 set-config 0 mtu 64", "-- 0"),
    ("mi-mctp 1 9 set-config 0 mtu 128", "failed with status 4\n-- 1"),
    ("mi-mctp 1 9 set-config 0 freq 100k", "failed with status 4\n-- 1"),
    (
        "mi-mctp 1 9 control-primitive pause",
        "Pause : cspr is 0x3\nSlot 0: Yes\nSlot 1: Yes\n-- 0",
    ),
    (
        "mi-mctp 1 9 control-primitive get-state",
        "State: Idle\nIntegrity Check: No\nReset Occurred: No\n\
         Pause Flag: Yes\n-- 0",
    ),
    ("mi-mctp 1 9 control-primitive resume", "Resume : cspr is 0\n-- 0"),
    (
        "mi-mctp 1 9 control-primitive abort",
        "Abort : cspr is 0\nno command to abort\n-- 0",
    ),
    ("mi-mctp 1 9 control-primitive replay", "Replay : cspr is 0\n-- 0"),
    // Both command slots at once.
    (
        "mi-mctp-csi-test 1 9 csi-test 0 2",
        "00000000  00 34 01 64\n00000000  00 34 01 64\n\
         Second thread finished with rc=0\n-- 0",
    ),
];

/// nvme-cli and libnvme's `mi-mctp`, in one guest.
pub fn nvme() -> [Judged; 2] {
    let (root, examples) = (built("NVME_CLI"), built("MI_MCTP"));
    let mut script = ". /tests/lib.sh\nlink_up 8\n\
        mctp route add 9 dev $iface\n"
        .to_owned();
    // libnvme waits five seconds for an answer that does not come.
    for (words, _) in NVME_ASKED.iter().chain(MI_MCTP_ASKED) {
        script += &format!(
            "echo '== {words}'\n\
             timeout 4 /work/ld-linux-aarch64.so.1 --library-path /work \
             /work/{words} 2>&1\necho \"-- $?\"\n"
        );
    }
    let logs = Logs::new();
    let file = logs.path().join("ask.sh");
    fs::write(&file, script).unwrap();
    let lab = Lab::find(None, &[]).unwrap();
    let mut config = Config::new(lab, logs.path(), &["sh", "/work/ask.sh"]);
    config.files = NVME.iter().map(|name| root.join(name)).collect();
    let names = ["mi-mctp", "mi-mctp-csi-test"];
    config.files.extend(names.map(|name| examples.join(name)));
    config.files.push(file);
    let limit = Duration::from_secs(300);
    config.limit = limit;
    let session = Session::start(config).unwrap();
    let mut lines = Vec::new();
    let outcome = session.finish(|line| lines.push(line.to_owned()));
    let verdict = judge(&outcome.unwrap(), &Script::default(), limit);
    let text = lines.join("\n");
    assert_eq!(verdict.code, exit::PASS, "{}\n{text}", verdict.text);
    let version = text.split("nvme version ").nth(1).unwrap_or_default();
    let version = version.split(' ').next().unwrap();
    let libnvme = fs::read_to_string(examples.join("version")).unwrap();
    [
        heard("nvme-cli", version, NVME_ASKED, &text),
        heard("mi-mctp", libnvme.trim(), MI_MCTP_ASKED, &text),
    ]
}

/// What a program said, against what it had to.
fn heard(
    name: &'static str,
    version: &str,
    asked: &[Asked],
    text: &str,
) -> Judged {
    let mut differs = BTreeMap::new();
    for (words, wanted) in asked {
        let start = format!("== {words}\n");
        let said = text.split(&start).nth(1).unwrap_or_default();
        let said = said.split("\n== ").next().unwrap_or_default();
        let mut lines = said.lines();
        let in_order = wanted
            .lines()
            .all(|wanted| lines.any(|line| line.contains(wanted)));
        // 124 is timeout's own, 127 that a library is missing.
        let ended = !["-- 124", "-- 127"].iter().any(|s| said.contains(s));
        if !(ended && in_order) {
            differs.insert((*words).to_owned(), said.replace('\n', " / "));
        }
    }
    Judged {
        name,
        version: version.to_owned(),
        what: format!(
            "{} commands from the guest, each within four seconds",
            asked.len()
        ),
        agreed: asked.len() - differs.len(),
        differs,
    }
}

/// The program, its loader and the libraries it needs.
const TCPDUMP: &[&str] = &[
    "usr/bin/tcpdump",
    "usr/lib/aarch64-linux-gnu/ld-linux-aarch64.so.1",
    "usr/lib/aarch64-linux-gnu/libc.so.6",
    "usr/lib/aarch64-linux-gnu/libcap.so.2",
    "usr/lib/aarch64-linux-gnu/libcrypto.so.3",
    "usr/lib/aarch64-linux-gnu/libdbus-1.so.3",
    "usr/lib/aarch64-linux-gnu/libm.so.6",
    "usr/lib/aarch64-linux-gnu/libpcap.so.0.8",
    "usr/lib/aarch64-linux-gnu/libsystemd.so.0",
    "usr/lib/aarch64-linux-gnu/libz.so.1",
    "usr/lib/aarch64-linux-gnu/libzstd.so.1",
];

/// The demo under tcpdump, whose file comes out in hex.
const CAPTURED: &str = r##"
. /tests/lib.sh
iface=$(mctp link wait --timeout-ms 5000) && mctp link $iface up || exit 1
/work/ld-linux-aarch64.so.1 --library-path /work /work/tcpdump -Z root \
  -i $iface --immediate-mode -U -w /tmp/a.pcap 2>/tmp/said &
until grep -q 'listening on' /tmp/said; do
  kill -0 $! || { cat /tmp/said; exit 1; }
  sleep 0.1
done
sh /tests/demo.sh
status=$?
# Its last message is written when tcpdump has read it.
until xxd -p /tmp/a.pcap | tr -d '\n' | grep -q 68656c6c6f; do sleep 0.1; done
kill $!
echo "# pcap $(xxd -p /tmp/a.pcap | tr -d '\n')"
exit $status
"##;

#[test]
fn what_tcpdump_wrote_in_a_guest_is_played() {
    let root = built("TCPDUMP");
    let logs = Logs::new();
    let script = logs.path().join("captured.sh");
    fs::write(&script, CAPTURED).unwrap();
    let run = |name: &str, words: &[&str], change: &dyn Fn(&mut Config)| {
        let lab = Lab::find(None, &[]).unwrap();
        let mut config = Config::new(lab, &logs.path().join(name), words);
        change(&mut config);
        let mut text = String::new();
        let session = Session::start(config).unwrap();
        let outcome = session.finish(|line| text += &format!("{line}\n"));
        let outcome = outcome.unwrap();
        let limit = Duration::from_secs(60);
        let verdict = judge(&outcome, &Script::default(), limit);
        assert_eq!(verdict.code, exit::PASS, "{}\n{text}", verdict.text);
        (outcome.pccd.and_then(|status| status.code()), text)
    };
    let words = ["sh", "/work/captured.sh"];
    let (_, text) = run("recorded", &words, &|config| {
        config.files = TCPDUMP.iter().map(|name| root.join(name)).collect();
        config.files.push(script.clone());
    });
    let bytes =
        text.split("# pcap ").nth(1).unwrap_or_else(|| panic!("{text}"));
    let capture = logs.path().join("a.pcap");
    let bytes = bytes.lines().next().unwrap();
    fs::write(&capture, hex::decode(bytes).unwrap()).unwrap();
    let (status, _) = run("played", &["sh", "/tests/demo.sh"], &|config| {
        config.replay = Some(capture.clone());
    });
    let log = fs::read_to_string(logs.path().join("played/pccd.log")).unwrap();
    let failed: Vec<_> = log
        .lines()
        .map(|line| serde_json::from_str::<Record>(line).unwrap())
        .filter(|record| record.event == Event::Failed)
        .collect();
    assert_eq!((status, failed), (Some(0), Vec::new()));
}
