"""Strided convolution along time as plain matrix products, with channels last.

The layers of the stem normalise over channels, its kernels are short, and its inputs differ in length. With one row per
time step, a convolution of stride ``s`` is a sum of products: blocks of ``s`` rows times the first ``s`` taps, plus the
following blocks times the next ``s`` taps, and so on. This form does not unfold, copy or transpose anything. PyTorch's
convolution on a CPU spends most of its time on preparing a kernel for each input length; this form has no such step.
"""

from typing import Any, cast

import torch
from torch import Tensor


def convolve(states: Tensor, weight: Tensor, bias: Tensor | None, stride: int) -> Tensor:
    """Convolve rows of time, without padding.

    ``states`` may contain several utterances, one after the other, if each fills a multiple of ``stride`` rows. Then
    each utterance has its part of the output rows. The last few rows of each part are invalid, because their kernel
    extends beyond the end of the utterance.

    Args:
        states: (rows, channels); the number of rows is a multiple of ``stride``.
        weight: (channels out, channels, kernel), as in ``nn.Conv1d``, with the dtype of ``states``.
        bias: (channels out,) or None.
        stride: rows from one position of the kernel to the next.

    Returns:
        (rows / stride, channels out).
    """
    taps = weight.permute(2, 1, 0).reshape(-1, weight.shape[0])  # (kernel x channels, channels out)
    product = cast(Tensor, cast(Any, _Product).apply(states.reshape(-1, stride * states.shape[1]), taps))
    return product if bias is None else product + bias


class _Product(torch.autograd.Function):
    """Sum over ``q`` of: blocks (rows, width), shifted up by ``q`` rows, times the ``q``-th ``width`` rows of taps."""

    @staticmethod
    def forward(ctx: Any, blocks: Tensor, taps: Tensor) -> Tensor:
        ctx.save_for_backward(blocks, taps)
        first, *others = torch.split(taps, blocks.shape[1])
        product = blocks[:, : len(first)] @ first
        for moved, part in enumerate(others, 1):
            product[:-moved].addmm_(blocks[moved:, : len(part)], part)
        return product

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor]:
        (gradient,) = gradients
        blocks, taps = ctx.saved_tensors
        of_taps = torch.empty_like(taps)
        of_blocks = torch.zeros_like(blocks) if ctx.needs_input_grad[0] else None
        parts = [torch.split(each, blocks.shape[1]) for each in (taps, of_taps)]
        for moved, (part, of_part) in enumerate(zip(*parts, strict=True)):
            seen, share = blocks[moved:, : len(part)], gradient[: len(gradient) - moved]
            torch.mm(seen.T, share, out=of_part)
            if of_blocks is not None:
                of_blocks[moved:, : len(part)].addmm_(share, part.T)
        return of_blocks, of_taps
