#!/usr/bin/env bash
# py-sfp-eeprom 0.1.3 (PyPI), which writes the EEPROM of an SFP module.
#
# The codes of a module are eight bytes from byte 3 on: those of Ethernet are in 3 and 6, the
# technology of Fibre Channel in 7 and 8, where bit 2 is a passive cable and bit 3 an active
# one, the media in 9, the speed in 10. The options are in byte 65: bit 1 is loss of signal, 3
# TX_FAULT, 4 TX_DISABLE, while byte 64 has 1 a module of power level 2, 3 a retimer, 4 paging.
# A reach in byte 15 is in 100 m, FFh is more (SFF-8472, transceiver codes, options, length;
# Linux, include/linux/sfp.h, struct sfp_eeprom_base and SFP_OPTIONS_*).
#
# Guess before running it: by its names each bit is where it belongs, the lengths and both
# checksums are right.
# Seen: those of Ethernet and the checksums are. A passive cable is one of 50 um fibre, the
# speeds are in byte 4, the media in 10, where twinax is a speed of 1200 MB/s, and a short-wave
# laser is a passive cable. The options are a byte too far: with loss of signal a module says
# that it is of power level 2, with TX_FAULT and TX_DISABLE that it has a retimer and pages. 40
# km are 14.4 in byte 15, and what puts FFh there makes them 25 km.
. "$(dirname "$0")/lib/pypi"
pypi py-sfp-eeprom==0.1.3

# bits NAME...: the codes of these names, as BYTE.BIT
bits() {
  python3 - "$@" <<'PYTHON'
import sys
from sfp_eeprom import SFPA0h

module = SFPA0h()
module.set_transceiver_codes(*(getattr(SFPA0h, f"TRANSCEIVER_{name}") for name in sys.argv[1:]))
data = module.to_bytes()
print(*(f"{byte}.{bit}" for byte in range(3, 11) for bit in range(8) if data[byte] >> bit & 1))
PYTHON
}
# fields NAME=VALUE...: bytes 14, 15, 64 and 65 with these, and whether the checksums are right
fields() {
  python3 - "$@" <<'PYTHON'
import sys
from sfp_eeprom import SFPA0h

module = SFPA0h()
for argument in sys.argv[1:]:
    name, value = argument.split("=")
    names = [f"OPTIONS_{word}" for word in value.split("+")]
    module.set(name, int(value) if value.isdigit() else sum(getattr(SFPA0h, word) for word in names))
data = module.to_bytes()
sums = data[63] == sum(data[:63]) & 0xFF and data[95] == sum(data[64:95]) & 0xFF
print(data[14], data[15], f"{data[64]:02X} {data[65]:02X}", sums)
PYTHON
}
same "10GBASE-LR and 1000BASE-LX, 3.5 6.1" "3.5 6.1" "$(bits 10GBASE_LR 1000BASE_LX)"
same "a passive cable, 8.2" "9.2" "$(bits PASSIVE_CABLE)"
same "an active cable, 8.3" "9.3" "$(bits ACTIVE_CABLE)"
same "twinax, 9.7" "10.7" "$(bits TWIN_AXIAL)"
same "50 um, 9.2" "10.2" "$(bits MULTIMODE_50)"
same "8 Gb/s Fibre Channel, 10.6" "4.6" "$(bits FC_800_MBYTES)"
same "a short-wave laser, 8.6 or 8.5" "8.2" "$(bits FC_SHORTWAVE)"
same "loss of signal, 00 02" "0 0 02 00 True" "$(fields options=RX_LOS)"
same "TX_FAULT and TX_DISABLE, 00 18" "0 0 18 00 True" "$(fields options=TX_FAULT+TX_DISABLE)"
same "10 km" "10 100 00 00 True" "$(fields length_smf_km=10)"
same "40 km, 40 255" "40 144 00 00 True" "$(fields length_smf_km=40)"
same "40 km and FFh, 40 255" "25 255 00 00 True" "$(fields length_smf_km=40 length_smf=255)"
