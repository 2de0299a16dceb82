#!/usr/bin/env bash
# The crate pldm-fw 0.2.0, firmware update over PLDM, and the library of pldm-fw-cli.
#
# A device says what it is by descriptors, each with its type and length, and a package by
# the same for which devices it is (DSP0267 1.1.0): PCI's vendor, 0000h, and device, 0100h,
# but also the revision, 0103h, or the name of the model, 0106h. A version is a string in
# ASCII, UTF-8 or UTF-16.
#
# Guess before running it: a descriptor of a type that it does not know is kept or left
# out, and the others are read.
# Seen: with one of those nothing is read, of the device or of the package: "can't parse
# devices". It knows six types and vendors' own. A package with a version in UTF-16 is
# "can't parse header".
. "$(dirname "$0")/lib/crates"
crates pldm-fw=0.2.0 crc32fast=1.5.0 <<'RUST'
use pldm_fw::{pkg::Package, DeviceIdentifiers};

const VENDOR: &[u8] = &[0, 0, 2, 0, 0xF4, 0x1A];
const DEVICE: &[u8] = &[0, 1, 2, 0, 1, 0];
const REVISION: &[u8] = &[3, 1, 1, 0, 2];

fn model() -> Vec<u8> {
    let mut descriptor = vec![6, 1, 40, 0];
    descriptor.extend(b"Example 1");
    descriptor.resize(44, 0);
    descriptor
}

fn device(descriptors: &[&[u8]]) -> String {
    let answer = [&[descriptors.len() as u8], descriptors.concat().as_slice()].concat();
    DeviceIdentifiers::parse(&answer).map_or("error".into(), |(_, read)| format!("{read}"))
}

/// What is read of a package of one component for one device
fn package(kind: u8, version: &[u8], descriptors: &[&[u8]]) -> String {
    let mut record = vec![descriptors.len() as u8, 1, 0, 0, 0, 1, 1, 0, 0, 1, b'1'];
    record.extend(descriptors.concat());
    let mut header = vec![0; 13];
    header.extend([8, 0, kind, version.len() as u8]);
    header.extend(version);
    header.push(1);
    header.extend((record.len() as u16 + 2).to_le_bytes());
    header.extend(record);
    header.extend([1, 0, 10, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, b'1']);
    let mut file = b"\xf0\x18\x87\x8c\xcb\x7d\x49\x43\x98\x00\xa0\x2f\x05\x9a\xca\x02\x01".to_vec();
    file.extend((header.len() as u16 + 23).to_le_bytes());
    file.extend(header);
    file.extend(crc32fast::hash(&file).to_le_bytes());
    let path = std::env::args().nth(1).unwrap();
    std::fs::write(&path, file).unwrap();
    Package::parse(std::fs::File::open(path).unwrap())
        .map_or_else(|error| error.to_string(), |read| format!("{} for {}", read.version, read.devices[0].ids))
}

fn main() {
    println!("{}", device(&[VENDOR, DEVICE]));
    println!("{}", device(&[VENDOR, DEVICE, REVISION]));
    println!("{}", device(&[VENDOR, DEVICE, &model()]));
    println!("{}", package(1, b"1.0", &[VENDOR, DEVICE]));
    println!("{}", package(1, b"1.0", &[VENDOR, DEVICE, REVISION]));
    println!("{}", package(4, b"1\0.\x000\0", &[VENDOR, DEVICE]));
}
RUST
"$TEMP/program" "$TEMP/package" >"$TEMP/out"
line() { sed -n "$1p" "$TEMP/out"; }
same "a device" "pci-vendor:1af4,pci-device:0001" "$(line 1)"
same "with its revision" "error" "$(line 2)"
same "with the name of its model" "error" "$(line 3)"
same "a package" "1.0 for pci-vendor:1af4,pci-device:0001" "$(line 4)"
same "with the revision" "PLDM package format error: can't parse devices" "$(line 5)"
same "of version 1.0 in UTF-16" "PLDM package format error: can't parse header" "$(line 6)"
