#!/usr/bin/env bash
# py-hostlist 0.0.2.dev0 (PyPI), which expands and folds lists of nodes as Slurm has them.
#
# A list has names between commas, and a name may have numbers in brackets: "a1,b[2-3]" is a1, b2
# and b3. Zeros in front are kept, as is all before and behind the brackets (Slurm 23.11,
# slurm.conf(5), NodeName).
#
# Guess before running it: its lists are those of python-hostlist 2.3.0 (PyPI), for which LLNL and
# Slurm's tools are the model, too.
# Seen: of a name without numbers there is nothing, nor of "gpu-" in "gpu-a100-[1-2]". What stands
# beside the first brackets, or behind a comma, is a part of each name. [098-101] starts with 98.
# To fold names, all get the prefix of the last one: a1, b2 and b3 are b[1-3], and n01 is n1.
# A single list in brackets, with a suffix and zeros, is right.
. "$(dirname "$0")/lib/pypi"
pypi py-hostlist==0.0.2.dev0
"$TEMP/venv/bin/pip" install -q --disable-pip-version-check --no-deps --target "$TEMP/other" \
  python-hostlist==2.3.0

expand() { python3 -c 'import sys; from hostlist.hostlist import expand; print(expand(sys.argv[1]))' "$1"; }
fold() { python3 -c 'import sys; from hostlist.hostlist import compress_range; print(compress_range(sys.argv[1]))' "$1"; }
other() { PYTHONPATH=$TEMP/other python3 -c "import sys, hostlist; print($1)" "$2"; }
# expanded LIST PYTHON-HOSTLIST PY-HOSTLIST
expanded() {
  same "$1, python-hostlist" "$2" "$(other '",".join(hostlist.expand_hostlist(sys.argv[1]))' "$1")"
  same "$1" "$3" "$(expand "$1")"
}
# folded NAMES PYTHON-HOSTLIST PY-HOSTLIST
folded() {
  same "$1, python-hostlist" "$2" "$(other 'hostlist.collect_hostlist(sys.argv[1].split(","))' "$1")"
  same "$1" "$3" "$(fold "$1")"
}
expanded "n[01-03]-ib" "n01-ib,n02-ib,n03-ib" "n01-ib,n02-ib,n03-ib"
expanded "login" "login" ""
expanded "gpu-a100-[1-2]" "gpu-a100-1,gpu-a100-2" "a100-1,a100-2"
expanded "a1,b[2-3],c" "a1,b2,b3,c" "b2,c,b3,c"
expanded "n[1-2],m[5]" "n1,n2,m5" "n1,m[5],n2,m[5]"
expanded "r[0-1]n[1-2]" "r0n1,r0n2,r1n1,r1n2" "r00n[1-2],r01n[1-2]"
expanded "n[098-101]" "n098,n099,n100,n101" "n98,n99,n100,n101"
folded "n1,n2,n3,n5" "n[1-3,5]" "n[1-3,5]"
folded "a1,b2,b3" "a1,b[2-3]" "b[1-3]"
folded "n01,n02,n10" "n[01-02,10]" "n[1-2,10]"
