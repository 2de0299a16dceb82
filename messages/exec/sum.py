#!/usr/bin/env python3
"""Answers IANA 412 messages that begin with "s": the sum of the bytes behind
it, and of all that came before in this life of the guest."""

import json
import sys

for line in sys.stdin:
    asked = json.loads(line)
    numbers = bytes.fromhex(asked["request"]["vendor"]["data"])[1:]
    total = asked["state"]["exec_total"] + sum(numbers)
    data = f"73 {sum(numbers):04x} {total & 0xFFFF:04x}"
    reply = {"fields": {"vendor.data": data}}
    # The platform remembers it, also when this program or pccd ends.
    answer = {"id": asked["id"], "reply": reply, "set": {"exec_total": total}}
    print(json.dumps(answer), flush=True)
