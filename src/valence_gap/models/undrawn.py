"""Building a network whose weights are read afterwards, without drawing random ones first."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

_DRAWING = frozenset(
    (
        Tensor.normal_,
        Tensor.uniform_,
        nn.init.normal_,
        nn.init.uniform_,
        nn.init.kaiming_normal_,
        nn.init.kaiming_uniform_,
    )
)


class UndrawnMatrices(TorchFunctionMode):
    """Within this context, matrices and kernels are not drawn from a distribution: they keep what their memory holds.

    Drawing the 95 million weights of a base model takes a second, on one thread whatever the number of threads, and
    reading them a tenth of that. Vectors are drawn as ever: a vector may be missing where weights are read.
    """

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call a function of PyTorch, unless it draws a matrix."""
        given = kwargs or {}
        if function in _DRAWING:
            drawn = given["tensor"] if "tensor" in given else args[0]
            if drawn.ndim > 1:
                return drawn
        return function(*args, **given)
