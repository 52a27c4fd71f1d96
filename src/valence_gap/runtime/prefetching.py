"""Tensors that are loaded, and copied to a GPU, during the computation with those before them."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

import torch
from torch import Tensor

Key = TypeVar("Key")
Result = TypeVar("Result")
Tensors = tuple[Tensor, ...]

# One load that takes longer than others, as of long utterances, then does not hold up the computation.
AHEAD = 2


def loaded_ahead(load: Callable[[Key], Tensors], keys: Sequence[Key], place: torch.device) -> Iterator[Tensors]:
    """Load the tensors of each key, in order, and yield them on a device.

    For a GPU, a thread loads those of the next keys. They are copied from pinned memory on a CUDA stream of their own:
    the host does not wait for the copy, and the computation for nothing else. On a CPU, a second thread would only slow
    down the first: nothing is loaded ahead.

    Args:
        load: returns the tensors of a key, on the CPU. For a GPU it runs in another thread, in which autocast and
            inference mode are off.
        keys: what is loaded.
        place: device of the yielded tensors.
    """
    if place.type == "cpu" or not keys:
        yield from map(load, keys)
        return
    copies = _Copies(load, place)
    for started in computed_ahead(copies.start, keys):
        yield copies.receive(*started)


def computed_ahead(work: Callable[[Key], Result], keys: Sequence[Key]) -> Iterator[Result]:
    """Yield the result of ``work`` for each key, in order.

    A thread computes up to ``AHEAD`` results during the use of those before them.
    """
    with ThreadPoolExecutor(1) as thread:
        waiting = deque(thread.submit(work, key) for key in keys[:AHEAD])
        try:
            for key in keys[AHEAD:]:
                result = waiting.popleft().result()
                waiting.append(thread.submit(work, key))
                yield result
            while waiting:
                yield waiting.popleft().result()
        finally:
            for each in waiting:  # of a user that stops before the end
                each.cancel()


class _Copies(Generic[Key]):
    """Copies to a GPU on a CUDA stream of their own; another device has no streams, and its copies are plain ones.

    Args:
        load: see :func:`loaded_ahead`.
        place: the device.
    """

    def __init__(self, load: Callable[[Key], Tensors], place: torch.device) -> None:
        self._load, self._place = load, place
        self._stream = torch.cuda.Stream(place) if place.type == "cuda" else None  # type: ignore[no-untyped-call]
        if self._stream is not None:  # weights with which inputs are computed may still be on their way
            self._stream.wait_stream(torch.cuda.current_stream(place))

    def start(self, key: Key) -> tuple[Tensors, torch.cuda.Event | None]:
        """Load the tensors of a key and begin to copy them; return them with the event of their arrival."""
        if self._stream is None:
            return tuple(each.to(self._place) for each in self._load(key)), None
        with torch.cuda.stream(self._stream):
            tensors = tuple(each.pin_memory().to(self._place, non_blocking=True) for each in self._load(key))
        return tensors, self._stream.record_event()

    def receive(self, tensors: Tensors, arrived: torch.cuda.Event | None) -> Tensors:
        """Make the current stream wait for tensors, and their memory stay until that stream has used it."""
        if arrived is not None:
            current = torch.cuda.current_stream(self._place)
            current.wait_event(arrived)
            for tensor in tensors:
                tensor.record_stream(current)
        return tensors
