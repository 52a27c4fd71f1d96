"""Attention and dropout that suit the device.

Measured on one CPU thread (hidden 160, 8 layers, batch 32 of 4 s, bfloat16): PyTorch's fused attention takes 1.5 times
as long to train as plain products, because of its backward pass, and dropout masks drawn number by number make a step
with plain products 1.25 times as long. So on CPUs attention is a plain product, and masks are cut out of random 64-bit
words, four elements from each.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import eager_mask

PLAIN = "valence_gap_plain"
FUSED = "sdpa"

STEPS = 2**16  # a dropout probability is rounded to a multiple of 1/STEPS


def implementation(device: torch.device) -> str:
    """The attention implementation that is the faster one to train with on ``device``."""
    return PLAIN if device.type == "cpu" else FUSED


def dropout(states: Tensor, probability: float) -> Tensor:
    """Zero elements with ``probability`` and scale up the others, as in training; any shape."""
    if probability <= 0:
        return states
    if states.device.type != "cpu":
        return F.dropout(states, probability, training=True)
    dropped = round(probability * STEPS)
    words = torch.empty(-(-states.numel() // 4), dtype=torch.int64).random_(-(2**63), None)
    drawn = words.view(torch.int16)[: states.numel()].view(states.shape)
    kept = (drawn >= dropped - STEPS // 2).to(states.dtype)
    return states * kept.mul_(STEPS / (STEPS - dropped))


class QuickDropout(nn.Dropout):
    """``nn.Dropout`` whose masks are drawn by ``dropout`` of this module."""

    def forward(self, states: Tensor) -> Tensor:
        """Drop elements of ``states`` in training; return it as it is otherwise."""
        return dropout(states, self.p) if self.training else states


def quicken(module: nn.Module) -> None:
    """Replace every ``nn.Dropout`` inside ``module``, in place; it has no weights, so checkpoints stay as they are."""
    for parent in list(module.modules()):
        for name, child in parent.named_children():
            if type(child) is nn.Dropout:
                setattr(parent, name, QuickDropout(child.p))


def plain_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **_: object,
) -> tuple[Tensor, None]:
    """Scaled dot-product attention by plain products, with the interface of transformers.

    Args:
        module: the attention layer; not used.
        query: (batch, heads, frames, width); ``key`` and ``value`` likewise.
        key: see ``query``.
        value: see ``query``.
        attention_mask: added to the scores, (batch, 1, frames, frames); very negative where a frame is padding.
        scaling: factor of the scores; by default one over the root of the width.
        dropout: probability with which weights are dropped; zero outside training.

    Returns:
        (batch, frames, heads, width), and None in place of the weights.
    """
    scale = query.size(-1) ** -0.5 if scaling is None else scaling
    scores = torch.matmul(query * scale, key.transpose(2, 3))
    if attention_mask is not None:
        scores = scores + attention_mask
    weights = _dropout(F.softmax(scores, dim=-1), dropout)
    return torch.matmul(weights, value).transpose(1, 2).contiguous(), None


_dropout = dropout  # the interface of transformers calls an argument by the same name

AttentionInterface.register(PLAIN, plain_attention)
AttentionMaskInterface.register(PLAIN, eager_mask)
