"""The figures: one module each, with ``plot(inputs, description)``.

In: scores, predictions, labels, training logs. Out: PDF, PNG, numbers as CSV, words as JSON. May import: ``scores``,
``embeddings`` and what they may.
"""
