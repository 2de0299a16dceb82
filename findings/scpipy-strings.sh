#!/usr/bin/env bash
# scpipy 1.5.1 (PyPI), with which a program is an instrument that SCPI controls, or controls one.
#
# In a text in quotation marks, and in a list of channels as (@1,2), a comma or a semicolon separates
# nothing (IEEE 488.2 §7.7.5; SCPI-99 vol. 1 §8.3.2). What has no number where one may be has a 1
# (§6.2.5.2). A truth value is answered as 1 or 0 (§7.3). The short form of a word of four letters is
# the word (§6.2.1). An unknown header is error -113 (vol. 2 §21.8), and takes back no answer of its line.
#
# Guess before running it: long and short forms, paths behind a semicolon, several answers of a line and
# errors are as SCPI has them.
# Seen: a text and a list are cut at a comma, which is error -108, and a text at a semicolon, which is
# -102. OUTP is not OUTP1, but lacks a parameter. True is "True". MODE is MOD as well. An unknown header
# is -110, and with it all answers of its line are gone. Long and short forms, paths, plain texts and
# the queue of errors are right.
. "$(dirname "$0")/lib/pypi"
pypi scpipy==1.5.1

cat >"$TEMP/run.py" <<'PYTHON'
import re, socket, sys, threading, time
from scpipy.server import Router, Server

router = Router()
router.add_route("DISPlay:TEXT <text>", lambda context, text: context.state.update(text=text))
router.add_route("DISPlay:TEXT?", lambda context: context.state.get("text"))
router.add_route("ROUTe:CLOSe <list>", lambda context, list: context.state.update(text=list))
router.add_route("OUTPut<number>:STATe?", lambda context, number: number == "1")
router.add_route("SOURce:VOLTage?", lambda context: 5)
router.add_route("SOURce:CURRent?", lambda context: 2)
router.add_route("SOURce:MODE?", lambda context: "FIX")

with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
server = Server("127.0.0.1", port)
server.include_router(router)
threading.Thread(target=server.run, daemon=True).start()
for _ in range(100):
    try:
        line = socket.create_connection(("127.0.0.1", port), timeout=10)
        break
    except ConnectionRefusedError:
        time.sleep(0.05)
line.sendall("".join(message + "\n" for message in [*sys.argv[1:], "SYST:ERR?"]).encode())
seen = b""
while not re.search(rb'^-?\d+,".*"\n', seen, re.MULTILINE):
    seen += line.recv(4096)
print("; ".join(seen.decode().splitlines()))
PYTHON
# ask MESSAGE...: what the instrument answers, and its first error
ask() { timeout 20 python3 "$TEMP/run.py" "$@"; }
ok='0,"No error"'
same "short, long, and a path" "5; 5;2; $ok" "$(ask "SOUR:VOLT?" "SOURCE:VOLTAGE?;CURR?")"
same "a text" "\"on\"; $ok" "$(ask 'DISP:TEXT "on"' "DISP:TEXT?")"
same "a text with a comma" '-108,"Parameter not allowed"' "$(ask 'DISP:TEXT "on, off"')"
same "a text with a semicolon" '-102,"Syntax error"' "$(ask 'DISP:TEXT "on;off"')"
same "a list of channels" '-108,"Parameter not allowed"' "$(ask 'ROUT:CLOS (@101,102)')"
same "output 1" "True; $ok" "$(ask "OUTP1:STAT?")"
same "output 1, without its number" '-109,"Missing parameter"' "$(ask "OUTP:STAT?")"
same "MODE, MOD" "FIX; FIX; $ok" "$(ask "SOUR:MODE?" "SOUR:MOD?")"
same "an unknown header behind a query" '-110,"Command header error"' "$(ask "SOUR:VOLT?;:NONE?")"
