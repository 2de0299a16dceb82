#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# OperationRegions in PCC space, counted from behind the signature: the command
# of type 3 is at byte 8, that of type 2 at byte 0, and writing it sends. Each
# reading of "sun" sends its number.

# shellcheck source=guest-scripts/tests/platform.sh disable=SC1091
. /tests/platform.sh

extended=/sys/bus/acpi/devices/PCCD0004:00
generic=/sys/bus/acpi/devices/PCCD0004:01

if [ "$QUICK" ]; then plan 17; else plan 21; fi

asked square number=1 pcc.flags=1 pcc.length=8 'square->1'
is 'type 3: an exchange' "$extended/sun" 1
is 'the second word of the answer' "$extended/hrv" 1001
asked square number=2 'square->4'
is 'another exchange' "$extended/sun" 4
asked square number=3 'square->9'
is 'and another' "$extended/sun" 9
asked double number=4
is 'an interrupt that comes twice' "$extended/sun" 16

asked cube number=1 pcc.notify=1 'cube->1'
is 'type 2: an exchange' "$generic/sun" 1
is 'the second word of its answer' "$generic/hrv" 1001
asked cube number=2 'cube->8'
is 'another exchange of type 2' "$generic/sun" 8
asked twice number=3
is 'an interrupt of type 2 that comes twice' "$generic/sun" 27
# 1400 ms, Linux waits 1000.
asked tardy number=4
refused 'an answer that comes too late' "$generic/sun" 'Input/output error'
logged 'it is in the log' 'PCC command executed timeout!'
usleep 700000
asked cube number=5 'cube->125'
is 'the late one has freed the channel' "$generic/sun" 125
# Types 0 to 2: the interrupt ends the command, its status is for AML to read.
asked deny number=6
is 'error status of type 2 changes nothing' "$generic/sun" 6
asked early number=7
is 'an interrupt before the answer: what was sent' "$generic/sun" 7
usleep 200000
asked cube number=8 'cube->512'
is 'and the next exchange is right' "$generic/sun" 512

# Type 3, 1400 ms
asked dawdle number=5
refused 'an answer of type 3 that comes too late' "$extended/sun" 'Input/output error'
usleep 700000
asked square number=6
is 'it has freed the channel' "$extended/sun" 36

if [ "$QUICK" ]; then end; fi

# Linux clears the error and waits on; without an interrupt it waits, too.
stuck='acpi_pcc leaves the transmission open after a time-out: nothing is sent any more'
asked refuse number=7
refused 'error status of type 3' "$extended/sun" 'Input/output error'
known "$stuck"
is 'an exchange after an error' "$extended/sun" 64
asked quiet number=9
refused 'an answer without interrupt' "$generic/sun" 'Input/output error'
known "$stuck"
is 'an exchange after it' "$generic/sun" 1000
end
