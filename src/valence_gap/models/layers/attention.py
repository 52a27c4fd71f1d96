"""Attention and dropout in the form that is fastest on the device.

Measured on one CPU thread (hidden 160, 8 layers, batch 32 of 4 s, bfloat16): a training step with PyTorch's fused
attention takes 1.5 times as long as one with plain products, because of the backward pass. With plain products, a step
takes 1.25 times as long if dropout draws one random number per element. So on CPUs, attention uses plain products, and
dropout takes the random numbers of four elements from each random 64-bit word.

The attention weights of a batch are the largest tensors of a training: at base size, 8 utterances of 11 s have 29
million in each layer. So where they are many, none are kept for the backward pass. It computes them again.
"""

from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

PROBABILITY_STEPS = 2**16  # dropout probabilities are rounded to multiples of 1/PROBABILITY_STEPS
# Without gradients, at most this number of attention scores exist at once (32 MB in float32), so that the memory of a
# prediction grows linearly with the length of an utterance.
MAX_SCORES = 2**23
# With gradients, more attention scores than this are not kept but computed again in the backward pass, for some
# utterances at a time, whose scores fit in the caches. Training steps of 8 utterances of up to 11 s (base size) then
# need .6 of the memory and as much time; from 2**22 scores on they would take 1.04 times as long.
MAX_KEPT_SCORES = 2**24
PART_SCORES = 2**21


def dropout(states: Tensor, probability: float) -> Tensor:
    """Set elements to zero with ``probability`` and scale up the others, as in training; any shape."""
    if probability <= 0:
        return states
    if states.device.type != "cpu":
        return F.dropout(states, probability, training=True)
    return states * dropout_factors(states.shape, states.dtype, probability)


def dropout_factors(shape: torch.Size, dtype: torch.dtype, probability: float) -> Tensor:
    """Draw on the CPU what dropout multiplies elements with: 0, or more than 1; (shape)."""
    dropped, count = round(probability * PROBABILITY_STEPS), shape.numel()
    words = torch.empty(-(-count // 4), dtype=torch.int64).random_(-(2**63), None)
    drawn = words.view(torch.int16)[:count].view(shape)
    kept = torch.empty(shape, dtype=dtype)
    torch.ge(drawn, dropped - PROBABILITY_STEPS // 2, out=kept)  # converting a mask of bool takes five times as long
    return kept.mul_(PROBABILITY_STEPS / (PROBABILITY_STEPS - dropped))


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

    The softmax is computed in float32, because this is twice as fast on a CPU as in bfloat16. If there are many scores,
    they are computed for some utterances at a time; without gradients and dropout, also for some frames of one
    utterance. In training none of them are kept then, unless ``added`` is learnt.

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
    scores = batch * heads * frames * frames
    learnt = added is not None and added.requires_grad
    if torch.is_grad_enabled() and query.requires_grad and scores > MAX_KEPT_SCORES and not learnt:
        return cast(Tensor, cast(Any, _Recomputed).apply(query, key, value, added, scale, rate))
    if torch.is_grad_enabled() or rate or scores <= MAX_SCORES:
        return _attend_at_once(query, key, value, added, scale, rate)
    attended = torch.empty_like(query, dtype=value.dtype)
    utterances = max(1, MAX_SCORES // (heads * frames * frames))
    rows = frames if utterances > 1 else max(1, MAX_SCORES // (heads * frames))
    for first in range(0, batch, utterances):
        some = slice(first, first + utterances)
        for row in range(0, frames, rows):
            at = slice(row, row + rows)
            bias = _selected(_selected(added, 0, some), 2, at)
            attended[some, :, at] = _attend_at_once(query[some, :, at], key[some], value[some], bias, scale, rate)
    return attended


def _selected(added: Tensor | None, dim: int, chosen: slice) -> Tensor | None:
    """A part of a tensor along one dimension; a dimension of size one is broadcast, so all of it is kept."""
    if added is None or added.size(dim) == 1:
        return added
    return added.narrow(dim, chosen.start, min(chosen.stop, added.size(dim)) - chosen.start)


def _attend_at_once(
    query: Tensor, key: Tensor, value: Tensor, added: Tensor | None, scale: float, rate: float
) -> Tensor:
    weights = _weights(query * scale, key, added).to(value.dtype)
    return torch.matmul(dropout(weights, rate), value)


def _weights(scaled: Tensor, key: Tensor, added: Tensor | None) -> Tensor:
    """Attention weights from scaled queries, float32 (batch, heads, frames, frames)."""
    scores = torch.matmul(scaled, key.transpose(2, 3))
    if added is not None:
        scores = scores + added
    return F.softmax(scores, dim=-1, dtype=torch.float32)


class _Recomputed(torch.autograd.Function):
    """``_attend_at_once`` for some utterances at a time, which keeps no scores for the backward pass."""

    @staticmethod
    @torch.amp.custom_fwd(device_type="cpu")  # type: ignore[untyped-decorator]
    def forward(
        ctx: Any, query: Tensor, key: Tensor, value: Tensor, added: Tensor | None, scale: float, rate: float
    ) -> Tensor:
        ctx.save_for_backward(query, key, value, added)
        ctx.scale, ctx.rate = scale, rate
        ctx.random = torch.get_rng_state() if rate else None
        attended = torch.empty_like(query, dtype=value.dtype, memory_format=torch.contiguous_format)
        for some in _parts(query):
            bias = _selected(added, 0, some)
            attended[some] = _attend_at_once(query[some], key[some], value[some], bias, scale, rate)
        return attended

    @staticmethod
    @torch.amp.custom_bwd(device_type="cpu")  # type: ignore[untyped-decorator]
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        *operands, added = ctx.saved_tensors
        gradients = [torch.empty_like(each, memory_format=torch.contiguous_format) for each in operands]
        later = torch.get_rng_state()
        if ctx.random is not None:
            torch.set_rng_state(ctx.random)  # the same dropout again
        for some in _parts(operands[0]):
            query, key, value = (each[some] for each in operands)
            scaled = query * ctx.scale
            weights = _weights(scaled, key, _selected(added, 0, some))
            kept = dropout_factors(weights.shape, value.dtype, ctx.rate) if ctx.rate else None
            used = weights.to(value.dtype) if kept is None else weights.to(value.dtype) * kept
            gradients[2][some] = torch.matmul(used.transpose(2, 3), gradient[some])
            slope = torch.matmul(gradient[some], value.transpose(2, 3))
            if kept is not None:
                slope.mul_(kept)
            slope = torch._softmax_backward_data(slope.float(), weights, -1, torch.float32).to(query.dtype)
            gradients[0][some] = torch.matmul(slope, key) * ctx.scale
            gradients[1][some] = torch.matmul(slope.transpose(2, 3), scaled)
        torch.set_rng_state(later)
        return (*gradients, None, None, None)


def _parts(query: Tensor) -> list[slice]:
    """Parts of a batch: one utterance each, or several with at most ``PART_SCORES`` scores."""
    batch, heads, frames, _ = query.shape
    size = max(1, PART_SCORES // (heads * frames * frames))
    return [slice(first, first + size) for first in range(0, batch, size)]
