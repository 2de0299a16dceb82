#!/usr/bin/env bash
# uf2-decode 0.2.0 (the crate), which makes of a UF2 file its binary and the families it is for.
#
# A block need not say for which family it is: flag 2000h may be clear. A file may hold the firmware
# of several families, of which a device takes its own (UF2 format, Flags, Family ID). The files of
# an RP2350 start with a block of the family "absolute", EFh for 10FFFF00h, with a tag that says to
# ignore it (RP2350 datasheet, erratum E10; picotool, UF2_EXTENSION_RP2_IGNORE_BLOCK).
#
# Guess before running it: all that is for the flash is in the binary, zeros for what is between, and
# families are not mixed.
# Seen: of a file without families nothing is in it, which is no error. Those of two families are one
# behind the other, and nothing says where the second one starts. An RP2350's firmware is 256 bytes
# too late, behind the block to ignore. Gaps, blocks that are not for the flash, and the first
# address of each family are right.
. "$(dirname "$0")/lib/crates"
crates uf2-decode=0.2.0 <<'RUST'
use std::collections::BTreeMap;

fn main() {
    let mut file = Vec::new();
    for block in std::env::args().skip(1) {
        // flags, address, family and the byte of which the payload is
        let words: Vec<u32> = block.split(',').map(|word| u32::from_str_radix(word, 16).unwrap()).collect();
        let mut data = Vec::new();
        for word in [0x0A324655, 0x9E5D5157, words[0], words[1], 256, 0, 1, words[2]] {
            data.extend(u32::to_le_bytes(word));
        }
        data.extend([words[3] as u8; 256]);
        if words[0] & 0x8000 != 0 {
            data.extend(0x9957E304u32.to_le_bytes());
        }
        data.resize(508, 0);
        data.extend(0x0AB16F30u32.to_le_bytes());
        file.extend(data);
    }
    let (binary, families) = uf2_decode::convert_from_uf2(&file).unwrap();
    for part in binary.chunk_by(|one, other| one == other) {
        print!("{} of {:02X}, ", part.len(), part[0]);
    }
    println!("{:X?}", BTreeMap::from_iter(families));
}
RUST
# binary FLAGS,ADDRESS,FAMILY,BYTE...: what is made of these blocks of 256 bytes
binary() { "$TEMP/program" "$@"; }
same "two blocks" "256 of 01, 256 of 02, {AA: 1000}" "$(binary 2000,1000,AA,1 2000,1100,AA,2)"
same "a gap" "256 of 01, 256 of 00, 256 of 02, {AA: 1000}" "$(binary 2000,1000,AA,1 2000,1200,AA,2)"
same "notes between them" "256 of 01, 256 of 02, {AA: 1000}" "$(binary 2000,1000,AA,1 1,0,0,FF 2000,1100,AA,2)"
same "no family, 256 of 01, 256 of 02" "{}" "$(binary 0,1000,0,1 0,1100,0,2)"
same "two families, apart" "256 of 01, 256 of 02, {AA: 1000, BB: 8000}" "$(binary 2000,1000,AA,1 2000,8000,BB,2)"
same "RP2350, 256 of 01" "256 of EF, 256 of 01, {E48BFF57: 10FFFF00, E48BFF59: 10000000}" \
  "$(binary A000,10FFFF00,E48BFF57,EF 2000,10000000,E48BFF59,1)"
