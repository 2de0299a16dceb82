#!/usr/bin/env bash
# tpm2_eventlog of tpm2-tools 5.4 (Debian bookworm), which shows what firmware measured into a TPM.
#
# EV_NO_ACTION tells the reader of a log something, has digests of zeros, and is added to no
# register. One of them, StartupLocality, says where PCR 0 starts: from locality 3 at 3 (TCG PC
# Client Platform Firmware Profile 1.05 §10.4.1, EV_NO_ACTION and Startup Locality).
#
# Guess before running it: PCR 0 is what the log's other events make it.
# Seen: the zeros of each EV_NO_ACTION but the first are added, so that PCR 0 is not the TPM's
# on a machine whose firmware says its locality; a register that has nothing else is not zeros.
# PCR 0 always starts at 0. 5.7 (trixie) has it right.
. "$(dirname "$0")/lib/debian"
install bookworm tpm2-tools=5.4-1 tpm2_eventlog
mv "$TEMP/tpm2_eventlog" "$TEMP/old"
mv "$TEMP/root" "$TEMP/bookworm"
sed -i "s|$TEMP/root|$TEMP/bookworm|g" "$TEMP/old"
rm -r "$TEMP/apt"
install trixie tpm2-tools=5.7-1 tpm2_eventlog

cat >"$TEMP/log.py" <<'PYTHON'
import hashlib, struct, sys

def event(register, kind, data):
    digest = bytes(32) if kind == 3 else hashlib.sha256(data).digest()
    return struct.pack("<IIIH32sI", register, kind, 1, 11, digest, len(data)) + data

version = "1.0\0".encode("utf-16-le")
events = {
    "version": event(0, 8, version),
    "locality": event(0, 3, b"StartupLocality\0\3"),
    "note": event(0, 3, b"note"),
    "elsewhere": event(1, 3, b"note"),
}
if sys.argv[1] == "extend": # a register that starts with this value
    value = bytes([int(sys.argv[2])]).rjust(32, b"\0")
    for name in sys.argv[3:]:
        value = hashlib.sha256(value + events[name][14:46]).digest()
    print(value.hex())
else:
    spec = b"Spec ID Event03\0" + struct.pack("<IBBBBIHHB", 0, 0, 2, 0, 2, 1, 11, 32, 0)
    with open(sys.argv[1], "wb") as file:
        file.write(struct.pack("<II20xI", 0, 3, len(spec)) + spec + b"".join(events[name] for name in sys.argv[2:]))
PYTHON
# register PROGRAM EVENT...: the register that a log of these events ends with
register() {
  local program=$1
  shift
  python3 "$TEMP/log.py" "$TEMP/log" "$@"
  "$TEMP/$program" "$TEMP/log" | sed -n '/^pcrs/,$ s/.*0x//p'
}
# extend START EVENT...: what it is once these events were added
extend() { python3 "$TEMP/log.py" extend "$@"; }
same "an event" "$(extend 0 version)" "$(register old version)"
same "an event, 5.7" "$(extend 0 version)" "$(register tpm2_eventlog version)"
same "and a note" "$(extend 0 version note)" "$(register old version note)"
same "and a note, 5.7" "$(extend 0 version)" "$(register tpm2_eventlog version note)"
same "a note alone" "$(extend 0 note)" "$(register old elsewhere)"
same "a note alone, 5.7" "$(extend 0)" "$(register tpm2_eventlog elsewhere)"
same "locality 3" "$(extend 0 locality version)" "$(register old locality version)"
same "locality 3, 5.7" "$(extend 3 version)" "$(register tpm2_eventlog locality version)"
