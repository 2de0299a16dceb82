#!/usr/bin/env bash
# The crate qapi 0.15.0, which speaks QMP with QEMU.
#
# With new versions come new fields and events, which a client skips (QEMU,
# docs/interop/qmp-spec.rst, compatibility and downstream extension). QEMU 10.0 has an event more,
# NETDEV_VHOST_USER_CONNECTED (qapi/net.json). A greeting with "oob" takes commands out of band.
#
# Guess before running it: a new event is skipped, as a new field is, and "oob" is seen.
# Seen: a new event is an error of the command that waits, "data did not match any variant of
# untagged enum QmpMessage", and its answer is left for the next command: a machine that runs
# is paused. Nothing supports "oob". A new field is skipped, and a known event kept.
. "$(dirname "$0")/lib/crates"
crates qapi=0.15.0,qmp <<'RUST'
use qapi::qmp::{query_status, QapiCapabilities};
use qapi::{Qmp, Stream};

fn main() {
    let qemu = std::fs::read(std::env::args().nth(1).unwrap()).unwrap();
    let mut qmp = Qmp::new(Stream::new(qemu.as_slice(), Vec::new()));
    let greeting = QapiCapabilities { QMP: qmp.handshake().unwrap() };
    println!("QEMU {}, oob {}", greeting.QMP.version.qemu.major, greeting.supports_oob());
    for _ in 0..3 {
        match qmp.execute(&query_status {}) {
            Ok(answer) => println!("{:?}, {} events", answer.status, qmp.events().count()),
            Err(error) => println!("{error}"),
        }
    }
}
RUST
cat >"$TEMP/qemu" <<'JSON'
{"QMP": {"version": {"qemu": {"micro": 0, "minor": 0, "major": 10}, "package": "", "new": 1}, "capabilities": ["oob"]}}
{"return": {}}
{"timestamp": {"seconds": 1, "microseconds": 0}, "event": "STOP"}
{"return": {"status": "paused", "running": false, "new": 1}}
{"timestamp": {"seconds": 2, "microseconds": 0}, "event": "NETDEV_VHOST_USER_CONNECTED", "data": {"netdev-id": "net0", "chardev-id": "char0"}}
{"return": {"status": "paused", "running": false}}
{"return": {"status": "running", "running": true}}
JSON
"$TEMP/program" "$TEMP/qemu" >"$TEMP/out"
line() { sed -n "$1p" "$TEMP/out"; }
same "the greeting, with oob" "QEMU 10, oob false" "$(line 1)"
same "an event that it knows" "paused, 1 events" "$(line 2)"
same "one that it does not know" "data did not match any variant of untagged enum QmpMessage" "$(line 3)"
same "the next, running" "paused, 0 events" "$(line 4)"
