#!/usr/bin/env bash
# The crate pcics 0.3.2, which reads the configuration space of a PCI device.
#
# Each extended capability, from 100h on, tells where the next one is. One of kind 23h is of the
# vendor that it names. A CXL device has several, of vendor 1E98h: 0 says what it is, 8 where its
# registers are (PCIe 5.0 §7.9.6; CXL 2.0 §8.1.3 and §8.1.9).
#
# Guess before running it: kinds, places and values are those of lspci 3.9.0 (Debian bookworm).
# Seen: kinds and places are. What is in one of kind 23h, or in a Resizable BAR, is read from
# 100h, wherever it is: behind error reporting, that is an error for each, and of two of CXL both
# are the first. A serial number is right everywhere.
. "$(dirname "$0")/lib/debian"
. "$(dirname "$0")/lib/crates"
install bookworm pciutils=1:3.9.0-4 lspci
crates pcics=0.3.2 <<'RUST'
use pcics::extended_capabilities::{ExtendedCapabilities, ExtendedCapabilityKind as Kind};

fn main() {
    let space = std::fs::read(std::env::args().nth(1).unwrap()).unwrap();
    for capability in ExtendedCapabilities::new(&space[0x100..]) {
        let capability = match capability {
            Ok(capability) => capability,
            Err(error) => {
                println!("{error}");
                continue;
            }
        };
        print!("[{:x} v{}] {:02x} ", capability.offset, capability.version, capability.id());
        match capability.kind {
            Kind::DesignatedVendorSpecificExtendedCapability(dvsec) => println!(
                "Vendor={:04x} ID={:04x} Rev={} Len={}",
                dvsec.dvsec_vendor_id, dvsec.dvsec_id, dvsec.dvsec_revision, dvsec.dvsec_length
            ),
            Kind::DeviceSerialNumber(serial) => println!("{:08x}{:08x}", serial.upper_dword, serial.lower_dword),
            _ => println!(),
        }
    }
}
RUST

cat >"$TEMP/space.py" <<'PYTHON'
import struct, sys

def dvsec(number, length):
    return 0x23, 1, struct.pack("<HHH", 0x1E98, length << 4 | 1, number).ljust(length - 4, b"\0")

kinds = {
    "errors": (0x01, 2, struct.pack("<III", 0, 0x100000, 0x462030).ljust(0x44, b"\0")),
    "device": dvsec(0, 0x3C),
    "locator": dvsec(8, 0x24),
    "serial": (0x03, 1, bytes.fromhex("efcdab8967452301")),
    "bar": (0x15, 1, struct.pack("<II", 0xFF00, 1 << 5 | 4 << 8 | 2)),
}
space = bytearray(4096)
struct.pack_into("<HHHHI", space, 0, 0x1AF4, 0x1100, 2, 0x10, 0x05020001) # a memory, CXL
space[0x34] = 0x40
struct.pack_into("<BBH", space, 0x40, 0x10, 0, 2) # PCI Express
at = 0x100
for index, name in enumerate(sys.argv[1:]):
    kind, version, body = kinds[name]
    following = at + 4 + len(body) if index < len(sys.argv) - 2 else 0
    struct.pack_into("<I", space, at, kind | version << 16 | following << 20)
    space[at + 4:at + 4 + len(body)] = body
    at += 4 + len(body)
sys.stdout.buffer.write(space)
PYTHON
# space NAME...: a device with these extended capabilities
space() {
  python3 "$TEMP/space.py" "$@" >"$TEMP/space"
  { echo '01:00.0 0502: 1af4:1100'; od -An -v -tx1 -w16 "$TEMP/space" | awk '{ printf "%03x:%s\n", 16 * (NR - 1), $0 }'; } >"$TEMP/dump"
}
# known: what the crate reads
known() { "$TEMP/program" "$TEMP/space" | sed -e 's/ $//' -e 's/ (VID.*//' | paste -sd';'; }
# other: the same of lspci
other() { "$TEMP/lspci" -F "$TEMP/dump" -n -vvv 2>/dev/null | sed -n 's/^\tCapabilities: \(\[1.*\)/\1/p' | paste -sd';'; }
space device locator serial
same "a CXL device, lspci" "[100 v1] Designated Vendor-Specific: Vendor=1e98 ID=0000 Rev=1 Len=60: CXL;\
[13c v1] Designated Vendor-Specific: Vendor=1e98 ID=0008 Rev=1 Len=36: CXL;\
[160 v1] Device Serial Number 01-23-45-67-89-ab-cd-ef" "$(other)"
same "a CXL device" "[100 v1] 23 Vendor=1e98 ID=0000 Rev=1 Len=60;[13c v1] 23 Vendor=1e98 ID=0000 Rev=1 Len=60;\
[160 v1] 03 0123456789abcdef" "$(known)"
space errors device bar serial
same "behind error reporting, lspci" "[100 v2] Advanced Error Reporting;\
[148 v1] Designated Vendor-Specific: Vendor=1e98 ID=0000 Rev=1 Len=60: CXL;\
[184 v1] Physical Resizable BAR;[190 v1] Device Serial Number 01-23-45-67-89-ab-cd-ef" "$(other)"
same "behind error reporting" "[100 v2] 01;\
[148] Designated Vendor-Specific Extended Capabilities error: Vendor-specific registers;\
[184] Resizable BAR error: should have 1..=6 number of entries;[190 v1] 03 0123456789abcdef" "$(known)"
space bar device
same "Resizable BAR first" "[100 v1] 15;\
[10c] Designated Vendor-Specific Extended Capabilities error: Vendor-specific registers" "$(known)"
