#!/usr/bin/env bash
# The crate ruipmi 0.6.2, which reads what a BMC has of its sensors and events.
#
# A reading is unsigned, or ones' or two's complement, by bits 7 and 6 of a sensor's units (IPMI
# 2.0 §43.1, byte 21). An event of a sensor is one of table 42-3: of a power supply 0 is that it
# is there, of memory 0 that an error was corrected. Event type 7 has its severity in itself: 2
# is a transition to critical. For thresholds, 8 is below upper critical (table 42-2). A text of
# 8 bits in English is Latin-1 (FRU 1.0 §13).
#
# Guess before running it: readings, severities and texts are as in these tables.
# Seen: every reading is unsigned, so that -2 degrees are 254. Each event of a power supply, a
# processor or memory is Critical, also that it is there; a fan's or a temperature's transition
# to critical is Info, and upper critical that is crossed downwards a Warning. An e with an accent
# is U+FFFD. Factors, exponents, curves, names and the order of a FRU's fields are right.
. "$(dirname "$0")/lib/crates"
crates ruipmi=0.6.2 <<'RUST'
use ruipmi::{calc_sensor_reading, event_severity, parse_fru_board_info, parse_fru_common_header};
use ruipmi::{parse_sdr_header, parse_sdr_record, SdrRecord};

/// What a raw reading of a full sensor with these units, curve, factor and exponent is.
fn reading(units: u8, curve: u8, factor: u8, exponent: i8, raw: u8) -> f32 {
    let mut record = vec![1, 0, 0x51, 1, 44, 0x20, 0, 7, 3, 1, 0x7F, 0x68, 1, 1];
    record.extend([0; 6]); // masks
    record.extend([units, 1, 0, curve, factor, 0, 0, 0, 0, (exponent as u8) << 4, 7]);
    record.extend([0; 16]); // nominal, thresholds, hysteresis
    record.extend([0xC1, b'T']);
    match parse_sdr_record(&parse_sdr_header(&record).unwrap(), &record[5..]) {
        SdrRecord::Full(sensor) => calc_sensor_reading(raw, &sensor),
        other => panic!("{other:?}"),
    }
}

fn main() {
    let (unsigned, ones, twos) = (0, 0x40, 0x80);
    println!("{} {}", reading(twos, 0, 1, 0, 0xFE), reading(ones, 0, 1, 0, 0xFE));
    println!("{} {}", reading(unsigned, 0, 5, -1, 10), reading(unsigned, 7, 2, 0, 4));
    let (power, processor, memory, fan) = (0x08, 0x07, 0x0C, 0x04);
    println!("{}", event_severity(0x6F, 0, power));
    println!("{}", event_severity(0x6F, 7, processor));
    println!("{}", event_severity(0x6F, 0, memory));
    println!("{}", event_severity(0x07, 2, fan));
    println!("{} {}", event_severity(0x01, 8, 1), event_severity(0x01, 9, 1));
    let mut fru = vec![1, 0, 0, 1, 0, 0, 0, 0xFE];
    fru.extend([1, 3, 25, 0, 0, 0, 0xC5]);
    fru.extend(*b"Maker\xC4Caf\xE9\xC0\xC2P1\xC0\xC1"); // no serial number, no FRU file
    fru.resize(31, 0);
    fru.push(fru[8..].iter().fold(0, |sum: u8, byte| sum.wrapping_sub(*byte)));
    let board = parse_fru_board_info(&fru, &parse_fru_common_header(&fru).unwrap()).unwrap();
    println!("{:?} {:?} {:?}", board.manufacturer, board.product_name, board.part_number);
}
RUST
"$TEMP/program" >"$TEMP/out"
line() { sed -n "$1p" "$TEMP/out"; }
same "-2 in two's, -1 in ones' complement" "254 254" "$(line 1)"
same "10 at 0.5, and 1 / (2 * 4)" "5 0.125" "$(line 2)"
same "a power supply is there" "Critical" "$(line 3)"
same "a processor is there" "Critical" "$(line 4)"
same "memory, corrected" "Critical" "$(line 5)"
same "a fan, transition to critical" "Info" "$(line 6)"
same "below upper critical, above it" "Warning Critical" "$(line 7)"
same "a board's texts" '"Maker" "Caf�" "P1"' "$(line 8)"
