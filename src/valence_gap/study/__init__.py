"""The configuration as a whole: what a study needs, answers for its rules, and the source files behind its numbers.

In: the merged configuration. Out: a checked ``Study``. May import: ``runtime``, ``definitions``, ``audio``, ``scores``,
``claims``, ``weights``; no torch and no pandas, since Snakemake imports it whenever it parses the workflow.
"""
