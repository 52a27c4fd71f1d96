"""Grouped convolution along time for the positional embedding, in a form that is fast on the device.

PyTorch's convolution is slow if a group has few channels. On a CPU, the convolution of a base model, with 48 channels
in a group, runs at half the speed of large products, and its gradient at a third. On a GPU, cuDNN finds no kernel of
the tensor cores for them: a training step of wav2vec 2.0 base took 78 ms on an H200, and 61 ms with the form of this
module.

Here each block of frames is multiplied by a banded matrix, which contains the kernel at each position of the block. Up
to a third of this matrix is zeros, but the product runs at the full speed of the hardware.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

BLOCK = 16  # frames per matrix product; twice as many frames make the matrix about twice as large
# With more channels per group, a CPU needs fewer frames for a wide product, and most of its time for the large matrix.
WIDE, BLOCK_IF_WIDE = 16, 8
MIN_BF16_CHANNELS = 16  # with fewer channels per group, oneDNN can be wrong in bfloat16
MAX_BANDED_CHANNELS = 64  # with more channels per group, PyTorch's convolution is as fast on a CPU
MAX_BANDED_CHANNELS_ON_GPU = 64  # likewise on a GPU in bfloat16; in TF32 and float32 it is several times as slow


def convolve_groups(states: Tensor, weight: Tensor, bias: Tensor, groups: int) -> Tensor:
    """Convolve with zero padding at both ends, so that output and input have the same number of frames.

    Args:
        states: (batch, frames, channels).
        weight: (channels, channels / groups, kernel), as in ``nn.Conv1d``, with the dtype of ``states``.
        bias: (channels,).
        groups: number of groups of channels.

    Returns:
        (batch, frames, channels).
    """
    kernel = weight.shape[2]
    if is_banded(weight):
        return cast(Tensor, cast(Any, _Banded).apply(states, weight, groups)) + bias
    result = F.conv1d(states.transpose(1, 2), weight, bias, padding=kernel // 2, groups=groups)
    return result[:, :, : states.shape[1]].transpose(1, 2)


def keep_in_float32(model: nn.Module) -> None:
    """Make a model of transformers compute its narrow grouped convolutions in float32 on a CPU, under autocast too.

    On CPUs with AMX, oneDNN 3.12 (PyTorch 2.13) returns wrong numbers in bfloat16 if a group has 2 to 15 channels and
    channels times kernel are a multiple of 32 from 64 on: the positional convolutions of the miniature's backbones.
    """
    for module in model.modules():
        if isinstance(module, nn.Conv1d) and module.groups > 1 and 1 < _width(module) < MIN_BF16_CHANNELS:
            cast(Any, module).forward = partial(_in_float32, module.forward)


def _width(module: nn.Conv1d) -> int:
    return module.in_channels // module.groups


def _in_float32(forward: Callable[[Tensor], Tensor], states: Tensor) -> Tensor:
    if states.device.type != "cpu":
        return forward(states)
    with torch.autocast("cpu", enabled=False):
        return forward(states.float())


def is_banded(weight: Tensor) -> bool:
    """Whether the convolution is computed by banded products; never on a GPU with deterministic kernels.

    Args:
        weight: (channels, channels / groups, kernel), with the dtype of the products.
    """
    if weight.device.type == "cpu":
        return weight.shape[1] <= MAX_BANDED_CHANNELS
    fast = weight.dtype == torch.bfloat16 and weight.shape[1] < MAX_BANDED_CHANNELS_ON_GPU
    return fast and not torch.are_deterministic_algorithms_enabled()


def block_of(weight: Tensor) -> int:
    """Frames of a block; the argument is that of ``is_banded``."""
    return BLOCK_IF_WIDE if weight.device.type == "cpu" and weight.shape[1] >= WIDE else BLOCK


class _Banded(torch.autograd.Function):
    """The convolution without its bias."""

    @staticmethod
    def forward(ctx: Any, states: Tensor, weight: Tensor, groups: int) -> Tensor:
        batch, frames, _ = states.shape
        block = block_of(weight)
        blocks = -(-frames // block)
        windows = _windows(states, groups, weight.shape[2], block)
        band = _band(weight, groups, block)
        ctx.save_for_backward(windows, band)
        ctx.shapes = (states.shape, weight.shape, groups, block)
        product = torch.bmm(windows, band).view(groups, batch, blocks * block, -1)
        return product[:, :, :frames].permute(1, 2, 0, 3).reshape(states.shape)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        windows, band = ctx.saved_tensors
        (batch, frames, channels), of_weight, groups, block = ctx.shapes
        kernel = of_weight[2]
        blocks = -(-frames // block)
        padded = F.pad(gradients[0], (0, 0, 0, blocks * block - frames)).view(batch, -1, groups, channels // groups)
        gradient = padded.permute(2, 0, 1, 3).reshape(groups, batch * blocks, -1)
        weight = _unband(torch.bmm(windows.transpose(1, 2), gradient), of_weight, groups, block)
        if not ctx.needs_input_grad[0]:
            return None, weight, None
        spread = torch.bmm(gradient, band.transpose(1, 2)).view(groups, batch, blocks, -1)
        summed = _folded(spread, channels // groups, block)[:, :, kernel // 2 : kernel // 2 + frames]
        return summed.permute(1, 2, 0, 3).reshape(batch, frames, channels), weight, None


def _windows(states: Tensor, groups: int, kernel: int, block: int) -> Tensor:
    """The input of each block of frames: (groups, batch x blocks, (block + kernel - 1) x channels of a group)."""
    batch, frames, channels = states.shape
    width, seen, blocks = channels // groups, block + kernel - 1, -(-frames // block)
    behind = blocks * block + kernel - 1 - kernel // 2 - frames
    parted = states.view(batch, frames, groups, width).permute(2, 0, 1, 3)
    padded = F.pad(parted, (0, 0, kernel // 2, behind)).flatten(2)
    return padded.unfold(2, seen * width, block * width).reshape(groups, batch * blocks, seen * width)


def _diagonals(band: Tensor, kernel: int) -> Tensor:
    """A view of the kernel at each position of a block: (groups, kernel, in, block, out)."""
    groups, _, before, block, after = band.shape
    to_group, to_seen, to_before, to_place, to_after = band.stride()
    return band.as_strided(
        (groups, kernel, before, block, after), (to_group, to_seen, to_before, to_seen + to_place, to_after)
    )


def _band(weight: Tensor, groups: int, block: int) -> Tensor:
    """Build the banded matrix: (groups, input frames x channels in, block x channels out)."""
    channels, before, kernel = weight.shape
    band = weight.new_zeros(groups, block + kernel - 1, before, block, channels // groups)
    taps = weight.view(groups, channels // groups, before, kernel).permute(0, 3, 2, 1)
    _diagonals(band, kernel).copy_(taps.contiguous()[:, :, :, None])  # transposed once, not at each position
    return band.view(groups, band.shape[1] * before, -1)


def _unband(band: Tensor, shape: torch.Size, groups: int, block: int) -> Tensor:
    """Compute the gradient of the kernel, with ``shape``, from the gradient of the banded matrix."""
    channels, before, kernel = shape
    parted = band.view(groups, block + kernel - 1, before, block, channels // groups)
    return _diagonals(parted, kernel).sum(dim=3).permute(0, 3, 2, 1).reshape(shape)


def _folded(spread: Tensor, width: int, block: int) -> Tensor:
    """Sum overlapping blocks (groups, batch, blocks, input frames x width) to (groups, batch, frames, width)."""
    groups, batch, blocks, size = spread.shape
    step = block * width
    more = -(-size // step)
    summed = spread.new_zeros(groups, batch, blocks + more, step)
    for moved in range(more):
        part = spread[..., moved * step : (moved + 1) * step]
        summed[:, :, moved : moved + blocks, : part.shape[-1]] += part
    return summed.view(groups, batch, -1, width)
