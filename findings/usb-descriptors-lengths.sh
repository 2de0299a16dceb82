#!/usr/bin/env bash
# usb-descriptors 0.2.0 (PyPI), which writes and reads the descriptors of USB devices.
#
# A device qualifier is 10 bytes (USB 2.0, Table 9-9). The first byte of a descriptor is its length,
# so that of a string 2, and 2 for each unit of UTF-16 (9.6.7). An endpoint's type is 5, also where
# it is an interrupt endpoint of audio. Audio 3.0 has 20 bytes for an input terminal, 19 for an
# output terminal, which has no cluster, and 23 for a streaming interface: bmControls are four of
# them, bmAuxProtocols two.
#
# Guess before running it: what is written is as long as its first byte says and as the
# specification has it, and what a device says is read.
# Seen: a qualifier says 9 and is 10; that of a device is refused. A string counts characters: one
# beyond U+FFFF says 4 and is 6, which a host cuts in its middle. The three of audio say what the
# specification has and are shorter, or have a cluster. Interrupt endpoints of audio 1, 2 and 3, and
# those of MIDI 2.0, are of type 37, which is class-specific: a host finds none. Devices,
# configurations, endpoints and the streams of audio 2 are right.
. "$(dirname "$0")/lib/pypi"
pypi usb-descriptors==0.2.0 construct==2.10.70

cat >"$TEMP/build.py" <<'PYTHON'
import importlib, sys

module, name, *values = sys.argv[1:]
form = getattr(importlib.import_module(f"usb_protocol.types.descriptors.{module}"), name)
skipped = ["bDescriptorSubtype", "_bReserved"] + ["bRefresh", "bSynchAddress"] * (module == "standard")
fields = {part.name: 1 for part in form.subcons[2:] if part.name not in skipped}
if values:
    fields["bString"] = values[0]
data = form.build(fields)
print(f"{data[0]} {len(data)} type {data[1]}")
PYTHON
# built MODULE NAME [STRING]: the length that it says, the one that it has, and its type
built() { python3 "$TEMP/build.py" "$@"; }
same "endpoint" "7 7 type 5" "$(built standard EndpointDescriptor)"
same "device qualifier, 10 10 type 6" "9 10 type 6" "$(built standard DeviceQualifierDescriptor)"
same "a device's" "ConstError: Error in path (parsing) -> bLength" "$(python3 -c '
from usb_protocol.types.descriptors.standard import DeviceQualifierDescriptor

DeviceQualifierDescriptor.parse(bytes([10, 6, 0, 2, 0, 0, 0, 64, 1, 0]))' 2>&1 |
  sed -n 's/.*core\.\(ConstError.*\)/\1/p')"
same "string" "8 8 type 3" "$(built standard StringDescriptor Lab)"
same "string with U+1F9EA, 12 12 type 3" "10 12 type 3" "$(built standard StringDescriptor "Lab$(printf '\360\237\247\252')")"
same "audio 2, stream's endpoint" "7 7 type 5" "$(built uac2 AudioStreamingIsochronousEndpointDescriptor)"
same "audio 1, interrupts, 9 9 type 5" "9 9 type 37" "$(built uac1 AudioControlInterruptEndpointDescriptor)"
for module in uac2 uac3; do
  same "$module, interrupts, 7 7 type 5" "7 7 type 37" "$(built $module AudioControlInterruptEndpointDescriptor)"
done
same "MIDI 2.0, data, 7 7 type 5" "7 7 type 37" "$(built midi2 StandardMidiStreamingDataEndpointDescriptor)"
same "audio 3, input terminal, 20 20" "20 17 type 36" "$(built uac3 InputTerminalDescriptor)"
same "audio 3, output terminal, 19 19" "19 18 type 36" "$(built uac3 OutputTerminalDescriptor)"
same "audio 3, streaming interface, 23 23" "23 19 type 36" \
  "$(built uac3 ClassSpecificAudioStreamingInterfaceDescriptor)"
