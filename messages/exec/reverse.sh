#!/bin/sh
# Answers IANA 412 messages that begin with "r": the bytes behind it come back
# in reverse order. One line of JSON comes in for each message, one goes out, with
# the same id.
while read -r line; do
	id=$(printf '%s' "$line" | sed 's/^{"id":\([0-9]*\),.*/\1/')
	hex=$(printf '%s' "$line" | sed 's/.*"hex":"\([0-9a-f]*\)".*/\1/')
	body=${hex#7f0000019c72}
	reversed=
	while [ -n "$body" ]; do
		rest=${body#??}
		reversed=${body%"$rest"}$reversed
		body=$rest
	done
	echo "{\"id\": $id, \"reply\": {\"hex\": \"7f0000019c72$reversed\"}}"
done
