"""The mask of valid positions in a padded batch."""

import torch
from torch import Tensor


def valid_mask(lengths: Tensor, width: int, device: torch.device) -> Tensor:
    """Return a mask that is true where a padded batch contains data, not padding: bool (batch, width)."""
    return torch.arange(width, device=device) < lengths.to(device)[:, None]
