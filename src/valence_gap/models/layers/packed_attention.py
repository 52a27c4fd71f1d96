"""Attention over packed frames: each sequence of a packed axis attends to itself.

On a GPU this is PyTorch's flash attention over cumulative lengths. Its public function ``varlen_attn`` has no dropout.
So this module calls the operator behind it, as PyTorch does for its jagged tensors.
"""

from functools import cache
from itertools import pairwise

import torch
from torch import Tensor

from valence_gap.models.layers.attention import attend
from valence_gap.runtime.precision import product_dtype
from valence_gap.runtime.progress import log_line

MIN_CAPABILITY = (8, 0)  # of the GPUs for which flash attention is compiled: Ampere and later
HEAD_WIDTHS = range(8, 129, 8)  # channels of a head with which all these GPUs compute it, and its gradient with dropout


def is_packed(device: torch.device, head_width: int) -> bool:
    """Whether an encoder packs its frames: on a GPU with flash attention, in bfloat16.

    Elsewhere, and where deterministic kernels are required, attention computes with padding and a mask.

    Args:
        device: device of the states.
        head_width: channels of an attention head.
    """
    if device.type != "cuda" or torch.are_deterministic_algorithms_enabled():
        return False
    return product_dtype(device) == torch.bfloat16 and _has_flash_attention(device, head_width)


@cache
def _has_flash_attention(device: torch.device, head_width: int) -> bool:
    """Whether a GPU computes flash attention over packed frames; the log says once why it does not."""
    capability = torch.cuda.get_device_capability(device)
    if torch.version.hip or not torch.backends.cuda.is_flash_attention_available():
        missing = "this build of PyTorch has no flash attention over packed frames"
    elif capability < MIN_CAPABILITY:
        missing = f"flash attention needs compute capability 8.0, and this GPU has {'.'.join(map(str, capability))}"
    elif head_width not in HEAD_WIDTHS:
        missing = f"flash attention needs heads of 8, 16, ... or 128 channels, and these have {head_width}"
    else:
        return True
    log_line(f"attention computes the padding of each batch too: {missing}")
    return False


def attend_packed(query: Tensor, key: Tensor, value: Tensor, starts: Tensor, longest: int, rate: float = 0.0) -> Tensor:
    """Scaled dot-product attention within each sequence of a packed axis.

    Args:
        query: (frames, heads, width).
        key: same shape as ``query``.
        value: same shape as ``query``.
        starts: first frame of each sequence, and the end of the last one, int32 (sequences + 1,).
        longest: no sequence has more frames.
        rate: dropout probability of the attention weights; zero outside training.

    Returns:
        (frames, heads, width).
    """
    if query.device.type == "cpu":
        spans = [(start, end) for start, end in pairwise(starts.tolist()) if end > start]
        return torch.cat([_attend_within(query[a:b], key[a:b], value[a:b], rate) for a, b in spans])
    flash = torch.ops.aten._flash_attention_forward
    attended: Tensor = flash(query, key, value, starts, starts, longest, longest, rate, False, False)[0]
    return attended


def _attend_within(query: Tensor, key: Tensor, value: Tensor, rate: float) -> Tensor:
    """Attention of one sequence; shapes as in ``attend_packed``."""
    query, key, value = (each.transpose(0, 1)[None] for each in (query, key, value))
    return attend(query, key, value, None, rate)[0].transpose(0, 1)
