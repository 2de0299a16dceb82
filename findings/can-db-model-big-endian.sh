#!/usr/bin/env bash
# can-db-model 0.1.0 (PyPI), which reads the messages of a CAN bus from KCD and writes them as KCD.
#
# In KCD a signal has an offset and an order of bytes, a message "format", which is extended for an id
# of 29 bits whatever its value, and a value "min" and "max" (Kayak's KCD 1.0, Definition.xsd). cantools,
# by which the package reads KCD, counts the start of a big-endian signal otherwise than KCD does: from
# the highest bit of its first byte, which is bit 7.
#
# Guess before running it: what is read and written again is the same, for cantools too.
# Seen: the start that cantools has is written as the offset, so that each big-endian signal moves: 8 is
# read as 1024. No big-endian signal may be in the last byte, as one of 8 bits there is taken to end
# behind the message. What has a format does not say so any more: an extended id of up to 7FFh is one
# of 11 bits, and with a larger one the file is refused. A value has no limits. Little-endian signals,
# their factors and standard ids are right.
. "$(dirname "$0")/lib/pypi"
pypi can-db-model==0.1.0 cantools==45.1.0 lxml==6.1.3 pydantic==2.14.4 pydantic-core==2.50.5 pyyaml==6.0.4 \
  annotated-types==0.8.0 argparse-addons==0.12.0 bitstruct==8.24.0 crccheck==1.3.1 packaging==26.4 \
  python-can==4.6.1 textparser==0.26.2 typing-extensions==4.16.0 typing-inspection==0.4.5 wrapt==1.17.3

cat >"$TEMP/run.py" <<'PYTHON'
import sys
import can_db_model, cantools

def show(path):
    message, = cantools.database.load_file(path, database_format="kcd").messages
    signal, = message.signals
    value = message.decode(bytes.fromhex(sys.argv[2]))["x"]
    print("29 bits" if message.is_extended_frame else "11 bits", value, signal.minimum, signal.maximum, end="; ")

try:
    show(sys.argv[1])
    can_db_model.dump_kcd(can_db_model.load_kcd(sys.argv[1]), sys.argv[1] + ".again")
    show(sys.argv[1] + ".again")
    print()
except (ValueError, cantools.database.Error) as error:
    print(getattr(error, "e_kcd", None) or error.errors()[0]["msg"])
PYTHON
# again ID FORMAT OFFSET LENGTH ORDER DATA: what cantools reads of data, and what it reads with the KCD written again
again() {
  cat >"$TEMP/kcd" <<XML
<NetworkDefinition xmlns="http://kayak.2codeornot2code.org/1.0"><Document name="lab"/><Bus name="can0" baudrate="500000">
  <Message id="$1" format="$2" length="8" name="power"><Signal name="x" offset="$3" length="$4" endianess="$5">
    <Value type="unsigned" slope="0.5" intercept="0.0" min="0" max="200"/></Signal></Message>
</Bus></NetworkDefinition>
XML
  python3 "$TEMP/run.py" "$TEMP/kcd" "$6"
}
same "id 100h, little-endian" "11 bits 0.5 0 200; 11 bits 0.5 None None; " \
  "$(again 0x100 standard 8 16 little 0001000000000000)"
same "id 100h, extended" "29 bits 0.5 0 200; 11 bits 0.5 None None; " "$(again 0x100 extended 8 16 little 0001000000000000)"
same "id 18FF0000h" "29 bits 0.5 0 200; Standard frame id 0x18ff0000 is more than 11 bits in message power." \
  "$(again 0x18FF0000 extended 8 16 little 0001000000000000)"
same "big-endian" "11 bits 8.0 0 200; 11 bits 1024.0 None None; " "$(again 0x100 standard 0 16 big 0010000000000000)"
same "big-endian, in the last byte" "11 bits 0.5 0 200; Value error, signal x exceeds message length (power)" \
  "$(again 0x100 standard 56 8 big 0000000000000001)"
