#!/usr/bin/env bash
# kconfigstyle 0.6.3 (PyPI), which puts Kconfig files into a style.
#
# White space between words means nothing there, but a string is what is between its quotes, a "#"
# in it too. A choice may be optional, may have a help, and comments among its symbols (Linux 6.8,
# Documentation/kbuild/kconfig-language.rst, menu entries and attributes, choice).
#
# Guess before running it: kconfiglib 14.1.0 reads the same symbols, values and texts in what
# `kconfigstyle --write` made as in what it was given.
# Seen: a "#" in a string gets two spaces in front of it, so that the default of a URL is another
# one. "optional" is taken away, with the help that follows, and with "config" of the next symbol,
# so that its prompt is the choice's. A comment among symbols of a choice is lost. The linter has
# "0 issue(s)" in it. Continued lines, keywords in a help, and comments elsewhere are right.
. "$(dirname "$0")/lib/pypi"
pypi kconfigstyle==0.6.3 kconfiglib==14.1.0

cat >"$TEMP/read.py" <<'PYTHON'
import sys
import kconfiglib

for node in kconfiglib.Kconfig(sys.argv[1], warn=False).node_iter():
    item, seen = node.item, []
    if node.prompt:
        seen.append(node.prompt[0])
    seen += [value.name for value, _ in getattr(item, "defaults", []) if hasattr(value, "name")]
    if getattr(item, "is_optional", False):
        seen.append("optional")
    if getattr(node, "help", None):
        seen.append(node.help)
    print(getattr(item, "name", None) or "-", *seen, sep=": ", end="; ")
PYTHON
# both LINE...: what is in these lines, before and behind the program
both() {
  printf '%s\n' "$@" >"$TEMP/Kconfig"
  kconfigstyle "$TEMP/Kconfig" | sed -n 's/^Total: //p' >"$TEMP/issues"
  before=$(python3 "$TEMP/read.py" "$TEMP/Kconfig")
  kconfigstyle --write "$TEMP/Kconfig" >"$TEMP/out"
  after=$(python3 "$TEMP/read.py" "$TEMP/Kconfig")
}
both 'config URL' $'\tstring "URL"' $'\tdefault "http://host/#top"'
same "a URL, before" "URL: URL: http://host/#top;" "${before% }"
same "a URL, behind" "URL: URL: http://host/  #top;" "${after% }"

symbols=('config FIRST' $'\tbool "1"' '' 'config SECOND' $'\tbool "2"' '' endchoice)
both 'choice KIND' $'\tprompt "kind"' $'\toptional' $'\thelp' $'\t  Which one.' "${symbols[@]}"
same "an optional choice, before" "KIND: kind: optional: Which one.; FIRST: 1; SECOND: 2;" "${before% }"
same "an optional choice, behind" "KIND: 1; SECOND: 2;" "${after% }"
same "its issues" "0 issue(s) in 0 file(s)" "$(cat "$TEMP/issues")"
both 'choice KIND' $'\tprompt "kind"' '' "${symbols[@]:0:2}" '' 'comment "better"' '' "${symbols[@]:3}"
same "a comment in a choice, before" "KIND: kind; FIRST: 1; -: better; SECOND: 2;" "${before% }"
same "a comment in a choice, behind" "KIND: kind; FIRST: 1; SECOND: 2;" "${after% }"
both 'config A' $'\tbool "A" if B || \\' $'\t\tC' $'\thelp' $'\t  The board:' $'\t  depends on it.' '' 'comment "A and B"'
same "another, before and behind" "$before" "$after"
