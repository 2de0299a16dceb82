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

# spaced HEX: its bytes with spaces between them
spaced() {
	echo "$1" | sed 's/../& /g; s/ $//'
}

link_up 8 || exit
answer=$(mctp request --eid 0 --iface "$iface" --type "0x$type" "$body") ||
	case $answer in
	*' timeout after '*)
		echo "no answer to $(spaced "$message") within 5 s: is there a" \
			'platform (pccd), and does it know this message?' >&2
		exit 1
		;;
	*) exit 2 ;;
	esac

# The last line is "# mctp < eid=9 msg=00000200090000 us=1234".
answer=${answer##*"# mctp < eid="}
eid=${answer%% *}
us=${answer##*us=}
answer=${answer#*msg=}
answer=${answer%% *}
echo "sent over $iface: $(spaced "$message")"
echo "EID $eid answered:     $(spaced "$answer") (after $us us)"
