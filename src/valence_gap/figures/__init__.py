"""The figures: one module each, with ``plot(inputs, description)``.

In: scores, predictions, labels, training logs. Out: PDF, PNG and CSV. May import: ``scores``, ``embeddings`` and what
they may.
"""
