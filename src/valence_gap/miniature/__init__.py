"""The embedded miniature: small synthetic corpora, noises and unlabelled speech in the formats of the real ones.

In: a definition and a seed. Out: corpora on disk. May import: ``runtime``, ``definitions``, ``audio``.
"""
