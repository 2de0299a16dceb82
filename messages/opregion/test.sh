#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# An OperationRegion in PCC space. Each reading of "sun" sends its number;
# opregion.json answers with the square, and with more in a second word.

# shellcheck source=guest-scripts/tests/platform.sh disable=SC1091
. /tests/platform.sh

device=/sys/bus/acpi/devices/PCCD0002:00

if [ "$QUICK" ]; then plan 9; else plan 11; fi

asked square number=1 pcc.flags=1 pcc.length=8 'square->1'
is 'an exchange' "$device/sun" 1
is 'the second word of the answer' "$device/hrv" 1001
asked square number=2 'square->4'
is 'another exchange' "$device/sun" 4
asked square number=3 'square->9'
is 'and another' "$device/sun" 9
is 'its second word' "$device/hrv" 1003
asked double number=4
is 'an interrupt that comes twice' "$device/sun" 16

# 1400 ms, Linux waits 1000.
asked dawdle number=5
refused 'an answer that comes too late' "$device/sun" 'Input/output error'
logged 'it is in the log' 'PCC command executed timeout!'
usleep 700000
# On 7.x its interrupt ends the transmission, if it comes at all.
stuck='acpi_pcc leaves the transmission open after a time-out: nothing is sent any more'
if [ "$linux_6" ]; then
	known "$stuck"
else
	asked square number=6
fi
is 'the late one has freed the channel' "$device/sun" 36

if [ "$QUICK" ]; then end; fi

# Linux clears the error and waits on.
[ "$linux_6" ] || asked refuse number=7
refused 'error status' "$device/sun" 'Input/output error'
known "$stuck"
is 'an exchange after an error' "$device/sun" 64
end
