# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
#
# For the tests beside it: KTAP (Linux Documentation/dev-tools/ktap.rst), the
# link, and the channels of pcc-client. Source it:  . "${0%/*}/lib.sh"

ktap_number=0
ktap_failed=0

# plan N: how many tests will follow
plan() {
	echo 'KTAP version 1'
	echo "1..$1"
}

# step NAME: what comes until result belongs to this test
step() {
	ktap_name=$1
	echo "# step $ktap_name"
}

# known WHY: the next result is expected to be a failure, because of this; that
# it passes is what fails then
known() {
	ktap_known=" # TODO $*"
}
ktap_known=

# result STATUS: the step has passed if STATUS is 0
result() {
	ktap_number=$((ktap_number + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $ktap_number $ktap_name$ktap_known"
		[ -z "$ktap_known" ] || ktap_failed=$((ktap_failed + 1))
	else
		echo "not ok $ktap_number $ktap_name$ktap_known"
		[ "$ktap_known" ] || ktap_failed=$((ktap_failed + 1))
	fi
	ktap_known=
}

# skipped WHY: the step cannot be done here
skipped() {
	ktap_number=$((ktap_number + 1))
	echo "ok $ktap_number $ktap_name # SKIP $1"
}

# bail_out WHY: nothing further makes sense
bail_out() {
	echo "Bail out! $*"
	exit 1
}

# end: the exit status of the script
end() {
	[ "$ktap_failed" -eq 0 ]
	exit
}

# link_up EID: waits for the interface, sets it up, gives us this EID. Leaves
# the interface's name in $iface. What is set up already stays as it is.
link_up() {
	iface=$(mctp link wait --timeout-ms 5000) &&
		mctp link "$iface" up &&
		mctp address add "$1" dev "$iface"
}

# counter NAME: one of the interface's statistics
counter() {
	cat "/sys/class/net/$iface/statistics/$1"
}

# number FILE AT BYTES: what stands there, the lowest byte first
number() {
	number_text=
	for number_byte in $(dd if="$1" bs=1 skip="$2" count="$3" status=none | hexdump -v -e '/1 "%02x "'); do
		number_text=$number_byte$number_text
	done
	echo $((0x$number_text))
}

pcc_clients=/sys/kernel/debug/pcc-client

# pcc ID [OPTION]... COMMAND [DATA]: sends it, prints how it went
pcc() {
	pcc_send=$pcc_clients/$1/send
	shift
	{ echo "$*" >&3 && cat <&3; } 3<>"$pcc_send"
}

# scmi PROTOCOL MESSAGE [TOKEN]: the command word of SCMI, for pcc
scmi() {
	printf '0x%08x\n' $(($2 | $1 << 10 | ${3:-0} << 18))
}

# pcc_control ID WORD: bind, unbind, ring, tick ...
pcc_control() {
	echo "$2" >"$pcc_clients/$1/control"
}

# field NAME LINE: what stands behind NAME= in LINE
field() {
	field_line=" $2 "
	case $field_line in
	*" $1="*) ;;
	*) return 1 ;;
	esac
	field_line=${field_line#*" $1="}
	echo "${field_line%% *}"
}

# holds LINE WORD...: these stand in it, between blanks
holds() {
	holds_line=$1
	shift
	for holds_word; do
		case " $holds_line " in
		*" $holds_word "*) ;;
		*)
			echo "# expected $holds_word in: $holds_line"
			return 1
			;;
		esac
	done
}

# pcc_info ID NAME: a field of the PCCT's entry
pcc_info() {
	field "$2" "$(cat "$pcc_clients/$1/info")"
}

# pcc_counter ID NAME: a counter of the client
pcc_counter() {
	field "$2" "$(cat "$pcc_clients/$1/control")"
}

# pcc_wait ID NAME COUNT: until the counter has come so far, 5 s at most
pcc_wait() {
	pcc_tries=100
	while [ $((pcc_tries -= 1)) -ge 0 ]; do
		[ "$(pcc_counter "$1" "$2")" -ge "$3" ] && return
		usleep 50000
	done
	echo "# channel $1: $2 did not reach $3: $(cat "$pcc_clients/$1/control")"
	return 1
}
