"""Tensors that are loaded, and copied to a GPU, during the computation with those before them."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch
from torch import Tensor

from valence_gap.runtime.transfers import sent

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
    stream = LoadingStream(place)

    def start(key: Key) -> tuple[Tensors, torch.cuda.Event | None]:
        return stream.run(lambda: tuple(sent(each, place) for each in load(key)))

    for tensors, ready in computed_ahead(start, keys):
        stream.receive(tensors, ready)
        yield tensors


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


class LoadingStream:
    """A CUDA stream for what is loaded, and copied or computed for that, beside the stream of the computation.

    A loading thread that waits for the GPU, as for stem features that are not stored, would on the stream of the
    computation wait for all that is queued there.

    Args:
        place: device of the results; without CUDA there are no streams, and nothing is done.
    """

    def __init__(self, place: torch.device) -> None:
        self._place = place
        self._stream = torch.cuda.Stream(place) if place.type == "cuda" else None  # type: ignore[no-untyped-call]
        if self._stream is not None:  # weights with which inputs are computed may still be on their way
            self._stream.wait_stream(torch.cuda.current_stream(place))

    def run(self, work: Callable[[], Result]) -> tuple[Result, torch.cuda.Event | None]:
        """Return the result of ``work``, and the event of its completion. In the loading thread."""
        if self._stream is None:
            return work(), None
        with torch.cuda.stream(self._stream):
            result = work()
        return result, self._stream.record_event()

    def receive(self, tensors: Iterable[Tensor], ready: torch.cuda.Event | None) -> None:
        """Make the current stream wait for tensors, and their memory stay until that stream has used it."""
        if ready is not None:
            current = torch.cuda.current_stream(self._place)
            current.wait_event(ready)
            for tensor in tensors:
                tensor.record_stream(current)
