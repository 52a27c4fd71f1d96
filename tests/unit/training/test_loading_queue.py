"""Batches for a GPU are loaded on a stream of their own, with faked streams."""

import numpy as np
import pytest
import torch
from fake_streams import fake_streams

from valence_gap.runtime.prefetching import LoadingStream
from valence_gap.training.examples import Examples, PooledInputs, load_batches

PLAN = [np.array([0, 1]), np.array([2, 3]), np.array([1, 2])]


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What happens on a GPU whose tensors stay on the CPU."""
    return fake_streams(monkeypatch)


def examples_of() -> Examples:
    inputs = PooledInputs(list("abcd"), torch.arange(8.0).view(4, 2))
    return Examples(inputs, np.arange(12, dtype=np.float32).reshape(4, 3), np.ones(4))


def test_each_batch_is_loaded_on_its_own_stream_and_waited_for_alone(log: list[str]) -> None:
    assert len(list(load_batches(examples_of(), PLAN, part_size=1, device=torch.device("cuda")))) == 3
    assert log[0] == "loading waits for all of computing"  # the weights of a stem
    tensors = 1 + 2  # targets, and the inputs of each part; the lengths stay on the CPU
    assert log.count("copied on loading") == 3 * tensors
    assert log.count("pinned") == 3 * tensors
    assert sum(line.startswith("copied") for line in log) == 3 * tensors  # none elsewhere, none waited for
    assert [line for line in log if line.startswith("computing waits")] == [
        f"computing waits for loading {number}" for number in (1, 2, 3)
    ]
    assert log.count("kept for computing") == 3 * tensors


def test_the_batches_are_those_of_a_cpu(log: list[str]) -> None:
    on_gpu = list(load_batches(examples_of(), PLAN, part_size=None, device=torch.device("cuda")))
    on_cpu = list(load_batches(examples_of(), PLAN, part_size=None, device=torch.device("cpu")))
    for one, other in zip(on_gpu, on_cpu, strict=True):
        assert one.parts[0][0].equal(other.parts[0][0])
        assert one.parts[0][1].equal(other.parts[0][1])
        assert one.targets.equal(other.targets)


def test_without_cuda_there_is_no_stream() -> None:
    stream = LoadingStream(torch.device("meta"))
    batch = next(load_batches(examples_of(), PLAN, part_size=None, device=torch.device("meta")))
    assert batch.targets.device.type == "meta"
    assert stream.run(lambda: batch) == (batch, None)
    stream.receive([batch.targets], None)
