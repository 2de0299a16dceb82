#!/usr/bin/env bash
# The crate powercap 0.3.5, which reads the energy that Linux counts by RAPL.
#
# Zones are nested: what intel-rapl:0, a package, counts has its cores, intel-rapl:0:0, and its
# uncore in it; the zone psys, which stands beside the packages, is the whole platform with all of
# them (Linux, Documentation/power/powercap/powercap.rst; drivers/powercap/intel_rapl_common.c).
#
# Guess before running it: the total is that of the packages.
# Seen: a socket's total is its package and each of its zones, so that cores count twice, and the
# total of the machine has the platform as well: of 5 joules it makes 6.92. The platform is one of
# the sockets, and as no socket has its name, nothing tells which. Each number by itself is right,
# and numbers of two digits are read.
. "$(dirname "$0")/lib/crates"
crates powercap=0.3.5 <<'RUST'
fn main() {
    let path = std::path::PathBuf::from(std::env::args().nth(1).unwrap());
    let machine = powercap::PowerCap::try_from(path).unwrap().intel_rapl;
    println!("{}", machine.total_energy().unwrap());
    let mut sockets: Vec<_> = machine.sockets.into_values().collect();
    sockets.sort_by_key(|socket| socket.id);
    for socket in &sockets {
        let shown = socket.snapshot().unwrap();
        let mut zones: Vec<_> = shown.domains.iter().map(|zone| format!("{} {}", zone.name, zone.energy)).collect();
        zones.sort();
        println!("{}: {}, {} in all ({})", socket.id, shown.energy, socket.total_energy().unwrap(), zones.join(", "));
    }
}
RUST

# zone PATH NAME MICROJOULES: one below intel-rapl
zone() {
  mkdir -p "$TEMP/class/intel-rapl/$1"
  echo "$2" >"$TEMP/class/intel-rapl/$1/name"
  echo "$3" >"$TEMP/class/intel-rapl/$1/energy_uj"
  echo 262143328850 >"$TEMP/class/intel-rapl/$1/max_energy_range_uj"
  echo 1 >"$TEMP/class/intel-rapl/$1/enabled"
}
zone intel-rapl:0 package-0 1000000
zone intel-rapl:0/intel-rapl:0:0 core 600000
zone intel-rapl:0/intel-rapl:0:1 uncore 20000
zone intel-rapl:0/intel-rapl:0:2 dram 300000
"$TEMP/program" "$TEMP/class" >"$TEMP/out"
line() { sed -n "$1p" "$TEMP/out"; }
same "a package of 1 J, memory of 0.3" "1920000" "$(line 1)"
zone intel-rapl:1 psys 5000000
"$TEMP/program" "$TEMP/class" >"$TEMP/out"
same "a platform of 5 J" "6920000" "$(line 1)"
same "the package" "0: 1000000, 1920000 in all (core 600000, dram 300000, uncore 20000)" "$(line 2)"
same "the platform" "1: 5000000, 5000000 in all ()" "$(line 3)"
zone intel-rapl:10 package-10 1000000
same "a package 10" "10: 1000000, 1000000 in all ()" "$("$TEMP/program" "$TEMP/class" | tail -n 1)"
