#!/usr/bin/env bash
# pcicrawler 1.0.0 (PyPI), which lists PCI devices with links, slots and vital product data.
#
# Each device has vital product data of its own (PCI Local Bus 3.0, Appendix I). A capability whose
# next pointer is 0 is the last one (6.7). A link's speed is a number from 1 to 6, for 2.5 to 64 GT/s
# (PCI Express 6.0, 7.5.3.6). The LPC bridge of an Intel chipset has one capability, at E0h, and
# 0010h in 80h for two serial ports (8 Series Chipset, datasheet, LPC_I/O_DEC).
#
# Guess before running it: each card has its own serial number, a list of capabilities ends at 0,
# and speeds up to 64 GT/s have names.
# Seen: all cards have one list of fields, so that each has the serial number of the card that was
# read last, and one without a number has that, too. Behind the last capability it goes on with the
# vendor's ID: from 8086h at 86h and 80h, where it finds 10h, PCI Express, in an LPC bridge, which is
# an endpoint with a slot. 32 and 64 GT/s are unknown. Widths and identifiers are right.
. "$(dirname "$0")/lib/pypi"
pypi pcicrawler==1.0.0 six==1.17.0

cat >"$TEMP/make.py" <<'PYTHON'
import pathlib, struct, sys

def device(address, ids, capabilities, vpd=None, **words):
    folder = pathlib.Path(sys.argv[1], address)
    folder.mkdir(parents=True)
    config = bytearray(256)
    struct.pack_into("<HHHH", config, 0, *ids, 7, 0x10)
    config[0x34] = capabilities
    for offset, value in words.items():
        struct.pack_into("<H", config, int(offset[1:], 16), value)
    (folder / "config").write_bytes(config)
    for name, value in zip(("vendor", "device", "class", "subsystem_vendor", "subsystem_device"), (*ids, 0, 0, 0)):
        (folder / name).write_text(f"{value:#06x}\n")
    if vpd is not None:
        name, fields = f"Card {address[5:7]}".encode(), b"".join(key + bytes([len(text)]) + text for key, text in vpd)
        data = b"\x82" + struct.pack("<H", len(name)) + name + b"\x90" + struct.pack("<H", len(fields) + 4) + fields
        data += b"RV\x01"
        (folder / "vpd").write_bytes(data + bytes([-sum(data) & 255]) + b"\x78")

for bus, speed in enumerate((4, 5, 6)):
    vpd = [(b"PN", b"X1")] + ([(b"SN", b"A%d" % bus)] if bus < 2 else [])
    device(f"0000:{bus:02x}:00.0", (0x1AF4, 0x1041), 0x40, vpd, x40=0x10, x42=2, x4c=0x100 + speed, x52=0x80 + speed)
device("0000:00:1f.0", (0x8086, 0x8C4E), 0xE0, x80=0x10, x82=0x3F0F, xe0=9)
PYTHON
python3 "$TEMP/make.py" "$TEMP/devices"
# see WHAT ADDRESS...: this of each device
see() {
  python3 - "$TEMP/devices/" "$@" <<'PYTHON'
import sys
from pci_lib import pci_lib

pci_lib.SYSFS_PCI_BUS_DEVICES = sys.argv[1]
devices = [pci_lib.map_pci_device(address) for address in sys.argv[3:]]
values = [eval(sys.argv[2], {"device": device}) for device in devices]
print(*(dict(value) if hasattr(value, "keys") else value for value in values), sep="; ")
PYTHON
}
same "identifiers" "Card 00; Card 01; Card 02" \
  "$(see 'device.vpd["identifier_string"]' 00:00.0 01:00.0 02:00.0)"
same "the first card, SN A0" "{'PN': 'X1', 'SN': 'A0'}" "$(see 'device.vpd["fields"]' 00:00.0)"
same "the last one, PN only" "{'PN': 'X1'}" "$(see 'device.vpd["fields"]' 02:00.0)"
same "all, SN A0, SN A1, PN only" "{'PN': 'X1', 'SN': 'A1'}; {'PN': 'X1', 'SN': 'A1'}; {'PN': 'X1', 'SN': 'A1'}" \
  "$(see 'device.vpd["fields"]' 00:00.0 01:00.0 02:00.0)"
same "links, 16, 32, 64 GT/s" "16GT/s 8 of 16; unknown 8 of 16; unknown 8 of 16" \
  "$(see '"{0} {1} of {3}".format(*device.express_link)' 00:00.0 01:00.0 02:00.0)"
same "LPC bridge, None None" "endpoint 0" "$(see 'f"{device.express_type} {device.express_slot.slot}"' 00:1f.0)"
