"""From audio to arousal, dominance and valence: stem features, batches, inference, and recordings of one's own.

In: a finished model and packs, stem features or audio files. Out: predictions and pooled states. May import:
``runtime``, ``definitions``, ``audio``, ``corpora``, ``weights``, ``models``.
"""
