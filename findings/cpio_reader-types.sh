#!/usr/bin/env bash
# The crate cpio_reader 0.1.2, which reads cpio archives, as an initramfs is one.
#
# Bits 170000 of a mode are a number that is the type: 120000 is a link, 060000 a block device,
# 040000 a directory (cpio(5), Old Binary Format, mode). An initramfs may be several archives, one
# behind the other, as with microcode (Linux 6.1, early-userspace/buffer-format.rst).
#
# Guess before running it: of an entry's mode, contains(REGULAR_FILE) and its like are true for its
# type alone, and the entries of all archives are read.
# Seen: types are flags. A link contains a regular file and a character device, too, a block device
# a directory, and a socket a regular file and a directory. Entries end with the first archive.
# Names, sizes and permissions are right.
. "$(dirname "$0")/lib/crates"
crates cpio_reader=0.1.2 <<'RUST'
use cpio_reader::Mode;

fn main() {
    for entry in cpio_reader::iter_files(&std::fs::read(std::env::args().nth(1).unwrap()).unwrap()) {
        let types = [
            (Mode::REGULAR_FILE, "file"),
            (Mode::DIRECTORY, "directory"),
            (Mode::SYMBOLIK_LINK, "link"),
            (Mode::CHARACTER_SPECIAL_DEVICE, "character"),
            (Mode::BLOCK_SPECIAL_DEVICE, "block"),
            (Mode::SOCKET, "socket"),
        ];
        let seen = types.iter().filter(|(mode, _)| entry.mode().contains(*mode)).map(|(_, name)| *name);
        let executable = if entry.mode().contains(Mode::USER_EXECUTABLE) { " x" } else { "" };
        println!("{} {}{executable}: {}", entry.name(), entry.file().len(), seen.collect::<Vec<_>>().join(", "));
    }
}
RUST
cat >"$TEMP/pack.py" <<'PYTHON'
import sys

def entry(name, mode, data=b""):
    numbers = [1, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0]
    head = b"070701" + b"".join(b"%08X" % number for number in numbers) + name + b"\0"
    return head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)

end = entry(b"TRAILER!!!", 0)
with open(sys.argv[1], "wb") as file:
    file.write(entry(b"init", 0o100755, b"#!/bin/sh\n") + entry(b"dev", 0o040755) + entry(b"sh", 0o120777, b"busybox")
               + entry(b"console", 0o020600) + entry(b"vda", 0o060600) + entry(b"log", 0o140777) + end
               + entry(b"second", 0o100644) + end)
PYTHON
python3 "$TEMP/pack.py" "$TEMP/initramfs"
"$TEMP/program" "$TEMP/initramfs" >"$TEMP/out"
line() { sed -n "$1p" "$TEMP/out"; }
same "a file" "init 10 x: file" "$(line 1)"
same "a directory" "dev 0 x: directory" "$(line 2)"
same "a link" "sh 7 x: file, link, character" "$(line 3)"
same "a character device" "console 0: character" "$(line 4)"
same "a block device" "vda 0: directory, character, block" "$(line 5)"
same "a socket" "log 0 x: file, directory, socket" "$(line 6)"
same "a second archive" "" "$(line 7)"
