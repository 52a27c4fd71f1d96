"""How a job runs: errors, progress, outputs that appear whole, provenance, number format, memory, GPUs.

In: nothing of a study. Out: helpers that every other package uses. May import: no package of this project.
"""
