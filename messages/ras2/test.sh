#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# RAS2 through pcc-client: the channels that the table names, features, patrol
# scrub asked for, on demand and in the background, addresses translated,
# refusals; what the platform does wrong. ras2.json says which address does what.

# shellcheck source=guest-scripts/tests/platform.sh disable=SC1091
. /tests/platform.sh

# little BYTES NUMBER: in hexadecimal, the lowest byte first
little() {
	little_rest=$2
	little_left=$1
	while [ "$little_left" -gt 0 ]; do
		printf %02x $((little_rest & 255))
		little_rest=$((little_rest >> 8))
		little_left=$((little_left - 1))
	done
}

# ras2 ID CAPABILITIES COMMAND [BASE [SIZE [PARAMETERS [OPTION]...]]]: Execute
# RAS2 Command; leaves how it went in $line, and the memory as it is
ras2() {
	ras2_id=$1
	ras2_data=$(little 18 0)$(little 16 "$2")$(little 12 0)
	ras2_data=$ras2_data$(little 2 "$3")$(little 8 "${4:-0}")$(little 8 "${5:-0}")
	ras2_data=$ras2_data$(little 24 0)$(little 4 "${6:-0}")
	if [ $# -gt 6 ]; then shift 6; else set --; fi
	line=$(pcc "$ras2_id" "$@" 1 "$ras2_data")
	memory=${pcc_clients:?}/$ras2_id/memory
}

# translate ID COMMAND SUB-INSTANCE LOGICAL-ADDRESS: the same, for the other block
translate() {
	translate_data=$(little 18 0)$(little 16 2)$(little 132 0)$(little 2 "$2")$(little 8 "$3")$(little 8 "$4")
	line=$(pcc "$1" 1 "$translate_data")
	memory=${pcc_clients:?}/$1/memory
}

get=1 start=2 stop=3
gib=0x40000000
# Scrub Parameters: the hours wanted, and bit 0 for in the background
hours() { echo $(($1 << 8 | ${2:-0})); }

# answered NAME... : of the last command, its result and what the memory holds:
# status, base and size (actual), running, rates
answered() {
	case $line in
	result=ok*) ;;
	*) echo "# $line" && return 1 ;;
	esac
	for answered_want; do
		case $answered_want in
		status=*) answered_at='44 4' ;;
		base=*) answered_at='72 8' ;;
		size=*) answered_at='80 8' ;;
		running=*) answered_at='88 4' ;;
		rates=*) answered_at='92 4' ;;
		nominal=*) answered_at='100 4' ;;
		physical=*) answered_at='192 8' ;;
		translation=*) answered_at='200 4' ;;
		esac
		# shellcheck disable=SC2086 # two words
		same "${answered_want%%=*}" $((${answered_want#*=})) "$(number "$memory" $answered_at)" || return
	done
}

tests=30
[ "$QUICK" ] || tests=$((tests + 9))
plan $tests

# The table leads to the channels.
table=/sys/firmware/acpi/tables/RAS2
step 'RAS2 has two descriptors'
same descriptors 2 "$(number $table 38 2)" && same length $((40 + 2 * 8)) "$(wc -c <$table)"
result $?
step 'of memory, one for each domain'
same 'features and instances' '0 0 0 1' "$(number $table 43 1) $(number $table 44 4) $(number $table 51 1) $(number $table 52 4)"
result $?
first=$(number $table 40 1)
second=$(number $table 48 1)
step 'each with a channel of its own'
same 'channels' "$CHANNEL_DOMAIN_0 $CHANNEL_DOMAIN_1" "$first $second"
result $?

{ pcc_control "$first" bind && pcc_control "$second" bind; } || bail_out 'a channel cannot be bound'
memory=$pcc_clients/$first/memory

step 'features, before anything was asked'
same 'version, features, blocks' '1 3 2' "$(number "$memory" 8 2) $(number "$memory" 10 8) $(number "$memory" 42 2)" &&
	same 'type, version, length of the first' '0 1 120' "$(number "$memory" 48 2) $(number "$memory" 50 2) $(number "$memory" 52 2)" &&
	same 'type, version, length of the second' '1 1 36' "$(number "$memory" 168 2) $(number "$memory" 170 2) $(number "$memory" 172 2)"
result $?

asked features capabilities=none 'features->03000000000000000000000000000000'
step 'no capability asked for: features again'
ras2 "$first" 0 0
answered status=0 && same features 3 "$(number "$memory" 10 8)"
result $?
asked unsupported capabilities=4 'status->NOT_SUPPORTED'
step 'a feature that is not there'
ras2 "$first" 4 0
answered status=2
result $?

asked get base=0x40000000 size=0x1000 'actual_base->0x40000000' 'actual_size->0x1000000' 'running->0'
step 'patrol parameters: whole units, rates'
ras2 "$first" 1 $get $gib 0x1000
answered status=0 base=$gib size=0x1000000 running=0 rates=0x300118
result $?
# ACPI 6.6: rate 24 is nominal, with 2 MB/s; the rate of 1 has 240/255 of the bandwidth.
asked get 'rate_nominal->24' 'nominal_mb_per_s->2'
step 'the nominal rate, and what each takes'
ras2 "$first" 1 $get $gib 0x1000
answered nominal=0x218 && same 'of the bandwidth, for the rates 1, 24, 48' '240 10 5' \
	"$(number "$memory" 105 1) $(number "$memory" 128 1) $(number "$memory" 152 1)"
result $?
asked features capabilities=none
step 'a request of nothing but the command'
line=$(pcc "$first" 1)
answered status=0 size=0
result $?
asked get base=0x40ffffff size=2 'actual_base->0x40000000' 'actual_size->0x2000000'
step 'a range across units'
ras2 "$first" 1 $get 0x40ffffff 2
answered status=0 base=$gib size=0x2000000
result $?
asked empty 'status->INVALID_DATA'
step 'a range of nothing'
ras2 "$first" 1 $get $gib 0
answered status=6
result $?
asked get 'status->INVALID_DATA'
step 'a range beyond the memory'
ras2 "$first" 1 $get 0x203ffff000 0x2000
answered status=6
result $?
asked unknown 'status->INVALID_DATA'
step 'a command that there is not'
ras2 "$first" 1 4 $gib $gib
answered status=6
result $?

asked translate sub_instance=0 logical=0x1000 'physical->0x40001000' 'translation_status->SUCCESS'
step 'the address of a logical one'
translate "$first" 1 0 0x1000
answered status=0 translation=0 physical=0x40001000
result $?
asked translate sub_instance=1 'physical->0x1040001000'
step 'the same one of the other sub-instance'
translate "$first" 1 1 0x1000
answered status=0 translation=0 physical=0x1040001000
result $?
asked translate sub_instance=2 'translation_status->FAIL'
asked translate logical=0x1000000000 'translation_status->FAIL'
step 'one that there is not'
translate "$first" 1 2 0
answered status=0 translation=1 && translate "$first" 1 0 0x1000000000 && answered status=0 translation=1
result $?
asked translate-unknown 'status->INVALID_DATA'
step 'another command of translation'
translate "$first" 2 0 0
answered status=6
result $?

# 64 GiB take 64 s: it runs until it is stopped.
asked start base=0x40000000 size=0x1000000000 rate_wanted=12 background=0 'status->SUCCESS'
step 'a scrub on demand'
ras2 "$first" 1 $start $gib 0x1000000000 "$(hours 12)"
answered status=0
result $?
asked get 'running->1' 'rate->12'
step 'runs, as fast as was asked for'
ras2 "$first" 1 $get $gib $gib
answered status=0 running=1 rates=0x30010c
result $?
asked start 'status->BUSY'
step 'another one is too many'
ras2 "$first" 1 $start $gib 0x1000000 "$(hours 24)"
answered status=3
result $?
asked get 'running->0' 'rate->24'
step 'the other domain has its own'
ras2 "$second" 1 $get $gib $gib
answered status=0 running=0 rates=0x300118
result $?
asked stop 'status->SUCCESS'
step 'a scrub is stopped'
ras2 "$first" 1 $stop $gib $gib
answered status=0
result $?
asked get 'running->0'
step 'and does not run'
ras2 "$first" 1 $get $gib $gib
answered status=0 running=0
result $?

# A quarter of a second
asked start size=0x10000000 'status->SUCCESS'
asked get 'running->0'
step 'a short one ends by itself'
ras2 "$first" 1 $start $gib 0x10000000 "$(hours 24)"
answered status=0
status=$?
tries=100
until ras2 "$first" 1 $get $gib $gib && answered status=0 running=0 >/dev/null; do
	[ $((tries -= 1)) -gt 0 ] || break
	usleep 20000
done
answered status=0 running=0
result $((status + $?))

asked patrol background=1 rate_wanted=48 'status->SUCCESS'
asked get 'running->1' 'rate->48'
step 'patrol scrub in the background'
ras2 "$first" 1 $start 0 0 "$(hours 48 1)"
answered status=0 && ras2 "$first" 1 $get $gib $gib && answered status=0 running=1 rates=0x300130
result $?
asked patrol 'status->BUSY'
step 'once'
ras2 "$first" 1 $start 0 0 "$(hours 24 1)"
answered status=3
result $?
asked stop
step 'it is stopped'
ras2 "$first" 1 $stop
answered status=0
result $?
asked wrong-rate rate_wanted=49 'status->INVALID_DATA'
step 'a rate beyond the slowest'
ras2 "$first" 1 $start 0 0 "$(hours 49 1)"
answered status=6
result $?

asked busy 'status->BUSY'
asked not-busy
step 'a platform that is busy once'
ras2 "$first" 1 $get 0xfffffffff0000010 1
answered status=3 && ras2 "$first" 1 $get 0xfffffffff0000010 1 && answered status=0
result $?
asked double
step 'an interrupt that comes twice'
ras2 "$first" 1 $get 0xfffffffff0000030 1
answered status=0 rates=30
result $?
if [ "$QUICK" ]; then end; fi

# ended RESULT: so the last command has ended
ended() {
	holds "$line" result="$1"
}

asked error
step 'error status'
ras2 "$first" 1 $get 0xfffffffff0000050 1
ended error
result $?
asked failed 'status->FAILED'
step 'error status, and what it means'
ras2 "$first" 1 $get 0xfffffffff0000060 1
ended error && same status 4 "$(number "$memory" 44 4)"
result $?
asked slow
step 'a slow platform'
ras2 "$first" 1 $get 0xfffffffff0000080 1
answered status=0 rates=80
result $?

# Who gave up has not told the mailbox core; a bind begins anew.
again() {
	pcc_control "$first" unbind && pcc_control "$first" bind
}

# By interrupt what comes without one, or after it, is not noticed.
case $MODE in
irq) unnoticed=timeout ;;
*) unnoticed=ok ;;
esac
asked quiet
step 'an answer without interrupt'
ras2 "$first" 1 $get 0xfffffffff0000020 1
ended $unnoticed && again
result $?
asked early
step 'an interrupt 50 ms before the data'
ras2 "$first" 1 $get 0xfffffffff0000040 1
ended $unnoticed && again
result $?

# 900 ms
asked late
step 'silence for too long'
ras2 "$first" 1 $get 0xfffffffff0000090 1 0 timeout=300
ended timeout
result $?
step 'its end'
tries=100
until [ $(($(number "$memory" 6 2) & 1)) = 1 ]; do
	[ $((tries -= 1)) -gt 0 ] || break
	usleep 20000
done
same 'command complete' 1 $(($(number "$memory" 6 2) & 1)) && same rate 90 $(($(number "$memory" 92 1)))
result $?
asked get 'status->SUCCESS'
step 'it goes on'
again && ras2 "$first" 1 $get $gib 1
answered status=0 base=$gib
result $?

asked never
step 'a platform that never answers'
ras2 "$first" 1 $get 0xfffffffff00000a0 1 0 timeout=300
ended timeout
result $?
end
