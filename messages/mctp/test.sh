#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# MCTP over PCC: what the demo shows; the driver removed and loaded again; ten
# thousand messages, each of which must come back.

[ ! "$QUICK" ] || exec sh /tests/demo.sh

# shellcheck source=guest-scripts/tests/platform.sh disable=SC1091
. /tests/platform.sh

# Vendor-defined by PCI id 1af4: comes back as it went
echo_of() {
	mctp echo --eid 9 --type 0x7e --timeout-ms 20000 --count "$1" 1af4
}

plan 6

step 'the demo'
{
	sh /tests/demo.sh
	echo $? >/tmp/status
} 2>&1 | while IFS= read -r line; do
	echo "  $line"
done
result "$(cat /tmp/status)"

iface=$(mctp link wait)
step 'ten thousand messages'
echo_of 10000
result $?

step 'both ends have counted them'
sent=$(counter tx_packets)
got=$(counter rx_packets)
echo "# $iface: $sent sent, $got received"
[ "$sent" -ge 10000 ] && [ "$got" -ge 10000 ]
result $?

step 'down and up again'
mctp link "$iface" down && mctp link "$iface" up && echo_of 10
result $?

reloaded 'the driver removed, and loaded again' mctp-pcc
step 'ten messages after that'
link_up 8 && mctp route add 9 dev "$iface" && echo_of 10
result $?
end
