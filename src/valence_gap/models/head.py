"""The regression head of the released model."""

from typing import cast

import torch
from torch import Tensor, nn

from valence_gap.definitions import values


class RegressionHead(nn.Module):
    """Dropout, Linear(h, h), tanh, dropout, Linear(h, 3): the head of the authors' released model.

    The paper (section III-B) specifies a hidden layer and an output layer; activation and dropout are those of the
    model card. The output has no activation, so values can be outside 0..1. Products are always in float32, also under
    autocast.

    Args:
        hidden: width of the pooled states and of the hidden layer.
        dropout: probability of both dropouts.
    """

    def __init__(self, hidden: int, dropout: float) -> None:
        super().__init__()
        self.dense = nn.Linear(hidden, hidden)
        self.dropout = nn.Dropout(dropout)
        self.out_proj = nn.Linear(hidden, len(values.DIMENSIONS))

    def forward(self, pooled: Tensor) -> Tensor:
        """Map pooled states (batch, hidden) to float32 (batch, 3): arousal, dominance, valence."""
        with torch.autocast(pooled.device.type, enabled=False):
            hidden = torch.tanh(self.dense(self.dropout(pooled.float())))
            return cast(Tensor, self.out_proj(self.dropout(hidden)))

    def initialise(self, std: float) -> None:
        """Draw weights from a normal distribution, as transformers does for every linear layer; set biases to zero."""
        for layer in (self.dense, self.out_proj):
            nn.init.normal_(layer.weight, std=std)
            nn.init.zeros_(layer.bias)
