#!/usr/bin/env bash
# dmidecode 3.6 (Debian trixie) and the crate smbios-lib 0.9.4, reading an MCTP host
# interface in SMBIOS.
#
# Type 42 (DSP0134 §7.43) says how the host reaches a management controller: the
# interface, below 40h one of MCTP (09h I2C, 0Dh PCC as smbios-lib has DSP0239), 40h
# a network, and records of the protocols that are spoken, 03h for MCTP, each with a
# length of its own data.
#
# Guess before running it: both show PCC, MCTP and the second protocol, also where a
# protocol has no data of its own.
# Seen: dmidecode shows "MCTP" for each interface but a network, not whether it is PCC
# or I2C, and no protocol at all; that of a network it shows. smbios-lib has the
# interface, but takes a record without data for the end of the list, so that there
# is no protocol, nor the one behind it; with data it has both.
. "$(dirname "$0")/lib/debian"
. "$(dirname "$0")/lib/crates"
install trixie dmidecode=3.6-2 dmidecode
crates smbios-lib=0.9.4 <<'RUST'
use smbioslib::{SMBiosData, SMBiosManagementControllerHostInterface as Host, SMBiosVersion};
fn main() {
    let image = std::fs::read(std::env::args().nth(1).unwrap()).unwrap();
    let version = SMBiosVersion { major: 3, minor: 7, revision: 0 };
    let table = SMBiosData::from_vec_and_version(image[32..].to_vec(), Some(version));
    for host in table.collect::<Host>() {
        let protocols = host.protocol_record_iterator();
        let protocols: Vec<_> = protocols.map(|record| record.protocol_type().unwrap().to_string()).collect();
        println!("{}: {}", host.interface_type().unwrap(), protocols.join(" "));
    }
}
RUST

python3 - "$TEMP/smbios" <<'PYTHON'
import struct, sys

def structure(kind, handle, fields):
    return struct.pack("<BBH", kind, 4 + len(fields), handle) + fields + b"\0\0"

def host(handle, interface, specific, *protocols):
    fields = bytes([interface, len(specific)]) + specific + bytes([len(protocols)])
    return structure(42, handle, fields + b"".join(bytes([kind, len(data)]) + data for kind, data in protocols))

MCTP, OEM = 0x03, 0xF0
maker = (1234).to_bytes(4, "big")
usb = bytes([2]) + struct.pack("<HHB", 0x1234, 0x5678, 0)
table = host(0x2A00, 0x0D, bytes(4), (MCTP, b""), (OEM, maker))
table += host(0x2A01, 0x0D, bytes(4), (MCTP, bytes(4)), (OEM, maker))
table += host(0x2A02, 0x09, bytes(4), (MCTP, bytes(4)))
table += host(0x2A03, 0x40, usb, (MCTP, bytes(4)))
table += structure(127, 0x7F00, b"")
entry = bytearray(struct.pack("<5sBBBBBBBIQ", b"_SM3_", 0, 24, 3, 7, 0, 1, 0, len(table), 32))
entry[5] = -sum(entry) & 0xFF
open(sys.argv[1], "wb").write(entry + bytes(8) + table)
PYTHON
"$TEMP/program" "$TEMP/smbios" >"$TEMP/crate-out"
"$TEMP/dmidecode" --from-dump "$TEMP/smbios" | sed -n '/type 42/,/^$/s/^\t//p' >"$TEMP/dmidecode-out"
same "dmidecode, of all four interfaces" "MCTP,MCTP,MCTP,Network" \
  "$(sed -n 's/^Host Interface Type: //p' "$TEMP/dmidecode-out" | paste -sd,)"
same "dmidecode's protocols of six" "03 (MCTP)" "$(sed -n 's/^Protocol ID: //p' "$TEMP/dmidecode-out" | paste -sd,)"
same "smbios-lib, MCTP without data" "Pcc: " "$(sed -n 1p "$TEMP/crate-out")"
same "smbios-lib, the others" "Pcc: Mctp OemDefined,I2C: Mctp,NetworkHostInterface: Mctp" \
  "$(sed -n '2,$p' "$TEMP/crate-out" | paste -sd,)"
