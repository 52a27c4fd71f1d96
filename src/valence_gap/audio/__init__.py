"""From audio files to packs of 16 kHz samples, and the augmented variants of a test set.

In: audio files and a table of utterances. Out: ``audio.npy`` and its index for each corpus, condition and split. May
import: ``runtime``, ``definitions``.
"""
