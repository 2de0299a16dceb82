# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
#
# For the tests of platforms (messages/*/test.sh): what a driver's files in
# sysfs say, one test each. Source it:  . /tests/platform.sh
#
# $MODE is irq or poll, $CHANNEL_NAME the subspace of the platform's channel
# "name". A line "# asked COMMAND [NAME=VALUE]... [NAME->VALUE]..." claims that
# the platform got this command, after those of the lines before, with these
# values in the request and in the answer; the runner holds it against the
# platform's log.

# shellcheck source=lib.sh disable=SC1091
. /tests/lib.sh

case $(uname -r) in
6.*) linux_6=yes ;;
*) linux_6= ;;
esac
# shellcheck disable=SC2034 # for the tests
readonly linux_6

# asked COMMAND [NAME=VALUE]...
asked() {
	echo "# asked $*"
}

# same WHAT EXPECTED GOT
same() {
	[ "$2" = "$3" ] && return
	echo "# $1: expected $2, got $3"
	return 1
}

# read_once FILE: one read; cat would hide an error by trying again
read_once() {
	dd if="$1" bs=4096 count=1 status=none 2>&1
}

# is NAME FILE VALUE: a test: this is what the file holds
is() {
	step "$1"
	is_text=$(read_once "$2")
	same "$2" "$3" "$is_text"
	result $?
}

# raced NAME FILE VALUE [COUNT]: a test: every processor reads this, all at the
# same time, so many times (20)
raced() {
	step "$1"
	rm -f /tmp/raced
	for raced_cpu in /sys/devices/system/cpu/cpu[0-9]; do
		raced_mask=$(printf %x $((1 << ${raced_cpu##*cpu})))
		# shellcheck disable=SC2016 # for the sh within
		taskset "$raced_mask" sh -c '
			for i in $(seq "$1"); do
				text=$(dd if="$2" bs=4096 count=1 status=none 2>&1)
				[ "$text" = "$3" ] || echo "$text" >>/tmp/raced
			done' sh "${4:-20}" "$2" "$3" &
	done
	wait
	same "$2, wrong answers" '' "$(cat /tmp/raced 2>/dev/null)"
	result $?
}

# refused NAME FILE ERROR [VALUE]: a test: reading the file, or writing VALUE
# into it, fails with this text
refused() {
	step "$1"
	if [ $# -gt 3 ]; then
		refused_text=$(sh -c 'echo "$2" >"$1"' sh "$2" "$4" 2>&1)
	else
		refused_text=$(read_once "$2")
	fi
	refused_status=$?
	same "$2" "$3" "${refused_text##*: }" && [ $refused_status -ne 0 ]
	result $?
}

# wrote NAME FILE VALUE: a test: writing it succeeds
wrote() {
	step "$1"
	sh -c 'echo "$2" >"$1"' sh "$2" "$3"
	result $?
}

# becomes NAME FILE VALUE [TENTHS]: a test: the file comes to hold it, within
# so many tenths of a second (20)
becomes() {
	step "$1"
	becomes_left=${4:-20}
	becomes_status=0
	until [ "$(read_once "$2")" = "$3" ]; do
		becomes_left=$((becomes_left - 1))
		if [ $becomes_left -lt 0 ]; then
			same "$2" "$3" "$(read_once "$2")"
			becomes_status=1
			break
		fi
		usleep 100000
	done
	result $becomes_status
}

# logged NAME TEXT: a test: the kernel's log holds this
logged() {
	step "$1"
	dmesg | grep -qF "$2"
	result $?
}

# rebound NAME DRIVER DEVICE: a test: a platform device leaves its driver and
# comes back
rebound() {
	step "$1"
	rebound_status=0
	for rebound_word in unbind bind; do
		sh -c 'echo "$2" >"$1"' sh \
			"/sys/bus/platform/drivers/$2/$rebound_word" "$3" ||
			rebound_status=1
	done
	result $rebound_status
}

# reloaded NAME MODULE: a test: the driver is removed and loaded again, where
# the runner has loaded it
reloaded() {
	step "$1"
	reloaded_name=$(echo "$2" | tr - _)
	for reloaded_file in /pcclab/modules/*; do
		case $(echo "$reloaded_file" | tr - _) in
		*_"$reloaded_name".ko)
			rmmod "$reloaded_name" && insmod "$reloaded_file"
			result $?
			return
			;;
		esac
	done
	skipped 'it is built in'
}

# device_named NAME FOLDER: the one in a class's folder with this name
device_named() {
	for device_named in "$2"/*; do
		if [ "$(cat "$device_named/name" 2>/dev/null)" = "$1" ]; then
			echo "$device_named"
			return
		fi
	done
	bail_out "nothing in $2 is named $1"
}
