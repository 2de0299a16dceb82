#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Does what the host tells, one line at a time on the console, for `pcclab
# fuzz`. /search.sh, which the host made of platform.json, has what this driver
# can be made to do: act NAME, alive, $watched_modules, $watched_functions.
#
# usage: fuzz.sh [why]     why: what cannot be read tells the error, which takes longer
#
#   ranges         tells where the code of the driver is, a line each:
#                    pcclab: range START END NAME    hexadecimal; END is not in it
#                    pcclab: ranges end
#   go N NAME...   does these actions, whatever comes of them, and tells how each
#                  ended and what it printed:
#                    pcclab: gave NAME STATUS TEXT
#                    pcclab: went N
#   alive N        looks whether the driver works, 0 if so:
#                    pcclab: alive N STATUS
#   end            that is all
#
# A line is at most 4000 bytes long. Where one does nothing but reading and
# writing of files no process is started: that takes longer than all else.

# shellcheck source=lib.sh disable=SC1091
. "${0%/*}/lib.sh"

# For texts in platform.json:

fuzz_why=$1
# show FILE: prints the line read from it
show() {
	if [ "$fuzz_why" ]; then
		cat "$1"
	else
		read -r show_line <"$1" && printf '%s\n' "$show_line"
	fi
}

# exchange FILE TEXT: writes it, and prints the line that comes of it
exchange() {
	{
		printf '%s\n' "$2" >&3
		read -r exchange_line <&3 && printf '%s\n' "$exchange_line"
	} 3<>"$1"
}

# brings FILE PATTERN: a line read from it fits
brings() {
	read -r brings_line <"$1" || return
	# shellcheck disable=SC2254 # a pattern is meant
	case $brings_line in
	$2) ;;
	*) return 1 ;;
	esac
}

# bound BUS DRIVER DEVICE: it is, or is now
bound() {
	[ -e "/sys/bus/$1/drivers/$2/$3" ] || echo "$3" >"/sys/bus/$1/drivers/$2/bind"
}

# within SECONDS COMMAND...: it succeeds once until then
within() {
	read -r within_end _ </proc/uptime
	within_end=$((${within_end%.*} + $1 + 1))
	shift
	until "$@"; do
		usleep 100000
		read -r within_now _ </proc/uptime
		[ "${within_now%.*}" -lt $within_end ] || return
	done
}

# soon COMMAND...: it succeeds once within 5 s
soon() {
	within 5 "$@"
}

# awk is slow: it gets only what fits, and the names behind that (several may
# stand at one address). Addresses stay texts of 16 digits, too large for its
# numbers, and sort as they are. The end of the last symbol is not told; that of
# a module's memory is the end of a page.
ranges() {
	{
		[ ! "$watched_modules" ] || grep ' [tTwW] .*]$' /proc/kallsyms
		[ ! "$watched_functions" ] || grep -EA 8 " [tTwW] $watched_functions$" /proc/kallsyms
	} | sort -u |
		awk -v modules="$watched_modules" -v functions="^$watched_functions$" '
			function tell(start, end, name) {
				if (start < end)
					print "pcclab: range " start " " end " " name
			}
			function page_end(address) { return substr(address, 1, 13) "fff" }
			BEGIN {
				count = split(modules, names, " ")
				for (i = 1; i <= count; i++)
					wanted["[" names[i] "]"] = names[i]
			}
			NF < 3 { next }
			$4 in wanted {
				if (!($4 in first))
					first[$4] = $1
				last[$4] = $1
				next
			}
			functions != "^$" && $4 == "" && $3 ~ functions {
				if (open == "") {
					open = $1
					name = $3
				}
				hit = $1
				next
			}
			open != "" && $1 != hit {
				tell(open, $1, name)
				open = ""
			}
			END {
				if (open != "")
					tell(open, page_end(hit), name)
				for (module in first)
					tell(first[module], page_end(last[module]), wanted[module])
			}'
	echo 'pcclab: ranges end'
}

watched_modules=
watched_functions=
# shellcheck source=/dev/null
. /search.sh

# Warnings are what is looked for: init keeps them off the console.
dmesg -n 5
exec </dev/console
stty -echo
# What must be there for an action, such as a link that is up, brings it about.
(alive) >/dev/null 2>&1
echo 'pcclab: listening'
while read -r word number names; do
	case $word in
	ranges) ranges ;;
	go)
		for name in $names; do
			act "$name" >/tmp/gave 2>&1
			gave=$?
			while read -r line; do
				gave="$gave $line"
			done </tmp/gave
			printf 'pcclab: gave %s %.400s\n' "$name" "$gave"
		done
		echo "pcclab: went $number"
		;;
	alive)
		(alive) >/dev/null 2>&1
		echo "pcclab: alive $number $?"
		;;
	end) exit ;;
	*) echo "pcclab: unknown $word" ;;
	esac
done
