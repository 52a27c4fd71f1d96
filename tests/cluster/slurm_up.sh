#!/usr/bin/env bash
# Start a SLURM of one node on the loopback interface, with its configuration, state and logs in FOLDER:
#
#   slurm_up.sh FOLDER        (as root; slurm_down.sh FOLDER ends it)
#
# It uses no munge, no database and no cgroups. It counts two GPUs, which need not exist. It enforces memory limits, so
# that a job that uses more than it requested fails here too. Its time-outs are longer than the defaults (10 s, 2 s): a
# submission that times out on a busy machine would count as an attempt.
set -euo pipefail

folder=$(realpath -m "$1")
mark="started by tests/cluster"
site=/etc/slurm  # job steps drop SLURM_CONF, so the configuration must be at the compiled-in path

if grep -qs "$mark" "$site/slurm.conf"; then
  before=$(dirname "$(readlink "$site/slurm.conf")")
  if kill -0 "$(cat "$before/owner")" 2>/dev/null; then
    echo "error: other tests on this machine use SLURM: process $(cat "$before/owner") runs it in $before" >&2
    exit 1
  fi
  "$(dirname "$0")/slurm_down.sh" "$before"  # left by tests that were killed
fi
if [ -e "$site/slurm.conf" ]; then
  echo "error: $site/slurm.conf exists: this machine has its own SLURM, which these tests do not change" >&2
  exit 1
fi
mkdir -p "$folder/state" "$folder/spool" "$site"
echo $PPID >"$folder/owner"

cat >"$folder/slurm.conf" <<CONF
# $mark
ClusterName=test
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort=26817
SlurmdPort=26818
SlurmUser=root
SlurmdUser=root
AuthType=auth/none
CredType=cred/none
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SwitchType=switch/none
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=2
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc=$folder/jobcomp.log
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
ReturnToService=2
EnforcePartLimits=ALL
MessageTimeout=60
TCPTimeout=30
MinJobAge=86400
GresTypes=gpu
NodeName=localhost NodeHostname=$(hostname -s) NodeAddr=127.0.0.1 CPUs=4 Sockets=1 CoresPerSocket=4 ThreadsPerCore=1 RealMemory=64000 Gres=gpu:2 State=UNKNOWN
PartitionName=main Nodes=localhost Default=YES MaxTime=INFINITE DefMemPerCPU=256 State=UP
CONF
printf 'NodeName=localhost Name=gpu File=%s\n' /dev/null /dev/zero >"$folder/gres.conf"
ln -sfn "$folder/slurm.conf" "$site/slurm.conf"
ln -sfn "$folder/gres.conf" "$site/gres.conf"

slurmctld -f "$site/slurm.conf"
slurmd -f "$site/slurm.conf"
for _ in $(seq 1 120); do
  [ "$(sinfo --noheader --Node --format=%T 2>/dev/null)" = idle ] && exit 0
  sleep 0.25
done
echo "error: the node did not become idle within 30 s; the ends of its logs:" >&2
tail -n 20 "$folder/slurmctld.log" "$folder/slurmd.log" >&2
exit 1
