#!/usr/bin/env bash
# The crate ipmi-rs-core 0.6.0 (of ipmi-rs), reading the record of an IPMI sensor.
#
# A linear reading is (M x + B 10^K1) 10^K2 (IPMI 2.0 §36.3); M and B are numbers of
# ten bits with a sign, x is unsigned or in one's or two's complement (§43.1). A
# hysteresis is a number of steps: what B adds is no part of it. Bits 4 and 5 of the
# sensor's capabilities say whether it can be read and set.
#
# Guess before running it: with M -1 and B 100 the reading 40 is 60; in one's
# complement FEh is -1 and 5 is 5; a hysteresis of 2 that can be set is 2, and said
# to be settable.
# Seen: bit 8 of M is lost where M is negative, so that it is 512 less, and 40 is
# -20420. In one's complement FEh is 1 and 5 is -6, the complement taken of every
# value. The hysteresis has B added, and whether it can be set is looked for in bits
# 0 and 1, which are about events. python-ipmi 0.6.1 has the readings right.
. "$(dirname "$0")/lib/pypi"
. "$(dirname "$0")/lib/crates"
pypi python-ipmi==0.6.1
crates ipmi-rs-core=0.6.0 <<'RUST'
use ipmi_rs_core::storage::sdr::{record::WithSensorRecordCommon, Record};
fn main() {
    let mut arguments = std::env::args().skip(1);
    let record = arguments.next().unwrap();
    let bytes: Vec<u8> = (0..record.len()).step_by(2).map(|i| u8::from_str_radix(&record[i..i + 2], 16).unwrap()).collect();
    let record = Record::parse(&bytes).expect("the record is sound");
    let sensor = record.full_sensor().unwrap();
    for reading in arguments {
        print!("{} ", sensor.display_reading(reading.parse().unwrap()).unwrap());
    }
    let hysteresis = sensor.positive_going_hysteresis().unwrap();
    println!("{} {:?}", hysteresis.display(true), sensor.capabilities().hysteresis);
}
RUST

cat >"$TEMP/record.py" <<'PYTHON'
import sys
from pyipmi.sdr import SdrCommon

encoding, m, b, *readings = map(int, sys.argv[1:])
# A temperature; thresholds are not read, the hysteresis can be read and set.
body = bytes([0x20, 0, 1, 7, 1, 0x7F, 0x20, 1, 1, 0, 0, 0, 0, 0, 0, encoding, 1, 0, 0])
body += bytes([m & 0xFF, m >> 2 & 0xC0, b & 0xFF, b >> 2 & 0xC0, 0, 0]) + bytes(12)
body += bytes([2, 2, 0, 0, 0, 0xC4]) + b"Temp"
record = bytes([1, 0, 0x51, 1, len(body)]) + body
sensor = SdrCommon.from_data(bytearray(record))
print(record.hex(), *(sensor.convert_sensor_raw_to_value(reading) for reading in readings))
PYTHON
# sensor ENCODING M B READING...: python-ipmi's readings, then the crate's, its hysteresis
sensor() {
  local record theirs
  read -r record theirs < <(python3 "$TEMP/record.py" "$@")
  shift 3
  printf '%s, %s' "$theirs" "$("$TEMP/program" "$record" "$@")"
}
same "M 1, B -64, 40; a hysteresis of 2" "-24.0, -24.00 °C -62.00 °C NoneOrUnspecified" "$(sensor 0 1 -64 40)"
same "M -1, B 100, 40; a hysteresis of 2" "60.0, -20420.00 °C -926.00 °C NoneOrUnspecified" "$(sensor 0 -1 100 40)"
same "one's complement, FEh and 5" "-1.0 5.0, 1.00 °C -6.00 °C -3.00 °C NoneOrUnspecified" "$(sensor 64 1 0 254 5)"
