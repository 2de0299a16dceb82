#!/usr/bin/env bash
# Builds the broken drivers of tests/broken/list, as modules for the lab's
# kernel, into one folder: BROKEN. Each is the kernel's own source, or ours,
# with one line changed; or it is a platform whose table is.
. "$(dirname "$0")/lib.sh"

build=$(published KERNEL_BUILD)
[ -e "${build:?there is no KERNEL_BUILD: run make lab}/source" ] ||
  die "the source of $build is gone; remove ${build%/build}, which is built again by make lab"
source=$(realpath "$build/source")
# What the list says of the build; verdicts build nothing.
drivers() { grep -v -e '^#' -e '^$' "$ROOT/tests/broken/list" | cut -d'|' -f1-5; }
out=$CACHE/broken-$(drivers | key "$build" "$("${CROSS}gcc" -dumpfullversion)" \
  "$(hash_of tests/broken/nothing.c tests/broken/pcc-core.h tests/acme-fan scripts/broken.sh guest-scripts/mctp-pcc guest-scripts/mpam-fb guest-scripts/pcc-client)")

# trimmed TEXT
trimmed() { sed 's/^ *//; s/ *$//' <<<"$1"; }

# pcc_core FOLDER: the PCC controller itself, and those who are to use it
# instead of the one that is built in.
pcc_core() {
  cp "$ROOT"/tests/broken/pcc-core.h "$ROOT"/guest-scripts/{pcc-client/pcc-client,mctp-pcc/mctp-pcc}.c "$1"
  cat >"$1/Kbuild" <<END
obj-m := pcc.o pcc-client.o mctp-pcc.o
ccflags-y := -I$source/drivers/mailbox -Dpcc_mbox_request_channel=pcc_core_request_channel
ccflags-y += -Dpcc_mbox_free_channel=pcc_core_free_channel -Dpcc_init=pcc_core_init
CFLAGS_pcc.o := -include \$(src)/pcc-core.h
END
}

build_broken() {
  local name platform file init edit from lines module
  rm -rf "$out.new" && mkdir -p "$out.new"
  while IFS='|' read -r name platform file init edit; do
    name=$(trimmed "$name") platform=$(trimmed "$platform") file=$(trimmed "$file")
    init=$(trimmed "$init") edit=$(trimmed "$edit")
    from=$source/$file
    [ -e "$from" ] || from=$ROOT/$file
    mkdir "$out.new/$name"
    # A platform's file is no driver: it lies in a copy of the platform.
    case $file in *.asl | *.json) cp "$ROOT/$platform"/* "$out.new/$name" ;; esac
    sed "$edit" "$from" >"$out.new/$name/$(basename "$file")"
    lines=$(diff "$from" "$out.new/$name/$(basename "$file")" | grep -c '^>' || :)
    [ -z "$edit" ] || [ "$lines" -ge 1 ] || { echo "$name: no line of $file fits $edit"; return 1; }
    case $file in
      *.asl | *.json) continue ;;
      drivers/mailbox/pcc.c) pcc_core "$out.new/$name"; continue ;;
    esac
    {
      module=$(basename "$file" .c)
      # One that is built in and has parameters has taken its name in
      # /sys/module/.
      if [ "$init" != - ] && grep -q '^module_param' "$from"; then
        echo "broken-$module-y := $module.o"
        module=broken-$module
      fi
      echo "obj-m := $module.o"
      echo "ccflags-y := -I$(dirname "$from")"
      # initcall_blacklist= goes by name, and would keep this one out as well.
      [ "$init" = - ] || echo "ccflags-y += -D${init%_init}=broken -D$init=broken_init"
    } >"$out.new/$name/Kbuild"
  done < <(drivers)
  dirname "$out.new"/*/Kbuild |
    xargs -P "$JOBS" -I '{}' make -C "$build" M='{}' ARCH=arm64 CROSS_COMPILE="$CROSS" \
      KBUILD_MODPOST_WARN=1 modules
  mv "$out.new" "$out"
}

broken() { [ -d "$out" ] || step "building the broken drivers" "30 s" build_broken; }

locked guest broken
publish BROKEN "$out"
