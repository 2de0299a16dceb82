#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The rules of Linux's mailbox core and PCC controller, which every PCC client
# lives by, through pcc-client: who ticks, what queues, what a bind does. The
# platform is the one that channels.sh describes.
#
# usage: mailbox-core.sh irq|poll, with these channels
#   irq   0: type 2; 1: type 3; 2: type 2 whose PCCT says latency 0;
#         3: type 4, load-when=update; 4 and 5: a pair of mctp-pcc
#   poll  0: type 2; 1: type 3

# See channels.sh.
case $(uname -r) in
6.12.*)
	old=yes
	[ "$PINNED" ] || PINNED=yes exec taskset 1 "$0" "$@"
	;;
*) old= ;;
esac

# shellcheck source=lib.sh disable=SC1091
. "${0%/*}/lib.sh"

# says WORDS: does the kernel's log hold them now, more often than at the last
# mark?
mark() { marked=$(dmesg | wc -l); }
says() {
	dmesg | tail -n +$((marked + 1)) | grep -qF "$1" && return
	echo "# the kernel's log does not say: $1"
	return 1
}

# refused ERROR COMMAND...: it fails with this text
refused() {
	refused_text=$1
	shift
	refused_error=$("$@" 2>&1) && echo "# $* succeeded" && return 1
	case $refused_error in
	*"$refused_text"*) return 0 ;;
	esac
	echo "# $*: expected $refused_text: $refused_error"
	return 1
}

mark

if [ "$1" = poll ]; then
	plan 4

	step 'the client ticks, the controller must not'
	pcc_control 0 bind &&
		holds "$(pcc 0 0x01 55)" result=ok interrupts=0 ticks=1 data=aa &&
		pcc_control 0 tick &&
		says "Controller can't run the TX ticker"
	result $?

	step 'a client that does not tick is not served again'
	holds "$(pcc 0 tick=0 0x01 55)" result=ok ticks=0 &&
		holds "$(pcc 0 timeout=200 0x01 54)" result=timeout ticks=0 &&
		pcc_control 0 client-tick &&
		sleep 1 &&
		pcc_control 0 client-tick &&
		holds "$(pcc 0 0x01 53)" result=ok ticks=1 data=ac
	result $?

	# 7.x: the core asks the controller, which looks at the complete register
	# of type 3. 6.12 has no polling by the core.
	step 'who ticks for a client that does not know'
	pcc_control 1 bind\ core-polls && line=$(pcc 1 0x03 55) && holds "$line" result=ok data=aa
	status=$?
	pcc_wait 1 ticks 1 || status=1
	ticks=$(pcc_counter 1 ticks)
	echo "# $line, then ticks=$ticks"
	[ "$ticks" = 1 ]
	result $((status + $?))

	step 'an error is seen by who polls'
	holds "$(pcc 1 0x02 55)" result=error && holds "$(pcc 1 0x01 55)" result=ok status=0x0
	result $?
	end
fi

plan 10

step 'one client a channel'
link=$(mctp link wait --timeout-ms 5000) && mctp link "$link" up &&
	refused 'Device or resource busy' pcc_control 4 bind &&
	says 'Channel not found for idx: 4' &&
	mctp link "$link" down &&
	pcc_control 4 bind &&
	refused 'Device or resource busy' mctp link "$link" up &&
	pcc_control 4 unbind &&
	mctp link "$link" up
result $?

step 'an unbound channel sends nothing'
refused 'No such device or address' pcc_control 0 ring
result $?

step 'a client cannot tick a channel with interrupts'
mark
pcc_control 0 bind && pcc_control 1 bind && pcc_control 0 client-tick &&
	says "Client can't run the TX ticker"
result $?

step 'a second tick is harmless'
pcc_control 0 tick && pcc_control 0 tick &&
	holds "$(pcc 0 0x01 55)" result=ok ticks=1 data=aa &&
	pcc_control 0 tick &&
	holds "$(pcc 0 0x01 54)" result=ok ticks=1 data=ab
result $?

# 0x04: complete, but no interrupt tells. Twenty queue behind it.
step 'one under way, twenty behind it'
mark
holds "$(pcc 0 timeout=200 0x04 55)" result=timeout ticks=0
status=$?
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
	pcc_control 0 ring || status=1
done
refused 'No buffer space available' pcc_control 0 ring &&
	says 'Try increasing MBOX_TX_QUEUE_LEN' &&
	pcc_control 0 unbind &&
	pcc_control 0 bind &&
	holds "$(pcc 0 0x01 55)" result=ok ticks=1 data=aa
result $((status + $?))

# Linux's clients wait 500 times the nominal latency: with 0 not at all. Ours
# waits a second when the table gives no time.
step 'a nominal latency of 0 is no time-out of 0'
pcc_control 2 bind &&
	holds "$(pcc_info 2 latency-us)" 0 &&
	holds "$(pcc 2 0x03 55)" result=ok data=aa
result $?

step 'an instant time-out'
holds "$(pcc 2 timeout=0 0x03 55)" result=timeout complete=0
status=$?
pcc_wait 2 interrupts 2 || status=1
[ ! "$old" ] || pcc_control 2 tick
holds "$(pcc 2 timeout=1000 0x01 55)" result=ok data=aa
result $((status + $?))

# The interrupt of type 3 that comes when nobody waits
step 'an answer after the time-out'
ticks=$(pcc_counter 1 ticks)
interrupts=$(pcc_counter 1 interrupts)
holds "$(pcc 1 timeout=10 0x03 55)" result=timeout &&
	pcc_wait 1 interrupts $((interrupts + 1))
status=$?
if [ "$old" ]; then
	holds "$(pcc_counter 1 ticks)" "$ticks" && pcc_control 1 tick
else
	pcc_wait 1 ticks $((ticks + 1))
fi
status=$((status + $?))
holds "$(pcc 1 0x01 55)" result=ok data=aa
result $((status + $?))

# The platform may send once the update register was written: 7.x does at
# bind, 6.12 leaves it to the client.
step 'a bind acknowledges type 4'
holds "$(pcc 1 timeout=1000 0x0a 0301beef)" result=ok && pcc_control 3 bind
status=$?
if [ "$old" ]; then
	usleep 500000
	holds "$(pcc_counter 3 messages)" 0 && pcc_control 3 ring
	status=$((status + $?))
fi
pcc_wait 3 messages 1 && holds "$(cat $pcc_clients/3/messages)" data=beef01
result $((status + $?))

step 'unbinding and binding again loses no channel'
status=0
for _ in 1 2 3 4 5; do
	for id in 0 1 2 3; do
		pcc_control $id unbind && pcc_control $id bind || status=1
	done
	holds "$(pcc 1 0x01 55)" result=ok data=aa || status=1
done
result $status
end
