#!/usr/bin/env bash
# microchip-emc2305 1.2.1 (PyPI), which runs five fans by Microchip's EMC2305 on SMBus.
#
# A fan's speed is 3932160 * m / COUNT, with two poles and five edges; m is 1, 2, 4 or 8 by bits
# 6:5 of Fan Configuration 1. COUNT has 13 bits, all eight of the high byte and five of the low
# one, for the reading (3Eh, 3Fh) as well as for the target (3Dh, 3Ch) (data sheet DS20006532,
# tachometer; Linux, drivers/hwmon/emc2305.c, with m of 2, which is the chip's own).
#
# Guess before running it: speeds read, targets set and duty cycles are right, in each range.
# Seen: of the high byte five bits are read and written, so that 10 bits of COUNT remain, and m
# is 1 whatever the range. A fan with 1500 rpm has 31219, one with 3000 has 6701, and a target of
# 500 is one of 15360, which is read back as 7500. Duty cycles, stalls and a stopped fan are right.
. "$(dirname "$0")/lib/pypi"
pypi microchip-emc2305==1.2.1 smbus2==0.5.0 filelock==3.16.1

cat >"$TEMP/run.py" <<'PYTHON'
from emc2305.driver.emc2305 import EMC2305

class Bus:
    """The registers of an EMC2305"""
    def __init__(self):
        self.chip = {0xFD: 0x34, 0xFE: 0x5D, 0xFF: 0x80}
    def read_byte(self, _, register):
        return self.chip.get(register, 0)
    def write_byte(self, _, register, value):
        self.chip[register] = value
    def read_block(self, _, register, length):
        return [self.chip.get(at, 0) for at in range(register, register + length)]

bus = Bus()
fans = EMC2305(bus)

def multiplier():
    return 1 << (bus.chip[0x32] >> 5 & 3)

def turning(speed):
    """What the driver reads from a fan of this speed"""
    count = round(3932160 * multiplier() / speed)
    bus.chip.update({0x3E: count >> 5, 0x3F: (count & 0x1F) << 3})
    return fans.get_current_rpm(1)

def target(speed):
    """The speed that the driver asks for, and the one that it says it asked for"""
    fans.set_target_rpm(1, speed)
    count = bus.chip[0x3D] << 5 | bus.chip[0x3C] >> 3
    return f"{round(3932160 * multiplier() / count)} {fans.get_target_rpm(1)}"

print(multiplier(), *(turning(speed) for speed in (1500, 3000, 8000, 16000)))
print(*(target(speed) for speed in (500, 3000, 8000)), sep=", ")
fans.set_pwm_duty_cycle(1, 50)
bus.chip.update({0x24: 1, 0x25: 1, 0x3E: 0xFF, 0x3F: 0xF8})
print(f"{bus.chip[0x30]:02X}", fans.get_fan_status(1).value, fans.get_current_rpm(1))
bus.chip[0x32] &= ~0x60
print(multiplier(), *(turning(speed) for speed in (600, 3000, 8000)))
bus.chip[0x32] |= 0x60
print(multiplier(), *(turning(speed) for speed in (8000, 16000)))
PYTHON
python3 "$TEMP/run.py" >"$TEMP/out"
line() { sed -n "$1p" "$TEMP/out"; }
same "as it starts, m of 2: 1500, 3000, 8000, 16000 rpm" "2 31219 6701 3906 7804" "$(line 1)"
same "targets 500, 3000 and 8000, for the chip and for the driver" "15360 7500, 30720 15000, 16384 8000" "$(line 2)"
same "half the duty cycle, a stall, no pulses" "7F stalled 0" "$(line 3)"
same "m of 1: 600, 3000, 8000 rpm" "1 9365 13379 7804" "$(line 4)"
same "m of 8: 8000, 16000 rpm" "8 4465 4076" "$(line 5)"
