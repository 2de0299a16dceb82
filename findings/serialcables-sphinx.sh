#!/usr/bin/env bash
# serialcables-sphinx 0.6.1 (PyPI), NVMe-MI over MCTP for a maker's test cards.
#
# An MI message (NVMe-MI 1.2 §3.1, §5) has type, NMIMT, two bytes of flags;
# then a request has its opcode, three reserved bytes and two dwords, an answer
# its status, three bytes of the command, and the data. Read NVMe-MI Data
# Structure has the kind in the last byte of dword 0, the port before it; bit 31
# of dword 1 of a health status poll means "clear status".
#
# Guess before running it: requests and answers are as the specification has them.
# Seen: what a command asks for lies in the reserved bytes behind the opcode, so
# that the list of controllers and port 1 are both asked for as the subsystem's
# information; the last byte is 80h, so that each health status poll clears what
# it asks for. In an answer the status is taken from a byte of flags, always 0:
# "invalid opcode" (03h) is SUCCESS; and the data are read 3 bytes too early in a
# layout that is no version's: 40 °C is 14063 °C. build_nvme_mi_fragmented() sets
# the bit of the integrity check and leaves the check out: a receiver has to drop it.
. "$(dirname "$0")/lib/pypi"
pypi serialcables-sphinx==0.6.1

cat >"$TEMP/mi.py" <<'PYTHON'
import sys
from serialcables_sphinx.mctp.builder import MCTPBuilder
from serialcables_sphinx.nvme_mi.constants import NVMeDataStructureType
from serialcables_sphinx.nvme_mi.decoder import NVMeMIDecoder
from serialcables_sphinx.nvme_mi.request import NVMeMIRequest as Request

def poll(status, data=b""):
    # MI, an answer; the health status poll's data are its status, warnings,
    # temperature, life used, and composite controller status
    answer = bytes([0x84, 0x88, 0, 0, status, 0, 0, 0]) + data
    answer = NVMeMIDecoder().decode_mctp_response(answer, 1)
    return answer.success, {field.name: field.value for field in answer.fields.values()}

print("84", Request.read_data_structure(NVMeDataStructureType.CONTROLLER_LIST).pack().hex(" "))
print("84", Request.read_data_structure(NVMeDataStructureType.PORT_INFORMATION, port_id=1).pack().hex(" "))
print("84", Request.health_status_poll().pack().hex(" "))
print(poll(3)[0])
print(poll(0, bytes([0x38, 0xFF, 40, 7, 0x21, 0, 0, 0]))[1]["Composite Temperature"])
builder, request = MCTPBuilder(), Request.health_status_poll().pack()
whole = builder.build_nvme_mi_request(8, request)
parts = builder.build_nvme_mi_fragmented(8, request, integrity_check=True).get_packets()
print(len(whole), *map(len, parts))
PYTHON
python3 "$TEMP/mi.py" >"$TEMP/out"
line() { sed -n "$1p" "$TEMP/out"; }
# The kind, 02h or 01h, is the 12th byte, of dword 0, and the port the 11th.
same "controller list" "84 08 00 00 00 02 00 00 00 00 00 00 00 00 00 80" "$(line 1)"
same "port 1" "84 08 00 00 00 01 01 00 00 00 00 00 00 00 00 80" "$(line 2)"
same "health status poll" "84 08 00 00 01 00 00 00 00 00 00 00 00 00 00 80" "$(line 3)"
same "an answer of status 3 is a success" "True" "$(line 4)"
same "40 degrees" "14063°C (14336 K)" "$(line 5)"
same "bytes of a packet, and of the same in one fragment" "29 25" "$(line 6)"
