"""The training loop and what it needs: examples, batches, losses, optimisers, schedules, checkpoints.

In: stem features or audio, labels, a ``Training`` definition. Out: a finished model with its training log. May import:
``prediction`` and what it may, ``scores``, ``study``.
"""
