#!/usr/bin/env bash
# qmp 1.1.0 (PyPI), a QMP client in Python.
#
# pull_event(wait=0.5) waits for an event for half a second, then raises a
# QMPTimeoutError. An id is any JSON value, and comes back with the answer (QMP
# specification, "Issuing Commands").
#
# Guess before running it: after such a timeout commands go on; id 0 comes back.
# Seen: each command after one timeout is sent, and QEMU does it, but the client
# raises "cannot read from timed out object" instead of reading the answer, for as
# long as the connection lasts: Python's file of a socket reads no more after a
# timeout. An id of 0 is left out. What works is pull_event() without a limit, asked
# again and again.
. "$(dirname "$0")/lib/pypi"
pypi qmp==1.1.0

cat >"$TEMP/events.py" <<'PYTHON'
import json, socket, sys, threading, time
from qmp import QEMUMonitorProtocol, QMPTimeoutError

# A QMP server that answers everything, and has no events.
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
server.listen()
asked = []

def serve():
    client = server.accept()[0]
    client.sendall(b'{"QMP": {"version": {}, "capabilities": []}}\n')
    while data := client.recv(4096):
        asked.append(json.loads(data))
        answer = {"return": {}}
        if "id" in asked[-1]:
            answer["id"] = asked[-1]["id"]
        client.sendall(json.dumps(answer).encode() + b"\n")

threading.Thread(target=serve, daemon=True).start()
qemu = QEMUMonitorProtocol(sys.argv[1])
qemu.connect()
print(qemu.cmd("query-status", cmd_id=1), qemu.cmd("query-status", cmd_id=0))
print(qemu.pull_event(), qemu.cmd("query-status"))
try:
    qemu.pull_event(wait=0.2)
except QMPTimeoutError as error:
    print(error)
for command in "stop", "cont":
    try:
        print(qemu.cmd(command))
    except OSError as error:
        while asked[-1]["execute"] != command:
            time.sleep(0.01)
        print(f"{command}: {error}")
PYTHON
timeout 60 python3 "$TEMP/events.py" "$TEMP/socket" >"$TEMP/out"
line() { sed -n "$1p" "$TEMP/out"; }
same "commands of ids 1 and 0" "{'return': {}, 'id': 1} {'return': {}}" "$(line 1)"
same "no event, without a limit, and a command" "None {'return': {}}" "$(line 2)"
same "no event, with a limit" "Timeout waiting for event" "$(line 3)"
same "a command, that QEMU was sent" "stop: cannot read from timed out object" "$(line 4)"
same "another one" "cont: cannot read from timed out object" "$(line 5)"
