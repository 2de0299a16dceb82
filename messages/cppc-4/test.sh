#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# CPPC's newer half: limits, preference, autonomous selection, what limits
# the performance. cppc-4.json says how the platform acts. Linux 6.x reads
# what _CPC of any revision says, and drives the desired performance alone.

# shellcheck source=guest-scripts/tests/platform.sh disable=SC1091
. /tests/platform.sh

cpu=/sys/devices/system/cpu

# speed NAME CPU KHZ: a test: asks the governor for this
speed() {
	wrote "cpu$2: $1" "$cpu/cpu$2/cpufreq/scaling_setspeed" "$3"
}

# runs NAME CPU KHZ: a test: by the counters, this is how fast it is
runs() {
	asked read
	is "cpu$2: $1" "$cpu/cpu$2/cpufreq/cpuinfo_cur_freq" "$3"
}

# kept NAME FILE VALUE: two tests: VALUE can be written into FILE of cpu0, and
# is what can be read
kept() {
	wrote "$1" "$cpu/cpu0/cpufreq/$2" "$3"
	asked read
	is "$1, kept" "$cpu/cpu0/cpufreq/$2" "$3"
}

cpus=0
[ ! -d $cpu/cpu1 ] || cpus='0 1'
tests=17
[ "$cpus" = 0 ] || tests=$((tests + 15))
[ "$linux_6" ] || tests=$((tests + 27))
[ "$linux_6" ] || [ "$QUICK" ] || tests=$((tests + 4))
plan $tests

for n in $cpus; do
	policy=$cpu/cpu$n/cpufreq
	is "cpu$n: driver" "$policy/scaling_driver" cppc_cpufreq
	is "cpu$n: slowest" "$policy/cpuinfo_min_freq" 500000
	is "cpu$n: fastest" "$policy/cpuinfo_max_freq" 1500000
	for pair in highest_perf:400 nominal_perf:300 lowest_nonlinear_perf:200 \
		lowest_perf:100 guaranteed_perf:280 reference_perf:250 \
		lowest_freq:$((n ? 0 : 500)) nominal_freq:$((n ? 0 : 1500)); do
		is "cpu$n: ${pair%:*}" "$cpu/cpu$n/acpi_cppc/${pair%:*}" "${pair#*:}"
	done
done

# The counters run at 1250 MHz, nominal is 1500.
if [ "$cpus" != 0 ]; then
	asked write desired=220
	speed '1100 MHz, by _CPC of revision 2' 1 1100000
	runs '1100 MHz' 1 1100000
fi
asked write desired=240
speed '1200 MHz, by _CPC of revision 4' 0 1200000
runs '1200 MHz' 0 1200000
if [ "$cpus" != 0 ]; then
	runs '1100 MHz as before' 1 1100000
	speed 'fastest again' 1 1500000
fi
if [ "$linux_6" ]; then
	asked limit desired=210 minimum=0 'limited->1'
else
	asked limit desired=210 minimum=200 'limited->3'
fi
speed '1050 MHz' 0 1050000
runs 'is given 900 MHz' 0 900000
asked write desired=300
speed 'fastest again' 0 1500000
runs '1500 MHz' 0 1500000

if [ "$linux_6" ]; then
	end
fi

policy=$cpu/cpu0/cpufreq

# The governor's limits go along with what it desires.
asked write desired=300 minimum=190 maximum=300
wrote 'at least 950 MHz' $policy/scaling_min_freq 950000
asked write desired=270 minimum=190 maximum=270
wrote 'at most 1350 MHz' $policy/scaling_max_freq 1350000
runs '1350 MHz' 0 1350000

# What limits stays to be read until it is cleared, each bit by itself.
asked limit desired=210 'limited->3'
speed 'less than the least' 0 1050000
is 'less than desired, and than the least' $policy/perf_limited 3
speed 'that is over' 0 1100000
is 'it was so' $policy/perf_limited 3
asked write limited=2
wrote 'one of them cleared' $policy/perf_limited 1
is 'the other is there' $policy/perf_limited 2
refused 'there is no third' $policy/perf_limited 'Invalid argument' 4
asked write limited=0
wrote 'the other cleared' $policy/perf_limited 2
is 'none is there' $policy/perf_limited 0

asked write window=228
kept 'an activity window of 1 ms' auto_act_window 1000
refused 'one of 1280 s' $policy/auto_act_window 'Invalid argument' 1280000000

# By itself the platform goes from the most (0) to the least (255).
asked write preference=255
kept 'saves energy' energy_performance_preference_val 255
refused 'there is no 256' $policy/energy_performance_preference_val 'Invalid argument' 256
asked refuse preference=99
refused 'one that the platform refuses' $policy/energy_performance_preference_val 'Input/output error' 99
is 'that before' $policy/energy_performance_preference_val 255
asked choose autonomous=1 preference=255
asked choose autonomous=1 minimum=190 maximum=270
wrote 'by itself' $policy/auto_select 1
is 'by itself, kept' $policy/auto_select 1
runs 'by itself 950 MHz' 0 950000
asked choose autonomous=1 preference=0
kept 'is fast' energy_performance_preference_val 0
runs 'by itself 1350 MHz' 0 1350000
asked write autonomous=0
wrote 'as desired' $policy/auto_select 0

# 4 s; the driver waits 500 times its latency, 3 s. It gives up, the platform
# does not.
if [ ! "$QUICK" ]; then
	asked dawdle preference=130
	refused 'too slow for the driver' $policy/energy_performance_preference_val 'Connection timed out' 130
	sleep 2
	is 'taken all the same' $policy/energy_performance_preference_val 130
	kept 'and then as ever' energy_performance_preference_val 0
fi
end
