#!/usr/bin/env bash
# cpufreq 0.3.5 (PyPI), which sets the frequencies of a machine's processors.
#
# Each policy has the folder cpufreq (Linux, Documentation/admin-guide/pm/cpufreq.rst);
# scaling_available_frequencies is only there where a driver has a table of them.
# cppc_cpufreq, amd-pstate and intel_pstate have none. On big.LITTLE each cluster has its
# own, and its own limits.
#
# Guess before running it: with cppc_cpufreq the list is empty, and the current frequencies
# are read; reset() gives each processor the limits that it can have.
# Seen: with cppc_cpufreq there is no object at all, but a FileNotFoundError for that list,
# though neither governors nor limits need it. Where the list is there, it is processor 0's:
# reset() limits the big processors to what the small ones can do, 1.8 GHz of 2.4, and sets
# the governor ondemand, whether it is among the available ones or not.
. "$(dirname "$0")/lib/pypi"
pypi cpufreq==0.3.5

# processor NUMBER DRIVER MAXIMUM [FREQUENCIES]: one whose governor is schedutil
processor() {
  local folder=$TEMP/cpu/cpu$1/cpufreq
  mkdir -p "$folder"
  echo "$2" >"$folder/scaling_driver"
  echo "performance schedutil" >"$folder/scaling_available_governors"
  echo schedutil >"$folder/scaling_governor"
  echo 600000 | tee "$folder/cpuinfo_min_freq" "$folder/scaling_min_freq" >"$folder/scaling_cur_freq"
  echo "$3" | tee "$folder/cpuinfo_max_freq" >"$folder/scaling_max_freq"
  [ $# -lt 4 ] || echo "$4" >"$folder/scaling_available_frequencies"
}
# ask EXPRESSION: of cpufreq, on the machine that processor() made
ask() {
  echo 0-1 | tee "$TEMP/cpu/online" >"$TEMP/cpu/present"
  echo >"$TEMP/cpu/offline"
  python3 - "$TEMP/cpu" "$1" 2>&1 <<'PYTHON' | tail -n 1
import sys
from cpufreq import cpuFreq

cpuFreq.BASEDIR = sys.argv[1]
print(eval(sys.argv[2], {"machine": cpuFreq()}))
PYTHON
}
processor 0 cppc_cpufreq 2600000
processor 1 cppc_cpufreq 2600000
same "cppc_cpufreq: the current frequencies" \
  "FileNotFoundError: [Errno 2] No such file or directory: 'cpu0/cpufreq/scaling_available_frequencies'" \
  "$(ask "machine.get_frequencies()" | sed "s#$TEMP/cpu/##")"
processor 0 cpufreq-dt 1800000 "600000 1200000 1800000"
processor 1 cpufreq-dt 2400000 "600000 1200000 2400000"
same "big.LITTLE: the limits" "{0: 1800000, 1: 2400000}" "$(ask "machine.get_max_freq()")"
same "big.LITTLE: after reset()" "{0: 1800000, 1: 1800000}" "$(ask "(machine.reset(), machine.get_max_freq())[1]")"
same "the governors after reset()" "{0: 'ondemand', 1: 'ondemand'}" "$(ask "machine.get_governors()")"
