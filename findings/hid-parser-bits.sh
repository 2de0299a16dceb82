#!/usr/bin/env bash
# hid-parser 0.1.0 (PyPI), which reads what a USB device of class HID reports, by its descriptor.
#
# A mouse has button 1 in bit 0, and bit 1 of a keyboard's first byte is the left shift (HID 1.11
# appendix B). With a negative Logical Minimum a field is signed, in two's complement (§6.2.2.7).
# A usage is that of all fields that are left (§6.2.2.8). Push and Pop keep the global items
# (§6.2.2.7).
#
# Guess before running it: all of this is right, as well as report IDs and lists of keys.
# Seen: bits are counted from the top of a byte, so that the left shift is the right Alt, and the
# left button of a mouse is none. A move by -1 is 255. Of 8 fields with one usage there is one, so
# a report of 8 bytes is one of 1. Push is a NotImplementedError. Fields of 16 bits, report IDs
# and lists of keys are right.
. "$(dirname "$0")/lib/pypi"
pypi hid-parser==0.1.0 typing_extensions==4.12.2

cat >"$TEMP/read.py" <<'PYTHON'
import sys, warnings
import hid_parser

def read(descriptor, report):
    warnings.simplefilter("ignore")
    try:
        descriptor = hid_parser.ReportDescriptor(bytes.fromhex(descriptor))
        values = descriptor.parse_input_report(bytes.fromhex(report))
    except NotImplementedError as error:
        return "NotImplementedError: %s" % error
    number = descriptor.input_report_ids[0]
    size = descriptor.get_input_report_size(number) if number else descriptor.get_input_report_size()
    seen = ["%s: %s" % (str(usage).split("usage=")[1].rstrip(")"), value) for usage, value in values.items()
            if str(value) not in ("0", "False")]
    return ", ".join(["%s" % size, *seen])

print(read(sys.argv[1], sys.argv[2]))
PYTHON
report() { python3 "$TEMP/read.py" "$1" "$2"; }
shifts="0507 19e0 29e7 1500 2501 7501 9508 8102"
keys="9506 7508 1500 2565 1900 2965 8100"
keyboard="0501 0906 a101 $shifts 9501 7508 8101 $keys c0"
mouse="0501 0902 a101 0901 a100 0509 1901 2903 1500 2501 9503 7501 8102 9501 7505 8101 \
  0501 0930 0931 1581 257f 7508 9502 8106 c0 c0"
same "a keyboard, left shift and A" "8bytes, Keyboard RightAlt: 1, Keyboard a and A: True" \
  "$(report "$keyboard" "02 00 04 00 00 00 00 00")"
same "a mouse, button 1" "3bytes" "$(report "$mouse" "01 00 00")"
same "a mouse, moved by -1 and 5" "3bytes, X: 255, Y: 5" "$(report "$mouse" "00 ff 05")"
same "8 bytes of one usage" "1byte, X: 1" \
  "$(report "0501 0904 a101 0930 1500 26ff00 7508 9508 8102 c0" "01 02 03 04 05 06 07 08")"
same "16 bits, with a report ID" "2bytes, X: 4660" \
  "$(report "0501 0904 a101 8503 0930 1500 27ffff0000 7510 9501 8102 c0" "03 34 12")"
same "Push and Pop" "NotImplementedError: Unsupported global tag: 0b1010" \
  "$(report "0501 0904 a101 1500 26ff00 7508 9501 a4 2501 b4 0930 8102 c0" "01")"
