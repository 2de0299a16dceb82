"""Reads a capture; prints how many packets each interface has, by its name
and link type, as JSON."""

import json
import sys

from scapy.utils import RawPcapNgReader

count = {}
for _data, meta in RawPcapNgReader(sys.argv[1]):
    key = f"{meta.ifname.decode()} {meta.linktype}"
    count[key] = count.get(key, 0) + 1
print(json.dumps(count))
