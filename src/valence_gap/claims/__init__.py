"""The paper's statements, evaluated on a study's scores (``workflow/claims.yaml``).

In: statements, predictions, labels, training logs. Out: a verdict for each statement with estimate and interval. May
import: ``runtime``, ``definitions``, ``audio``, ``scores``.
"""
