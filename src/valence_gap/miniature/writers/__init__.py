"""Writers of the miniature corpora: one module for each on-disk format, and the recording that they share."""
