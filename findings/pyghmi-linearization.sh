#!/usr/bin/env bash
# pyghmi 1.6.19 (PyPI), which reads the sensors of BMCs for OpenStack and xCAT.
#
# A reading x of an IPMI sensor is L[(M x + B 10^K1) 10^K2] (IPMI 2.0 §36.3); L
# is linear, or one of eleven functions, such as the square or 1/x.
#
# Guess before running it: a square of x = 2 is 4.
# Seen: L is taken half a step below the reading and half a step above, and the
# value is the middle of both: 4.25 for 2 squared, 0.25 for 0, 1.33 for 1/1. The
# root of 0 is a ValueError, as half a step below it has none; with a tolerance
# the ends are further apart. Linear sensors are right. python-ipmi 0.6.1 has the
# specification's values.
. "$(dirname "$0")/lib/pypi"
pypi pyghmi==1.6.19 python-ipmi==0.6.1

cat >"$TEMP/sensor.py" <<'PYTHON'
from pyghmi.ipmi.private import constants
from pyghmi.ipmi.sdr import SDREntry
from pyipmi.sdr import SdrCommon

def record(linearization):
    # A full sensor record of a fan: unsigned, M 1, B and exponents 0.
    body = bytes([0x20, 0, 1, 7, 1, 0x7F, 0x08, 4, 1, 0, 0, 0, 0, 0, 0, 0, 18, 0])
    body += bytes([linearization, 1, 0, 0, 0, 0, 0]) + bytes(17) + bytes([0xC4]) + b"Fan1"
    return bytes([1, 0, 0x51, 1, len(body)]) + body

def one(linearization, raw):
    entry = SDREntry(bytearray(record(linearization)), constants)
    return round(entry.decode_sensor_reading(None, bytearray([raw, 0xC0, 0])).value, 2)

def other(linearization, raw):
    entry = SdrCommon.from_data(bytearray(record(linearization)))
    return round(entry.convert_sensor_raw_to_value(raw), 2)

LINEAR, INVERSE, SQUARE, ROOT = 0, 7, 8, 10
for reading in (LINEAR, 2), (SQUARE, 2), (SQUARE, 0), (INVERSE, 1):
    print(one(*reading), other(*reading))
try:
    print(one(ROOT, 0), other(ROOT, 0))
except ValueError:
    print("ValueError", other(ROOT, 0))
PYTHON
python3 "$TEMP/sensor.py" >"$TEMP/out"
both() { sed -n "$1p" "$TEMP/out"; }
same "2 linear, by pyghmi and python-ipmi" "2.0 2.0" "$(both 1)"
same "2 squared" "4.25 4.0" "$(both 2)"
same "0 squared" "0.25 0.0" "$(both 3)"
same "1 / 1" "1.33 1.0" "$(both 4)"
same "the root of 0" "ValueError 0.0" "$(both 5)"
