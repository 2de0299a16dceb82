#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The channels of Ampere Altra: that there are as many, that CPPC finds the
# third and the sensors the last, and that level lines are acknowledged.

# shellcheck source=guest-scripts/tests/platform.sh disable=SC1091
. /tests/platform.sh

policy=/sys/devices/system/cpu/cpu0/cpufreq
hwmon=$(device_named apm_xgene /sys/class/hwmon) || exit

plan 7
logged 'as many channels' 'Detected 15 PCC Subspaces'
is 'the driver of the processors' $policy/scaling_driver cppc_cpufreq
asked write desired=240
wrote '1200 MHz' $policy/scaling_setspeed 1200000
asked read
is 'runs 1200 MHz' $policy/cpuinfo_cur_freq 1200000
asked power sensor=cpu-watts 'value->12'
asked power sensor=cpu-milliwatts 'value->345'
is 'power of the processors' "$hwmon/power1_input" 12345000
asked temperature sensor=temperature 'value->42'
is 'temperature' "$hwmon/temp1_input" 42000
step 'the line of the last, behind a gap'
grep -q ': .*[1-9].*GIC.* 215 *Level *pcc-mbox' /proc/interrupts
result $?
end
