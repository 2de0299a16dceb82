#!/usr/bin/env bash
# The crate siomon 0.2.2, which shows a machine's memory by its SMBIOS, its PCIe links and its machine checks.
#
# The type of a memory device is 1Ah for DDR4, 1Eh for LPDDR4, 20h to 24h for HBM, HBM2, DDR5, LPDDR5 and
# HBM3; form factor 11h is CAMM (SMBIOS 3.7 §7.18.2, §7.18.1). A link of 2.5 GT/s is one of PCI Express
# 1.0, one of 5 GT/s of 2.0. A machine check with the code 0000 0000 1MMM CCCC is one of a memory
# controller, with 0000 0000 0000 11LL one of a cache (Intel SDM 3B, "Compound Error Codes").
#
# Guess before running it: sizes and types of memory are as in these tables.
# Seen: from 1Eh on types have other names: LPDDR4 is DDR5, DDR5 is LPDDR5 and LPDDR5 is HBM2. A link
# of 2.5 GT/s is one of generation 2, as there is a 5 in it. An error of a memory controller, which
# most corrected ones are, is an Internal Error. Sizes, DDR4, faster links, and errors of TLBs and
# buses are right.
. "$(dirname "$0")/lib/crates"
crates siomon=0.2.2 <<'RUST'
use siomon::{collectors::pci::pcie_speed_to_gen, db::mce::mca_error_type, parsers::smbios};

fn main() {
    let table = std::env::args().nth(1).unwrap();
    for device in smbios::parse_from_path(table.as_ref()).unwrap().memory_devices {
        let name = smbios::memory_type_name(device.memory_type);
        println!("{} GiB {} {}", device.size_bytes >> 30, name, device.form_factor);
    }
    let speeds = ["2.5", "5.0", "8.0", "16.0", "32.0", "64.0"];
    println!("{:?}", speeds.map(|speed| pcie_speed_to_gen(&format!("{speed} GT/s PCIe"))));
    for code in [0x0014, 0x0135, 0x0E0B, 0x009F, 0x0080, 0x000E] {
        println!("{}", mca_error_type(code));
    }
}
RUST

# device TYPE FORM: memory of 16 GiB
device() {
  printf %b '\x11\x28\x01\x00\x01\x00\xFE\xFF\x40\x00\x40\x00\x00\x40' "\\x$2" '\x00\x00\x00' "\\x$1" \
    '\x80\x00\xC0\x12\x00\x00\x00\x00\x01\x00\x00\x00\x00\xC0\x12\x4C\x04\x4C\x04\x4C\x04' '\x00\x00'
}
{
  device 1A 09
  device 1E 0B
  device 22 09
  device 23 11
  printf '\x7F\x04\xFE\xFF\x00\x00'
} >"$TEMP/table"
"$TEMP/program" "$TEMP/table" >"$TEMP/out"
line() { sed -n "$1p" "$TEMP/out"; }
same "DDR4, a DIMM" "16 GiB DDR4 DIMM" "$(line 1)"
same "LPDDR4, a row of chips" "16 GiB DDR5 Row of chips" "$(line 2)"
same "DDR5, a DIMM" "16 GiB LPDDR5 DIMM" "$(line 3)"
same "LPDDR5, a CAMM" "16 GiB HBM2 Unknown" "$(line 4)"
same "2.5, 5, 8, 16, 32, 64 GT/s" "[2, 2, 3, 4, 5, 6]" "$(line 5)"
same "a TLB, a cache read, a bus" "TLB Error;Memory/Cache Error;Bus/Interconnect Error" "$(sed -n 6,8p "$TEMP/out" | paste -sd';')"
same "a memory controller: read of channel 15, generic of channel 0" "Internal Error;Internal Error" \
  "$(sed -n 9,10p "$TEMP/out" | paste -sd';')"
same "a cache of level 2" "Internal Error" "$(line 11)"
