"""The valid frames of padded spectrograms: batch normalisation over them alone, and zeros elsewhere."""

from collections.abc import Sequence
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from valence_gap.models.layers.masks import valid_mask
from valence_gap.runtime.transfers import sent


def valid_frames(lengths: Tensor, width: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return the mask of the valid frames, and their positions in the flattened mask.

    Both are computed on the CPU, since the host would wait for a GPU to count the positions.

    Args:
        lengths: number of valid frames of each row, int64 (batch,), on the CPU.
        width: frames of a row with padding.
        device: device of the results.

    Returns:
        Bool (batch, width), and int64 (valid frames,).
    """
    mask = valid_mask(lengths, width, lengths.device)
    return sent(mask, device), sent(mask.flatten().nonzero()[:, 0], device)


def normalised(norm: nn.BatchNorm2d, states: Tensor, rows: Tensor) -> Tensor:
    """Batch normalisation of (batch, channels, frames, bins) over the frames ``rows``; other frames are zero."""
    batch, channels, frames, bins = states.shape
    packed = gather(states.permute(0, 2, 3, 1).reshape(batch * frames, bins * channels), rows).view(-1, channels)
    kept = F.batch_norm(
        packed,
        norm.running_mean,
        norm.running_var,
        norm.weight,
        norm.bias,
        norm.training,
        cast(float, norm.momentum),
        norm.eps,
    )
    return scatter(kept.view(-1, bins * channels), rows, (batch, frames, bins, channels)).permute(0, 3, 1, 2)


def is_on_gpu(states: Tensor) -> bool:
    """Whether a tensor is on a GPU, where few shapes and plain copies are faster."""
    return states.device.type == "cuda"


def gather(states: Tensor, rows: Tensor) -> Tensor:
    """The ``rows`` of ``states``, each of them once: (batch x frames, ...) -> (valid frames, ...)."""
    if not is_on_gpu(states):
        return states.index_select(0, rows)
    return cast(Tensor, cast(Any, _Gather).apply(states, rows))


class _Gather(torch.autograd.Function):
    """``index_select`` whose gradient is copied.

    The gradient of ``index_select`` is added, because it may select a row twice. For as many rows as here, CUDA's
    kernel for that took a tenth of a training step. Here no row is selected twice.
    """

    @staticmethod
    def forward(ctx: Any, states: Tensor, rows: Tensor) -> Tensor:
        ctx.save_for_backward(rows)
        ctx.count = len(states)
        return states.index_select(0, rows)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (rows,) = ctx.saved_tensors
        gradient = gradients[0]
        return scatter(gradient, rows, (1, ctx.count, gradient.shape[1]))[0], None


def scatter(packed: Tensor, rows: Tensor, shape: Sequence[int]) -> Tensor:
    """Put rows back at their positions in (batch x frames, ...), zeros elsewhere: ``shape`` (batch, frames, ...)."""
    empty = packed.new_zeros(shape[0] * shape[1], packed.shape[1])
    return empty.index_copy_(0, rows, packed).view(*shape)
