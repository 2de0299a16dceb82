"""Reads packets in hex, a line each; prints pymctp's version, then what it
makes of each packet as a line of JSON: numbers by layer and field."""

import importlib.metadata
import json
import sys

from pymctp.layers.mctp import *  # noqa: F403 binds the layers to each other
from pymctp.layers.mctp.transport import TransportHdrPacket


def numbers(packet):
    found, layer = {}, packet
    while layer and layer.name != "NoPayload":
        for field in layer.fields_desc:
            try:
                value = layer.getfieldval(field.name)
            except AttributeError:
                continue
            if isinstance(value, int):
                name = f"{layer.name}.{field.name}"
                found[field.name if layer is packet else name] = int(value)
        layer = layer.payload
    return found


print(importlib.metadata.version("pymctp"))
for line in sys.stdin:
    try:
        print(json.dumps(numbers(TransportHdrPacket(bytes.fromhex(line)))))
    except Exception as error:  # whatever it raises is what it says
        print(json.dumps({"error": type(error).__name__}))
