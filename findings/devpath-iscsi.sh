#!/usr/bin/env bash
# The crate devpath 1.0.1, which reads UEFI's device paths.
#
# A target's name in a node of iSCSI is of bytes, as iSCSI names are; a DNS node has a byte that
# says which IP, and addresses of 16 bytes each, also of IPv4 (UEFI 2.10 §10.3.4). A Relative
# Offset Range has 4 reserved bytes, and two offsets (§10.3.5.8).
#
# Guess before running it: each kind of node is read with the values that were written.
# Seen: a target's name is read as UTF-16, so that there is no such target, and one of an odd
# length is an error for the whole path. One DNS server of IPv4 is four, three of them 0.0.0.0.
# No range is read. A file's name, which is UTF-16, a DNS server of IPv6, a URI, a partition and
# what leads to them are right.
. "$(dirname "$0")/lib/crates"
crates devpath=1.0.1 <<'RUST'
use devpath::{msg::Messaging, FromBytes, Node, Paths};

fn main() {
    let hex = std::env::args().nth(1).unwrap();
    let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
    match Paths::from_bytes(&bytes) {
        Ok(paths) => match paths[0].last().unwrap() {
            Node::Messaging(Messaging::IScsi(node)) => println!("{}", node.name),
            node => println!("{node:?}"),
        },
        Err(error) => println!("{error:?}"),
    }
}
RUST
cat >"$TEMP/path.py" <<'PYTHON'
import struct, sys

def node(kind, sub, data):
    return struct.pack("<BBH", kind, sub, 4 + len(data)) + data

target = struct.pack("<HHQH", 0, 0, 0, 1)
dns = bytes([192, 0, 2, 53]).ljust(16, b"\0")
card = node(2, 1, struct.pack("<II", 0x0A0341D0, 0)) + node(1, 1, b"\0\2") # of PciRoot(0x0)
last = {
    "iscsi": node(3, 19, target + b"iqn.2026-01.org:disk"),
    "iscsi odd": node(3, 19, target + b"iqn.2026-01.org:disk1"),
    "dns": node(3, 31, b"\0" + dns),
    "dns6": node(3, 31, b"\1" + bytes.fromhex("20010db8").ljust(15, b"\0") + b"\x35"),
    "range": node(4, 8, struct.pack("<IQQ", 0, 0x1000, 0x1FFF)),
    "partition": node(4, 1, struct.pack("<IQQ16sBB", 1, 2048, 4096, bytes(16), 2, 2)),
    "file": node(4, 4, "\\BOOTAA64.EFI\0".encode("utf-16-le")),
    "uri": node(3, 24, b"http://example.org/boot.efi"),
}
print((card + last[sys.argv[1]] + node(0x7F, 0xFF, b"")).hex())
PYTHON
# last NAME: what the last node of a path is read as
last() { "$TEMP/program" "$(python3 "$TEMP/path.py" "$1")"; }
# fields NAME: the same, its fields
fields() { last "$1" | sed 's/.*{ \(.*\) }))/\1/'; }
name=$(printf iqn.2026-01.org:disk | iconv -f UTF-16LE -t UTF-8)
same "iSCSI, name" "$name" "$(last iscsi)"
same "iSCSI, name of 21 bytes" "Invalid" "$(last "iscsi odd")"
same "one DNS server" "servers: Ipv4([192.0.2.53, 0.0.0.0, 0.0.0.0, 0.0.0.0])" "$(fields dns)"
same "one DNS server of IPv6" "servers: Ipv6([2001:db8::35])" "$(fields dns6)"
same "a range" "Invalid" "$(last range)"
same "a partition" "number: 1, start: 2048, size: 4096, format: Gpt, signature: \
Gpt([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])" "$(fields partition)"
same "a file" 'Media(FilePath(FilePath("\\BOOTAA64.EFI")))' "$(last file)"
same "a URI" 'Messaging(Uri(Uri("http://example.org/boot.efi")))' "$(last uri)"
