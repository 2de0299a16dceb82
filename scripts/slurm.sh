#!/usr/bin/env bash
# Tries scripts/matrix.sbatch on a Slurm of one node, on loopback: an array of
# two parts, of which one is queued again while it runs, and the merged result
# beside that of a matrix that runs here. Slurm comes from this Debian and is
# installed nowhere.
. "$(dirname "$0")/lib.sh"
matrix=(--platform cppc --platform xgene-hwmon --quick)

dir=$(mktemp -d)
pids=()
stop() {
  [ ${#pids[@]} -eq 0 ] || { kill "${pids[@]}" && wait "${pids[@]}"; } 2>/dev/null || true
  rm -rf "$dir"
}
trap stop EXIT

mkdir -p "$dir"/{debs/partial,root,state,spool,results}
step "Slurm" "10 s" apt-get install -y --no-install-recommends --download-only \
  -o Debug::NoLocking=1 -o Dir::Cache::archives="$dir/debs" slurmctld slurmd slurm-client
for deb in "$dir"/debs/*.deb; do dpkg-deb -x "$deb" "$dir/root"; done
libraries=$dir/root/usr/lib/$(gcc -print-multiarch)
name=$(hostname -s)
cat >"$dir/slurm.conf" <<EOF
ClusterName=trial
SlurmctldHost=$name(127.0.0.1)
SlurmctldPort=26817
SlurmdPort=26818
AuthType=auth/none
CredType=cred/none
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.pid
PluginDir=$libraries/slurm-wlm
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
NodeName=$name NodeAddr=127.0.0.1 CPUs=$JOBS State=UNKNOWN
PartitionName=trial Nodes=ALL Default=YES State=UP
EOF
export SLURM_CONF=$dir/slurm.conf
slurm() { LD_LIBRARY_PATH=$libraries:$libraries/slurm-wlm "$dir/root/usr/$1" "${@:2}"; }
slurm sbin/slurmctld-wlm -D >"$dir/slurmctld.log" 2>&1 & pids+=($!)
slurm sbin/slurmd-wlm -D -N "$name" -d "$dir/root/usr/sbin/slurmstepd-wlm" >"$dir/slurmd.log" 2>&1 & pids+=($!)

# await WHAT COMMAND...: until it says something.
await() {
  local what=$1 limit=$((SECONDS + 600))
  shift
  until "$@" | grep -q .; do
    [ $SECONDS -lt $limit ] || { tail -n 20 "$dir"/*.log >&2; die "no $what within 10 min"; }
    sleep 0.2
  done 2>/dev/null
}
queue() { slurm bin/squeue -h -r -o '%K %T' "$@"; }
idle() { slurm bin/sinfo -h -t idle -o %n; }
ended() { [ -n "$(queue)" ] || say yes; }

await "idle node" idle
PCCLAB=$(published PCCLAB)
export PCCLAB
cd "$ROOT"
job=$(slurm bin/sbatch --parsable --array=1-2 --output="$dir/%a.out" \
  scripts/matrix.sbatch "$dir/results" "${matrix[@]}")
await "running task" queue -t RUNNING
task=$(queue -t RUNNING | head -n 1)
slurm bin/scontrol requeue "${job}_${task% *}"
say "part ${task% *} is queued again while it runs"
await "end of the array" ended
cat "$dir"/*.out

# What a platform's row says, without its times.
verdicts() { sed -nE 's/ *[0-9.]+ s//g; /^(cppc|xgene-hwmon) /p'; }
status=0 local_status=0
"$PCCLAB" merge "$dir/results" >"$dir/merged" || status=$?
"$PCCLAB" matrix "${matrix[@]}" >"$dir/here" || local_status=$?
say "merged (exit status $status):" && cat "$dir/merged"
say "here (exit status $local_status):" && cat "$dir/here"
restarts=$(grep -c 'DUE TO JOB REQUEUE' "$dir/${task% *}.out" || true)
[ "$restarts" -ge 1 ] || die "no task was ended to be queued again"
[ $status -eq $local_status ] || die "the exit statuses differ"
cmp <(verdicts <"$dir/merged") <(verdicts <"$dir/here") || die "the tables differ"
[ -n "$(verdicts <"$dir/merged")" ] || die "the merged table has no row"
