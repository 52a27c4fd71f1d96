#!/usr/bin/env bash
# The state of a SLURM job in one word, from scontrol, which needs no accounting database: status.sh JOBID
if ! answer=$(scontrol --oneliner show job "$1" 2>&1); then
  case $answer in
    *"Invalid job id"*) echo failed ;;  # forgotten MinJobAge after its end, unseen: its outputs are made again
    *) echo running ;;                  # slurmctld did not answer: asked again
  esac
  exit 0
fi
case $answer in
  *JobState=COMPLETED*) echo success ;;
  *JobState=PENDING* | *JobState=CONFIGURING* | *JobState=RUNNING* | *JobState=COMPLETING*) echo running ;;
  *JobState=SUSPENDED* | *JobState=STOPPED* | *JobState=REQUEUE* | *JobState=RESIZING* | *JobState=SIGNALING*) echo running ;;
  *) echo failed ;;
esac
