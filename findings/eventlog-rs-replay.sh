#!/usr/bin/env bash
# The crate eventlog-rs 0.1.8, which reads what firmware measured into a TPM, or for a
# confidential guest.
#
# A log says which algorithms its digests are of, and each event has one of each. A register
# starts with zeros, and each event's digest of an algorithm is added to that algorithm's own
# register; EV_NO_ACTION is added to none, and has digests of zeros (TCG PC Client Platform
# Firmware Profile 1.05 §10.2, §10.4.1).
#
# Guess before running it: events and registers are those of tpm2_eventlog 5.7 (Debian trixie).
# Seen: registers are SHA-384's, and what is added to them is each event's first digest. So none
# of a TPM with SHA-256 is right, and of a log with SHA-256 and SHA-384 neither. A second
# EV_NO_ACTION, as firmware writes one to say what was done, is an error for the whole log.
# Events, digests, and registers of a log with SHA-384 alone are right.
. "$(dirname "$0")/lib/debian"
. "$(dirname "$0")/lib/crates"
install trixie tpm2-tools=5.7-1 tpm2_eventlog
crates eventlog-rs=0.1.8 <<'RUST'
fn main() {
    let log = match eventlog_rs::Eventlog::try_from(std::fs::read(std::env::args().nth(1).unwrap()).unwrap()) {
        Ok(log) => log,
        Err(error) => return println!("{error}"),
    };
    let events: Vec<_> = log.log.iter().map(|event| event.event_type.as_str()).collect();
    print!("{} ", events.join(" "));
    for byte in &log.replay_measurement_registry()[&0] {
        print!("{byte:02x}");
    }
}
RUST

cat >"$TEMP/log.py" <<'PYTHON'
import hashlib, struct, sys

numbers = {"sha256": (11, 32), "sha384": (12, 48)}
algorithms = [name for name in sys.argv[2:] if name in numbers]

def event(kind, data):
    digests = b""
    for name in algorithms:
        number, size = numbers[name]
        digests += struct.pack("<H", number) + (bytes(size) if kind == 3 else hashlib.new(name, data).digest())
    return struct.pack("<III", 0, kind, len(algorithms)) + digests + struct.pack("<I", len(data)) + data

spec = b"Spec ID Event03\0" + struct.pack("<IBBBBI", 0, 0, 2, 0, 2, len(algorithms))
for name in algorithms:
    spec += struct.pack("<HH", *numbers[name])
spec += b"\0"
log = struct.pack("<II20xI", 0, 3, len(spec)) + spec + event(8, "1.0\0".encode("utf-16-le"))
if "note" in sys.argv:
    log += event(3, b"note")
log += event(0x80000008, struct.pack("<QQ", 0xFFE00000, 0x200000))
with open(sys.argv[1], "wb") as file:
    file.write(log)
PYTHON
log() { python3 "$TEMP/log.py" "$TEMP/log" "$@"; }
# known: what the crate reads, and the start of register 0
known() { "$TEMP/program" "$TEMP/log" | cut -c1-80; }
# other ALGORITHM: the same register of tpm2_eventlog
other() { "$TEMP/tpm2_eventlog" "$TEMP/log" | sed -n "/^pcrs/,\$ { /$1/,\$ s/.*0x\(.\{32\}\).*/\1/p }"; }
events="EV_S_CRTM_VERSION EV_EFI_PLATFORM_FIRMWARE_BLOB"
log sha384
same "SHA-384, tpm2_eventlog" "1f48d77031c5498cb44c9b7700556b11" "$(other sha384)"
same "SHA-384" "$events 1f48d77031c5498cb44c9b7700556b11" "$(known)"
log sha256
same "SHA-256, tpm2_eventlog" "717989adc823e2667609debad3d2fdfa" "$(other sha256)"
same "SHA-256" "$events 87cdbf7aa54f74796b7edfcfbffd08f2" "$(known)"
log sha256 sha384
same "both, tpm2_eventlog" "1f48d77031c5498cb44c9b7700556b11" "$(other sha384)"
same "both" "$events 87cdbf7aa54f74796b7edfcfbffd08f2" "$(known)"
log sha384 note
same "with a note, tpm2_eventlog" "1f48d77031c5498cb44c9b7700556b11" "$(other sha384)"
same "with a note" "Internal Error: get digest size failed when parse eventlog entry, digest_algo_nu" "$(known)"
