"""Arousal, dominance and valence from audio: stem features, batches, inference, and the user's own recordings.

In: a finished model and packs, stem features, audio files or samples. Out: predictions and pooled states. May import:
``runtime``, ``definitions``, ``audio``, ``corpora``, ``weights``, ``models``.
"""
