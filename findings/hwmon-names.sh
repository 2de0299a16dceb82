#!/usr/bin/env bash
# hwmon 1.0 (PyPI), which reads Linux's sensors and more from /sys and /proc.
#
# Each folder of /sys/class/hwmon has a name, that of its driver, which all devices
# of the driver share, and values such as temp1_input, energy1_input (microjoules)
# and humidity1_input (Documentation/hwmon/sysfs-interface.rst). A line of
# /proc/net/dev has eight numbers received, then eight transmitted, of which the
# first are the bytes.
#
# Guess before running it: two processors whose driver has one name are both there;
# so are a value and its average, energy and humidity; a card has sent 5000 bytes in
# 9 packets.
# Seen: of two devices with one name one is left, whichever folder is listed last:
# of a server's sockets, one. Of power1_input and power1_average one is left, too;
# energy and humidity are missing, without a word. The card has sent 9 bytes in no
# packet: what is transmitted is read from a column too far.
. "$(dirname "$0")/lib/pypi"
. "$(dirname "$0")/lib/hwmon"
pypi hwmon==1.0

device 0 coretemp temp1_input=41000 temp1_label="Package id 0"
device 1 coretemp temp1_input=52000 temp1_label="Package id 1"
device 2 power_meter power1_input=90000000 power1_average=80000000 energy1_input=7000000 humidity1_input=30000
cat >"$TEMP/dev" <<'END'
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
  eth0:    4000       7    0    0    0     0          0         0     5000       9    0    0    0     0       0          0
END
cat >"$TEMP/read.py" <<'PYTHON'
import sys
from hwmon import Hwmon

sensors = Hwmon.HW()
sensors.master_path = sys.argv[1] + "/class"
for name, values in sorted(sensors.data().items()):
    print(name, len(values))
cards = Hwmon.NET()
cards.path = sys.argv[1] + "/dev"
print(*(f"{card['transmit']['bytes']} {card['transmit']['packets']}" for card in cards.data().values()))
PYTHON
python3 "$TEMP/read.py" "$TEMP" >"$TEMP/out"
same "two of coretemp" "coretemp 1" "$(sed -n 1p "$TEMP/out")"
same "power, its average, energy and humidity" "power_meter 1" "$(sed -n 2p "$TEMP/out")"
same "5000 bytes in 9 packets" "9 0" "$(sed -n 3p "$TEMP/out")"
