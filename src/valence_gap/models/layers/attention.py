"""Attention and dropout in the form that is fastest on the device.

Measured on one CPU thread (hidden 160, 8 layers, batch 32 of 4 s, bfloat16): a training step with PyTorch's fused
attention takes 1.5 times as long as one with plain products, because of the backward pass. With plain products, a step
takes 1.25 times as long if dropout draws one random number per element. So on CPUs, attention uses plain products, and
dropout takes the random numbers of four elements from each random 64-bit word.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

PROBABILITY_STEPS = 2**16  # dropout probabilities are rounded to multiples of 1/PROBABILITY_STEPS
# Without gradients, at most this number of attention scores exist at once (32 MB in float32), so that the memory of a
# prediction grows linearly with the length of an utterance.
MAX_SCORES = 2**23


def dropout(states: Tensor, probability: float) -> Tensor:
    """Set elements to zero with ``probability`` and scale up the others, as in training; any shape."""
    if probability <= 0:
        return states
    if states.device.type != "cpu":
        return F.dropout(states, probability, training=True)
    dropped = round(probability * PROBABILITY_STEPS)
    words = torch.empty(-(-states.numel() // 4), dtype=torch.int64).random_(-(2**63), None)
    drawn = words.view(torch.int16)[: states.numel()].view(states.shape)
    kept = torch.empty_like(states, requires_grad=False)
    torch.ge(drawn, dropped - PROBABILITY_STEPS // 2, out=kept)  # converting a mask of bool takes five times as long
    return states * kept.mul_(PROBABILITY_STEPS / (PROBABILITY_STEPS - dropped))


class FastDropout(nn.Dropout):
    """``nn.Dropout`` with masks drawn by ``dropout`` of this module."""

    def forward(self, states: Tensor) -> Tensor:
        """Drop elements of ``states`` in training; otherwise return ``states`` unchanged."""
        return dropout(states, self.p) if self.training else states


def replace_dropout(module: nn.Module) -> None:
    """Replace every ``nn.Dropout`` inside ``module``, in place. It has no weights, so checkpoints do not change."""
    for parent in list(module.modules()):
        for name, child in parent.named_children():
            if type(child) is nn.Dropout:
                setattr(parent, name, FastDropout(child.p))


def attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, rate: float = 0.0) -> Tensor:
    """Scaled dot-product attention in the form that is fastest on the device.

    Args:
        query: (batch, heads, frames, width).
        key: same shape as ``query``.
        value: same shape as ``query``.
        mask: true for frames that attention may use, bool (batch, frames); None: all frames.
        rate: dropout probability of the attention weights; zero outside training.

    Returns:
        (batch, heads, frames, width).
    """
    if query.device.type != "cpu":
        attn_mask = None if mask is None else mask[:, None, None]
        return F.scaled_dot_product_attention(query, key, value, attn_mask=attn_mask, dropout_p=rate)
    hidden = None
    if mask is not None:
        hidden = torch.zeros_like(mask, dtype=query.dtype).masked_fill(~mask, torch.finfo(query.dtype).min)
        hidden = hidden[:, None, None]
    return eager_attention(query, key, value, hidden, scale=query.size(-1) ** -0.5, rate=rate)


def eager_attention(
    query: Tensor, key: Tensor, value: Tensor, added: Tensor | None, *, scale: float, rate: float
) -> Tensor:
    """Attention with plain products: arguments as in ``attend``, except ``added``, which is added to the scores.

    The softmax is computed in float32, because this is twice as fast on a CPU as in bfloat16. Without gradients and
    dropout, the scores are computed for some utterances, or some frames of one utterance, at a time.

    Args:
        query: (batch, heads, frames, width).
        key: same shape as ``query``.
        value: same shape as ``query``.
        added: added to the scores, (batch or 1, heads or 1, frames or 1, frames); None: nothing.
        scale: factor of the scores.
        rate: dropout probability of the attention weights.

    Returns:
        (batch, heads, frames, width).
    """
    batch, heads, frames, _ = query.shape
    if torch.is_grad_enabled() or rate or batch * heads * frames * frames <= MAX_SCORES:
        return _attend_at_once(query, key, value, added, scale, rate)
    attended = torch.empty_like(query, dtype=value.dtype)
    utterances = max(1, MAX_SCORES // (heads * frames * frames))
    rows = frames if utterances > 1 else max(1, MAX_SCORES // (heads * frames))
    for first in range(0, batch, utterances):
        some = slice(first, first + utterances)
        for row in range(0, frames, rows):
            at = slice(row, row + rows)
            bias = None if added is None else _selected(_selected(added, 0, some), 2, at)
            attended[some, :, at] = _attend_at_once(query[some, :, at], key[some], value[some], bias, scale, rate)
    return attended


def _selected(added: Tensor, dim: int, chosen: slice) -> Tensor:
    """A part of a tensor along one dimension; a dimension of size one is broadcast, so all of it is kept."""
    if added.size(dim) == 1:
        return added
    return added.narrow(dim, chosen.start, min(chosen.stop, added.size(dim)) - chosen.start)


def _attend_at_once(
    query: Tensor, key: Tensor, value: Tensor, added: Tensor | None, scale: float, rate: float
) -> Tensor:
    scores = torch.matmul(query * scale, key.transpose(2, 3))
    if added is not None:
        scores = scores + added
    weights = F.softmax(scores, dim=-1, dtype=torch.float32).to(value.dtype)
    return torch.matmul(dropout(weights, rate), value)
