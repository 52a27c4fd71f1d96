#!/usr/bin/env bash
# Print the state of a SLURM job in one word: status.sh JOBID. It uses scontrol, which needs no accounting database.
if ! answer=$(scontrol --oneliner show job "$1" 2>&1); then
  case $answer in
    *"Invalid job id"*) echo failed ;;  # SLURM forgot the job MinJobAge after its end: its outputs are made again
    *) echo running ;;                  # slurmctld did not answer: Snakemake will call again
  esac
  exit 0
fi
case $answer in
  *JobState=COMPLETED*) echo success ;;
  *JobState=PENDING* | *JobState=CONFIGURING* | *JobState=RUNNING* | *JobState=COMPLETING*) echo running ;;
  *JobState=SUSPENDED* | *JobState=STOPPED* | *JobState=REQUEUE* | *JobState=RESIZING* | *JobState=SIGNALING*) echo running ;;
  *) echo failed ;;
esac
