#!/usr/bin/env bash
# py-uboot-env 1.0.0 and uboot 0.1.1 (PyPI), which read and write U-Boot's environment.
#
# An environment is a CRC-32, of two copies a byte, then name=value strings, each with its
# zero, and one more zero (U-Boot, doc/usage/environment.rst). The byte counts up with each
# save, and the copy with the greater one is taken (env/common.c). Behind the strings stands
# what erased flash has, FFh, which is mkenvimage's default, too. The size is the board's:
# 4, 8, 16, 64 or 128 KB are common.
#
# Guess before running it: both read all of these; a copy that is changed and written again
# counts from then on, and is as long as before.
# Seen: py-uboot-env writes 0 for the byte, so that U-Boot takes the other copy, without the
# change, and 4 and 64 KB are an "Invalid environment size". uboot reads only what is padded
# with zeros, as its own are, FFh being a UnicodeDecodeError; a copy whose byte is not 1 is a
# "Wrong CRC"; what was read from 16 KB is exported in 8 KB; and FFh for the rest, an
# argument of its own, is two bytes each: 8 KB become nearly 16.
. "$(dirname "$0")/lib/pypi"
pypi py-uboot-env==1.0.0 uboot==0.1.1 easy-enum==0.2.0 fdt==0.1.2

cat >"$TEMP/image.py" <<'PYTHON'
import sys, zlib

name, size, flag, fill = sys.argv[1], *(int(word, 0) for word in sys.argv[2:])
header = 4 if flag < 0 else 5
data = b"bootdelay=2\0bootcmd=booti ${addr}\0\0"
data += bytes([fill]) * (size - header - len(data))
open(name, "wb").write(zlib.crc32(data).to_bytes(4, "little") + bytes([flag] if flag >= 0 else []) + data)
PYTHON
# image NAME SIZE FLAG FILL: an environment; a flag of -1 is none
image() { python3 "$TEMP/image.py" "$TEMP/$1" "$2" "$3" "$4"; }
# uboot NAME CODE: what the code prints of env, that environment
uboot() {
  python3 -c "
import sys, uboot
env = uboot.EnvBlob.parse(open(sys.argv[1], 'rb').read())
$2" "$TEMP/$1" 2>&1 | tail -n 1 | cut -c 1-59
}
image copy 0x4000 7 0xff
same "py-uboot-env reads" 2 "$(uboot-env get "$TEMP/copy" bootdelay)"
same "the byte before" 07 "$(head -c 5 "$TEMP/copy" | tail -c 1 | od -An -tx1 | tr -d ' ')"
uboot-env set "$TEMP/copy" bootdelay 5 >"$TEMP/out"
same "the byte after set" 00 "$(head -c 5 "$TEMP/copy" | tail -c 1 | od -An -tx1 | tr -d ' ')"
for size in 4096 65536; do
  image size "$size" -1 0xff
  same "py-uboot-env, $size bytes" "Invalid environment size: $size" "$(uboot-env dump "$TEMP/size" 2>&1)"
done
image erased 0x2000 -1 0xff
same "uboot, FFh behind" \
  "UnicodeDecodeError: 'utf-8' codec can't decode byte 0xff in" \
  "$(uboot erased 'print(env.get("bootdelay"))')"
image zeros 0x4000 -1 0
same "uboot, zeros behind" 2 "$(uboot zeros 'print(env.get("bootdelay"))')"
same "uboot, 16384 bytes again" 8192 "$(uboot zeros 'print(len(env.export()))')"
image seven 0x2000 7 0
image one 0x2000 1 0
same "uboot, a copy with 1" 2 "$(uboot one 'print(env.get("bootdelay"))')"
same "uboot, a copy with 7" "ValueError: Wrong CRC" "$(uboot seven 'print(env.get("bootdelay"))')"
same "uboot, 8192 bytes with FFh" 16379 \
  "$(uboot zeros 'print(len(uboot.EnvBlob(size=8192, empty_value=0xff).export()))')"
