#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# hisi_uncore_freq: what there is to choose from, who chooses, and what runs.

# shellcheck source=guest-scripts/tests/platform.sh disable=SC1091
. /tests/platform.sh

devfreq=/sys/class/devfreq/HISI04F1:00

plan 14

is 'frequencies' "$devfreq/available_frequencies" '800000000 1200000000 2000000000'
is 'under the control of the platform' "$devfreq/governor" hisi_platform
cpus=$(cat /sys/devices/system/cpu/present)
is 'whom it concerns' "$devfreq/related_cpus" "$cpus"
asked get 'value->1200'
is 'what the platform runs at' "$devfreq/cur_freq" 1200000000

asked set-mode index=1
asked set index=2000
wrote 'governor "performance"' "$devfreq/governor" performance
asked get 'value->2000'
is 'the highest' "$devfreq/cur_freq" 2000000000
wrote 'governor "userspace"' "$devfreq/governor" userspace
asked set index=800
wrote '800 MHz' "$devfreq/userspace/set_freq" 800000000
asked get 'value->800'
is 'runs at 800 MHz' "$devfreq/cur_freq" 800000000
asked refuse index=1200
refused '1200 MHz is refused' "$devfreq/userspace/set_freq" 'Input/output error' 1200000000
is '800 MHz goes on' "$devfreq/cur_freq" 800000000
logged 'the refusal is in the log' 'PCC cmd error, cmd=2'

asked set-mode index=0
wrote 'back to the platform' "$devfreq/governor" hisi_platform
rebound 'unbind and bind' hisi_uncore_freq HISI04F1:00
end
