#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Channels that share a level line and hold all their bits in one word: what
# belongs to one is not taken for the other's, nothing is lost by it.

# shellcheck source=guest-scripts/tests/platform.sh disable=SC1091
. /tests/platform.sh

one=$CHANNEL_ONE two=$CHANNEL_TWO inbox=$CHANNEL_INBOX

# unclaimed: what the kernel says of a line that nobody acknowledges
unclaimed() {
	! dmesg | grep 'nobody cared'
}

plan 9

# First, and alone: 7.3 acknowledges before it requests the interrupt, and
# the others of the line would leave raised what comes in between.
# The platform sends once the update register was written.
[ ! "$linux_6" ] || known 'Linux 6.12 does not acknowledge what lies in an inbox when a driver binds'
step 'an inbox is acknowledged when its driver binds'
pcc_control "$inbox" bind &&
	pcc_wait "$inbox" messages 1 &&
	holds "$(cat "${pcc_clients:?}/$inbox/messages")" data=beef01
result $?

step 'clients of one line'
pcc_control "$one" bind && pcc_control "$two" bind && ! dmesg | grep 'WARNING: kernel/irq'
result $?

# 6.12 leaves that to each client.
[ ! "$linux_6" ] || known 'Linux 6.12: each client has to tell it'
step 'the mailbox core is told that a command is over'
holds "$(pcc "$one" tick=0 0x01 55)" result=ok ticks=1 data=aa
result $?
[ ! "$linux_6" ] || pcc_control "$one" tick

step 'a command each'
holds "$(pcc "$one" 0x01 55)" result=ok data=aa &&
	holds "$(pcc "$two" 0x01 33)" result=ok data=cc
result $?

# 0x03: after 250 ms
step "another channel's interrupts end no command"
before=$(pcc_counter "$one" interrupts)
pcc "$one" 0x03 55 >/tmp/late &
status=0
for _ in 1 2 3 4 5; do
	holds "$(pcc "$two" 0x01 0f)" result=ok data=f0 || status=1
done
wait
holds "$(cat /tmp/late)" result=ok complete=1 data=aa &&
	same 'interrupts' $((before + 1)) "$(pcc_counter "$one" interrupts)"
result $((status + $?))

# Linux 7.3 tells neither client nor core of an error: the client gives up and
# ticks. The word's other bits are the platform's.
step 'an error leaves the other bits of its word alone'
holds "$(pcc "$one" timeout=300 0x02 55)" complete=1
status=$?
pcc_control "$one" tick
holds "$(pcc "$one" 0x01 54)" result=ok data=ab
result $((status + $?))

known 'Linux clears the error and tells nobody: what is sent next waits behind it'
step 'the mailbox core is told of an error'
holds "$(pcc "$one" timeout=300 tick=0 0x02 55)" ticks=1
result $?
pcc_control "$one" tick

# The client does not wait for the interrupt: it was acknowledged when the
# other channel's came, whose handler the line runs after this one's.
step 'many errors switch no line off'
status=0
tens='1 2 3 4 5 6 7 8 9 10'
[ ! "$QUICK" ] || tens=1
for _ in $tens; do
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		holds "$(pcc "$one" wait=poll notify=1 0x02 55)" complete=1 &&
			pcc_control "$one" tick &&
			holds "$(pcc "$two" 0x01 33)" result=ok data=cc || status=1
	done
done
holds "$(pcc "$one" 0x01 54)" result=ok data=ab && unclaimed
result $((status + $?))

# 0x05: the interrupt comes again when the command is over
step 'an interrupt that nobody waits for is acknowledged'
holds "$(pcc "$one" 0x05 55)" result=ok data=aa &&
	holds "$(pcc "$two" 0x01 33)" result=ok data=cc &&
	holds "$(pcc "$one" 0x01 55)" result=ok data=aa &&
	unclaimed
result $?
end
