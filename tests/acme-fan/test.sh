#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# acme-fan: speeds set and measured, one that is refused, what comes unasked,
# and a controller that never answers.

# shellcheck source=guest-scripts/tests/platform.sh disable=SC1091
. /tests/platform.sh

plan 10

step 'the driver has bound to its device'
device=$(device_named acme_fan /sys/class/hwmon) || bail_out 'there is no hwmon device acme_fan'
result 0

asked set level=128
wrote 'half speed' "$device/pwm1" 128
asked rpm 'rpm->1536'
is 'turns at half speed' "$device/fan1_input" 1536
asked refuse level=255 'status->1'
refused 'faster than it can' "$device/pwm1" 'Invalid argument' 255

asked stop level=0
wrote 'it stops' "$device/pwm1" 0
becomes 'so it becomes hot' "$device/temp1_crit_alarm" 1
is 'how hot' "$device/temp1_input" 95000
asked cool level=200
wrote 'full speed' "$device/pwm1" 200
becomes 'so it becomes cool' "$device/temp1_crit_alarm" 0

asked hang level=7
refused 'a controller that never answers' "$device/pwm1" 'Connection timed out' 7
end
