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

if [ "$linux_6" ]; then plan 12; else plan 14; fi

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

step 'all processors at once'
senders=
for cpu in /sys/devices/system/cpu/cpu[0-9]; do
	n=${cpu##*cpu}
	taskset "$(printf %x $((1 << n)))" \
		mctp echo --eid 9 --type 0x7e --timeout-ms 20000 --count 500 1af4 "0$n" &
	senders="$senders $!"
done
status=0
for sender in $senders; do
	wait "$sender" || status=1
done
result $status

# fault NUMBER [EXPECTED]: faults.json says how its answer goes wrong
fault() {
	mctp request --eid 9 --type 0x7e --timeout-ms 1000 ${2:+--expect "$2"} 1af4 6661756c74 "$1"
}

step 'an interrupt that comes twice brings one message'
got=$(counter rx_packets)
asked double
fault 01 1af401 && echo_of 10 && same 'packets received' $((got + 11)) "$(counter rx_packets)"
result $?
asked late
step 'an answer when nobody waits any more'
! fault 02 && usleep 600000 && echo_of 10
result $?
asked never
step 'a message that is never answered holds up nothing'
! fault 03 && echo_of 10
result $?

reloaded 'the driver removed, and loaded again' mctp-pcc
step 'ten messages after that'
link_up 8 && mctp route add 9 dev "$iface" && echo_of 10
result $?

# recovered NAME: a test: the link down and up, and all is well
recovered() {
	[ ! "$linux_6" ] || known 'Linux 6.12 does not acknowledge what lies in an inbox when a driver binds: nothing comes any more'
	step "$1"
	mctp link "$iface" down && mctp link "$iface" up &&
		mctp echo --eid 9 --type 0x7e --timeout-ms 2000 --count 10 1af4
	result $?
}

asked quiet
step 'an answer without interrupt'
! fault 04
result $?
recovered 'down and up, and on'
if [ ! "$linux_6" ]; then
	asked early
	step 'an interrupt 50 ms before the data'
	! fault 05
	result $?
	recovered 'down and up, and on again'
fi
end
