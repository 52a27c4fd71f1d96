"""Text: transcripts of a recogniser, BERT embeddings of them, fusion of audio and text, and synthesised speech.

In: packs, transcripts, pooled states. Out: transcripts, text embeddings, fusion models, synthesised packs. May import:
``training`` and what it may, ``miniature``.
"""
