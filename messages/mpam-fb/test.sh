#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# MPAM-Fb through mpam-fb.ko: versions, registers of MSCs and of partitions,
# refusals, memory that is just large enough, more commands than there are
# tokens; what the platform does wrong, and a driver that leaves meanwhile.

# shellcheck source=guest-scripts/tests/platform.sh disable=SC1091
. /tests/platform.sh

fb=/sys/kernel/debug/mpam-fb

# at MSC OFFSET: what is read and written from now on
at() {
	echo "$2" >"$fb/$1/offset"
	value=$fb/$1/value
}

tests=26
[ "$QUICK" ] || tests=$((tests + 8))
plan $tests

step 'the MSCs that there are, but for that with too little memory'
same "$fb" '0 1 7 ' "$(cd $fb && echo * | xargs -n 1 | sort -n | tr '\n' ' ')"
result $?
logged 'why, is in the log' "PCC subspace $CHANNEL_TOO_SMALL: 31 bytes of memory, MPAM-Fb needs 32"

asked version scmi.protocol_id=MPAM-Fb scmi.message_type=command pcc.length=4
is 'version' $fb/0/version 0x00010000
at 0 0x0000
asked identify msc=0 offset=MPAMF_IDR pcc.length=16 'pcc.length->12'
is 'what MSC 0 can do' "$value" 0x04010007
raced 'that, by all processors at once' "$value" 0x04010007
asked kept offset=MPAMF_IDR
wrote 'an identification register can be written' "$value" 0
is 'which changes nothing' "$value" 0x04010007

# Each partition has its registers
at 0 0x0100
asked select 'data=3' pcc.length=20 'pcc.length->8'
wrote 'partition 3' "$value" 3
at 0 0x0208
asked write offset=MPAMCFG_MBW_MAX data=0xffc0
wrote 'its bandwidth' "$value" 0xffc0
at 0 0x0100
wrote 'partition 4' "$value" 4
is 'is selected' "$value" 0x00000004
at 0 0x0208
is 'its bandwidth is another' "$value" 0x00000000
at 0 0x0100
wrote 'partition 3 again' "$value" 3
at 0 0x0208
asked read offset=MPAMCFG_MBW_MAX 'value->0xffc0'
is 'its bandwidth' "$value" 0x0000ffc0

# In 32 bytes
at 1 0x1000
asked write msc=1 offset=MPAMCFG_CPBM data=0x5a5a5a5a
wrote 'a write that fills the memory' "$value" 0x5a5a5a5a
is 'and what was written' "$value" 0x5a5a5a5a

at 0 0x2000
asked beyond 'status->OUT_OF_RANGE'
refused 'a register beyond the last' "$value" 'Numerical result out of range'
at 0 0x0002
asked unaligned 'status->INVALID_PARAMETERS'
refused 'an offset within a register' "$value" 'Invalid argument' 1

at 7 0x10
asked busy 'status->BUSY'
refused 'a platform that is busy' "$value" 'Device or resource busy'
is 'once' "$value" 0x00000000
at 7 0x60
asked other-token
refused 'an answer with the token of another' "$value" 'Bad message'
at 7 0x70
asked cut
refused 'an answer without value' "$value" 'Bad message'
at 7 0x30
asked double
is 'an interrupt that comes twice' "$value" 0x00000030

# More than there are tokens
at 0 0x0208
wrote '1100 commands in a row' $fb/0/repeat 1100

# Removed while an answer is waited for, 300 ms
at 7 0x80
asked slow
dd if="$value" bs=4096 count=1 status=none >/tmp/slow 2>&1 &
usleep 100000
rebound 'unbind while a command waits' mpam-fb PCCD0003:00
wait
step 'which has got its answer'
same slow 0x00000080 "$(cat /tmp/slow)"
result $?
if [ "$QUICK" ]; then end; fi

# The driver waits 500 times the latency, 500 ms. By interrupt, Linux keeps
# error status from it.
late='Connection timed out'
at 7 0x20
asked quiet
if [ "$MODE" = irq ]; then
	refused 'an answer without interrupt' "$value" "$late"
else
	is 'an answer without interrupt' "$value" 0x00000020
fi
at 7 0x40
asked early
if [ "$MODE" = irq ]; then
	refused 'an interrupt 50 ms before the data' "$value" "$late"
else
	is 'an interrupt 50 ms before the data' "$value" 0x00000040
fi
at 7 0x50
asked error
if [ "$MODE" = irq ]; then
	refused 'error status' "$value" "$late"
else
	refused 'error status' "$value" 'Input/output error'
fi

# 900 ms: silence once
at 7 0x90
asked late
refused 'silence' "$value" "$late"
refused 'nothing is sent meanwhile' "$value" 'Resource temporarily unavailable'
usleep 600000
at 0 0x0000
asked identify msc=0
is 'it goes on' "$value" 0x04010007

# Removed while an answer is on its way that was given up
at 7 0x90
asked late
echo "# $(read_once "$value")"
asked version
rebound 'unbind while an answer is on its way' mpam-fb PCCD0003:00

at 7 0xa0
asked never
refused 'a platform that never answers' "$value" "$late"
end
