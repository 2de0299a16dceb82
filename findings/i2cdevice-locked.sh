#!/usr/bin/env bash
# i2cdevice 1.0.0 (PyPI), Pimoroni's, which describes registers of I2C devices and their fields.
#
# A field's names for its values, LookupAdapter, need not have all: reading another one raises a
# ValueError. The mode of Bosch's BME280 is 1 or 2 for one forced measurement, 3 for normal mode
# (BST-BME280-DS001, register F4h). Each register has get_FIELD and set_FIELD.
#
# Guess before running it: a field is read from the device each time, set without a change of
# the others, and both go on after a value without a name.
# Seen: what raised the error leaves the register locked. From then on its fields are those of
# that time, and set_FIELD and set_field change these and send nothing, without a word, until
# get or set of the whole register ends well. A name with get_ or set_ in it loses that, too, so
# that offset_x and reset_count cannot be set by theirs, nor target_temp be got.
. "$(dirname "$0")/lib/pypi"
pypi i2cdevice==1.0.0

cat >"$TEMP/run.py" <<'PYTHON'
from i2cdevice import BitField, Device, Register
from i2cdevice.adapter import LookupAdapter

class Bus:
    """One byte of a device, and what was written to it"""
    value, written = 0x25, []
    def read_i2c_block_data(self, address, register, length):
        return [self.value]
    def write_i2c_block_data(self, address, register, values):
        self.value = values[0]
        self.written.append(f"{values[0]:02X}")

def attempt(call):
    try:
        return call()
    except (KeyError, ValueError) as error:
        return f"{type(error).__name__}: {error}"

bus = Bus()
device = Device(0x76, i2c_dev=bus, registers=(Register("CONTROL", 0xF4, fields=(
    BitField("mode", 0x03, adapter=LookupAdapter({"sleep": 0, "forced": 1, "normal": 3})),
    BitField("pressure", 0x1C), BitField("offset_x", 0x20), BitField("reset_count", 0x40),
    BitField("target_temp", 0x80))),))

def show():
    fields = f"{attempt(device.CONTROL.get_mode)}, {device.CONTROL.get_pressure()}"
    print(f"{bus.value:02X}: {fields}, written {' '.join(bus.written) or 'nothing'}")
    bus.written.clear()

device.CONTROL.set_mode("normal")
show()
bus.value = 0x2A
print(attempt(lambda: device.get("CONTROL")))
bus.value = 0x2F
show()
device.CONTROL.set_pressure(7)
device.set_field("CONTROL", "mode", "sleep")
show()
device.get("CONTROL")
device.CONTROL.set_pressure(7)
show()
print(attempt(lambda: device.CONTROL.set_offset_x(1)))
print(attempt(lambda: device.CONTROL.set_reset_count(1)))
print(attempt(device.CONTROL.get_target_temp))
print(attempt(device.CONTROL.get_offset_x))
PYTHON
python3 "$TEMP/run.py" >"$TEMP/out"
line() { sed -n "$1p" "$TEMP/out"; }
same "27h, mode set" "27: normal, 1, written 27" "$(line 1)"
same "2Ah, forced" "ValueError: mode: 2 not in lookup table" "$(line 2)"
same "2Fh, normal, 3" "2F: ValueError: mode: 2 not in lookup table, 2, written nothing" "$(line 3)"
same "pressure and mode set, 3Ch" "2F: sleep, 7, written nothing" "$(line 4)"
same "2Fh, got as a whole, pressure set" "3F: normal, 7, written 3F" "$(line 5)"
same "set_offset_x" "KeyError: 'offx'" "$(line 6)"
same "set_reset_count" "KeyError: 'recount'" "$(line 7)"
same "get_target_temp" "KeyError: 'tartemp'" "$(line 8)"
same "get_offset_x" "1" "$(line 9)"
