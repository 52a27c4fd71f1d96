"""SpecAugment as wav2vec 2.0 and HuBERT have it in fine-tuning: spans of frames and of hidden units are masked."""

import torch
from torch import Tensor


def spans(lengths: Tensor, width: int, *, share: float, span: int, least: int) -> Tensor:
    """Draw which places are masked, from PyTorch's generator of the CPU.

    Each row gets ``share * length / span`` spans, rounded up or down at random for all rows alike, but no less than
    ``least``, at places that are drawn without replacement; they may overlap, and none reaches beyond the row's length.

    Args:
        lengths: int64 (rows,), valid places of each row.
        width: places of a row.
        share: of the places, overlaps counted twice.
        span: places of a span.
        least: spans of a row that is long enough for them.

    Returns:
        bool (rows, width), on the CPU.
    """
    masked = torch.zeros(len(lengths), width, dtype=torch.bool)
    rounding = float(torch.rand(()))
    for row, length in zip(masked, lengths.tolist(), strict=True):
        places = length - span + 1
        wanted = max(least, int(share * length / span + rounding))
        count = max(0, min(wanted, width // span, places))
        starts = torch.randperm(max(0, places))[:count]
        row[(starts[:, None] + torch.arange(span)).flatten()] = True
    return masked
