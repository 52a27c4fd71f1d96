"""A finished model for others: the released layout, its model card, ONNX, predictions as audformat.

In: finished models and their scores. Out: a folder that transformers can read. May import: ``models``, ``pretraining``
and what they may.
"""
