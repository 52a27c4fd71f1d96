"""What a network computes from the waveform first: the convolutional stem, log-Mel spectrograms, filter banks.

In: 16 kHz samples. Out: frames of features. May import: ``runtime``, ``definitions``, ``weights``, ``models.layers``.
"""
