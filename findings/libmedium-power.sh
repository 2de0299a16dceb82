#!/usr/bin/env bash
# The crate libmedium 0.13.4, which reads Linux's sensors.
#
# energyN_input and powerN_input are microjoules and microwatts (Linux,
# Documentation/hwmon/sysfs-interface.rst), written from numbers of 64 bits with a sign
# (drivers/hwmon/hwmon.c); that of ltc2947 is negative while a battery is charged. ACPI's
# power meter, which averages, has power1_average and no power1_input
# (drivers/hwmon/acpi_power_meter.c).
#
# Guess before running it: 5000 joules and minus 2 watts are read; ACPI's power meter has
# one sensor, of 90 watts.
# Seen: values are numbers of 32 bits without a sign, so that energy is an error from 4295
# joules on, 43 seconds at 100 watts, and negative power always. What has no powerN_input
# is no sensor: the power meter is there, its power is not. With the feature uom_units the
# numbers are right, and the power meter has no power either.
. "$(dirname "$0")/lib/crates"
. "$(dirname "$0")/lib/hwmon"
crates libmedium=0.13.4,unrestricted_parsing <<'RUST'
use libmedium::hwmon::sync_hwmon::Hwmons;
use libmedium::sensors::sync_sensors::{energy::EnergySensor, power::PowerSensor, SyncSensor};
fn main() {
    for device in &Hwmons::parse_unrestricted(std::env::args().nth(1).unwrap()).unwrap() {
        println!("{}: {} of energy, {} of power", device.name(), device.energies().len(), device.powers().len());
        for sensor in device.energies().values() {
            println!("{} {}", sensor.name(), sensor.read_input().map_or_else(|e| e.to_string(), |v| v.to_string()));
        }
        for sensor in device.powers().values() {
            println!("{} {}", sensor.name(), sensor.read_input().map_or_else(|e| e.to_string(), |v| v.to_string()));
        }
    }
}
RUST

device 0 ltc2947 energy1_input=4000000000 energy2_input=5000000000 power1_input=2000000 power2_input=-2000000
device 1 power_meter power1_average=90000000 power1_average_interval=1000
"$TEMP/program" "$TEMP/class" >"$TEMP/out"
line() { sed -n "$1p" "$TEMP/out"; }
same "4000 joules" "energy1 4000J" "$(line 2)"
same "5000 joules" "energy2 Raw sensor error: Error parsing string to integer" "$(line 3)"
same "2 watts" "power1 2W" "$(line 4)"
same "minus 2 watts" "power2 Raw sensor error: Error parsing string to integer" "$(line 5)"
same "ACPI's power meter, 90 watts on average" "power_meter: 0 of energy, 0 of power" "$(line 6)"
