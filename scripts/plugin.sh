#!/usr/bin/env bash
# Builds the plugin that tells which code of the guest's kernel runs
# (pcclab/plugin/coverage.c), for the QEMU of qemu.sh: COVERAGE. A QEMU of
# one's own takes it if it was configured with --enable-plugins.
#   QEMU_SRC=path  the interface of this tree instead of Debian's source
. "$(dirname "$0")/lib.sh"

include=${QEMU_SRC:-$CACHE/qemu-source/tree}/include
plugin=$ROOT/pcclab/plugin/coverage.c
if [ ! -e "$include/qemu/qemu-plugin.h" ]; then
  # An emulator of somebody's own, and no source that would fit it
  say "no plugin for coverage: $include/qemu/qemu-plugin.h is not there"
  sed -i '/^COVERAGE=/d' "$ENV_FILE"
  exit
fi
read -ra glib < <(pkg-config --cflags glib-2.0)
out=$CACHE/plugin-$(cat "$plugin" "$include/qemu/qemu-plugin.h" |
  key "$(gcc -dumpfullversion)" "${glib[@]}")

build_plugin() {
  mkdir -p "$out"
  gcc -std=gnu11 -O2 -Wall -Wextra -Wno-unused-parameter -Werror -shared -fPIC \
    "${glib[@]}" -I"$include/qemu" -o "$out/new" "$plugin"
  mv "$out/new" "$out/coverage.so"
}

plugin() { [ -e "$out/coverage.so" ] || step "building the plugin for coverage" "1 s" build_plugin; }

locked plugin plugin
publish COVERAGE "$out/coverage.so"
