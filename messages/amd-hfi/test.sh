#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# AMD's hardware feedback interface. Its driver is for x86: it takes the first
# entry of the PCCT, maps that one's memory and reads the ranking out of it,
# without any mailbox. What it reads is read here, and the ranking that changes
# through pcc-client.

# shellcheck source=guest-scripts/tests/platform.sh disable=SC1091
. /tests/platform.sh

pcct=/sys/firmware/acpi/tables/PCCT
memory=${pcc_clients:?}/0/memory
messages=$pcc_clients/0/messages

# numbers FILE AT COUNT: so many of 32 bits
numbers() {
	numbers_at=$2
	numbers_end=$(($2 + 4 * $3))
	while [ "$numbers_at" -lt $numbers_end ]; do
		printf '%x ' "$(number "$1" "$numbers_at" 4)"
		numbers_at=$((numbers_at + 4))
	done
}

# changed CONTEXT LINES: the first of these messages has this context
changed() {
	line=$(echo "$2" | head -n 1)
	data=$(field data "$line")
	same "context of $line" "$1" $((0x$(echo "$data" | cut -c 7-8))) && same 'bytes' 76 $((${#data} / 2))
}

plan 8

step 'the first entry of the PCCT is a responder, with interrupts'
same 'flags, type, length' '1 4 164' "$(number $pcct 36 4) $(number $pcct 48 1) $(number $pcct 49 1)"
result $?
step 'it is alone, with 418 bytes'
same 'length of the PCCT, memory' '212 418' "$(wc -c <$pcct) $(number $pcct 64 4)"
result $?
# Registers begin with four bytes that describe them: check, update.
step 'one status word'
same 'update is check' "$(number $pcct $((48 + 96 + 4)) 8)" "$(number $pcct $((48 + 116 + 4)) 8)" &&
	same 'bits: check, preserved, set' '1 fffffffe 1' \
		"$(printf '%x %x %x' "$(number $pcct $((48 + 108)) 8)" "$(number $pcct $((48 + 128)) 8)" "$(number $pcct $((48 + 136)) 8)")"
result $?

step 'the ranking, before anything was said'
same 'signature' 50434300 "$(printf %x "$(number "$memory" 0 4)")" &&
	same 'version, processors, capabilities, context' '3 4 2 0' \
		"$(number "$memory" 16 1) $(number "$memory" 17 1) $(number "$memory" 18 1) $(number "$memory" 19 1)" &&
	same 'bitmaps' '1 f ' "$(numbers "$memory" 20 2)"
result $?
step 'of each processor'
same '0' '40 ff 20 f0 ' "$(numbers "$memory" 28 4)" &&
	same '1' '40 ff 20 f0 ' "$(numbers "$memory" 44 4)" &&
	same '2' 'c0 80 d0 70 ' "$(numbers "$memory" 60 4)" &&
	same '3' 'c0 80 d0 70 ' "$(numbers "$memory" 76 4)"
result $?

# hand_back: the memory is the platform's again. No interrupt tells the mailbox
# core that this has been sent.
hand_back() {
	pcc_control 0 ring && pcc_control 0 tick
}

# 7.x hands over what lies there when a driver binds, 6.12 does not.
step 'it changes'
pcc_control 0 bind || bail_out 'the channel cannot be bound'
[ ! "$linux_6" ] || hand_back
pcc_wait 0 messages 1 && changed 1 "$(cat "$messages")" && same 'first of 0' 60 "$(echo "$data" | cut -c 25-26)"
result $?
# silent CONTEXT: it lies in the memory, and nobody has been told
silent() {
	tries=100
	until [ "$(number "$memory" 19 1)" = "$1" ]; do
		[ $((tries -= 1)) -gt 0 ] || break
		usleep 20000
	done
	same context "$1" "$(number "$memory" 19 1)" && same messages 1 "$(pcc_counter 0 messages)"
}

step 'without an interrupt, and with one before the data'
silent 2 && hand_back && silent 3 && hand_back
result $?
step 'once more, and with an interrupt that comes twice'
pcc_wait 0 messages 3 && came=$(cat "$messages") && changed 4 "$came" && changed 5 "${came#*
}" && same messages 3 "$(pcc_counter 0 messages)"
result $?
end
