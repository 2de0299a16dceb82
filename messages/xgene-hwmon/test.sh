#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# xgene-hwmon: each sensor, the alarm, and a platform that is without data,
# refuses, or answers too late. sensors.json says what comes when.

# shellcheck source=guest-scripts/tests/platform.sh disable=SC1091
. /tests/platform.sh

hwmon=$(device_named apm_xgene /sys/class/hwmon) || exit

if [ "$QUICK" ]; then plan 17; else plan 25; fi

is 'label of the temperature' "$hwmon/temp1_label" 'SoC Temperature'
is 'label of the first power' "$hwmon/power1_label" 'CPU power'
is 'label of the second power' "$hwmon/power2_label" 'IO power'

asked power sensor=cpu-watts 'value->12'
asked power sensor=cpu-milliwatts 'value->345'
is 'power of the processors' "$hwmon/power1_input" 12345000
asked power sensor=io-watts 'value->3'
asked power sensor=io-milliwatts 'value->21'
is 'power of IO' "$hwmon/power2_input" 3021000

raced 'power, by all processors at once' "$hwmon/power1_input" 12345000

asked temperature sensor=temperature 'value->42'
is 'temperature' "$hwmon/temp1_input" 42000
is 'no alarm yet' "$hwmon/temp1_critical_alarm" 0
asked heat 'value->95'
is 'hot' "$hwmon/temp1_input" 95000
asked alarm message=0x91030000 'alarm->1'
becomes 'the platform notifies, the driver asks: alarm' "$hwmon/temp1_critical_alarm" 1
asked frost 'value->472'
is 'below zero' "$hwmon/temp1_input" -40000
asked alarm 'alarm->0'
becomes 'the alarm ends' "$hwmon/temp1_critical_alarm" 0

asked temperature 'value->33145'
refused 'a sensor without data' "$hwmon/temp1_input" 'No data available'
asked refuse 'message->0x70000000'
refused 'a request that is refused' "$hwmon/temp1_input" 'Invalid argument'

rebound 'unbind and bind' xgene-slimpro-hwmon APMC0D29:00
reloaded 'the driver removed, and loaded again' xgene-hwmon
hwmon=$(device_named apm_xgene /sys/class/hwmon) || exit
asked temperature 'value->42'
is 'temperature, bound again' "$hwmon/temp1_input" 42000
if [ ! "$QUICK" ]; then
	# 1400 ms, the driver waits 1000. What comes when nobody waits is taken for a
	# notification: the driver asks for the alarm.
	asked sleep
	refused 'an answer that comes too late' "$hwmon/temp1_input" 'Connection timed out'
	asked alarm
	logged 'the time-out is in the log' 'Mailbox operation timed out'
	usleep 600000

	asked quiet
	refused 'an answer without interrupt' "$hwmon/temp1_input" 'Connection timed out'
	asked double
	is 'an interrupt that comes twice' "$hwmon/temp1_input" 43000
	asked early
	refused 'an interrupt 50 ms before the data' "$hwmon/temp1_input" 'Connection timed out'
	asked error
	known 'xgene-hwmon does not look at the error bit of the status: it takes what lies there for the answer'
	refused 'error status' "$hwmon/temp1_input" 'Input/output error'
	asked temperature 'value->44'
	is 'temperature, after all that' "$hwmon/temp1_input" 44000
	refused 'a platform that never answers' "$hwmon/temp1_input" 'Connection timed out'
fi
end
