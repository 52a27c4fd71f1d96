"""The first step of a network: stem features, a log-Mel spectrogram or a filter bank from the waveform.

In: 16 kHz waveforms. Out: frames of features. May import: ``runtime``, ``definitions``, ``weights``, ``models.layers``.
"""
