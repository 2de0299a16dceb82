#!/usr/bin/env bash
# romfs 0.0.7 (PyPI), which reads, unpacks and packs images of the file system romfs.
#
# The lowest bits of a file's header are its type, from hard link to fifo, and whether it is
# executable (Linux 6.1, Documentation/filesystems/romfs.rst, "The file header"). The kernel runs
# /init only if it is. genromfs of Debian 12 makes a device of a file with the name @NAME,c,5,1.
#
# Guess before running it: what is unpacked can be executed if it can be in the image, devices are
# unpacked or named in an error, and an image that is unpacked and packed again stays the same.
# Seen: no file is executable once it is unpacked, nor in the image that is made of it again, which
# the program's own diff says. A device is not there, with exit status 0. To print a device is a
# TypeError. Names, contents, links and what pack writes are right.
. "$(dirname "$0")/lib/pypi"
. "$(dirname "$0")/lib/debian"
pypi romfs==0.0.7
install bookworm genromfs=0.5.2-4+b1 genromfs

mkdir -p "$TEMP/tree/dev"
printf '#!/bin/busybox sh\n' >"$TEMP/tree/init"
chmod 755 "$TEMP/tree/init"
ln -s ./init "$TEMP/tree/sh"
echo root >"$TEMP/tree/passwd"
touch "$TEMP/tree/dev/@console,c,5,1"
"$TEMP/genromfs" -d "$TEMP/tree" -f "$TEMP/one.img" -V lab

# header NAME IMAGE: the byte of type and executable bit of a file, found by its name
header() { python3 -c '
import sys
image = open(sys.argv[2], "rb").read()
name = sys.argv[1].encode().ljust(16, b"\0")
print(image[next(at for at in range(0, len(image), 16) if image[at:at + 16] == name) - 13] & 15)' "$@"; }
# mode FILE: what was unpacked there
mode() { stat -c %A "$TEMP/out/$1" 2>/dev/null || echo "not there"; }

same "type of init, 2 and executable" 10 "$(header init "$TEMP/one.img")"
same "type of console, 5" 5 "$(header console "$TEMP/one.img")"
umask 022
same "unpack" "unpacked to $TEMP/out" "$(romfs unpack "$TEMP/one.img" -o "$TEMP/out" 2>&1)"
same "init" "-rw-r--r--" "$(mode init)"
same "passwd" "-rw-r--r--" "$(mode passwd)"
same "sh" "./init" "$(readlink "$TEMP/out/sh")"
same "dev/console" "not there" "$(mode dev/console)"
same "dev/console alone" "TypeError: 'console': node has no data offset" \
  "$(romfs unpack "$TEMP/one.img" dev/console 2>&1 | tail -n 1)"

romfs pack "$TEMP/tree" -o "$TEMP/two.img" >"$TEMP/log"
romfs unpack "$TEMP/two.img" -o "$TEMP/again" >>"$TEMP/log"
romfs pack "$TEMP/again" -o "$TEMP/three.img" >>"$TEMP/log"
same "init, packed" 10 "$(header init "$TEMP/two.img")"
same "init, unpacked and packed" 2 "$(header init "$TEMP/three.img")"
same "diff" "~ init init 0B exec:true->false" \
  "$(romfs diff "$TEMP/two.img" "$TEMP/three.img" | grep '^~' | tr -s ' ')"
