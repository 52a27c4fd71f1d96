"""What a GPU computes with is loaded ahead by a thread, on a stream of its own; with faked streams."""

import threading

import pytest
import torch
from fake_streams import fake_streams

from valence_gap.runtime.prefetching import loaded_ahead

GPU = torch.device("cuda")
PLACES = [torch.device("cpu"), torch.device("meta"), GPU]


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What happens on a GPU whose tensors stay on the CPU."""
    return fake_streams(monkeypatch)


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
