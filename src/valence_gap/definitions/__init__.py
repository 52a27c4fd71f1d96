"""The typed definitions of a study: corpora, backbones, recipes, models, conditions, claims and what figures show.

In: JSON from a rule or the configuration. Out: checked, immutable dataclasses. May import: ``runtime``.
"""
