#!/bin/sh
# properties = {properties}
# A scheduler tells this shell alone that the time is up (sbatch --signal=B:USR1@300) or that the job must end (SIGTERM).
# Both are handed on to all of the job's processes, and waited for: a training then saves its state.
trap 'trap "" USR1; kill -USR1 0' USR1
trap 'trap "" TERM; kill -TERM 0' TERM
(
  trap '' USR1
  {exec_job}
) &
job=$!
while true; do
  wait $job
  code=$?
  kill -0 $job 2>/dev/null || break
done
exit $code
