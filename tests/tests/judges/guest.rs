//! Debian's own programs in the guest, on the lab's kernel and driver.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use pccd::record::{Event, Record};
use pccd_tests::Logs;
use pcclab::exchange::Script;
use pcclab::lab::Lab;
use pcclab::run::{exit, judge};
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

/// What is asked of nvme, and what it must print, in a second: libnvme waits
/// five for an answer that does not come.
const ASKED: &[(&str, &str)] = &[
    ("version", "nvme version"),
    // 4 KiB of answer.
    ("id-ctrl mctp:1,9", "mn        : pccd test drive"),
    ("smart-log mctp:1,9", "35 °C (308 K, 95 °F)"),
    ("list-ctrl mctp:1,9", "[   0]:0"),
    ("list-ns mctp:1,9", "[   0]:0x1"),
    ("id-ns mctp:1,9 -n 1", "nsze    : 0x200000"),
    ("ns-descs mctp:1,9 -n 1", "3a6b1d0c-6e0f-4b7e-9a55-70636364aa02"),
    ("get-log mctp:1,9 -i 2 -l 512", "0000: 00 34 01 64 0a 00"),
    ("get-log mctp:1,9 -i 9 -l 512", "Invalid Log Page"),
    // The second time More Processing Required comes first.
    ("error-log mctp:1,9 -e 1", "parm_err_loc\t: 0x28"),
    ("error-log mctp:1,9 -e 1 -o json", "\"parm_error_location\":40"),
    ("fw-log mctp:1,9", "(1.0"),
    ("get-feature mctp:1,9 -n 1 -f 4", "Current value:0x00000157"),
];

pub fn nvme_cli() -> Judged {
    let root = built("NVME_CLI");
    let mut script = ". /tests/lib.sh\nlink_up 8\n\
        mctp route add 9 dev $iface\n"
        .to_owned();
    for (words, _) in ASKED {
        script += &format!(
            "echo '== {words}'\n\
             timeout 1 /work/ld-linux-aarch64.so.1 --library-path /work \
             /work/nvme {words} 2>&1\necho \"-- $?\"\n"
        );
    }
    let logs = Logs::new();
    let file = logs.path().join("ask.sh");
    fs::write(&file, script).unwrap();
    let lab = Lab::find(None, &[]).unwrap();
    let mut config = Config::new(lab, logs.path(), &["sh", "/work/ask.sh"]);
    config.files = NVME.iter().map(|name| root.join(name)).collect();
    config.files.push(file);
    let session = Session::start(config).unwrap();
    let mut lines = Vec::new();
    let outcome = session.finish(|line| lines.push(line.to_owned()));
    let limit = Duration::from_secs(60);
    let verdict = judge(&outcome.unwrap(), &Script::default(), limit);
    let text = lines.join("\n");
    assert_eq!(verdict.code, exit::PASS, "{}\n{text}", verdict.text);
    let mut differs = BTreeMap::new();
    for (words, wanted) in ASKED {
        let start = format!("== {words}\n");
        let said = text.split(&start).nth(1).unwrap_or_default();
        let said = said.split("\n== ").next().unwrap_or_default();
        // 124 is timeout's own, 127 that a library is missing.
        let ended = !["-- 124", "-- 127"].iter().any(|s| said.contains(s));
        if !(ended && said.contains(wanted)) {
            differs.insert((*words).to_owned(), said.replace('\n', " / "));
        }
    }
    let version = text.split("nvme version ").nth(1).unwrap_or_default();
    Judged {
        name: "nvme-cli",
        version: version.split(' ').next().unwrap().to_owned(),
        what: format!(
            "{} commands from the guest, each within a second",
            ASKED.len()
        ),
        agreed: ASKED.len() - differs.len(),
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
