"""SpecAugment as wav2vec 2.0 and HuBERT have it in fine-tuning: spans of frames and of hidden units are masked."""

import torch
from torch import Tensor


def mask_spans(lengths: Tensor, width: int, *, mask_prob: float, mask_length: int, min_masks: int) -> Tensor:
    """Draw which places are masked, from PyTorch's generator of the CPU.

    Each row gets ``mask_prob * length / mask_length`` spans, rounded up or down at random for all rows alike, but no
    less than ``min_masks``, at places that are drawn without replacement; they may overlap, and none reaches beyond the
    row's length.

    Args:
        lengths: int64 (rows,), valid places of each row.
        width: places of a row.
        mask_prob: of the places, overlaps counted twice.
        mask_length: places of a span.
        min_masks: spans of a row that is long enough for them.

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
