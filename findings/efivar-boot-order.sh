#!/usr/bin/env bash
# The crate efivar 2.0.0, which reads and writes UEFI's boot entries.
#
# BootOrder has the numbers of the entries, the first to try first; an entry's path
# is a list of nodes, of any kind (UEFI 2.10 §3.1.3, §10.3). A file's path may be of
# several nodes, one behind the other (§10.3.5.4). Names of variables may have a
# dash, as those of the kernel's own dumps.
#
# Guess before running it: get_boot_entries() has the entries in the order in which
# they are tried; one that is read and written again is the same; \EFI and \example
# are \EFI\example.
# Seen: the entries come in the opposite order, the last resort first. Of a path only
# a partition and a file are kept: an entry that boots from a network card, read and
# written again, has no path at all, and one whose disk is given by its controller
# has lost that. Of a file's path the last node counts. The name of a variable with a
# dash is not a valid one, and such variables are not listed.
. "$(dirname "$0")/lib/crates"
crates efivar=2.0.0 <<'RUST'
use efivar::{boot::{BootEntry, BootVarReader}, efi::{Variable, VariableFlags}, VarReader};

fn node(kind: u8, sub: u8, data: &[u8]) -> Vec<u8> {
    [&[kind, sub, data.len() as u8 + 4, 0], data].concat()
}
fn text(text: &str) -> Vec<u8> {
    text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect()
}
fn entry(description: &str, nodes: &[Vec<u8>]) -> Vec<u8> {
    let path = [nodes.concat(), node(0x7f, 0xff, &[])].concat();
    [&1u32.to_le_bytes()[..], &(path.len() as u16).to_le_bytes(), &text(description), &path].concat()
}
// PciRoot(0)/Pci(3,0), then a card's address, or a partition and a file
fn controller() -> Vec<Vec<u8>> {
    vec![node(2, 1, &[0xd0, 0x41, 3, 0x0a, 0, 0, 0, 0]), node(1, 1, &[0, 3])]
}
fn network() -> Vec<u8> {
    let card = node(3, 11, &[&[2, 0, 0, 0, 0, 1], &[0; 26][..], &[1]].concat());
    entry("Network", &[controller(), vec![card]].concat())
}
fn disk() -> Vec<u8> {
    let numbers = [&1u32.to_le_bytes()[..], &2048u64.to_le_bytes(), &4096u64.to_le_bytes()].concat();
    let partition = node(4, 1, &[&numbers[..], &[0x11; 16], &[2, 2]].concat());
    let files = vec![partition, node(4, 4, &text("\\EFI")), node(4, 4, &text("\\example"))];
    entry("Disk", &[controller(), files].concat())
}

struct Firmware;
impl VarReader for Firmware {
    fn read(&self, variable: &Variable) -> efivar::Result<(Vec<u8>, VariableFlags)> {
        let value = match variable.name() {
            "BootOrder" => vec![1, 0, 0, 0],
            "Boot0001" => disk(),
            _ => network(),
        };
        Ok((value, VariableFlags::default()))
    }
}

fn main() {
    let names = Firmware.get_boot_entries().unwrap().map(|(found, _)| found.unwrap().entry.description);
    println!("{}", names.collect::<Vec<_>>().join(" "));
    for bytes in [network(), disk()] {
        let entry = BootEntry::parse(bytes.clone()).unwrap();
        let path = entry.file_path_list.as_ref().map(|path| path.to_string());
        println!("{} {} {path:?}", bytes.len(), entry.to_bytes().len());
    }
    let name = "dump-type0-1-1-1790000000-C-cfc8fc79-be2e-4ddc-97f0-9f98bfe298a0";
    println!("{}", name.parse::<Variable>().is_ok());
}
RUST
"$TEMP/program" >"$TEMP/out"
same "Disk, then Network" "Network Disk" "$(sed -n 1p "$TEMP/out")"
same "a network card: bytes, written again, path" "81 22 None" "$(sed -n 2p "$TEMP/out")"
same "a disk: bytes, written again, path" \
  '116 84 Some("HD(1,GPT,11111111-1111-1111-1111-111111111111)/File(\\example)")' "$(sed -n 3p "$TEMP/out")"
same "a name with a dash is valid" "false" "$(sed -n 4p "$TEMP/out")"
