#!/usr/bin/env bash
# The crate uefi-eventlog 0.3.0, which reads what firmware measured into a TPM. It needs libssl-dev.
#
# The first three fields of a variable's GUID have their lowest byte first. What was measured as
# EV_POST_CODE is named by a text, or by its address and length. A firmware that starts the TPM
# from locality 3 says so in StartupLocality, and PCR 0 starts with 3 (TCG PC Client Platform
# Firmware Profile 1.05, EV_POST_CODE and Startup Locality).
#
# Guess before running it: each event is read as tpm2_eventlog 5.4 (Debian bookworm) reads it, and
# StartupLocality counts.
# Seen: the first three fields of SecureBoot's GUID are back to front. An EV_POST_CODE with an
# address is a "Text decoding error", and nothing behind it is read. PCR 0 always starts with 0.
# A text, a variable's name and the address of a firmware's volume are right.
. "$(dirname "$0")/lib/debian"
. "$(dirname "$0")/lib/crates"
install bookworm tpm2-tools=5.4-1 tpm2_eventlog
crates uefi-eventlog=0.3.0 tpmless-tpm2=0.3.3 fallible-iterator=0.2.0 <<'RUST'
use fallible_iterator::FallibleIterator;
use uefi_eventlog::{parsed::ParsedEventData, Parser};

fn main() {
    let mut log = Parser::new(std::fs::File::open(std::env::args().nth(1).unwrap()).unwrap());
    loop {
        match log.next() {
            Ok(Some(event)) => match event.parsed_data {
                Some(ParsedEventData::EfiVariable(data)) => println!("{} {}", data.variable_guid, data.name),
                Some(ParsedEventData::FirmwareBlobLocation { base, length }) => println!("{base:#x} {length:#x}"),
                Some(ParsedEventData::Text(text)) => println!("{text}"),
                _ => (),
            },
            Ok(None) => break,
            Err(error) => return println!("{error}"),
        }
    }
    let pcrs = log.pcrs();
    for byte in pcrs.pcr_algo_value(0, tpmless_tpm2::DigestAlgorithm::Sha256).unwrap() {
        print!("{byte:02x}");
    }
    println!();
}
RUST

cat >"$TEMP/log.py" <<'PYTHON'
import hashlib, struct, sys, uuid

def event(pcr, kind, data, measured=True):
    digest = hashlib.sha256(data).digest() if measured else bytes(32)
    return struct.pack("<IIIH32sI", pcr, kind, 1, 11, digest, len(data)) + data

version = "1.0\0".encode("utf-16-le")
events = {
    "version": event(0, 8, version),
    "locality": event(0, 3, b"StartupLocality\0\3", False),
    "text": event(0, 1, b"ACPI DATA"),
    "address": event(0, 1, struct.pack("<QQ", 0xFFE00000, 0x200000)),
    "firmware": event(0, 0x80000008, struct.pack("<QQ", 0xFFE00000, 0x200000)),
    "variable": event(7, 0x80000001, uuid.UUID("8be4df61-93ca-11d2-aa0d-00e098032b8c").bytes_le +
                      struct.pack("<QQ", 10, 1) + "SecureBoot".encode("utf-16-le") + b"\1"),
}
if sys.argv[1] == "pcr": # 0 with the version, from this locality
    start = bytes([int(sys.argv[2])]).rjust(32, b"\0")
    print(hashlib.sha256(start + hashlib.sha256(version).digest()).hexdigest())
else:
    spec = b"Spec ID Event03\0" + struct.pack("<IBBBBIHHB", 0, 0, 2, 0, 2, 1, 11, 32, 0)
    with open(sys.argv[1], "wb") as file:
        file.write(struct.pack("<II20xI", 0, 3, len(spec)) + spec + b"".join(events[name] for name in sys.argv[2:]))
PYTHON
log() { python3 "$TEMP/log.py" "$TEMP/log" "$@"; }
# known: what the crate reads, and PCR 0 at the end
known() { "$TEMP/program" "$TEMP/log" | paste -sd' '; }
# other NAME: what tpm2_eventlog shows by this name
other() { "$TEMP/tpm2_eventlog" "$TEMP/log" | sed -n "s/^ *$1: //p"; }
zeros=$(printf '%064d' 0)
log variable
same "a GUID, tpm2_eventlog" "8be4df61-93ca-11d2-aa0d-00e098032b8c" "$(other VariableName)"
same "a GUID" "61dfe48b-ca93-d211-aa0d-00e098032b8c SecureBoot $zeros" "$(known)"
log address variable
same "an address, tpm2_eventlog" "0xffe00000 SecureBoot" "$(other BlobBase) $(other UnicodeName)"
same "an address" "Error parsing event: Text decoding error" "$(known)"
log text
same "a text" "ACPI DATA" "$("$TEMP/program" "$TEMP/log" | head -n 1)"
log firmware
same "a firmware's volume" "0xffe00000 0x200000" "$("$TEMP/program" "$TEMP/log" | head -n 1)"
log version
same "PCR 0" "1.0 $(python3 "$TEMP/log.py" pcr 0)" "$(known)"
log locality version
same "PCR 0 from locality 3, $(python3 "$TEMP/log.py" pcr 3)" "1.0 $(python3 "$TEMP/log.py" pcr 0)" "$(known)"
