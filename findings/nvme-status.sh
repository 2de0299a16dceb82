#!/usr/bin/env bash
# nvme 0.2.0 (PyPI), which has NVMe's structures and commands, and drivers as plugins.
#
# A completion's status has the phase tag in bit 0, the status code in bits 8:1, its type in 11:9,
# the delay in 13:12, More in 14 and Do Not Retry in 15. Code 0 of type 0 alone is a success: of
# type 1 it is Completion Queue Invalid, of type 3 Internal Path Error (NVMe 1.4c §4.6.1). A power
# state's idle power is in bytes 16 and 17, its scale in bits 7:6 of byte 18, 2 for 0.01 W
# (§5.15.2.2, figure 252).
#
# Guess before running it: the status, and what a controller says of itself, are at their places.
# Seen: type, delay, More and Do Not Retry are 0 whatever there is, and check(), which raises an
# error for what is no success, raises none for code 0 of another type: a path that failed is a
# success. Idle power is five bits, so that 10.5 W are 0.26, and its scale is what is in bytes 17
# and 18. All else of a controller, a namespace and the SMART log is in its place.
. "$(dirname "$0")/lib/pypi"
pypi nvme==0.2.0

cat >"$TEMP/run.py" <<'PYTHON'
import struct
from nvme import CompletionQueueEntry, IdCtrl, NvmeError, SmartLog

def status(kind, code, delay=0, more=0, final=0):
    bits = 1 | code << 1 | kind << 9 | delay << 12 | more << 14 | final << 15
    entry = CompletionQueueEntry.from_buffer_copy(struct.pack("<IIHHHH", 0, 0, 5, 1, 9, bits))
    seen = entry.sf
    try:
        seen.check()
        result = "success"
    except NvmeError as error:
        result = str(error)
    print(f"id {entry.cid}:", seen.sct, f"{seen.sc:02X}", seen.crd, seen.m, seen.dnr, result)

status(0, 0)
status(0, 2, final=1)
status(2, 0x81, delay=1, more=1)
status(1, 0)
status(3, 0)
controller = bytearray(4096)
struct.pack_into("<H", controller, 266, 343) # warns at 70 degrees
controller[280:296] = (10 ** 12).to_bytes(16, "little")
for state, (most, idle, active) in enumerate(((1200, 1050, 1100), (825, 30, 600))):
    struct.pack_into("<H14xHBxHB", controller, 2048 + 32 * state, most, idle, 2 << 6, active, 2 << 6 | 1)
controller = IdCtrl.from_buffer_copy(bytes(controller))
print(controller.wctemp, controller.tnvmcap.as_int())
for state in controller.psds[:2]:
    print(f"most {state.mp}, idle {state.idlp} {state.ips}, active {state.actp} {state.aps}")
log = bytearray(512)
struct.pack_into("<BHB", log, 0, 2, 344, 100)
log[128:144] = (21915).to_bytes(16, "little")
log = SmartLog.from_buffer_copy(bytes(log))
print(log.comp_temp, log.pwr_on_hrs.as_int())
PYTHON
python3 "$TEMP/run.py" >"$TEMP/out"
line() { sed -n "$1p" "$TEMP/out"; }
same "a success" "id 9: 0 00 0 0 0 success" "$(line 1)"
same "Invalid Field, never to be retried" "id 9: 0 02 0 0 0 NvmeError(sc=2, sct=0)" "$(line 2)"
same "Unrecovered Read Error, type 2, more to be known, with a delay" "id 9: 0 81 0 0 0 NvmeError(sc=129, sct=0)" "$(line 3)"
same "Completion Queue Invalid, type 1" "id 9: 0 00 0 0 0 success" "$(line 4)"
same "Internal Path Error, type 3" "id 9: 0 00 0 0 0 success" "$(line 5)"
same "a controller" "343 1000000000000" "$(line 6)"
same "12, 10.5 and 11 W, of 0.01" "most 1200, idle 26 32772, active 1100 2" "$(line 7)"
same "8.25, 0.3 and 6 W, of 0.01" "most 825, idle 30 32768, active 600 2" "$(line 8)"
same "the SMART log, 71 degrees" "344 21915" "$(line 9)"
