"""Strided convolution along time as plain matrix products, with channels last.

The layers of the stem normalise over channels, its kernels are short, and its inputs differ in length. With one row per
time step, a convolution of stride ``s`` is a sum of products: blocks of ``s`` rows times the first ``s`` taps, plus the
following blocks times the next ``s`` taps, and so on. This form does not unfold, copy or transpose anything. PyTorch's
convolution on a CPU spends most of its time on preparing a kernel for each input length; this form has no such step.

The blocks of the first layer have 5 columns, which a GPU multiplies slowly. There, each position of the kernel is a row
of its own, with columns of zeros up to a multiple of 16.
"""

from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor

ALIGNED = 8  # columns: 16 bytes of bfloat16, which the fast kernels of a GPU read at once
COLUMNS = 16
# The gradient of the first layer's weights sums over half a million rows, and has few elements to divide among the
# units of a GPU. With 16 columns and 64 chunks, an H200 took 0.51 ms for product and gradient instead of 2.07 ms.
CHUNKS = 64


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
    if needs_windows(states, stride):
        product = _windows_product(states, taps, stride)
    else:
        product = cast(Tensor, cast(Any, _Product).apply(states.reshape(-1, stride * states.shape[1]), taps))
    return product if bias is None else product + bias


def needs_windows(states: Tensor, stride: int) -> bool:
    """Whether blocks of ``stride`` rows are so narrow that a GPU multiplies windows of the whole kernel faster."""
    return states.device.type != "cpu" and stride * states.shape[1] % ALIGNED != 0


def _windows_product(states: Tensor, taps: Tensor, stride: int) -> Tensor:
    """Product of windows and taps: (rows / stride, channels out); beyond the last row, windows contain zeros."""
    width, step = len(taps), stride * states.shape[1]
    more = -width % COLUMNS
    windows = F.pad(states.reshape(-1), (0, max(0, width - step))).unfold(0, width, step)
    padded = F.pad(windows, (0, more)), F.pad(taps, (0, 0, 0, more))
    return cast(Tensor, cast(Any, _TallProduct).apply(*padded))


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


class _TallProduct(torch.autograd.Function):
    """Product of many rows with few columns, and taps; the gradient of the taps is summed over chunks of rows."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, taps: Tensor) -> Tensor:
        ctx.save_for_backward(rows, taps)
        return rows @ taps

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor]:
        (gradient,) = gradients
        rows, taps = ctx.saved_tensors
        size = len(rows) // CHUNKS
        end = size * CHUNKS
        left, right = (each[:end].reshape(CHUNKS, size, each.shape[1]) for each in (rows, gradient))
        of_taps = torch.bmm(left.transpose(1, 2), right).sum(
            dim=0, dtype=torch.promote_types(rows.dtype, torch.float32)
        )
        of_taps = (of_taps + rows[end:].T @ gradient[end:]).to(taps.dtype)
        return gradient @ taps.T if ctx.needs_input_grad[0] else None, of_taps
