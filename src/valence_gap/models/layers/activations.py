"""Activation functions, by their names in Hugging Face configurations."""

from collections.abc import Callable
from functools import partial
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor


class _Gelu(torch.autograd.Function):
    """GELU with a derivative that is computed in float32.

    On a CPU, PyTorch's derivative in bfloat16 takes 1.5 times as long as this one, including the conversions.
    """

    @staticmethod
    def forward(ctx: Any, states: Tensor) -> Tensor:
        ctx.save_for_backward(states)
        return F.gelu(states)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (states,) = ctx.saved_tensors
        exact = torch.ops.aten.gelu_backward(gradients[0].float(), states.float())
        return cast(Tensor, exact.to(states.dtype))


def gelu(states: Tensor) -> Tensor:
    """Gaussian error linear unit, exact (not by tanh); any shape."""
    if states.device.type == "cpu" and states.dtype == torch.bfloat16 and states.requires_grad:
        return cast(Tensor, cast(Any, _Gelu).apply(states))
    return F.gelu(states)


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": gelu,
    "gelu_new": partial(F.gelu, approximate="tanh"),
    "gelu_pytorch_tanh": partial(F.gelu, approximate="tanh"),
    "relu": F.relu,
    "silu": F.silu,
    "swish": F.silu,
}
