#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# CPPC with one channel for two threads of a core.
# ryzen.json says how the platform acts.

# shellcheck source=guest-scripts/tests/platform.sh disable=SC1091
. /tests/platform.sh

cpu=/sys/devices/system/cpu

# able CPU: tests: what this processor can do, asked by command
able() {
	is "cpu$1: driver" "$cpu/cpu$1/cpufreq/scaling_driver" cppc_cpufreq
	is "cpu$1: slowest" "$cpu/cpu$1/cpufreq/cpuinfo_min_freq" 550000
	is "cpu$1: fastest" "$cpu/cpu$1/cpufreq/cpuinfo_max_freq" 3800000
	for pair in highest_perf:188 nominal_perf:152 lowest_nonlinear_perf:88 \
		lowest_perf:22 guaranteed_perf:0 lowest_freq:550 nominal_freq:3800; do
		is "cpu$1: ${pair%:*}" "$cpu/cpu$1/acpi_cppc/${pair%:*}" "${pair#*:}"
	done
}

# speed NAME CPU KHZ [KHZ]: two tests: asks the governor for this, and reads the
# same, or another, where it was desired
speed() {
	wrote "cpu$2: $1" "$cpu/cpu$2/cpufreq/scaling_setspeed" "$3"
	asked read
	is "cpu$2: $1, runs" "$cpu/cpu$2/cpufreq/cpuinfo_cur_freq" "${4:-$3}"
}

# As it booted: maxcpus=1 leaves the second thread out, though _PSD has it.
threads=0
if [ -d $cpu/cpu1/cpufreq ]; then
	threads='0 1'
fi
tests=17
[ "$threads" = 0 ] || tests=$((tests + 20))
plan $tests

able 0
is 'cpu0: whom it goes with' $cpu/cpu0/cpufreq/freqdomain_cpus "$threads"
logged 'the channel' 'Detected 1 PCC Subspaces'
asked write desired=120
speed '3 GHz' 0 3000000
asked limit desired=100 'desired->96'
speed '2500 MHz, is given 2400' 0 2500000 2400000
raced 'highest, by all processors at once' $cpu/cpu0/acpi_cppc/highest_perf 188

if [ "$threads" != 0 ]; then
	able 1
	is 'cpu1: whom it goes with' $cpu/cpu1/cpufreq/freqdomain_cpus '0 1'
	asked write desired=140
	speed '3500 MHz' 1 3500000
	is 'cpu0: has the same' $cpu/cpu0/cpufreq/cpuinfo_cur_freq 3500000
	asked write desired=22
	wrote 'cpu1 goes' $cpu/cpu1/online 0
	asked write desired=130
	speed '3250 MHz' 0 3250000
	asked write desired=188
	wrote 'cpu1 comes again' $cpu/cpu1/online 1
	is 'cpu1: driver, after that' $cpu/cpu1/cpufreq/scaling_driver cppc_cpufreq
	is 'cpu1: whom it goes with, after that' $cpu/cpu1/cpufreq/freqdomain_cpus '0 1'
fi
end
