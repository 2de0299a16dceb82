#!/usr/bin/env bash
# The crate rmesg 1.0.21, which reads the log of the kernel by syslog(2) or of /dev/kmsg.
#
# A program may write a line of its own with any facility, such as <134> for local0, info. A
# record of a device has lines behind it that start with a space and tell which (Linux 6.1,
# Documentation/ABI/testing/dev-kmsg).
#
# Guess before running it: facility and level of each line are right, and those lines are not taken
# for messages.
# Seen: a line of local0, or any facility from 12 on, is an error for the whole log, by either
# way. What a record tells of its device are messages, without level or time. A message that was
# read by syslog(2) starts with a space, the same one of /dev/kmsg does not. Levels, times,
# numbers and facilities up to 11 are right.
. "$(dirname "$0")/lib/crates"
crates rmesg=1.0.21 <<'RUST'
use rmesg::entry::Entry;

fn show(entries: Result<Vec<Entry>, impl std::fmt::Debug>) {
    match entries {
        Err(error) => println!("{error:?}"),
        Ok(entries) => {
            let seen = entries.iter().map(|entry| format!("{:?} {:?} {:?}", entry.facility, entry.level, entry.message));
            println!("{}", seen.collect::<Vec<_>>().join(", "));
        }
    }
}

fn main() {
    let (way, file) = (std::env::args().nth(1).unwrap(), std::env::args().nth(2).unwrap());
    if way == "kmsg" {
        show(rmesg::kmsgfile::kmsg(Some(file)));
    } else {
        show(rmesg::klogctl::entries_from_lines(&std::fs::read_to_string(file).unwrap()));
    }
}
RUST
# log WAY LINE...: what is read of it
log() {
  printf '%s\n' "${@:2}" >"$TEMP/log"
  timeout 20 "$TEMP/program" "$1" "$TEMP/log" | sed -e 's/Some(\([A-Za-z]*\))/\1/g'
}
same "two lines" 'Kern Info " pci", Daemon Warning " udev"' \
  "$(log klog '<6>[    1.000000] pci' '<28>[    2.000000] udev')"
same "two records" 'Kern Info "pci", Daemon Warning "udev"' \
  "$(log kmsg '6,1,1000000,-;pci' '28,2,2000000,-;udev')"
same "a line of local0" \
  'Generic("Unable to parse 134 into log facility and level. Line: <134>[    2.000000] mine")' \
  "$(log klog '<6>[    1.000000] pci' '<134>[    2.000000] mine')"
same "a record of local0" \
  'EntryParsingError("Generic(\"Unable to parse 134 into log facility and level. Line: 134,2,2000000,-;mine\")")' \
  "$(log kmsg '6,1,1000000,-;pci' '134,2,2000000,-;mine')"
same "a record of a device" 'Kern Info "enabled", None None " SUBSYSTEM=pci", None None " DEVICE=+pci:0000:00:01.0"' \
  "$(log kmsg '6,1,1000000,-;enabled' ' SUBSYSTEM=pci' ' DEVICE=+pci:0000:00:01.0')"
