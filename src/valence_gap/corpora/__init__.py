"""From the folder of a corpus to one table of utterances and one of labels for each split.

In: a corpus on disk, in its own format (one module each in ``adapters``). Out: utterances and labels in 0..1, as
Parquet. May import: ``runtime``, ``definitions``, ``audio``.
"""
