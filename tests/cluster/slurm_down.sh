#!/usr/bin/env bash
# Stop what slurm_up.sh FOLDER started: end its jobs and its daemons (by process id), and remove its configuration.
# If the configuration stayed, every Snakemake call would wait 10 s for a controller.
folder=$(realpath -m "$1")
site=/etc/slurm

[ "$(readlink "$site/slurm.conf")" = "$folder/slurm.conf" ] || exit 0
timeout 10 scancel --user="$(id -un)"
for _ in $(seq 1 60); do  # wait, because without slurmd nothing would end the processes of a job
  [ -n "$(timeout 5 squeue --noheader 2>/dev/null)" ] || break
  sleep 0.5
done
for daemon in slurmd slurmctld; do
  [ -s "$folder/$daemon.pid" ] || continue
  process=$(cat "$folder/$daemon.pid")
  kill "$process" 2>/dev/null
  for _ in $(seq 1 40); do
    kill -0 "$process" 2>/dev/null || break
    sleep 0.25
  done
done
rm -f "$site/slurm.conf" "$site/gres.conf"
