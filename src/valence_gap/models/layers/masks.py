"""Which places of a padded batch hold data."""

import torch
from torch import Tensor


def valid_mask(lengths: Tensor, width: int, device: torch.device) -> Tensor:
    """Which places of a padded batch hold data: bool (batch, width)."""
    return torch.arange(width, device=device) < lengths.to(device)[:, None]
