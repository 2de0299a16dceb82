#!/usr/bin/env bash
# kconfig-mcp 0.1.0 (PyPI), which tells what stands in the way of a symbol of Kconfig.
#
# What a symbol with y implies may be m or n all the same (Linux 6.1,
# Documentation/kbuild/kconfig-language.rst, weak reverse dependencies: FOO=y, BAR=y, "Y/m/n"). What
# a line of an entry is indented with means nothing.
#
# Guess before running it: a .config with BAZ=m beside FOO=y stays as it is, which the README has of
# "current Linux". Lines with spaces are read as those with tabs.
# Seen: BAZ is y, and is saved as that, a module that became part of the kernel. Only n and y can be
# set. Asked why not m, it says that nothing is in the way, with a "Verified fix" of no changes,
# which is not m. Linux 6.1's own scripts/kconfig/conf keeps m; kconfiglib 14.1.0, on which this
# stands, is older than the rule. The syntax that kconfiglib does not know is read behind tabs only:
# behind spaces the tree is refused.
. "$(dirname "$0")/lib/pypi"
pypi kconfig-mcp==0.1.0 kconfiglib==14.1.0

cat >"$TEMP/ask.py" <<'PYTHON'
import sys, types

# what serves the answers is not needed for them
for name in ("mcp", "mcp.server", "mcp.server.mcpserver", "mcp.server.mcpserver.exceptions"):
    sys.modules[name] = types.ModuleType(name)
server = types.SimpleNamespace(tool=lambda: lambda function: function)
sys.modules["mcp.server.mcpserver"].MCPServer = lambda *_, **__: server
sys.modules["mcp.server.mcpserver.exceptions"].ToolError = RuntimeError
from kconfig_mcp import server

folder, tool, *arguments = sys.argv[1:]
try:
    server.kconfig_load("lab", f"{folder}/Kconfig", f"{folder}/config")
    print(getattr(server, tool)("lab", *arguments))
except RuntimeError as error:
    print(str(error).split(": ", 2)[-1])
PYTHON
# ask TOOL ARGUMENT...: what it says of the tree in $TEMP
ask() { python3 "$TEMP/ask.py" "$TEMP" "$@"; }
# tree INDENT: a symbol FOO that implies BAZ, the first entry with this in front of its lines
tree() {
  printf 'config MODULES\n%sbool "Modules"\n%smodules\n\n' "$1" "$1"
  printf 'config FOO\n\ttristate "Foo"\n\timply BAZ\n\nconfig BAZ\n\ttristate "Baz"\n'
}
tree $'\t' >"$TEMP/Kconfig"
printf 'CONFIG_%s\n' MODULES=y FOO=y BAZ=m >"$TEMP/config"

same "BAZ" "CONFIG_BAZ = y  (user set m)" "$(ask kconfig_symbol BAZ | sed -n 1p)"
same "what it may be, n m y" "assignable values now: n, y" "$(ask kconfig_symbol BAZ | grep assignable)"
same "why not m" "its prompt is visible - set BAZ=m directly." \
  "$(ask kconfig_why_not BAZ m | sed -n 's/^ *\(its prompt\)/\1/p')"
same "what to change" "Verified fix (0 change(s)):" "$(ask kconfig_why_not BAZ m | sed -n 's/ *$//; /fix/p')"
same "m" "CONFIG_BAZ did NOT become 'm': it is y (was 'y')." "$(ask kconfig_set BAZ m | sed 's/ Kconfig refused.*//')"
ask kconfig_save "$TEMP/saved" >/dev/null
same "saved" "CONFIG_BAZ=y" "$(grep BAZ "$TEMP/saved")"
printf 'CONFIG_%s\n' MODULES=y FOO=m BAZ=m >"$TEMP/config"
same "BAZ beside FOO=m" "CONFIG_BAZ = m  (user set m)" "$(ask kconfig_symbol BAZ | sed -n 1p)"
tree '    ' >"$TEMP/Kconfig"
same "spaces" "error: couldn't parse 'modules': unrecognized construct" "$(ask kconfig_symbol BAZ | sed -n 1p)"
