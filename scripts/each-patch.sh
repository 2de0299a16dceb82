#!/usr/bin/env bash
# Builds QEMU at every patch of the series, so that git bisect works in it.
# Stamped in the cache: a series that passed is not built again.
. "$(dirname "$0")/lib.sh"

PATCHES=$ROOT/qemu-patches
tree=$CACHE/qemu-source/tree
work=$CACHE/qemu-each-patch
stamp=$CACHE/each-patch-$(cat "$PATCHES"/[0-9]*.patch |
  key each "$(git -C "$tree" rev-parse 'HEAD^{tree}')")
if [ -e "$stamp" ]; then
  cat "$stamp"
  exit 0
fi

export CCACHE_DIR=$CACHE/ccache CCACHE_BASEDIR=$work CCACHE_COMPILERCHECK=content
if [ ! -e "$work/.git" ]; then
  git -C "$tree" worktree prune
  git -C "$tree" worktree add -q --detach "$work" HEAD
fi
git -C "$work" am --abort 2>/dev/null || :
git -C "$work" checkout -q --force --detach "$(git -C "$tree" rev-parse HEAD)"
mkdir -p "$work/build"
cd "$work/build"
[ -e build.ninja ] ||
  CC="ccache gcc" ../configure --python="$CACHE/venv/bin/python3" --enable-werror "${QEMU_OPTIONS[@]}"
say "1..$(find "$PATCHES" -name '[0-9]*.patch' | wc -l)" | tee "$stamp.new"
n=0
for patch in "$PATCHES"/[0-9]*.patch; do
  n=$((n + 1))
  git -C "$work" -c user.name=pccd -c user.email=pccd@localhost am -q -3 --no-gpg-sign "$patch"
  ninja -j "$JOBS" qemu-system-aarch64
  say "ok $n $(basename "$patch")" | tee -a "$stamp.new"
done
mv "$stamp.new" "$stamp"
