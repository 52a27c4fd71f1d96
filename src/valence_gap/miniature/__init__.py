"""The embedded miniature: corpora, noises and unlabelled speech in the formats of the real ones, made on the spot."""
