#!/usr/bin/env bash
# journalparse 0.1.1 (PyPI), which reads the journal's export format, and jctlfmt 2.0.1 (PyPI), which
# reads lines of "journalctl -o json".
#
# A field may be there more than once in an entry, as _UDEV_DEVLINK of a message of the kernel mostly
# is (systemd.journal-fields(7)). In JSON its values are then an array, of texts or, where one is not
# printable, of bytes (Journal Export Formats, "Journal JSON Format").
#
# Guess before running them: both have each value of a field, and an entry with one is no error.
# Seen: journalparse has the last of a field's values. jctlfmt has a TypeError for a message or a
# priority that is there twice, and a KeyError for an entry without a message, which ends the rest of
# its input. Fields with one value, empty ones, and those in binary are right.
. "$(dirname "$0")/lib/pypi"
pypi journalparse==0.1.1 jctlfmt==2.0.1

# export_of FIELD=VALUE...: the entry as journalparse reads it
export_of() {
  printf '%s\n' "$@" "" >"$TEMP/export"
  python3 -c 'import journalparse, sys; print(*journalparse.journalparse(open(sys.argv[1], "rb")))' "$TEMP/export"
}
# json_of FIELDS: the entry as jctlfmt reads it
json_of() {
  python3 - "$1" <<'PYTHON'
import sys
from jctlfmt import Entry

try:
    entry = Entry('{"__REALTIME_TIMESTAMP": "1796000000000000", "_HOSTNAME": "lab", %s}' % sys.argv[1])
    print(entry.str_uip, entry.str_pm)
except (KeyError, TypeError) as error:
    print(f"{type(error).__name__}: {error}")
PYTHON
}
same "one link" "{'MESSAGE': 'sda', '_UDEV_DEVLINK': '/dev/disk/by-id/a'}" \
  "$(export_of MESSAGE=sda _UDEV_DEVLINK=/dev/disk/by-id/a)"
same "two links" "{'MESSAGE': 'sda', '_UDEV_DEVLINK': '/dev/disk/by-path/b'}" \
  "$(export_of MESSAGE=sda _UDEV_DEVLINK=/dev/disk/by-id/a _UDEV_DEVLINK=/dev/disk/by-path/b)"
same "one message" "kernel <4>on" "$(json_of '"SYSLOG_IDENTIFIER": "kernel", "PRIORITY": "4", "MESSAGE": "on"')"
same "one message, of bytes" "kernel <4>on" "$(json_of '"SYSLOG_IDENTIFIER": "kernel", "PRIORITY": "4", "MESSAGE": [111, 110]')"
same "two messages" "TypeError: 'str' object cannot be interpreted as an integer" \
  "$(json_of '"PRIORITY": "4", "MESSAGE": ["on", "off"]')"
same "two priorities" "TypeError: int() argument must be a string, a bytes-like object or a real number, not 'list'" \
  "$(json_of '"PRIORITY": ["4", "6"], "MESSAGE": "on"')"
same "no message" "KeyError: 'MESSAGE'" "$(json_of '"PRIORITY": "4"')"
