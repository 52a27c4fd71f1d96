"""What a GPU computes with is loaded ahead by a thread, on a stream of its own; with faked streams."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch

from valence_gap.runtime.prefetching import loaded_ahead

GPU = torch.device("cuda")
PLACES = [torch.device("cpu"), torch.device("meta"), GPU]


class Stream:
    """A stream that notes what is asked of it."""

    def __init__(self, name: str, log: list[str]) -> None:
        self.name, self.log, self.events = name, log, 0

    def wait_stream(self, other: "Stream") -> None:
        self.log.append(f"{self.name} waits for all of {other.name}")

    def record_event(self) -> str:
        self.events += 1
        return f"{self.name} {self.events}"

    def wait_event(self, event: str) -> None:
        self.log.append(f"{self.name} waits for {event}")


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What happens on a GPU whose tensors stay on the CPU."""
    found: list[str] = []
    computing, active = Stream("computing", found), ["computing"]
    moved = torch.Tensor.to

    @contextmanager
    def stream(other: Stream) -> Iterator[None]:
        active.append(other.name)
        yield
        active.pop()

    def to(tensor: torch.Tensor, place: torch.device, non_blocking: bool = False) -> torch.Tensor:
        if place.type != "cuda":
            return moved(tensor, place)
        found.append(f"copied on {active[-1]}{', waiting' if not non_blocking else ''}")
        return tensor

    monkeypatch.setattr(torch.cuda, "Stream", lambda place: Stream("loading", found))
    monkeypatch.setattr(torch.cuda, "stream", stream)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda place: computing)
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda self: found.append("pinned") or self)
    monkeypatch.setattr(torch.Tensor, "to", to)
    monkeypatch.setattr(torch.Tensor, "record_stream", lambda self, used: found.append(f"kept for {used.name}"))
    return found


def load(key: int) -> tuple[torch.Tensor, ...]:
    return torch.full((2,), float(key)), torch.tensor(key)


def test_tensors_for_a_gpu_are_copied_on_their_own_stream_and_waited_for_alone(log: list[str]) -> None:
    assert len(list(loaded_ahead(load, range(3), GPU))) == 3
    assert log[0] == "loading waits for all of computing"
    assert log.count("pinned") == log.count("copied on loading") == log.count("kept for computing") == 3 * 2
    assert not [line for line in log if "copied" in line and line != "copied on loading"]
    expected = [f"computing waits for loading {number}" for number in (1, 2, 3)]
    assert [line for line in log if line.startswith("computing waits")] == expected


@pytest.mark.parametrize("place", PLACES, ids=str)
@pytest.mark.parametrize("count", [0, 1, 4])
def test_everything_is_yielded_in_order_on_the_device(log: list[str], place: torch.device, count: int) -> None:
    found = list(loaded_ahead(load, range(count), place))
    assert len(found) == count
    for key, tensors in enumerate(found):
        if place.type == "meta":
            assert {each.device.type for each in tensors} == {"meta"}
        else:
            assert all(one.equal(other) for one, other in zip(tensors, load(key), strict=True))


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_a_gpu_finds_the_next_tensors_loaded_and_a_cpu_loads_them_itself(log: list[str], place: torch.device) -> None:
    begun = [threading.Event() for _ in range(3)]
    threads = []

    def noted(key: int) -> tuple[torch.Tensor, ...]:
        threads.append(threading.get_ident())
        begun[key].set()
        return load(key)

    for key, _ in enumerate(loaded_ahead(noted, range(3), place)):
        if place.type == "cpu":
            assert [each.is_set() for each in begun] == [number <= key for number in range(3)]
        elif key < 2:
            assert begun[key + 1].wait(60)  # while those of this key are in use
    assert (set(threads) == {threading.get_ident()}) == (place.type == "cpu")


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_an_error_of_the_loader_reaches_the_caller(log: list[str], place: torch.device) -> None:
    def broken(key: int) -> tuple[torch.Tensor, ...]:
        if key == 2:
            raise OSError("the disk is gone")
        return load(key)

    found = []
    with pytest.raises(OSError, match="the disk is gone"):
        found.extend(loaded_ahead(broken, range(4), place))
    assert len(found) <= 2
