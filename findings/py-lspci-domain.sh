#!/usr/bin/env bash
# py-lspci 0.0.9 (PyPI), which has the devices that lspci lists, here or over ssh.
#
# lspci -D writes a device's domain with four digits or more (lspci(8)); Linux gives the drives
# behind Intel's VMD one from 10000h on (drivers/pci/controller/vmd.c, vmd_find_free_domain). -vv
# has a line for the subsystem, if there is one, in front of Control and Status.
#
# Guess before running it: each device is there by its address, with what lspci tells of it, and
# two drives of one kind are two.
# Seen: of a domain four digits are taken, so that what is in 10000:e1:00.0 is asked for in domain
# 0: it is missing, or the device of domain 0 is there twice. Two lines behind the title are left
# out, so that there is no subsystem, and no Control. Devices of one name are equal wherever they
# are, as long as the address that MSI writes to is the same.
. "$(dirname "$0")/lib/debian"
. "$(dirname "$0")/lib/pypi"
install bookworm pciutils=1:3.9.0-4 lspci
pypi py-lspci==0.0.9

mkdir "$TEMP/here"
printf '#!/bin/sh\nexec "%s" -F "%s" -i "%s" "$@" 2>/dev/null\n' "$TEMP/lspci" "$TEMP/dump" \
  "$TEMP/root/usr/share/misc/pci.ids" >"$TEMP/here/lspci"
chmod +x "$TEMP/here/lspci"
PATH=$TEMP/here:$PATH
# what the package asks for commands: this one runs them here, and knows no ssh
cat >"$TEMP/here/fabric.py" <<'PYTHON'
import subprocess, types

Config = dict

class Connection:
    def __init__(self, **_):
        pass
    def open(self):
        pass
    def local(self, command, **_):
        ran = subprocess.run(["bash", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        return types.SimpleNamespace(stdout=ran.stdout, exited=ran.returncode)

Result = Responder = lambda **_: None
PYTHON
ln -s fabric.py "$TEMP/here/invoke.py"
# drive ADDRESS: one of Intel, with PCI Express and without MSI
drive() {
  python3 - "$1" <<'PYTHON'
import struct, sys

space = bytearray(256)
struct.pack_into("<HHHHI", space, 0, 0x8086, 0x0A54, 6, 0x10, 0x01080200)
struct.pack_into("<HH", space, 0x2C, 0x8086, 0x4712)
space[0x34] = 0x60
struct.pack_into("<BBH", space, 0x60, 0x10, 0, 2) # PCI Express, version 2, endpoint
struct.pack_into("<I", space, 0x6C, 0x43) # 8 GT/s, 4 lanes
struct.pack_into("<H", space, 0x72, 0x43)
print(sys.argv[1], "0108: 8086:0a54")
for at in range(0, 256, 16):
    print(f"{at:02x}:", space[at:at + 16].hex(" "))
print()
PYTHON
}
# ask EXPRESSION: of the package
ask() {
  PYTHONPATH=$TEMP/here python3 -W ignore - "$1" <<'PYTHON'
import sys
from pylspci import ScannerPCI

devices = list(ScannerPCI("127.0.0.1", username="root", password="").select())
print(eval(sys.argv[1]))
PYTHON
}
addresses='" ".join(str(device.pci_address) for device in devices)'
{ drive 0000:01:00.0; drive 0000:02:00.0; drive 10000:e1:00.0; } >"$TEMP/dump"
same "lspci -D" "0000:01:00.0 0000:02:00.0 10000:e1:00.0" "$(lspci -D | cut -d' ' -f1 | paste -sd' ')"
same "a drive behind VMD" "0000:01:00.0 0000:02:00.0" "$(ask "$addresses")"
same "lspci -vv" "Subsystem,Control,Status" "$(lspci -D -vv -s 0000:01:00.0 | sed -n 's/^\t\([A-Z][a-z]*\): .*/\1/p' | head -n 3 | paste -sd,)"
same "subsystem, Control, Status" "None None True" \
  "$(ask "f'{devices[0].subsystem} {devices[0].control} {\"Cap+\" in devices[0].status}'")"
same "0000:01:00.0 == 0000:02:00.0" "True" "$(ask "devices[0] == devices[1]")"
{ drive 0000:e1:00.0; drive 10000:e1:00.0; } >"$TEMP/dump"
same "one of domain 0, too" "0000:e1:00.0 0000:e1:00.0" "$(ask "$addresses")"
