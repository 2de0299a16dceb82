#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Sends one message to the platform and shows the answer:
#
#   send-message.sh [MESSAGE]
#
# MESSAGE is hexadecimal, type byte first; without one it is Get Endpoint ID.
# It goes to whoever is at the other end of the link (EID 0), so nothing has
# to be set up.

# shellcheck source=lib.sh disable=SC1091
. "${0%/*}/lib.sh"

[ $# -gt 0 ] || set -- 00 80 02

message=$(echo "$*" | tr -d ' :')
body=${message#??}
type=${message%"$body"}

# spaced: hexadecimal digits in pairs
spaced() {
	sed 's/../& /g'
}

link_up 8 || exit
answer=$(mctp request --eid 0 --iface "$iface" --type "0x$type" "$body") ||
	case $answer in
	*' timeout after '*)
		echo "$iface: no answer to $message within 5 s." \
			'Is pccd running, and does it know this message?' >&2
		exit 1
		;;
	*) exit 2 ;;
	esac

# "# mctp < eid=9 msg=00000200090000 us=1234"
reply=${answer##*"# mctp < eid="}
eid=${reply%% *}
us=${reply##*us=}
reply=${reply#*msg=}
echo "sent over $iface:    $(echo "$message" | spaced)"
echo "answer of EID $eid:    $(echo "${reply%% *}" | spaced)(after $us us)"
