#!/usr/bin/env bash
# Builds the broken drivers of tests/broken/list, as modules for the lab's
# kernel, into one folder: BROKEN. Each is the kernel's own source, or ours,
# with one line changed.
. "$(dirname "$0")/lib.sh"

build=$(published KERNEL_BUILD)
[ -e "${build:?there is no KERNEL_BUILD: run make lab}/source" ] ||
  die "the source of $build is gone; remove ${build%/build}, which is built again by make lab"
source=$(realpath "$build/source")
out=$CACHE/broken-$(key "$build" "$("${CROSS}gcc" -dumpfullversion)" \
  "$(hash_of tests/broken scripts/broken.sh guest-scripts/mctp-pcc)" </dev/null)

# trimmed TEXT
trimmed() { sed 's/^ *//; s/ *$//' <<<"$1"; }

build_broken() {
  local name file init edit from lines
  rm -rf "$out.new" && mkdir -p "$out.new"
  while IFS='|' read -r name _ file init edit _; do
    name=$(trimmed "$name") file=$(trimmed "$file") init=$(trimmed "$init") edit=$(trimmed "$edit")
    from=$source/$file
    [ -e "$from" ] || from=$ROOT/$file
    mkdir "$out.new/$name"
    sed "$edit" "$from" >"$out.new/$name/$(basename "$file")"
    lines=$(diff "$from" "$out.new/$name/$(basename "$file")" | grep -c '^>' || :)
    [ "$lines" -ge 1 ] || { echo "$name: no line of $file fits $edit"; return 1; }
    {
      echo "obj-m := $(basename "$file" .c).o"
      echo "ccflags-y := -I$(dirname "$from")"
      # initcall_blacklist= goes by name, and would keep this one out as well.
      [ "$init" = - ] || echo "ccflags-y += -D${init%_init}=broken"
    } >"$out.new/$name/Kbuild"
    make -C "$build" M="$out.new/$name" ARCH=arm64 CROSS_COMPILE="$CROSS" modules
  done < <(grep -v '^#' "$ROOT/tests/broken/list")
  mv "$out.new" "$out"
}

broken() { [ -d "$out" ] || step "building the broken drivers" "10 s" build_broken; }

locked guest broken
publish BROKEN "$out"
