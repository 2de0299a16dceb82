#!/usr/bin/env bash
# qmp-shell of qemu.qmp 0.0.6 (PyPI), the shell of QEMU's developers for QMP.
#
# A command's arguments are given as key=value; a dot in a key makes an object
# (its help does not say so, its errors do), so that chardev-add can be typed.
#
# Guess before running it: "a.b=1 c=2" is {"a": {"b": 1}, "c": 2}, and
# a="x y" is the string without its quotes.
# Seen: what follows a key with a dot ends up in the object of that key,
# {"a": {"b": 1, "c": 2}}, and a second such key a level deeper, so that only the
# last argument may have a dot. The quotes are sent as a part of the string: QEMU
# is asked for a monitor command whose name starts with one. What works is JSON
# as a value, backend={"type":"null","data":{}}.
. "$(dirname "$0")/lib/pypi"
pypi qemu.qmp==0.0.6

# A QMP server that answers everything, and writes down what it was asked.
cat >"$TEMP/server.py" <<'PYTHON'
import json, socket, sys
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
server.listen()
print("ready", flush=True)
client = server.accept()[0]

def send(message):
    client.sendall(json.dumps(message).encode() + b"\n")

send({"QMP": {"version": {"qemu": {"major": 10, "minor": 0, "micro": 0}, "package": ""}, "capabilities": []}})
text = ""
while data := client.recv(4096):
    text += data.decode()
    try:
        asked, end = json.JSONDecoder().raw_decode(text)
    except ValueError:
        continue
    text = text[end:].lstrip()
    reply = {"return": [] if asked["execute"] == "query-commands" else {}}
    send(reply | {"id": asked["id"]} if "id" in asked else reply)
    print(asked["execute"], json.dumps(asked.get("arguments"), sort_keys=True), flush=True)
PYTHON
python3 "$TEMP/server.py" "$TEMP/socket" >"$TEMP/asked" &
until grep -q ready "$TEMP/asked"; do sleep 0.1; done
HOME=$TEMP qmp-shell "$TEMP/socket" >/dev/null <<'SHELL'
x a.b=1 c=2
chardev-add id=pcc backend.type=null backend.data={}
human-monitor-command command-line="info chardev"
SHELL
wait
same "x a.b=1 c=2" '{"a": {"b": 1, "c": 2}}' "$(sed -n 's/^x //p' "$TEMP/asked")"
same "two with a dot" '{"backend": {"backend": {"data": {}}, "type": "null"}, "id": "pcc"}' \
  "$(sed -n 's/^chardev-add //p' "$TEMP/asked")"
same "quotes" '{"command-line": "\"info chardev\""}' \
  "$(sed -n 's/^human-monitor-command //p' "$TEMP/asked")"
