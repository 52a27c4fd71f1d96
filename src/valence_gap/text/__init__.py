"""Words: transcripts of a recogniser, BERT embeddings of them, the fusion with text, and synthesised speech.

In: packs, transcripts, pooled states. Out: transcripts, text embeddings, fusion models, synthesised packs. May import:
``training`` and what it may, ``miniature``.
"""
