#!/usr/bin/env bash
# The crate tcg-log-core-rs 0.1.2, which reads the event log of firmware with a TPM.
#
# A log in the crypto-agile form starts with the event "Spec ID Event03", which is in the form of
# TPM 1.2; what was measured follows, with a digest for each bank (TCG PC Client Platform Firmware
# Profile 1.05 §10.2). A log for TPM 1.2 has no such event.
#
# Guess before running it: each event that was measured is there, with its name, type and digests,
# in both forms, as the package says.
# Seen: the first event is missing whatever it is, mostly the firmware's own version, so that PCR 0
# is not that of the TPM; of a log with one event nothing is left. Name and group are empty always,
# and raw_data is all the rest of the log. A log for TPM 1.2 is refused.
. "$(dirname "$0")/lib/crates"
crates tcg-log-core-rs=0.1.2 <<'RUST'
fn main() {
    match tcg_log_core_rs::parse(&std::env::args().nth(1).unwrap()) {
        Err(error) => println!("{error}"),
        Ok(events) => {
            for event in &events {
                let digests = event.digest_records.iter().map(|record| record.digest_string.clone().unwrap_or_default());
                println!(
                    "PCR {} {:#x} {:?} {:?} {} of {} bytes: {}",
                    event.pcr_index, event.event_type, event.name, event.group,
                    event.data.as_ref().map_or(0, Vec::len), event.raw_data.as_ref().map_or(0, Vec::len),
                    digests.collect::<Vec<_>>().join(" ").to_lowercase()
                );
            }
            println!("{} events", events.len());
        }
    }
}
RUST

# log agile|old WHAT...: of firmware that measured this, in PCR 0
log() {
  python3 - "$@" >"$TEMP/log" <<'PYTHON'
import hashlib, struct, sys

def old(kind, data):
    digest = hashlib.sha1(data).digest() if kind != 3 else bytes(20)
    return struct.pack("<II20sI", 0, kind, digest, len(data)) + data

def agile(kind, data):
    digest = hashlib.sha256(data).digest() if kind != 3 else bytes(32)
    return struct.pack("<IIIH32sI", 0, kind, 1, 0x0B, digest, len(data)) + data

events = {"version": (8, "V1\0".encode("utf-16-le")), "separator": (4, bytes(4)),
          "locality": (3, b"StartupLocality\0\3")}
log = b""
if sys.argv[1] == "agile":
    log = old(3, b"Spec ID Event03\0" + struct.pack("<IBBBBIHHB", 0, 0, 2, 0, 2, 1, 0x0B, 32, 0))
log += b"".join((agile if sys.argv[1] == "agile" else old)(*events[name]) for name in sys.argv[2:])
sys.stdout.buffer.write(log)
PYTHON
}
# ask: what the crate reads
ask() { "$TEMP/program" "$TEMP/log" | sed -E 's/([0-9a-f]{8})[0-9a-f]{56}/\1/' | paste -sd';'; }
log agile version separator separator
same "version, two separators" 'PCR 0 0x4 "" "" 4 of 108 bytes: df3f6198;PCR 0 0x4 "" "" 4 of 54 bytes: df3f6198;2 events' "$(ask)"
log agile locality version
same "locality, version" 'PCR 0 0x8 "" "" 6 of 56 bytes: c6388e2a;1 events' "$(ask)"
log agile version
same "version alone" "0 events" "$(ask)"
log old version separator
same "version, separator, for TPM 1.2" "failed to parse input file" "$(ask)"
