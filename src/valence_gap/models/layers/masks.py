"""The mask of valid positions in a padded batch."""

import torch
from torch import Tensor

from valence_gap.runtime.transfers import sent


def valid_mask(lengths: Tensor, width: int, device: torch.device) -> Tensor:
    """Return a mask that is true where a padded batch contains data, not padding: bool (batch, width)."""
    return torch.arange(width, device=device) < sent(lengths, device)[:, None]


def is_padded(lengths: Tensor, width: int) -> bool:
    """Whether a batch of this width has padding. If the lengths are on the CPU, this does not wait for a GPU."""
    return int(lengths.min()) < width
