"""Copies between the CPU and a GPU that the host does not wait for."""

import torch
from torch import Tensor


def sent(tensor: Tensor, to: torch.device) -> Tensor:
    """Copy a tensor to a device.

    A copy from the CPU to a GPU is queued on the current stream. It is made from pinned memory: from any other memory,
    the host would wait for everything that is queued on the stream. PyTorch keeps the pinned memory until it is made.

    Args:
        tensor: any tensor.
        to: the device; a tensor that is there already is returned as it is.
    """
    if to.type != "cuda" or tensor.device.type != "cpu":
        return tensor.to(to)
    return tensor.pin_memory().to(to, non_blocking=True)


class Fetched:
    """A scalar of the device, whose value is read later.

    On a GPU, its copy to the CPU is queued on the current stream. Reading waits for this copy only, not for what is
    queued after it.

    Args:
        scalar: a tensor with one element.
    """

    def __init__(self, scalar: Tensor) -> None:
        self._ready: torch.cuda.Event | None = None
        self._value = scalar.detach()
        if scalar.device.type == "cuda":
            self._value = torch.empty_like(scalar, device="cpu", pin_memory=True, requires_grad=False)
            self._value.copy_(scalar.detach(), non_blocking=True)
            self._ready = torch.cuda.Event()  # type: ignore[no-untyped-call]
            self._ready.record()

    def item(self) -> float:
        """The value."""
        if self._ready is not None:
            self._ready.synchronize()
        return float(self._value.item())
