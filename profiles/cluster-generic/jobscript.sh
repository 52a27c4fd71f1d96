#!/bin/sh
# properties = {properties}
# A scheduler signals only this shell when the time is up (sbatch --signal=B:USR1@300) or the job must end (SIGTERM).
# The shell forwards both signals to all processes of the job and waits for them, so that a training saves its state.
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
