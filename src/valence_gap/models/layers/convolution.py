"""Strided convolution along time as plain matrix products, with channels last.

The stem's layers normalise over channels, its kernels are short and its utterances all have lengths of their own. With
time in rows, a convolution of stride ``s`` is a product of blocks of ``s`` rows with the first ``s`` taps, plus one of
the blocks after them with the next taps: nothing is unfolded, copied or transposed, and no kernel is prepared for each
length anew, which is what PyTorch's own convolution spends most of its time on with CPUs.
"""

from typing import Any, cast

import torch
from torch import Tensor


def convolve(states: Tensor, weight: Tensor, bias: Tensor | None, stride: int) -> Tensor:
    """Convolve rows of time, without padding.

    Several utterances may follow each other in ``states``, each in a multiple of ``stride`` rows: then each one has
    its share of the rows that come out, of which the last few, whose kernel reaches over its end, are of no use.

    Args:
        states: (rows, channels), a multiple of ``stride`` rows.
        weight: (channels out, channels, kernel), as of ``nn.Conv1d``, of the same number format.
        bias: (channels out,) or None.
        stride: rows from one place of the kernel to the next.

    Returns:
        (rows / stride, channels out).
    """
    taps = weight.permute(2, 1, 0).reshape(-1, weight.shape[0])  # (kernel x channels, channels out)
    product = cast(Tensor, cast(Any, _Product).apply(states.reshape(-1, stride * states.shape[1]), taps))
    return product if bias is None else product + bias


class _Product(torch.autograd.Function):
    """The sum over ``q`` of blocks (rows, width) moved up by ``q`` times the ``q``-th ``width`` rows of the taps."""

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
