"""Pooled states of several models for the same utterances: what they separate, and their two-dimensional projection.

In: predictions with pooled states. Out: separation measures and a t-SNE projection. May import: ``scores`` and what it
may.
"""
