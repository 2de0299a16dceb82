#!/usr/bin/env bash
# pycramfs 1.1.0 (PyPI), which reads images of the file system cramfs, and mkfs.cramfs and
# fsck.cramfs of util-linux 2.38.1 (Debian 12), which make and check them.
#
# A block of a file that is all zeros need not be there, if flag 100h is set: it has no bytes then.
# An image may have 512 bytes for boot code in front of its superblock; what it says of places
# counts from the start of all. mkfs.cramfs does this with -z and -p (mkfs.cramfs(8); Linux 6.1,
# fs/cramfs/README, Holes, and fs/cramfs/inode.c, which looks for a superblock at 0 and at 512).
#
# Guess before running it: what mkfs.cramfs made is read by both, with -z and -p too, and
# find_superblocks finds all images of a flash.
# Seen: pycramfs reads no file with a hole: zlib's error -5. Of an image with room for boot code it
# says wrong magic, and at 512, where find_superblocks has found it, it reads its inodes 512 bytes
# too far. Of images in one MiB find_superblocks finds the first one. fsck.cramfs reads -p, but
# refuses -z, as "unsupported". Names, links and files without holes are right.
. "$(dirname "$0")/lib/pypi"
. "$(dirname "$0")/lib/debian"
pypi pycramfs==1.1.0
install bookworm util-linux=2.38.1-5+deb12u3 mkfs.cramfs
# cramfs WHICH ARGUMENT...: mkfs.cramfs or fsck.cramfs, which are in /sbin
cramfs() {
  "$(echo "$TEMP"/root/lib/*/ld-linux-*.so.*)" --library-path "$(echo "$TEMP"/root/lib/*-linux-gnu*)" \
    "$TEMP/root/sbin/$1.cramfs" "${@:2}"
}

mkdir "$TEMP/tree"
echo hello >"$TEMP/tree/text"
{ head -c 8192 /dev/zero && echo end; } >"$TEMP/tree/zeros"
cramfs mkfs "$TEMP/tree" "$TEMP/plain" >"$TEMP/log"
cramfs mkfs -z "$TEMP/tree" "$TEMP/holes" >>"$TEMP/log"
cramfs mkfs -p "$TEMP/tree" "$TEMP/boot" >>"$TEMP/log"
cat "$TEMP"/{plain,holes,plain} >"$TEMP/flash"

# files IMAGE [OFFSET]: of each file, whether it is the one of the tree, or the error
files() {
  python3 - "$TEMP" "$@" <<'PYTHON'
import sys
from pycramfs import Cramfs

folder, image, *offset = sys.argv[1:]
try:
    with Cramfs.from_file(f"{folder}/{image}", *map(int, offset)) as cramfs:
        for file in cramfs.rootdir:
            with open(f"{folder}/tree/{file.name}", "rb") as other:
                print(file.name, file.read_bytes() == other.read(), end="; ")
except Exception as error:
    print(f"{type(error).__name__}: {error}")
PYTHON
}
# check IMAGE: what fsck.cramfs says of it
check() { cramfs fsck "$TEMP/$1" 2>&1 && echo fine; }

same "plain" "text True; zeros True; " "$(files plain)"
same "with holes" "text True; error: Error -5 while decompressing data: incomplete or truncated stream" \
  "$(files holes)"
same "with boot code" "CramfsError: wrong magic" "$(files boot)"
same "with boot code, at 512" "KeyError: '?'" "$(files boot 512)"
same "superblocks, 3" 1 "$(python3 -c '
import sys
from pycramfs.util import find_superblocks

print(len(find_superblocks(sys.argv[1])))' "$TEMP/flash")"
same "fsck, plain" fine "$(check plain)"
same "fsck, with holes" "fsck.cramfs: unsupported filesystem features" "$(check holes)"
same "fsck, with boot code" fine "$(check boot)"
