#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# What every MCTP endpoint behind PCC has to answer (DSP0236 1.3.1, clause 12),
# one message of PLDM, some of a vendor, and one that nobody asked for: each
# answer is compared byte by byte. "#" lines between the results say what went
# over the link, message type first.

# shellcheck source=lib.sh disable=SC1091
. "${0%/*}/lib.sh"

# ---- what the platform must be: messages/mctp, messages/pldm, messages/vendor

# Our EID, and the one we give to the platform
our_eid=8
eid=9
# Its UUID, in the byte order of RFC 4122
uuid=8a7b1c2d-3e4f-4a5b-9c6d-7e8f90a1b2c3
# Versions of the base specification, oldest first: 1.0, 1.1, 1.2, 1.3.3
versions='f1f0ff00 f1f1ff00 f1f2ff00 f1f3f300'
# Message types besides control: PLDM, NVMe-MI, SPDM, one that has no name,
# vendor-defined (PCI and IANA)
types='01 04 05 20 7e 7f'
# PLDM terminus id
tid=01
# Vendor, a PCI id. Whatever we send to it comes back, but for one message.
vendor=1af4
# That one, "notify", its answer, "ok", and what then comes unasked, "hello"
notify=6e6f74696679
notified=6f6b
notification=68656c6c6f

# How long we wait: DSP0236 wants an answer within a tenth of a second, but this
# may be a slow machine
timeout_ms=3000

# ---- message types

control=0x00
pldm=0x01
vendor_pci=0x7e

# request TYPE REQUEST ANSWER: bodies in hexadecimal, after the type byte
request() {
	mctp request --eid "$eid" --type "$1" --timeout-ms "$timeout_ms" \
		--expect "$3" "$2"
}

eid_byte=$(printf %02x "$eid")

plan 11

step 'Interface comes up'
link_up "$our_eid" && mctp route add "$eid" dev "$iface"
up=$?
result $up
[ $up -eq 0 ] || bail_out 'There is no MCTP interface to talk through.'
read -r carrier_lost <"/sys/class/net/$iface/carrier_down_count"

# The platform may have no EID yet, or another: speak to whoever is at the
# other end. Operation 0 is "set"; the answer says accepted (status 0), the EID,
# and that no pool of EIDs is wanted.
step 'Set Endpoint ID'
mctp request --eid 0 --iface "$iface" --type "$control" \
	--timeout-ms "$timeout_ms" --expect "00 01 00 00 $eid_byte 00" \
	"80 01 00 $eid_byte"
result $?

# Simple endpoint, dynamic EID, nothing specific to the medium
step 'Get Endpoint ID'
request "$control" '81 02' "01 02 00 $eid_byte 00 00"
result $?

step 'Get Endpoint UUID'
request "$control" '82 03' "02 03 00 $(echo "$uuid" | tr -d -)"
result $?

# 0xff asks for the base specification
step 'Get MCTP Version Support'
request "$control" '83 04 ff' "03 04 00 04 $versions"
result $?

step 'Get Message Type Support'
request "$control" '84 05' "04 05 00 06 $types"
result $?

# PLDM type 0, command 2 (DSP0240)
step 'PLDM GetTID'
request "$pldm" '80 00 02' "00 00 02 00 $tid"
result $?

# "MCTP over PCC" comes back as it went.
step 'Vendor-defined echo'
text=4d435450206f76657220504343
request "$vendor_pci" "$vendor $text" "$vendor $text"
result $?

# 0xef is no command: the answer is ERROR_UNSUPPORTED_CMD, 0x05.
step 'Unknown control command is refused'
request "$control" '85 ef' '05 ef 05'
result $?

# The listener must be there before the message is.
step 'Message that nobody asked for'
rm -f /tmp/listening
mctp listen --type "$vendor_pci" --ready /tmp/listening \
	--timeout-ms "$timeout_ms" --expect "$vendor $notification" >/tmp/unasked 2>&1 &
listener=$!
while [ ! -e /tmp/listening ] && kill -0 "$listener" 2>/dev/null; do
	sleep 0.01
done
request "$vendor_pci" "$vendor $notify" "$vendor $notified"
asked=$?
wait "$listener"
came=$?
cat /tmp/unasked
result $((asked + came))

# Lost completions and dropped packets are repaired by the driver or hidden by
# retries: they show here only.
step 'No packet was lost or late'
lost=0
for name in tx_errors tx_dropped rx_errors rx_dropped; do
	read -r count <"/sys/class/net/$iface/statistics/$name"
	[ "$count" -eq 0 ] || {
		echo "# $iface: $name is $count, not 0"
		lost=1
	}
done
# What is sent while there is no carrier is dropped and counted nowhere.
read -r count <"/sys/class/net/$iface/carrier_down_count"
[ "$count" = "$carrier_lost" ] || {
	echo "# $iface: the carrier was lost on the way"
	lost=1
}
result "$lost"

end
