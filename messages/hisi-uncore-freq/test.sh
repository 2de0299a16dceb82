#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# hisi_uncore_freq: what there is to choose from, who chooses, and what runs.

# shellcheck source=guest-scripts/tests/platform.sh disable=SC1091
. /tests/platform.sh

devfreq=/sys/class/devfreq/HISI04F1:00

case $QUICK$MODE in
irq) plan 29 ;;
poll) plan 19 ;;
*) plan 15 ;;
esac

is 'frequencies' "$devfreq/available_frequencies" '800000000 1200000000 2000000000'
is 'under the control of the platform' "$devfreq/governor" hisi_platform
cpus=$(cat /sys/devices/system/cpu/present)
is 'whom it concerns' "$devfreq/related_cpus" "$cpus"
asked get 'value->1200'
is 'what the platform runs at' "$devfreq/cur_freq" 1200000000
raced 'the same, by all processors at once' "$devfreq/cur_freq" 1200000000

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
if [ "$QUICK" ]; then end; fi

# mhz NAME MHZ: a test: the user asks for it
mhz() {
	wrote "$1" "$devfreq/userspace/set_freq" "${2}000000"
}

wrote 'governor "userspace" again' "$devfreq/governor" userspace
# 2400 ms; the driver waits 1000 times the latency, 2 s.
asked late index=2000
refused 'an answer that comes too late' "$devfreq/userspace/set_freq" 'Connection timed out' 2000000000
usleep 600000
asked set index=800
mhz 'and on' 800
if [ "$MODE" = irq ]; then
	asked double index=2000
	mhz 'an interrupt that comes twice' 2000
	is 'runs at 2000 MHz' "$devfreq/cur_freq" 2000000000
	mhz 'and back' 800
	asked early index=2000
	mhz 'an interrupt 50 ms before the data' 2000
	is '2000 MHz again' "$devfreq/cur_freq" 2000000000
	mhz 'and back again' 800
	asked quiet index=2000
	mhz 'an answer without interrupt' 2000
	known 'hisi_uncore_freq cannot end a transmission itself when there are interrupts: after a missing one nothing is sent any more'
	mhz 'and on, after that' 800
	rebound 'unbind and bind, after that' hisi_uncore_freq HISI04F1:00
	wrote 'governor "userspace" once more' "$devfreq/governor" userspace
fi
asked never index=1200
refused 'a platform that never answers' "$devfreq/userspace/set_freq" 'Connection timed out' 1200000000
end
