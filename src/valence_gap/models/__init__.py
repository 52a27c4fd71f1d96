"""The networks: encoders with a regression head, and the CNN14 baseline.

In: the definition of a trained model and a folder of weights. Out: a ``SpeechModel``. May import: ``runtime``,
``definitions``, ``weights``.
"""
