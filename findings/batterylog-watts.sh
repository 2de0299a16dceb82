#!/usr/bin/env bash
# batterylog 0.2.2 (PyPI), which logs what a laptop's battery has lost over a suspend.
#
# A battery that ACPI reports in mW (_BIX, Power Unit 0; ACPI 6.5 §10.2.2.2) has energy_now,
# energy_full and power_now in sysfs, and no charge_now; one reported in mA has charge_now,
# charge_full and current_now (Linux, drivers/acpi/battery.c, energy_battery_props and
# charge_battery_props). A battery is what has "Battery" in type, by whatever name
# (Documentation/ABI/testing/sysfs-class-power): that of Qualcomm's laptops is qcom-battmgr-bat
# (drivers/power/supply/qcom_battmgr.c).
#
# Guess before running it: batteries of both units are read, by energy or by charge and voltage.
# Seen: one in mA is. One in mW is a FileNotFoundError, though its energy is what is to be logged,
# and nothing is logged. One of another name is none, and of two the second does not count.
. "$(dirname "$0")/lib/pypi"
pypi batterylog==0.2.2

# supply NAME TYPE FILE=VALUE...: one of the machine's power supplies
supply() {
  local folder=$TEMP/class/$1 value
  mkdir -p "$folder"
  echo "$2" >"$folder/type"
  shift 2
  for value in "$@"; do echo "${value#*=}" >"$folder/${value%%=*}"; done
}
# ask: what the package reads of this machine, which is then gone
ask() {
  python3 - "$TEMP/class" <<'PYTHON'
import pathlib, sys
from batterylog import power

power.Path = lambda _: pathlib.Path(sys.argv[1]) # in place of /sys/class/power_supply
try:
    battery = power.read_battery_snapshot()
    print(battery and f"{battery.name} {battery.energy_now / 1e12} Wh")
except FileNotFoundError as error:
    print("FileNotFoundError:", pathlib.Path(error.filename).name)
PYTHON
  rm -r "$TEMP/class"
}
common=(status=Discharging cycle_count=42 voltage_now=12000000 voltage_min_design=11400000)
supply AC Mains online=0
supply BAT0 Battery "${common[@]}" charge_now=3000000 charge_full=4000000 current_now=500000
same "3 Ah at 12 V" "BAT0 36.0 Wh" "$(ask)"
supply AC Mains online=0
supply BAT0 Battery "${common[@]}" energy_now=36000000 energy_full=48000000 power_now=6000000
same "36 Wh" "FileNotFoundError: charge_now" "$(ask)"
supply qcom-battmgr-ac Mains online=0
supply qcom-battmgr-bat Battery "${common[@]}" charge_now=3000000 charge_full=4000000 current_now=-500000
same "3 Ah at 12 V, of an arm64 laptop" "None" "$(ask)"
supply AC Mains online=0
supply BAT0 Battery "${common[@]}" charge_now=1000000 charge_full=2000000 current_now=0
supply BAT1 Battery "${common[@]}" charge_now=3000000 charge_full=4000000 current_now=500000
same "two of 1 and 3 Ah" "BAT0 12.0 Wh" "$(ask)"
