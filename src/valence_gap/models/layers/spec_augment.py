"""SpecAugment as in the fine-tuning of wav2vec 2.0 and HuBERT: it masks spans of frames and of hidden units."""

import torch
from torch import Tensor


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
