#!/usr/bin/env bash
# nsyslog-parser 0.10.1 (npm), which reads lines of syslog, those of the kernel too.
#
# Structured data stand in front of the message: elements of a name and any number of parameters, or
# "-" for none. In a value, \", \\ and \] are these characters. A parameter may be there more than
# once (RFC 5424 §6.3).
#
# Guess before running it: the elements, their values and the message are read as they were sent.
# Seen: of a message with [cpu x="1"] in it, what stands behind is lost, and it has structured data,
# also if the sender said "-". An element without parameters, or with a \", is part of the message, and
# one in front of another is lost. Of two parameters of one name there is the second. A \ in front of
# a ] stays. Priority, facility, names and plain elements are right.
. "$(dirname "$0")/lib/npm"
npm_packages nsyslog-parser@0.10.1

cat >"$TEMP/show.js" <<'JS'
const seen = require("nsyslog-parser")(process.argv[2]);
console.log(seen.facility, seen.level, seen.appName, JSON.stringify(seen.structuredData), seen.message);
JS
# seen DATA MESSAGE: what is read of a line with them
seen() { node "$TEMP/show.js" "<5>1 2026-11-30T04:00:00Z lab kernel - - $1 $2"; }
who="kern notice kernel"

same "no data" "$who [] boot" "$(seen - boot)"
same "two elements" "$who [{\"\$id\":\"a@1\",\"x\":\"1\"},{\"\$id\":\"b@1\",\"y\":\"2\"}] boot" \
  "$(seen '[a@1 x="1"][b@1 y="2"]' boot)"
same "brackets in a message" "$who [{\"\$id\":\"cpu\",\"x\":\"1\"}] stall on" "$(seen - 'stall on [cpu x="1"] of 4')"
same "no parameters" "$who [] [a@1] boot" "$(seen '[a@1]' boot)"
same "a quotation mark" "$who [] [a@1 x=\"5\\\"\"] boot" "$(seen '[a@1 x="5\""]' boot)"
same "one of two with a mark" "$who [{\"\$id\":\"b@1\",\"y\":\"2\"}] boot" "$(seen '[a@1 x="5\""][b@1 y="2"]' boot)"
same "a bracket" "$who [{\"\$id\":\"a@1\",\"x\":\"[0\\\\]\"}] boot" "$(seen '[a@1 x="[0\]"]' boot)"
same "one name twice" "$who [{\"\$id\":\"a@1\",\"ip\":\"2\"}] boot" "$(seen '[a@1 ip="1" ip="2"]' boot)"
