"""What a run of the workflow shows: progress by work, errors that stand alone, and a summary at the end.

In: log records of Snakemake, logs of jobs, results of the study. Out: a block that is refreshed on a terminal, a few
lines in a pipe; Snakemake's own log file stays complete. May import: ``runtime``.
"""
