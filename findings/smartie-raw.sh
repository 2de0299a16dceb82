#!/usr/bin/env bash
# smartie 4.0.4 (PyPI), which reads SMART from drives of ATA, SCSI and NVMe itself.
#
# An attribute of an ATA drive has a value as its maker rates it, and six bytes with the number
# itself. Linux has the temperature from the first of the six, of attribute 194, else of 190,
# and goes on behind an empty place in the table (drivers/hwmon/drivetemp.c); 293 K of an NVMe
# drive it shows as 19.85 degrees (drivers/nvme/host/hwmon.c).
#
# Guess before running it: an attribute has its six bytes, and Kelvin are turned into degrees.
# Seen: the table has none of the six, and the maker's value has the number's unit: a drive of
# 33 degrees whose maker counts down from 150 has 117, in the table and as its temperature, one
# that ran for 21915 hours has 97, and 8 reallocated sectors are 200. What is behind an empty
# place is missing. 293 K are 19 degrees, as what is behind the point is cut off.
. "$(dirname "$0")/lib/pypi"
pypi smartie==4.0.4

cat >"$TEMP/drive.py" <<'PYTHON'
import ctypes, struct, sys
from smartie.nvme import NVMeDevice
from smartie.scsi import SCSIDevice

class Ata(SCSIDevice):
    """A drive of ATA: each attribute is its number, value and six bytes; 0 is an empty place"""
    def __init__(self, attributes):
        super().__init__("drive")
        self.table = b"\x10\0" + b"".join(struct.pack("<BHBBQ", number, 0x32, value, value, raw)[:11] + b"\0"
                                          for number, value, raw in attributes)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return False

    def issue_command(self, direction, command, data, **_):
        # SMART, read data; identify and thresholds are zeros
        smart = getattr(command, "command", 0) == 0xB0 and bytes(command)[4] == 0xD0
        ctypes.memmove(ctypes.addressof(data), (self.table if smart else b"").ljust(512, b"\0"), ctypes.sizeof(data))
        return True

class Nvme(NVMeDevice):
    """A drive of NVMe, of this temperature in Kelvin"""
    def __init__(self, kelvin):
        super().__init__("drive")
        self.kelvin = kelvin

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return False

    def issue_admin_command(self, command):
        log = struct.pack("<BH", 0, self.kelvin).ljust(512, b"\0")
        ctypes.memmove(command.addr, log, command.data_len)
        return True

def attributes(drive):
    return ", ".join(f"{entry.name} {entry.p_value} {entry.unit.name}" for entry in drive.smart_table.values())

print(eval(sys.argv[1]))
PYTHON
drive() { python3 "$TEMP/drive.py" "$1"; }
same "8 sectors, 21915 hours, 33 degrees" \
  "REALLOCATED_SECTORS_COUNT 200 COUNT, POWER_ON_HOURS 97 HOURS, TEMPERATURE_ABSOLUTE 117 CELSIUS" \
  "$(drive "attributes(Ata([(5, 200, 8), (9, 97, 21915), (194, 117, 33)]))")"
same "what an attribute has" "current_value,flags,id,name,p_value,p_worst_value,processor,threshold,unit,worst_value" \
  "$(drive "','.join(name for name in dir(Ata([(5, 200, 8)]).smart_table[5]) if name[0] != '_')")"
same "33 degrees, counted down from 150" "117" "$(drive "Ata([(194, 117, 33)]).temperature")"
same "33 degrees, counted down from 100" "33" "$(drive "Ata([(190, 67, 33)]).temperature")"
same "behind an empty place" "None" "$(drive "Ata([(0, 0, 0), (194, 117, 33)]).temperature")"
same "293 K and 294 K, 19.85 and 20.85" "19 20" "$(drive "f'{Nvme(293).temperature} {Nvme(294).temperature}'")"
