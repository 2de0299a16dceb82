#!/usr/bin/env bash
# kconfig-preprocessor-parser 0.1.1 (PyPI), which tells by which CONFIG_ a line of C is compiled.
#
# A group of lines goes from its directive to the next one of its own, wherever that is in the
# program (C11 §6.10.1). A symbol that is m defines CONFIG_A_MODULE, not CONFIG_A, which is what
# IS_MODULE and IS_ENABLED are for (Linux 6.1, include/linux/kconfig.h).
#
# Guess before running it: each group is listed, with its lines, or with why it is not understood.
# Seen: groups in an initializer are not listed, as tables of drivers have them, and groups that
# open a brace each neither. Among arguments of a call, what is behind #else and #endif has the
# first condition. Of conditions with && none is understood that has a "!". A symbol that is m is
# said to enable #ifdef. In statements and in structures groups and lines are right.
. "$(dirname "$0")/lib/pypi"
pypi kconfig-preprocessor-parser==0.1.1 tree-sitter==0.26.1 tree-sitter-c==0.24.2

cat >"$TEMP/groups.py" <<'PYTHON'
import pathlib, sys
import kconfig_preprocessor_parser as parser

folder = pathlib.Path(sys.argv[1])
for block, condition in parser.extract_preproc_branch_blocks_from_file(kernel_src=folder, c_file_path=folder / "a.c"):
    lines = ",".join(map(str, block.body_lines))
    print(f"{lines}: {condition.raw_expression if condition.parseable else condition.failure_reason}", end="; ")
PYTHON
# groups LINE...: lines and condition of each
groups() {
  printf '%s\n' "$@" >"$TEMP/a.c"
  python3 "$TEMP/groups.py" "$TEMP"
}
same "statements" "3: CONFIG_A; 5: not CONFIG_A; " \
  "$(groups 'void f(void) {' '#ifdef CONFIG_A' 'a();' '#else' 'b();' '#endif' '}')"
same "a structure" "3: CONFIG_A; " "$(groups 'struct s {' '#ifdef CONFIG_A' 'int a;' '#endif' 'int b; };')"
same "a table" "" \
  "$(groups 'static const struct of_device_id table[] = {' '#ifdef CONFIG_A' '{ .compatible = "a" },' '#endif' '{ } };')"
same "operations" "" \
  "$(groups 'const struct file_operations o = {' '#ifdef CONFIG_A' '.compat_ioctl = a,' '#endif' '.open = b };')"
same "a brace in each" "" \
  "$(groups 'void f(void) {' '#ifdef CONFIG_A' 'if (a) {' '#else' 'if (b) {' '#endif' 'c(); } }')"
same "arguments" "3,4,5,6,7,8: CONFIG_A; " \
  "$(groups 'void f(void) { g(1,' '#ifdef CONFIG_A' '2,' '#else' '3,' '#endif' '4);' 'h(); }')"
same "|| and &&" "2: ((CONFIG_A) or ((CONFIG_B) and (CONFIG_C))); " \
  "$(groups '#if defined(CONFIG_A) || defined(CONFIG_B) && defined(CONFIG_C)' 'int a;' '#endif')"
same "&& and !" "2: unsupported_condition_expression; " \
  "$(groups '#if defined(CONFIG_A) && !defined(CONFIG_B)' 'int a;' '#endif')"
printf '%s\n' CONFIG_A=y CONFIG_B=m '# CONFIG_C is not set' >"$TEMP/config"
same "enabled" "['CONFIG_A', 'CONFIG_B']" "$(python3 -c 'import pathlib, sys, kconfig_preprocessor_parser as parser
print(sorted(parser.parse_enabled_configs(pathlib.Path(sys.argv[1]))))' "$TEMP/config")"
