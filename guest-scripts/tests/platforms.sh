#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The tests of several platforms, one after the other, as subtests:
#
#   platforms.sh NAME...

# shellcheck source=lib.sh disable=SC1091
. "${0%/*}/lib.sh"

plan $#
for name; do
	step "$name"
	{
		sh "/platforms/$name/test.sh"
		echo $? >/tmp/status
	} 2>&1 | while IFS= read -r line; do
		echo "  $line"
	done
	result "$(cat /tmp/status)"
done
end
