"""Floating-point operations of the networks, in matrix products and convolutions; the formulas are stated.

A transformer layer multiplies, for each frame, four h x h matrices and two h x f, and compares the frame with the T
others of its utterance: 2 (4 h^2 + 2 h f) + 4 T h operations forward, three times that with the backward pass. At 50
frames per second a large encoder (24 layers, h 1024, f 4096, utterances of 6 s) takes 98 GFLOP per second of audio.
"""

import numpy as np
import numpy.typing as npt

from valence_gap.definitions.models import Backbone
from valence_gap.definitions.values import SAMPLE_RATE_HZ
from valence_gap.models.sizes import Size

Durations = npt.NDArray[np.float64]

TRAINING = 3  # forward and backward


def encoder_flop_per_s(size: Size, utterance_s: float, layers: int | None = None) -> float:
    """Operations of the transformer for one second of audio, forward.

    Args:
        size: of the backbone.
        utterance_s: mean length of an utterance, which attention compares each frame with.
        layers: bottom layers that are kept; all by default.
    """
    h, f = size.hidden, size.intermediate
    input_s = max(utterance_s, size.padded_s)
    padding = input_s / utterance_s if utterance_s else 1.0
    layer = layer_flop(h, f, size.frames_per_s * input_s)
    positions, projection = 2 * size.position_weights, 2 * size.stem[-1] * h
    return padding * size.frames_per_s * ((layers or size.layers) * layer + positions + projection)


def layer_flop(hidden: int, intermediate: int, frames: float) -> float:
    """Operations of a transformer layer for one of the frames, or tokens, that it compares with each other, forward."""
    return 2 * (4 * hidden * hidden + 2 * hidden * intermediate) + 4 * frames * hidden


def stem_flop_per_s(size: Size) -> float:
    """Operations of the convolutional stem for one second of audio, forward."""
    total, rate, before = 0.0, float(SAMPLE_RATE_HZ), 1
    for kernel, stride, channels in zip(size.kernels, size.strides, size.stem, strict=False):
        rate /= stride
        total += 2 * kernel * before * channels * rate
        before = channels
    return total


def cnn14_flop_per_s(backbone: Backbone) -> float:
    """Operations of CNN14 for one second of audio, forward: two 3 x 3 convolutions in each block, then halving."""
    total, cells, before = 0.0, backbone.mel_bins / backbone.hop_s, 1
    for channels in backbone.channels:
        total += 2 * 9 * (before * channels + channels * channels) * cells
        cells, before = cells / 4, channels
    return total


def forward_flop(shape: Size | Backbone, durations_s: Durations, *, stem: bool) -> float:
    """Operations of a network for some utterances, forward; padding to the longest of a batch is not counted.

    Args:
        shape: an encoder's size, or the definition of a CNN14.
        durations_s: seconds of each utterance, (utterances,).
        stem: with the convolutional stem; else from its output.
    """
    total_s = float(durations_s.sum())
    if not total_s:
        return 0.0
    if isinstance(shape, Backbone):
        return total_s * cnn14_flop_per_s(shape)
    # Attention compares each frame with those of its own utterance: the mean over frames, except where all are padded.
    compared_s = total_s / len(durations_s) if shape.padded_s else float((durations_s**2).sum()) / total_s
    flop_per_s = encoder_flop_per_s(shape, compared_s) + (stem_flop_per_s(shape) if stem else 0.0)
    return total_s * flop_per_s


def stem_values_per_s(size: Size) -> float:
    """Outputs of all convolutions of the stem for one second of audio: what is normalised, activated and moved."""
    total, rate = 0.0, float(SAMPLE_RATE_HZ)
    for stride, channels in zip(size.strides, size.stem, strict=False):
        rate /= stride
        total += channels * rate
    return total


def cnn14_values_per_s(backbone: Backbone) -> float:
    """Outputs of all convolutions of CNN14 for one second of audio."""
    total, cells = 0.0, backbone.mel_bins / backbone.hop_s
    for channels in backbone.channels:
        total += 2 * channels * cells
        cells /= 4
    return total
