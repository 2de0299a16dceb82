#!/usr/bin/env bash
# fractal-slurm-tools 0.6.0 (PyPI), which reads Slurm's accounts of a job's steps.
#
# A K of sacct is 1024 bytes, an M 1024 K, and so on (Slurm 22.05, convert_num_unit(), which
# divides by 1024 until a remainder is left). 4194305K are 4294968320 bytes, 4G are 4294967296.
#
# Guess before running it: sizes are as many bytes as Slurm counted.
# Seen: a K is 1000 bytes and a G 1000000000, so that 4194305K are 4.19 GB instead of 4.29, and 4G are
# less than that: what ran short of memory seems to have had 7 % to spare. Times and counts are right.
. "$(dirname "$0")/lib/pypi"
pypi fractal-slurm-tools==0.6.0 humanfriendly==10.0

cat >"$TEMP/read.py" <<'PYTHON'
import sys
from fractal_slurm_tools.parse_sacct_info import parse_sacct_info
from fractal_slurm_tools.sacct_fields import DELIMITER, SACCT_FIELDS

zero = dict.fromkeys(SACCT_FIELDS, "0")
times = dict.fromkeys(["Elapsed", "CPUTime", "TotalCPU", "AveCPU", "MinCPU"], "1-00:10:00")
times |= dict(Submit="2026-11-30T04:00:00", Start="2026-11-30T04:00:10", End="2026-11-30T05:00:10")
job = zero | times | dict(JobID="12", JobName="job", State="COMPLETED")
step = job | dict(JobID="12.0", JobName="python", NCPUS="4", MaxRSS=sys.argv[1], MaxDiskRead=sys.argv[1])
lines = "\n".join(DELIMITER.join(line[field] for field in SACCT_FIELDS) for line in [job, step])
seen, = parse_sacct_info("12", lines)
print(seen["MaxRSS"], seen["Elapsed"], seen["NCPUS"], seen["job_queue_time"], sep=", ")
PYTHON
read_step() { python3 "$TEMP/read.py" "$1"; }
same "no memory" "0 bytes, 87000, 4, 10.0" "$(read_step 0)"
same "4194305K" "4.19 GB, 87000, 4, 10.0" "$(read_step 4194305K)"
same "4G" "4 GB, 87000, 4, 10.0" "$(read_step 4G)"
