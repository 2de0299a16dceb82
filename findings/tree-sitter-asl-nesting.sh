#!/usr/bin/env bash
# tree-sitter-asl 0.1.0 (PyPI), a grammar of ACPI source for tree-sitter, here 0.26.1.
#
# Operators are like those of C (ACPI 6.5 §19.1): * comes before +, + before ==, and assigned is
# all that is on the right. A region can be in PlatformRtMechanism, or in a space of an OEM, from
# 80h on (§19.6, OperationRegion).
#
# Guess before running it: expressions are nested as iasl 20250404 (Debian trixie) compiles them,
# and what iasl takes is parsed without an ERROR.
# Seen: operators are nested from left to right, the assignment among them: Local0 = Arg0 + 1 is
# the sum of an assignment and 1, for all who ask the tree. A region in those two spaces is an
# ERROR. With parentheses, or as Add and Multiply, nesting is right, and a region in PCC is one.
. "$(dirname "$0")/lib/debian"
. "$(dirname "$0")/lib/pypi"
install trixie acpica-tools=20250404-1 iasl
pypi tree-sitter==0.26.1 tree-sitter-asl==0.1.0
cat >"$TEMP/nesting.py" <<'PYTHON'
import sys
import tree_sitter, tree_sitter_asl

parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_asl.language()))
with open(sys.argv[1], "rb") as file:
    root = parser.parse(file.read()).root_node

names = "store", "add", "multiply", "l_equal"

def shape(node):
    inner = " ".join(filter(None, map(shape, node.named_children)))
    name = node.type.removesuffix("_term").removesuffix("_symbolic")
    if name in names and inner:
        return f"{name}({inner})"
    return node.text.decode() if node.type in ("arg_term", "local_term", "decimal_const") else inner

print("ERROR" if root.has_error else shape(root))
PYTHON
# tree TEXT: what is parsed of a table with this in it
tree() {
  printf 'DefinitionBlock ("", "SSDT", 0x2, "PCCD", "TEST", 0x1)\n{\n%s\n}\n' "$1" >"$TEMP/t.asl"
  python3 "$TEMP/nesting.py" "$TEMP/t.asl"
}
# compiled: the same table from iasl, in the older form, the line that matters
compiled() {
  (cd "$TEMP" && ./iasl t.asl && ./iasl -dl t.aml) >"$TEMP/log" 2>&1
  sed -n -e 's/^        \([A-Z].*\)/\1/p' -e 's/^    \(Op.*\)/\1/p' "$TEMP/t.dsl"
}
# method TEXT: the same in a method, without what the table and the method begin with
method() { tree "Method (TEST, 2) { $1 }" | sed 's/^2 //'; }
same "assignment" "add(store(Local0 Arg0) 1)" "$(method 'Local0 = Arg0 + 1')"
same "assignment, iasl" "Add (Arg0, One, Local0)" "$(compiled)"
same "product" "multiply(add(Arg0 Arg1) 3)" "$(method 'Return (Arg0 + Arg1 * 3)')"
same "product, iasl" "Return (Add (Arg0, Multiply (Arg1, 0x03)))" "$(compiled)"
same "comparison" "add(l_equal(Arg0 Arg1) 2)" "$(method 'If (Arg0 == Arg1 + 2) { }')"
same "comparison, iasl" "If (LEqual (Arg0, Add (Arg1, 0x02))){}" "$(compiled)"
same "parentheses" "store(Local0 add(Arg0 multiply(Arg1 3)))" "$(method 'Local0 = (Arg0 + (Arg1 * 3))')"
same "older form" "add(Arg0 multiply(Arg1 3) Local0)" "$(method 'Add (Arg0, Multiply (Arg1, 3), Local0)')"
for space in PlatformRtMechanism 0x80; do
  same "$space" "ERROR" "$(tree "OperationRegion (TEST, $space, 2, 16)")"
  same "$space, iasl" "OperationRegion (TEST, $space, 0x02, 0x10)" "$(compiled)"
done
same "PCC" "2 16" "$(tree "OperationRegion (TEST, PCC, 2, 16)")"
