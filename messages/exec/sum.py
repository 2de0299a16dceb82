#!/usr/bin/env python3
"""Answers IANA 412 messages that begin with "s": the sum of the bytes behind
it, and of all that came before in this life of the guest."""

import json
import sys

for line in sys.stdin:
    asked = json.loads(line)
    numbers = bytes.fromhex(asked["request"]["vendor"]["data"])[1:]
    total = asked["state"]["exec_total"] + sum(numbers)
    answer = f"73 {sum(numbers):04x} {total & 0xFFFF:04x}"
    reply = {"fields": {"vendor.data": answer}}
    # The platform remembers it, also when this program or pccd ends.
    print(json.dumps({"reply": reply, "set": {"exec_total": total}}), flush=True)
