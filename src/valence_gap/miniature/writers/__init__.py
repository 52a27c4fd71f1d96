"""Writers of the miniature corpora: one module for each on-disk format.

In: utterances with their labels. Out: files as the real corpus has them. May import: what ``miniature`` may.
"""
