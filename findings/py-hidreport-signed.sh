#!/usr/bin/env bash
# py-hidreport 1.0.0a0 (PyPI), which writes HID report descriptors from Python, and reads them as such.
#
# A minimum or maximum is a signed number of 1, 2 or 4 bytes: 255 is 26 FF 00, as 25 FF is -1 (HID
# 1.11 §5.8, §6.2.2.2; for Linux, hid-core.c, where the minimum is below 0). Pop brings back the
# usage page that Push has kept (§6.2.2.7).
#
# Guess before running it: numbers are written with their sign, and what is read of a descriptor
# writes the same again.
# Seen: a number has as many bytes as its bits need without a sign, so that 255 is -1, 40000 is
# -25536, and -200 an OverflowError. A keyboard that was read and written again has keys from 0 to
# -1. Behind a Pop, X is the button 48. Numbers up to 127, usages and items without Pop are right.
. "$(dirname "$0")/lib/pypi"
pypi py-hidreport==1.0.0a0

cat >"$TEMP/run.py" <<'PYTHON'
import sys
from py_hidreport.items import *
from py_hidreport.pages import *
from py_hidreport.parser import ReportDescParser
from py_hidreport.usages import *

def again(descriptor):
    """The descriptor that the text of this one writes"""
    ReportDescContext.Clear()
    exec(ReportDescParser.parse(bytes.fromhex(descriptor)))
    return ReportDescContext.Data().hex(" ")

def names(descriptor):
    return ReportDescParser.parse(bytes.fromhex(descriptor)).replace("\n", " ").strip()

try:
    seen = eval(sys.argv[1])
    print(seen.hex(" ") if isinstance(seen, bytes) else seen)
except OverflowError as error:
    print("OverflowError:", error)
PYTHON
run() { python3 "$TEMP/run.py" "$1"; }
same "maximum 127" "25 7f" "$(run 'LogicalMaximum(127)')"
same "maximum 255" "25 ff" "$(run 'LogicalMaximum(255)')"
same "maximum 40000" "46 40 9c" "$(run 'PhysicalMaximum(40000)')"
same "minimum -127" "15 81" "$(run 'LogicalMinimum(-127)')"
same "minimum -200" "OverflowError: int too big to convert" "$(run 'LogicalMinimum(-200)')"
same "from -127 to 255, read and written" "16 81 ff 25 ff" "$(run 'again("16 81 ff 26 ff 00")')"
same "a keyboard's keys, read and written" "15 00 25 ff 05 07 19 00 29 ff 75 08 95 06 81 00" \
  "$(run 'again("15 00 26 ff 00 05 07 19 00 2a ff 00 75 08 95 06 81 00")')"
same "X" "UsagePage(GenericDesktop) Usage(GenericDesktopPage.X)" "$(run 'names("05 01 09 30")')"
same "X behind Pop" "UsagePage(GenericDesktop) Push() UsagePage(Button) Usage(ButtonPage.Button1) Pop() Usage(ButtonPage.Button48)" \
  "$(run 'names("05 01 a4 05 09 09 01 b4 09 30")')"
