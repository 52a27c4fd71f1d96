"""The concordance correlation coefficient (CCC), bootstrap intervals, and the score tables.

In: predictions and labels. Out: one table of scores for each model, seed, corpus and set of conditions. May import:
``runtime``, ``definitions``, ``audio``.
"""
