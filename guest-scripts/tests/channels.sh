#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# What Linux sees of PCC channels, through pcc-client: each step on each
# channel it is for. The platform is played by the peer of
# tests/tests/channels.rs, which does what a command's code says:
#
#   0x01  answers with the complement of the data
#   0x02  the same, with error status
#   0x03  the same, after 50 ms
#   0x04  without interrupt          0x05  with two
#   0x06  with the interrupt 30 ms before the data
#   0x07  answers, then sends a notification whose data is the data
#   0x08  answers under the signature of the next subspace
#   0x09  answers, the interrupt 50 ms late
#   0x0a  sends data[2...] to inbox data[0], data[1] times, then answers
#   0x0b  takes the command and never answers
#   0x0c  answers how often it was asked this
#
# usage: channels.sh MODE STEPS CHANNEL...
#   MODE     irq or poll, the PCCT's flag
#   STEPS    all, or quick: each channel exchanges messages
#   CHANNEL  ID:answered, ID:posted, ID:inbox; a channel that shares its line:
#            ID:answered:shared, ID:inbox:shared

# shellcheck disable=SC2317 # the steps are called by name

# 6.12 marks a channel as in use after it rang the doorbell, and drops the
# interrupt of a platform that completes in between on another processor.
case $(uname -r) in
6.12.*)
	old=yes
	[ "$PINNED" ] || PINNED=yes exec taskset 1 "$0" "$@"
	;;
*) old= ;;
esac

. "${0%/*}/lib.sh"

mode=$1
steps=$2
shift 2
channels=$*

# of POLICY [TYPE...]: the ids of such channels
of() {
	for channel in $channels; do
		case $channel in
		*:"$1" | *:"$1":*) ;;
		*) continue ;;
		esac
		case " ${2:-0 1 2 3 4 5} " in
		*" $(pcc_info "${channel%%:*}" type) "*) echo "${channel%%:*}" ;;
		esac
	done
}

# shared ID: does its line have other channels?
shared() {
	case " $channels " in *" $1:"*:shared" "*) ;; *) false ;; esac
}

# raises ID: does the platform raise an interrupt for it?
raises() {
	[ "$mode" = irq ] && [ "$(pcc_info "$1" type)" != 0 ]
}

# same WHAT EXPECTED GOT
same() {
	[ "$2" = "$3" ] && return
	echo "# $1: expected $2, got $3"
	wrong=1
}

# expect WHAT LINE NAME=VALUE...: these fields stand in the line
expect() {
	expect_what=$1
	shift
	holds "$@" && return
	echo "# that was $expect_what"
	wrong=1
}

# at_least WHAT LEAST GOT
at_least() {
	[ "$3" -ge "$2" ] && return
	echo "# $1: expected $2 or more, got $3"
	wrong=1
}

begin() {
	step "$1"
	wrong=0
}

# An answer by interrupt has one, and one tick, whoever did it.
answered() {
	for id in $(of answered); do
		line=$(pcc "$id" 0x01 c0ffee)
		expect "channel $id" "$line" result=ok complete=1 ticks=1 data=3f0011
		shared "$id" && continue
		if raises "$id"; then
			expect "channel $id" "$line" interrupts=1
		else
			expect "channel $id" "$line" interrupts=0
		fi
	done
}

# Nobody asked for an interrupt: none comes.
polled() {
	for id in $(of answered); do
		shared "$id" && continue
		line=$(pcc "$id" wait=poll notify=0 0x01 0102)
		expect "channel $id" "$line" result=ok interrupts=0 data=fefd
	done
}

posted() {
	for id in $(of posted); do
		line=$(pcc "$id" 0x01 "aa$(printf %02x "$id")")
		expect "channel $id" "$line" result=ok complete=1 ticks=1 \
			data="aa$(printf %02x "$id")"
	done
}

# Asked for through the first channel that answers
inbox() {
	helper=$(of answered | head -n 1)
	for id in $(of inbox); do
		before=$(pcc_counter "$id" messages)
		line=$(pcc "$helper" timeout=5000 0x0a "$(printf '%02x%02x' "$id" 3)0badcafe")
		expect "channel $helper for $id" "$line" result=ok
		pcc_wait "$id" messages $((before + 3)) || wrong=1
		same "channel $id" \
			"message flags=0x0 length=9 command=0x77 data=0badcafe01
message flags=0x0 length=9 command=0x77 data=0badcafe02
message flags=0x0 length=9 command=0x77 data=0badcafe03" \
			"$(cat "$pcc_clients/$id/messages")"
	done
}

# As many as the platform likes: each once, in order.
flood() {
	helper=$(of answered | head -n 1)
	for id in $(of inbox); do
		before=$(pcc_counter "$id" messages)
		line=$(pcc "$helper" timeout=10000 0x0a "$(printf '%02xc8' "$id")f1")
		expect "channel $helper for $id" "$line" result=ok
		pcc_wait "$id" messages $((before + 200)) || wrong=1
		want=$(for number in $(seq 200); do printf 'f1%02x ' "$number"; done)
		same "channel $id" "$want" \
			"$(sed 's/.* data=//' "$pcc_clients/$id/messages" | tr '\n' ' ')"
		same "channel $id, dropped" 0 "$(pcc_counter "$id" dropped)"
	done
}

errors() {
	for id in $(of answered '0 1 2'); do
		line=$(pcc "$id" 0x02 aa)
		expect "channel $id" "$line" result=error complete=1
		same "channel $id: error bit of $line" 4 $(($(field status "$line") & 4))
	done
	for id in $(of answered 3); do
		expect "channel $id" "$(pcc "$id" wait=poll notify=0 0x02 aa)" result=error
		expect "channel $id afterwards" "$(pcc "$id" 0x01 00)" result=ok status=0x0
	done
}

# Linux clears the error of a type 3 channel and tells nobody.
errors_by_interrupt() {
	for id in $(of answered 3); do
		line=$(pcc "$id" timeout=800 0x02 aa)
		expect "channel $id" "$line" result=timeout complete=1 status=0x0 \
			interrupts=0 ticks=0
		pcc_control "$id" tick
		expect "channel $id afterwards" "$(pcc "$id" 0x01 00)" result=ok
	done
}

late() {
	for id in $(of answered); do
		line=$(pcc "$id" timeout=5000 0x03 55)
		expect "channel $id" "$line" result=ok data=aa
		at_least "channel $id, microseconds" 50000 "$(field us "$line")"
	done
}

late_interrupt() {
	for id in $(of answered '1 2 3'); do
		line=$(pcc "$id" timeout=5000 0x09 55)
		expect "channel $id" "$line" result=ok data=aa
		# The device counts in whole milliseconds.
		at_least "channel $id, microseconds" 49000 "$(field us "$line")"
	done
}

no_interrupt() {
	for id in $(of answered '1 2 3'); do
		shared "$id" && continue
		line=$(pcc "$id" timeout=800 0x04 55)
		expect "channel $id" "$line" result=timeout complete=1 interrupts=0 ticks=0
		# Nobody told the mailbox core: the next one is queued, not sent.
		before=$(pcc_counter "$id" interrupts)
		line=$(pcc "$id" timeout=100 0x01 55)
		expect "channel $id, not ticked" "$line" result=timeout ticks=0
		pcc_control "$id" tick
		pcc_wait "$id" interrupts $((before + 1)) || wrong=1
		[ "$old" ] && pcc_control "$id" tick
		expect "channel $id, ticked" "$(pcc "$id" 0x01 55)" result=ok data=aa
	done
}

# Types 1 and 2 hand every interrupt to the client, type 3 only that of a
# channel in use. The core has nothing to tick a second time. On a busy host
# the two, 1 ms apart, may become one before the guest's processor runs.
double_interrupt() {
	for id in $(of answered '1 2 3'); do
		shared "$id" && continue
		case $(pcc_info "$id" type) in
		3) want=1 ;;
		*) want=2 ;;
		esac
		for _ in 1 2 3 4 5; do
			interrupts=$(pcc_counter "$id" interrupts)
			ticks=$(pcc_counter "$id" ticks)
			expect "channel $id" "$(pcc "$id" 0x05 55)" result=ok data=aa
			usleep 50000
			interrupts=$(($(pcc_counter "$id" interrupts) - interrupts))
			same "channel $id, ticks" $((ticks + 1)) "$(pcc_counter "$id" ticks)"
			[ "$interrupts" = "$want" ] && break
		done
		same "channel $id, interrupts" "$want" "$interrupts"
		expect "channel $id, afterwards" "$(pcc "$id" 0x01 55)" result=ok data=aa
	done
}

# Types 1 and 2: the client is called and finds nothing in the status word.
# 7.x takes that for the end of the transmission. Type 3: not for us.
early_interrupt() {
	for id in $(of answered '1 2 3'); do
		shared "$id" && continue
		line=$(pcc "$id" timeout=800 0x06 55)
		expect "channel $id" "$line" result=timeout complete=1
		case $(pcc_info "$id" type)$old in
		3*) expect "channel $id" "$line" interrupts=0 ticks=0 ;;
		*yes) expect "channel $id" "$line" interrupts=1 ticks=0 ;;
		*) expect "channel $id" "$line" interrupts=1 ticks=1 ;;
		esac
		pcc_control "$id" tick
		expect "channel $id, afterwards" "$(pcc "$id" 0x01 55)" result=ok data=aa
	done
}

notification() {
	for id in $(of answered '1 2'); do
		before=$(pcc_counter "$id" notifications)
		expect "channel $id" "$(pcc "$id" 0x07 1234)" result=ok
		pcc_wait "$id" notifications $((before + 1)) || wrong=1
		expect "channel $id" "$(cat "$pcc_clients/$id/messages")" notification data=1234
		same "channel $id, status" 0100 "$(dd_memory "$id" 6 2)"
	done
	for id in $(of answered 0); do
		expect "channel $id" "$(pcc "$id" 0x07 1234)" result=ok
		tries=100
		while [ "$(dd_memory "$id" 6 2)" != 0b00 ] && [ $((tries -= 1)) -ge 0 ]; do
			usleep 50000
		done
		same "channel $id, status" 0b00 "$(dd_memory "$id" 6 2)"
	done
}

# dd_memory ID FROM COUNT: bytes of the shared memory, in hexadecimal
dd_memory() {
	dd if="$pcc_clients/$1/memory" bs=1 skip="$2" count="$3" 2>/dev/null |
		hexdump -v -e '1/1 "%02x"'
}

wrong_signature() {
	for id in $(of answered); do
		expect "channel $id" "$(pcc "$id" 0x08 55)" result=ok data=aa
		same "channel $id, signature" "$(printf %02x $((id + 1)))434350" \
			"$(dd_memory "$id" 0 4)"
		pcc_control "$id" unbind
		pcc_control "$id" bind
		warning="PCC subspace $id invalid signature 0x$(printf %x $((0x50434301 + id)))"
		seen=$(dmesg | grep -c "$warning expected 0x$(printf %x $((0x50434300 + id)))")
		if [ "$old" ]; then
			same "channel $id, warnings" 0 "$seen"
		else
			same "channel $id, warnings" 1 "$seen"
		fi
		expect "channel $id" "$(pcc "$id" 0x01 55)" result=ok data=aa
		same "channel $id, signature" "$(printf %02x "$id")434350" \
			"$(dd_memory "$id" 0 4)"
	done
}

# Four on one channel at once: each gets its own answer.
several_at_once() {
	for id in $(of answered); do
		pids=
		for byte in 01 02 03 04; do
			racer "$id" "$byte" 5 &
			pids="$pids $!"
		done
		finish
	done
}

# All channels at once
everyone_at_once() {
	pids=
	for id in $(of answered); do
		racer "$id" "$(printf %02x $((id + 1)))" 2 &
		pids="$pids $!"
	done
	finish
}

# finish: waits for the racers in $pids
finish() {
	for pid in $pids; do
		wait "$pid" || wrong=1
	done
}

# racer ID BYTE TIMES: sends the byte, wants its complement
racer() {
	want=$(printf %02x $((255 - 0x$2)))
	tries=$3
	while [ $((tries -= 1)) -ge 0 ]; do
		line=$(pcc "$1" timeout=5000 0x01 "$2")
		case $line in
		"result=ok "*" data=$want") ;;
		*)
			echo "# channel $1: expected data=$want in: $line"
			return 1
			;;
		esac
	done
}

case $steps in
quick) list='answered posted inbox everyone_at_once' ;;
all)
	list='answered polled posted inbox flood errors late wrong_signature several_at_once
		everyone_at_once'
	[ "$mode" = poll ] || list="$list errors_by_interrupt late_interrupt no_interrupt
		double_interrupt early_interrupt notification"
	;;
*) bail_out "channels.sh: steps '$steps' are not one of all, quick" ;;
esac

# shellcheck disable=SC2086 # words are meant
set -- $list
plan $(($# + 1))

begin "all channels bind"
for channel in $channels; do
	id=${channel%%:*}
	pcc_control "$id" bind || wrong=1
	# Only here does 6.12 show that somebody listens.
	case $old$channel in
	yes*:inbox*) pcc_control "$id" ring && pcc_control "$id" tick ;;
	esac
done
result $wrong

for name; do
	begin "$name"
	"$name"
	result $wrong
done
end
