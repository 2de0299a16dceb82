#!/usr/bin/env bash
# vmify 0.1.1 (PyPI), which makes QEMU's command line from a description of a machine.
#
# There is a QEMU for each architecture. A scsi-hd needs a bus, which q35 has not without a
# controller. A hard disk of IDE cannot be read-only, ide-cd can. vnc=:D listens on port 5900 + D
# (QEMU 7.2, qemu(1), -device, -display, -vnc).
#
# Guess before running it: "arch" says which QEMU, a disk of each "bus" has one to be on, a "port" is
# a TCP port as that of SPICE is, and QEMU 7.2 takes all of it.
# Seen: "arch" is not looked at: aarch64 is an x86 QEMU, with a processor of x86, which knows no
# machine "virt". QEMU refuses a disk on "scsi" ("No 'SCSI' bus found") and one on "ide" or "sata"
# that is read-only ("Block node is read-only"). VNC on port 5901 is on port 11801. Disks on virtio,
# networks, sockets and SPICE are right.
. "$(dirname "$0")/lib/pypi"
pypi vmify==0.1.1 structlog==25.5.0 pydantic==2.14.4 pydantic-core==2.50.5 annotated-types==0.8.0 \
  typing-extensions==4.16.0 typing-inspection==0.4.5

cat >"$TEMP/line.py" <<'PYTHON'
import json, pathlib, sys
from vmify.models.spec import VMSpec
from vmify.providers.qemu.argv import build_argv

spec = VMSpec(name="lab", firmware="bios", accelerator="tcg", networks=[], **json.loads(sys.argv[1]))
words = build_argv(spec, "lab", pathlib.Path("/run/lab"))
print(*[words[0]] * ("program" in sys.argv), *(
    f"{option} {value}" for option, value in zip(words, words[1:])
    if option in sys.argv[2:] and value not in ("qemu-xhci", "usb-tablet")))
PYTHON
# line SPEC OPTION...: these options of the command line, or the "program" itself
line() { python3 "$TEMP/line.py" "$@"; }
# disk BUS [READ-ONLY]: a machine with one disk
disk() { echo "{\"disks\": [{\"path\": \"d.img\", \"bus\": \"$1\", \"readonly\": ${2:-false}}]}"; }
# display MODE PORT: one with a display
display() { echo "{\"display\": {\"mode\": \"$1\", \"port\": $2}}"; }
same "x86_64" "qemu-system-x86_64 -machine q35 -cpu qemu64" "$(line '{"arch": "x86_64"}' program -machine -cpu)"
same "aarch64, qemu-system-aarch64" "qemu-system-x86_64 -machine virt -cpu qemu64" \
  "$(line '{"arch": "aarch64", "machine": "virt"}' program -machine -cpu)"
same "virtio" \
  "-drive file=d.img,format=qcow2,if=none,id=drive0 -device virtio-blk-pci,drive=drive0,bootindex=0" \
  "$(line "$(disk virtio)" -device -drive)"
same "scsi, with a controller" "-device scsi-hd,drive=drive0,bootindex=0" "$(line "$(disk scsi)" -device)"
same "sata, read-only" \
  "-drive file=d.img,format=qcow2,if=none,id=drive0,readonly=on -device ide-hd,drive=drive0,bootindex=0" \
  "$(line "$(disk sata true)" -device -drive)"
same "spice" "-spice port=5901,disable-ticketing=on" "$(line "$(display spice 5901)" -spice)"
same "vnc, :1" "-display vnc=:5901" "$(line "$(display vnc 5901)" -display)"
