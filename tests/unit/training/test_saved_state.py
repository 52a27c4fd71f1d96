"""When the state of a training is saved, and which states are resumed."""

import json
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from training_data import STEPS, TRAINING, TrainingData, make, with_recipe

from valence_gap.definitions.values import to_json
from valence_gap.runtime import gpu_memory, precision
from valence_gap.training import checkpoints, log_lines, record, saved_state, train
from valence_gap.training.checkpoints import STATE, TrainerState, TrainingInterrupted
from valence_gap.training.saved_state import CHEAP_S, SAVE_EVERY_S, SavedState, state_keys

CPU, GPU = torch.device("cpu"), torch.device("cuda")


@pytest.fixture(autouse=True)
def on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the tests run must not matter."""
    monkeypatch.setattr(precision, "device", lambda: CPU)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> TrainingData:
    return make(tmp_path_factory.mktemp("data"))


def stopped_at(step: int, given: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Train until a signal comes during a step."""
    calls, backward = [], train.backward

    def stopping(*arguments: Any) -> torch.Tensor:
        calls.append(None)
        if len(calls) == step:
            os.kill(os.getpid(), signal.SIGTERM)
        return backward(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(train, "backward", stopping)
        with pytest.raises(TrainingInterrupted):
            train.train(TRAINING, **given)


def test_the_key_has_the_number_format_that_the_device_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """An A100 multiplies in bfloat16 with ``precision: auto``, a Turing GPU in float32."""
    training, found = with_recipe(precision="auto"), []
    for in_bf16 in (True, False):
        monkeypatch.setattr(precision, "multiplies_in_bf16", lambda on, in_bf16=in_bf16: in_bf16)
        (key,) = state_keys(training, {}, GPU)
        found.append(key)
        assert state_keys(training, {}, CPU)[0] == key
    assert found[0] != found[1]


def without_format(path: Path, key: str) -> None:
    """Rewrite a state as one whose key does not say the number format, and that has no device."""
    with safe_open(path, framework="pt") as stored:
        header = dict(stored.metadata())
        tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
    journal = json.loads(header["journal"])
    for name in ("waited_s", "devices"):
        del journal[name]
    save_file(tensors, path, metadata={"key": key, "journal": json.dumps(journal)})


@pytest.mark.parametrize("device", [CPU, GPU])
def test_a_state_whose_format_is_not_known_is_resumed_on_a_cpu_alone(
    data: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: torch.device
) -> None:
    given = data.arguments(tmp_path)
    seen: list[dict[str, str]] = []
    keys = saved_state.state_keys
    monkeypatch.setattr(train, "state_keys", lambda *each: seen.append(each[1]) or keys(each[0], each[1], device))
    stopped_at(9, given, monkeypatch)
    without_format(given["scratch"] / STATE, checkpoints.state_key(json.loads(to_json(TRAINING)), seen[0]))
    steps, backward = [], train.backward
    monkeypatch.setattr(train, "backward", lambda *each: steps.append(each[2]) or backward(*each))
    train.train(TRAINING, **given)
    assert len(steps) == (3 * STEPS - 9 if device == CPU else 3 * STEPS)


def test_a_resumed_training_records_its_devices(
    data: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = data.arguments(tmp_path)
    monkeypatch.setattr(precision, "name_of", lambda on: "A")
    stopped_at(2, given, monkeypatch)
    monkeypatch.setattr(precision, "name_of", lambda on: "B")
    train.train(TRAINING, **given)
    found = json.loads((given["output"] / "run.json").read_text())
    assert (found["devices"], found["resumes"]) == (["A", "B"], 1)


def test_a_change_of_the_device_is_logged_where_the_same_bits_are_asked_for() -> None:
    one, two = TrainerState(devices=["A", "A"]), TrainerState(devices=["A", "B"])
    asked, not_asked = (with_recipe(deterministic=each).recipe for each in (True, False))
    lines = [log_lines.describe_resumed(*each) for each in ((one, asked), (two, not_asked), (two, asked))]
    assert ["one kind of device" in line for line in lines] == [False, False, True]


class Clock:
    """A clock that the saving of a state moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, save_s: float) -> None:
        self.now = 1000.0
        self.saves = 0
        monkeypatch.setattr(saved_state, "time", SimpleNamespace(monotonic=lambda: self.now))

        def save(*_: object) -> None:
            self.saves += 1
            self.now += save_s

        monkeypatch.setattr(checkpoints, "save", save)


def test_a_state_that_takes_long_is_not_saved_at_the_end_of_each_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch, 2 * CHEAP_S)
    state = SavedState(Path(), lambda: ["key"])
    assert state.is_due()
    state.save(TrainerState(), torch.nn.Linear(1, 1), None, {})  # type: ignore[arg-type]
    assert not state.is_due()
    clock.now += SAVE_EVERY_S
    assert state.is_due()


@pytest.mark.parametrize(("save_s", "saves"), [(0.0, 5), (2 * CHEAP_S, 2)])
def test_epochs_end_with_a_saved_state_if_that_is_cheap_and_the_last_one_always_does(
    data: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, save_s: float, saves: int
) -> None:
    clock = Clock(monkeypatch, save_s)
    train.train(with_recipe(epochs=5), **data.arguments(tmp_path))
    assert clock.saves == saves


def test_checksums_are_waited_for_only_if_a_state_is_there_or_saved(
    data: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []
    state = SavedState(tmp_path / "scratch", lambda: asked.append(True) or ["key"])
    module = torch.nn.Linear(1, 1)
    optimizer = torch.optim.SGD(module.parameters(), 0.1)
    assert state.load(module, optimizer) == (TrainerState(), {})
    assert asked == []
    state.save(TrainerState(), module, optimizer, {})
    assert state.load(module, optimizer) == (TrainerState(resumes=1), {})
    assert asked == [True, True]


def test_the_time_of_a_training_contains_the_waiting_for_batches(
    data: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each batch is loaded in 10 s and computed in 3 s, by a clock that only they move."""
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(train, "time", SimpleNamespace(monotonic=lambda: clock.now))
    load, backward = train.load_batches, train.backward

    def slowly(*arguments: Any, **options: Any) -> Any:
        for batch in load(*arguments, **options):
            clock.now += 10
            yield batch

    def computed(*arguments: Any) -> torch.Tensor:
        clock.now += 3
        return backward(*arguments)

    monkeypatch.setattr(train, "load_batches", slowly)
    monkeypatch.setattr(train, "backward", computed)
    train.train(with_recipe(epochs=2), **data.arguments(tmp_path))
    found = json.loads((tmp_path / "output/run.json").read_text())
    assert (found["train_s"], found["waited_s"]) == (2 * STEPS * 13, 2 * STEPS * 10)
    assert found["audio_s_per_s"] == pytest.approx(found["audio_s"] / found["train_s"], abs=0.1)


@pytest.mark.parametrize("peak", [{}, {"allocated": 5, "reserved": 7}])
def test_the_memory_of_a_gpu_is_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, peak: dict[str, int]) -> None:
    monkeypatch.setattr(gpu_memory, "peak", lambda: peak)
    row = checkpoints.LogRow(
        epoch=1, step=1, epoch_end=True, loss=1.0, dev_arousal=0.1, dev_dominance=0.1, dev_valence=0.1, dev_mean=0.1
    )
    journal = replace(TrainerState(), rows=[row])
    record.write_log(tmp_path, TRAINING, journal, device=CPU, part_size=None, checksums={}, flop=0.0, started=0.0)
    assert json.loads((tmp_path / "run.json").read_text()).get("gpu_memory_bytes", {}) == peak


@pytest.mark.parametrize("device", [CPU, GPU])
def test_a_gpu_does_not_wait_for_the_checksums_of_the_inputs(
    data: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: torch.device
) -> None:
    done: list[str] = []

    def asked(files: dict[str, Path], *, in_background: bool) -> Callable[[], dict[str, str]]:
        done.append("thread" if in_background else "function")
        return lambda: done.append("sums") or {}

    def built(*_: object) -> None:
        raise InterruptedError

    monkeypatch.setattr(precision, "device", lambda: device)
    monkeypatch.setattr(train.provenance, "checksums", asked)
    monkeypatch.setattr(train.loading, "build", built)
    with pytest.raises(InterruptedError):
        train.train(TRAINING, **data.arguments(tmp_path))
    assert done == (["function", "sums"] if device == CPU else ["thread"])
