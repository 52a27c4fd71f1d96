"""Building blocks that the networks share: attention, convolutions, activations, masks.

In and out: tensors. May import: ``runtime``, ``definitions``, ``weights``.
"""
