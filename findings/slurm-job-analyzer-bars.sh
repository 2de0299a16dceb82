#!/usr/bin/env bash
# slurm-job-analyzer 0.1.1 (PyPI), which finds idle GPUs in what Slurm's sacct lists.
#
# With --parsable2, as the package's own text has it, sacct puts "|" between fields. A job has a
# line of its own and one for each step; MaxRSS is in those of the steps (Slurm 23.11, sacct(1)).
#
# Guess before running it: that list is read, a job has the use of the GPUs of its own nodes, and
# the memory of its steps.
# Seen: fields are looked for between tabs, so all jobs are of partition "unknown", with 0 hours,
# and the exit status is 0. With tabs, hours and partitions are right, but each job has the mean
# of all GPUs of all nodes, busy or not. The memory of a step is not looked at: a job that used 1
# of 64 GiB has none, and is EFFICIENT.
. "$(dirname "$0")/lib/pypi"
pypi slurm-job-analyzer==0.1.1 pyyaml==6.0.2

cat >"$TEMP/bars" <<'SACCT'
JobID|JobName|Partition|State|Elapsed|AllocCPUS|AllocTRES|ReqMem|MaxRSS|NodeList
100|busy|gpu|COMPLETED|1-02:00:00|8|billing=8,cpu=8,gres/gpu=4,mem=64G,node=1|64G||n1
100.0|busy||COMPLETED|1-02:00:00|8|cpu=8,gres/gpu=4,mem=64G,node=1||1048576K|n1
101|idle|gpu|COMPLETED|01:00:00|2|billing=2,cpu=2,gres/gpu=1,mem=4G,node=1|4G||n2
101.0|idle||COMPLETED|01:00:00|2|cpu=2,gres/gpu=1,mem=4G,node=1||2097152K|n2
SACCT
tr '|' '\t' <"$TEMP/bars" >"$TEMP/tabs"
sed -e '/^100\.0/d' -e 's/\t64G\t\t/\t64G\t1048576K\t/' "$TEMP/tabs" >"$TEMP/inline"
# gpus BUSY IDLE: what was seen of the nodes of the two jobs
gpus() {
  printf '%s\n' timestamp_s,node,gpu_index,utilization_pct,temperature_c,power_w,memory_used_mib,memory_total_mib \
    "0,n1,0,$1,50,100,10,100" "0,n2,0,$2,50,100,10,100" >"$TEMP/gpus"
}
hours() {
  slurm-analyze sacct --input "$TEMP/$1" --out "$TEMP/hours" >"$TEMP/out"
  tail -n +2 "$TEMP/hours" | cut -d, -f 1-3,6 | tr -d '\r'
}
use() {
  slurm-analyze gpu-waste --input "$TEMP/$1" --gpu-log "$TEMP/gpus" --out "$TEMP/use" >"$TEMP/out"
  awk '$2 == "busy" || $2 == "idle" { print $2, $6, $9, $10 }' "$TEMP/out" | paste -sd,
}
same "as sacct lists it: partition, lines, hours, of GPUs" "unknown,4,0.0,0.0" "$(hours bars)"
same "with tabs" "gpu,2,27.0,105.0" "$(hours tabs)"
gpus 100 0
same "a busy and an idle node" "busy 50.0 N/A UNDERUTILIZED,idle 50.0 N/A UNDERUTILIZED" "$(use tabs)"
gpus 90 90
same "two busy nodes" "busy 90.0 N/A EFFICIENT,idle 90.0 N/A EFFICIENT" "$(use tabs)"
same "the memory in the line of the job" "busy 90.0 0.016 MEM_OVERALLOC,idle 90.0 N/A EFFICIENT" "$(use inline)"
