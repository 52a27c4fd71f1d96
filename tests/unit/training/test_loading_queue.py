"""Batches for a GPU are loaded on a stream of their own, with faked streams."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
import torch

from valence_gap.training import examples
from valence_gap.training.examples import Examples, PooledInputs, load_batches

PLAN = [np.array([0, 1]), np.array([2, 3]), np.array([1, 2])]


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
    training, active = Stream("training", found), ["training"]

    @contextmanager
    def stream(other: Stream) -> Iterator[None]:
        active.append(other.name)
        yield
        active.pop()

    def copied(self: torch.Tensor, device: torch.device, non_blocking: bool = False) -> torch.Tensor:
        found.append(f"copied on {active[-1]}{'' if non_blocking else ', and waited for'}")
        return self

    monkeypatch.setattr(torch.cuda, "Stream", lambda device: Stream("loading", found))
    monkeypatch.setattr(torch.cuda, "stream", stream)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: training)
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda self: found.append("pinned") or self)
    monkeypatch.setattr(torch.Tensor, "to", copied)
    monkeypatch.setattr(torch.Tensor, "record_stream", lambda self, used: found.append(f"kept for {used.name}"))
    return found


def examples_of() -> Examples:
    inputs = PooledInputs(list("abcd"), torch.arange(8.0).view(4, 2))
    return Examples(inputs, np.arange(12, dtype=np.float32).reshape(4, 3), np.ones(4))


def test_each_batch_is_loaded_on_its_own_stream_and_waited_for_alone(log: list[str]) -> None:
    assert len(list(load_batches(examples_of(), PLAN, part_size=1, device=torch.device("cuda")))) == 3
    assert log[0] == "loading waits for all of training"  # the weights of a stem
    tensors = 1 + 2  # targets, and the inputs of each part; the lengths stay on the CPU
    assert log.count("copied on loading") == 3 * tensors
    assert log.count("pinned") == 3 * tensors
    assert sum(line.startswith("copied") for line in log) == 3 * tensors  # none elsewhere, none waited for
    assert [line for line in log if line.startswith("training waits")] == [
        f"training waits for loading {number}" for number in (1, 2, 3)
    ]
    assert log.count("kept for training") == 3 * tensors


def test_the_batches_are_those_of_a_cpu(log: list[str]) -> None:
    on_gpu = list(load_batches(examples_of(), PLAN, part_size=None, device=torch.device("cuda")))
    on_cpu = list(load_batches(examples_of(), PLAN, part_size=None, device=torch.device("cpu")))
    for one, other in zip(on_gpu, on_cpu, strict=True):
        assert one.parts[0][0].equal(other.parts[0][0])
        assert one.parts[0][1].equal(other.parts[0][1])
        assert one.targets.equal(other.targets)


def test_without_cuda_there_is_no_stream() -> None:
    queue = examples._LoadingQueue(torch.device("meta"))
    batch = next(load_batches(examples_of(), PLAN, part_size=None, device=torch.device("meta")))
    assert batch.targets.device.type == "meta"
    assert queue.load(lambda rows: batch, PLAN[0]) == (batch, None)
    assert queue.receive(batch, None) is batch
