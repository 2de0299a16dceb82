#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# CPPC: what a processor can do, what it is asked to do, what it delivers.
# cppc.json says how the platform acts; each processor has its own channel.

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

# Each processor has a channel; the second may be missing.
cpus=0
[ ! -d $cpu/cpu1 ] || cpus='0 1'
tests=42
[ "$cpus" != 0 ] || tests=27
[ "$MODE" = poll ] || tests=$((tests + 6))
[ "$QUICK" ] || tests=$((tests + 3))
plan $tests

for n in $cpus; do
	policy=$cpu/cpu$n/cpufreq
	is "cpu$n: driver" "$policy/scaling_driver" cppc_cpufreq
	is "cpu$n: governor" "$policy/scaling_governor" userspace
	is "cpu$n: slowest" "$policy/cpuinfo_min_freq" 500000
	is "cpu$n: fastest" "$policy/cpuinfo_max_freq" 1500000
	is "cpu$n: whom it goes with" "$policy/freqdomain_cpus" "$n"
	for pair in highest_perf:400 nominal_perf:300 lowest_nonlinear_perf:200 \
		lowest_perf:100 guaranteed_perf:280 reference_perf:300 \
		lowest_freq:500 nominal_freq:1500; do
		is "cpu$n: ${pair%:*}" "$cpu/cpu$n/acpi_cppc/${pair%:*}" "${pair#*:}"
	done
done

raced 'cpu0, by all processors at once' $cpu/cpu0/acpi_cppc/guaranteed_perf 280

# 5 MHz a step: 1 GHz is 200. The other processor goes on as it was.
if [ "$cpus" != 0 ]; then
	asked write desired=220
	speed 'asked for 1100 MHz' 1 1100000
fi
asked write desired=240
speed 'asked for 1200 MHz' 0 1200000
runs '1200 MHz' 0 1200000
if [ "$cpus" != 0 ]; then
	runs '1100 MHz' 1 1100000
fi

asked limit desired=210
speed 'asked for 1050 MHz' 0 1050000
runs 'is given 900 MHz' 0 900000

# Linux does not tell who asked; it tries again when it sees what runs.
asked refuse desired=250
speed 'asked for 1250 MHz' 0 1250000
runs 'is refused and goes on' 0 900000
logged 'the refusal is in the log' 'PCC check channel failed for ss: '"$CHANNEL_CPU0"'. ret=-5'

# The driver polls, whatever comes by interrupt: each speed is there when it
# goes on.
if [ "$MODE" = irq ]; then
	asked quiet desired=230
	speed 'without interrupt' 0 1150000
	runs 'without interrupt, 1150 MHz' 0 1150000
	asked double desired=270
	speed 'with two interrupts' 0 1350000
	runs 'with two interrupts, 1350 MHz' 0 1350000
	asked early desired=290
	speed 'interrupt 50 ms before the data' 0 1450000
	runs 'interrupt 50 ms before the data, 1450 MHz' 0 1450000
fi

# 4 s, the driver waits 500 times its latency, 3 s; nothing is lost but the
# time.
if [ ! "$QUICK" ]; then
	asked dawdle desired=260
	speed 'asked for 1300 MHz' 0 1300000
	logged 'too slow for the driver' 'PCC check channel failed for ss: '"$CHANNEL_CPU0"'. ret=-110'
	sleep 2
	runs '1300 MHz' 0 1300000
fi

wrote 'boost' $cpu/cpufreq/boost 1
is 'cpu0: fastest with boost' $cpu/cpu0/cpufreq/cpuinfo_max_freq 2000000
asked write desired=400
speed 'asked for 2 GHz' 0 2000000
runs '2 GHz' 0 2000000

reloaded 'the driver removed, and loaded again' cppc_cpufreq
is 'cpu0: driver, after that' $cpu/cpu0/cpufreq/scaling_driver cppc_cpufreq
end
