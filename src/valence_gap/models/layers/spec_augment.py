"""SpecAugment (Park et al. 2019).

Wav2vec 2.0 and HuBERT mask spans of frames and of hidden units in fine-tuning; PANNs masks stripes of a spectrogram.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

STRIPES = 2  # of each kind
LONGEST_S = 0.64
HIGHEST = 8  # a stripe covers at most this part of the Mel bins: PANNs' 8 of 64


def mask_spans(lengths: Tensor, width: int, *, mask_prob: float, mask_length: int, min_masks: int) -> Tensor:
    """Draw the masked positions from PyTorch's CPU generator.

    Each row gets ``mask_prob * length / mask_length`` spans. This number is rounded up or down at random, with the same
    random number for all rows, and is at least ``min_masks`` if the row is long enough. The starts of the spans are
    drawn without replacement. Spans may overlap. No span extends beyond the length of the row.

    Args:
        lengths: int64 (rows,), number of valid positions of each row.
        width: positions of a row.
        mask_prob: share of masked positions; overlaps count twice.
        mask_length: positions of a span.
        min_masks: minimum number of spans, in a row that is long enough for them.

    Returns:
        bool (rows, width), on the CPU.
    """
    masked = torch.zeros(len(lengths), width, dtype=torch.bool)
    rounding = float(torch.rand(()))
    for row, length in zip(masked, lengths.tolist(), strict=True):
        places = length - mask_length + 1
        requested = max(min_masks, int(mask_prob * length / mask_length + rounding))
        count = max(0, min(requested, width // mask_length, places))
        starts = torch.randperm(max(0, places))[:count]
        row[(starts[:, None] + torch.arange(mask_length)).flatten()] = True
    return masked


def masked_stripes(lengths: Tensor, shape: Sequence[int], hop_s: float) -> Tensor:
    """Draw the stripes of spectrograms that are masked, from PyTorch's CPU generator (Kong et al. 2020, PANNs).

    The width of each stripe is drawn between nothing and its limit, and then its place. Stripes may overlap. A stripe
    in time is at most as long as a quarter of the utterance, so that half of it remains.

    Args:
        lengths: int64 (rows,), number of valid frames of each row, on the CPU.
        shape: frames and Mel bins of the spectrograms.
        hop_s: seconds from one frame to the next.

    Returns:
        bool (rows, frames, bins), on the CPU: True where a value is masked.
    """
    frames, bins = shape
    longest = torch.full_like(lengths, max(1, round(LONGEST_S / hop_s))).minimum(lengths // (2 * STRIPES))
    highest = torch.full_like(lengths, bins // HIGHEST)
    in_time = _stripes(longest, lengths, frames)
    in_frequency = _stripes(highest, torch.full_like(lengths, bins), bins)
    return in_time[:, :, None] | in_frequency[:, None, :]


def _stripes(longest: Tensor, lengths: Tensor, width: int) -> Tensor:
    """Draw stripes of up to ``longest`` positions among the first ``lengths`` of each row: bool (rows, width)."""
    uniform = torch.rand(2, STRIPES, len(lengths), 1)
    size = (uniform[0] * (longest[:, None] + 1)).long()
    start = (uniform[1] * (lengths[:, None] - size + 1)).long()
    position = torch.arange(width)
    return ((position >= start) & (position < start + size)).any(dim=0)
