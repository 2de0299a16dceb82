#!/usr/bin/env bash
# tuxparse 0.6.0 (PyPI), which finds what went wrong in a kernel's log, for LKFT.
#
# A kernel with CONFIG_PRINTK_CALLER puts the thread or processor that speaks
# behind the time, "[    1.234567][   T42] BUG: KASAN: ...".
#
# Guess before running it: a report of KASAN is one result with its lines, and
# named alike whichever thread it was.
# Seen: with the caller it is the one line "BUG: ..." of kind "bug", without
# access, trace and allocation (KCSAN and KFENCE have the same pattern); the
# thread's number is part of a warning's name, so that the same warning is
# another one in the next run. Without the caller both are right, but that KASAN's
# names end with show_stack, where each of its traces begins. A hung task is not
# looked for.
. "$(dirname "$0")/lib/pypi"
pypi tuxparse==0.6.0 PyYAML==6.0.4

# kernel CALLER: a log with a report of KASAN, a warning and a hung task
kernel() {
  local line
  while IFS= read -r line; do printf '[    1.234567]%s %s\n' "$1" "$line"; done <<'LOG'
mctp_pcc: loading
==================================================================
BUG: KASAN: slab-out-of-bounds in pcc_rx+0x40/0x80 [mctp_pcc]
Read of size 4 at addr ffff000004a3c080 by task kworker/0:1/42
Call trace:
 show_stack+0x18/0x24 (C)
 pcc_rx+0x40/0x80 [mctp_pcc]
==================================================================
------------[ cut here ]------------
WARNING: CPU: 0 PID: 42 at drivers/mailbox/pcc.c:300 pcc_read+0x10/0x20
Call trace:
 pcc_read+0x10/0x20 (P)
---[ end trace 0000000000000000 ]---
INFO: task insmod:77 blocked for more than 120 seconds.
LOG
}

# found CALLER: names and numbers of lines, without those with a checksum
found() {
  kernel "$1" >"$TEMP/log"
  tuxparse --log-file "$TEMP/log" | python3 -c '
import json, re, sys
for name, test in sorted(json.load(sys.stdin)["log-parser-boot"].items()):
    if not re.search("-[0-9a-f]{8}$", name):
        print(name, len(test["log_excerpt"]))'
}
same "without the caller" "exception-WARNING_CPU_PID_at_drivers_mailbox_pcc_pcc_read__pcc_read 5
kasan-BUG_KASAN_slab-out-of-bounds_in_pcc_rx__show_stack 7" "$(found "")"
same "with the caller" "bug-BUG_KASAN_slab-out-of-bounds_in_pcc_rx 1
exception-T42_WARNING_CPU_PID_at_drivers_mailbox_pcc_pcc_read__pcc_read 5" "$(found "[   T42]")"
