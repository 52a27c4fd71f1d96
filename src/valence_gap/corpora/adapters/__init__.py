"""The readers of corpora: one module for each on-disk format, with ``ADAPTER``.

In: the paths and the definition of a corpus. Out: its rows as they are annotated. May import: what ``corpora`` may.
"""
