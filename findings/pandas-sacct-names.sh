#!/usr/bin/env bash
# pandas-sacct 1.2.0 (PyPI), which reads Slurm's accounts of jobs into a table.
#
# sacct --parsable2 puts "|" between fields and quotes nothing. A job's name is any text. A list of
# nodes may end with a name without brackets. A time limit may be UNLIMITED or Partition_Limit
# (Slurm 22.05, sacct(1), JobName, NodeList, Timelimit; sbatch(1), --time).
#
# Guess before running it: a row for each job, with its name, its nodes and a limit that is none.
# Seen: a name that starts with a quotation mark takes the jobs behind it into itself, up to the next
# mark. Names like null are none, and 007 is 7. A bracket is put behind n[1-2],m3. One job without a
# limit, and there is no table. Times, steps and other names are right.
. "$(dirname "$0")/lib/pypi"
pypi pandas-sacct==1.2.0 pandas==3.1.1 numpy==2.4.6 python-dateutil==2.9.0.post0 six==1.17.0

printf '#!/bin/sh\ncat "%s/jobs"\n' "$TEMP" >"$TEMP/sacct"
chmod +x "$TEMP/sacct"
cat >"$TEMP/table.py" <<'PYTHON'
import sys, sacct

try:
    table = sacct.Sacct(sacct_cmd=sys.argv[1], allocations=True, format=["jobidraw", sys.argv[2]]).execute()
    print(*(f"{job}: {str(value)!r}" for job, value in table.values), sep=", ")
except Exception as error:
    print(f"{type(error).__name__}: {error}")
PYTHON
# table FIELD LINE...: what is read of sacct's lines
table() {
  printf '%s\n' "${@:2}" >"$TEMP/jobs"
  python3 "$TEMP/table.py" "$TEMP/sacct" "$1"
}
same "names" "1: 'boot', 2: 'a \"b\" c', 3: 'last'" "$(table jobname '1|boot' '2|a "b" c' '3|last')"
same "names in quotation marks" "1: 'boot', 2: 'a\\n3|lost\\n4|b', 5: 'last'" \
  "$(table jobname '1|boot' '2|"a' '3|lost' '4|"b' '5|last')"
same "null" "1: 'boot', 2: 'nan'" "$(table jobname '1|boot' '2|null')"
same "007" "1: '7'" "$(table jobname '1|007')"
same "nodes" "1: 'm3', 2: 'm3,n[1-2]', 3: 'n[1-2,4]'" "$(table nodelist '1|m3' '2|m3,n[1-2]' '3|n[1-2,4]')"
same "nodes without brackets last" "1: 'n[1-2],m3]'" "$(table nodelist '1|n[1-2],m3')"
same "limits" "1: '0 days 01:00:00', 2: '1 days 00:00:00'" "$(table timelimit '1|01:00:00' '2|1-00:00:00')"
same "a job without a limit" "ValueError: invalid literal for int() with base 10: 'UNLIMITED'" \
  "$(table timelimit '1|01:00:00' '2|UNLIMITED')"
same "a job with its partition's" "ValueError: invalid literal for int() with base 10: 'Partition_Limit'" \
  "$(table timelimit '1|01:00:00' '2|Partition_Limit')"
