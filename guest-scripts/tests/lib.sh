# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
#
# For the tests beside it: KTAP (Linux Documentation/dev-tools/ktap.rst) and
# the link. Source it:  . "${0%/*}/lib.sh"

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

# result STATUS: the step has passed if STATUS is 0
result() {
	ktap_number=$((ktap_number + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $ktap_number $ktap_name"
	else
		ktap_failed=$((ktap_failed + 1))
		echo "not ok $ktap_number $ktap_name"
	fi
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
