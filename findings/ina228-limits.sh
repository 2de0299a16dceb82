#!/usr/bin/env bash
# ina228 0.1.0 (PyPI), which measures power by TI's INA228 on SMBus.
#
# The chip raises an alert beyond six limits, in registers 0Ch to 11h, as DIAG_ALRT, 0Bh, says; a
# bus voltage of 12.5 V is 0FA0h there. In the small range, ADCRANGE = 1, a step of the shunt
# voltage is 78.125 nV instead of 312.5, and SHUNT_CAL, by which the chip divides, four times as
# large (data sheet SLYS021 §7.6.1 and §8.1.2).
#
# Guess before running it: limits, alerts and measurements are these, of either range.
# Seen: no limit can be set: three raise a NameError, three an AttributeError, with a whole number
# of volts as well. What an alert is to be like is written over the limit of the bus voltage:
# set_alert_bits(CNVR) makes 51 V of 12.5, and leaves DIAG_ALRT. SHUNT_CAL is the same in both
# ranges, so that the chip has four times the current, power, energy and charge in the small one.
# 25 mV are 62.5, and 250 in the small range. The rest is right, signs included.
. "$(dirname "$0")/lib/pypi"
pypi ina228==0.1.0 smbus2==0.5.0

cat >"$TEMP/run.py" <<'PYTHON'
import sys, smbus2

class Bus:
    """The registers of a chip, most significant byte first"""
    chip, written = {}, []
    def __init__(self, *_):
        pass
    def read_i2c_block_data(self, _, register, length):
        return list(self.chip.get(register, 0).to_bytes(length, "big"))
    def write_i2c_block_data(self, _, register, values):
        self.chip[register] = int.from_bytes(bytes(values), "big")
        self.written.append(f"{register:02X}={bytes(values).hex()}")

smbus2.SMBus = Bus
from ina228 import INA228, Alert

def attempt(call, *arguments):
    Bus.written.clear()
    try:
        call(*arguments)
    except (AttributeError, NameError) as error:
        return type(error).__name__
    return " ".join(Bus.written)

device = INA228(1, 0x45, 0.025)
print(attempt(device.configure))
limits = (device.set_shunt_overvoltage, 0.05), (device.set_shunt_undervoltage, -0.05), \
    (device.set_bus_overvoltage, 12.5), (device.set_bus_overvoltage, 12), (device.set_bus_undervoltage, 11), \
    (device.set_temp_limit, 85), (device.set_power_overlimit, 20)
print(*(attempt(*limit) for limit in limits))
Bus.chip.update({0x0B: 1, 0x0E: 0x0FA0})
print(attempt(device.set_alert_bits, Alert.CNVR), f"{Bus.chip[0x0B]:04x}")
Bus.chip.update({4: 80000 << 4, 5: 61440 << 4, 6: 0xF800, 7: -80000 << 4 & 0xFFFFFF})
print(device.get_shunt_voltage(), device.get_vbus_voltage(), device.get_temp(), device.get_current())
print(attempt(device.configure, 0, 0, 1))
Bus.chip[4] = 320000 << 4
print(device.get_shunt_voltage())
PYTHON
python3 "$TEMP/run.py" >"$TEMP/out"
line() { sed -n "$1p" "$TEMP/out"; }
same "limits" "NameError NameError AttributeError AttributeError AttributeError NameError AttributeError" "$(line 2)"
same "alerts when a conversion is ready, written and DIAG_ALRT" "0E=4001 0001" "$(line 3)"
same "25 mV, 12 V, -16 degrees, -1 A" "0.0625 12.0 -16.0 -1.0" "$(line 4)"
same "configured" "00=8000 00=8000 01=bb6b 02=1000" "$(line 1)"
same "configured for the small range" "00=8000 00=8010 01=bb6b 02=1000" "$(line 5)"
same "25 mV in the small range" "0.25" "$(line 6)"
