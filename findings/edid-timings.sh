#!/usr/bin/env bash
# pyedid 1.0.3 (PyPI) and the crate edid-rs 0.1.0, reading the EDID of a display.
#
# EDID 1.3 (VESA E-EDID Release A §3) has the maker in big-endian order, five bits
# a letter, the product's code and serial number in little-endian order; bit 7 of
# the input means digital; a bit each stands for the established timings, and a
# detailed timing has the low eight bits of its width, and the high four.
#
# Guess before running it: maker EXA, product 1234h, serial number 1001; an analog
# display is one; 640x480 and 1024x768 at 60 Hz, whose bits are set, are listed;
# 1920x1080 and 3840x2160 are read.
# Seen: pyedid has the product as 3412h, the serial number in the wrong order, and
# each analog display as digital; every display has all of DPMS. Of the established
# timings only four bits count, and each for eight of them: 640x480 at 60 Hz is not
# listed, 1024x768 at 60 Hz is with seven that the display does not have, two of
# which no EDID has (800x600 at 70, 1024x768 at 72). edid-rs has the characters 4, 0
# and 6 for Apple's APP, in its own example too, and refuses a display whose first
# timing has a width that is a multiple of 256: 3840x2160, 2560x1440 and 1280x1024
# are "Expected detailed timing block."
. "$(dirname "$0")/lib/pypi"
. "$(dirname "$0")/lib/crates"
pypi pyedid==1.0.3 requests==2.34.2 urllib3==2.8.0 idna==3.20 charset-normalizer==3.5.3 \
  certifi==2026.10.19.post1
crates edid-rs=0.1.0 <<'RUST'
fn main() {
    let mut bytes = std::io::Cursor::new(std::fs::read(std::env::args().nth(1).unwrap()).unwrap());
    match edid_rs::parse(&mut bytes) {
        Ok(edid) => println!("{:?} {:?}", edid.product.manufacturer_id, edid.timings.detailed_timings[0].active),
        Err(error) => println!("{error}"),
    }
}
RUST

cat >"$TEMP/write.py" <<'PYTHON'
import sys
from pyedid import parse_edid

def edid(maker, kind, established, width, height):
    first, second, third = (ord(letter) - 64 for letter in maker)
    block = bytes.fromhex("00ffffffffffff00") + (first << 10 | second << 5 | third).to_bytes(2, "big")
    block += (0x1234).to_bytes(2, "little") + (1001).to_bytes(4, "little")
    # Week 10 of 2020, EDID 1.3, 47 cm by 30 cm, gamma 2.2, no DPMS, RGB
    block += bytes([10, 30, 1, 3, kind, 47, 30, 120, 0x0A]) + bytes(10) + established + b"\1" * 16
    block += (14625).to_bytes(2, "little") + bytes([
        width & 0xFF, 160, width >> 8 << 4, height & 0xFF, 30, height >> 8 << 4, 48, 32, 0x36, 0,
        0xDA, 0x28, 0x11, 0, 0, 0x18])
    block += b"\0\0\0\xfc\0Example\n     " + 2 * (b"\0\0\0\x10\0" + bytes(13)) + b"\0"
    return block + bytes([-sum(block) & 0xFF])

DIGITAL, ANALOG = 0x80, 0x0E
read = parse_edid(edid("EXA", DIGITAL, bytes([0x20, 0, 0]), 1920, 1080))
print(read.manufacturer_pnp_id, f"{read.product_id:x}h", read.serial, read.type, read.resolutions)
read = parse_edid(edid("EXA", ANALOG, bytes([0, 0x08, 0]), 1920, 1080))
print(read.type, read.dpms_standby, *(f"{width}x{height}@{rate:.0f}" for width, height, rate in read.resolutions))
for name, *display in ("hd", "APP", 1920, 1080), ("4k", "EXA", 3840, 2160), ("old", "EXA", 1280, 1024):
    with open(f"{sys.argv[1]}/{name}", "wb") as file:
        file.write(edid(display[0], DIGITAL, bytes(3), *display[1:]))
PYTHON
python3 "$TEMP/write.py" "$TEMP" >"$TEMP/out"
# the detailed timing of a display, by edid-rs
width() { "$TEMP/program" "$TEMP/$1"; }
same "EXA, 1234h, 1001, digital, 640x480@60" "EXA 3412h 3909287936 digital []" "$(head -n 1 "$TEMP/out")"
same "analog, no DPMS, 1024x768@60" \
  "digital True 800x600@60 800x600@70 800x600@75 832x624@75 1024x768@87 1024x768@60 1024x768@72 1024x768@75" \
  "$(tail -n 1 "$TEMP/out")"
same "APP, 1920x1080" "ManufacturerID('\u{4}', '\0', '\u{6}') (1920, 1080)" "$(width hd)"
same "3840x2160" "Expected detailed timing block." "$(width 4k)"
same "1280x1024" "Expected detailed timing block." "$(width old)"
