"""``micro_batch_size: auto``: chosen by the memory of the GPU, recorded, and without effect on the loss."""

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file
from training_data import TrainingData, make, with_recipe

from valence_gap.definitions.models import Recipe
from valence_gap.definitions.values import to_json
from valence_gap.runtime import precision
from valence_gap.training import micro_batches, train
from valence_gap.training.card_memory import USABLE, TrainedSize, needed_bytes, part_that_fits

SMALL = TrainedSize(parameters=10**6, frozen=False, longest_s=10.0, layers=12, hidden=768, stem_channels=512)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> TrainingData:
    return make(tmp_path_factory.mktemp("data"))


@given(st.integers(2, 64), st.floats(1e9, 1e11), st.booleans())
def test_the_largest_of_the_halves_that_fits_is_chosen(batch_size: int, capacity: float, recomputed: bool) -> None:
    recipe = Recipe(batch_size=batch_size, activation_checkpointing=recomputed)
    part = part_that_fits(SMALL, recipe, capacity)
    halves = [batch_size >> shift for shift in range(batch_size.bit_length())]
    fitting = [half for half in halves if needed_bytes(SMALL, recipe, half) <= USABLE * capacity]
    assert part == max(fitting, default=1)


def test_more_memory_is_needed_for_more_and_longer_utterances_and_without_recomputation() -> None:
    recipe = Recipe()
    base = needed_bytes(SMALL, recipe, 8)
    assert needed_bytes(SMALL, recipe, 16) > base
    assert needed_bytes(replace(SMALL, longest_s=20.0), recipe, 8) > base
    assert needed_bytes(SMALL, Recipe(train_stem=True), 8) > base
    assert needed_bytes(SMALL, Recipe(activation_checkpointing=True), 8) < base
    assert needed_bytes(SMALL, Recipe(max_duration_s=5.0), 8) < base


@pytest.mark.parametrize(
    ("asked", "bf16", "more"), [("auto", True, 0), ("auto", False, 1), ("fp32", True, 1), ("bf16", False, 0)]
)
def test_float32_needs_more_memory(asked: str, bf16: bool, more: bool) -> None:
    found = needed_bytes(SMALL, Recipe(precision=asked), 8, bf16=bf16) - needed_bytes(SMALL, Recipe(), 8)
    assert found == more * 30 * 12 * 768 * 50 * 10 * 8


def in_memory_of(monkeypatch: pytest.MonkeyPatch, parts: int | None) -> None:
    """Make the CPU look like a GPU whose memory holds so many utterances of a batch; None: like a CPU."""
    monkeypatch.setattr(precision, "total_memory", lambda device: None if parts is None else 1e9)
    monkeypatch.setattr(micro_batches, "part_that_fits", lambda size, recipe, capacity, bf16: parts)


def test_auto_trains_as_the_chosen_number_does_and_is_recorded(
    data: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    in_memory_of(monkeypatch, 3)
    for setting in ("auto", 3):
        arguments = data.arguments(tmp_path) | {"output": tmp_path / str(setting)}
        train.train(with_recipe(micro_batch_size=setting, epochs=1), **arguments)
    weights = [load_file(tmp_path / each / "model.safetensors") for each in ("auto", "3")]
    assert all(weights[0][name].equal(weights[1][name]) for name in weights[1])
    assert json.loads((tmp_path / "auto/run.json").read_text())["utterances_at_once"] == 3
    assert "micro_batch_size: auto is 3 of 8 utterances" in capsys.readouterr().err


def test_auto_is_the_whole_batch_on_a_cpu(data: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for setting in ("auto", None):
        arguments = data.arguments(tmp_path) | {"output": tmp_path / str(setting)}
        train.train(with_recipe(micro_batch_size=setting, epochs=1), **arguments)
    logs = [pd.read_csv(tmp_path / each / "training.csv") for each in ("auto", "None")]
    pd.testing.assert_frame_equal(*logs)
    assert json.loads((tmp_path / "auto/run.json").read_text())["utterances_at_once"] == 8


def test_the_estimate_of_a_training_has_the_size_of_its_model(
    data: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[TrainedSize] = []
    monkeypatch.setattr(precision, "total_memory", lambda device: 1e9)
    monkeypatch.setattr(micro_batches, "part_that_fits", lambda size, recipe, capacity, bf16: seen.append(size) or 8)
    train.train(with_recipe(micro_batch_size="auto", epochs=1), **data.arguments(tmp_path))
    (size,) = seen
    assert (size.layers, size.hidden, size.stem_channels, size.cnn14) == (2, 16, 8, None)
    assert 0 < size.longest_s < 0.8  # 15 to 39 frames of 20 ms
    stored = load_file(tmp_path / "output/model.safetensors")
    assert size.parameters == sum(weight.numel() for weight in stored.values())


def test_the_default_is_written_as_before_the_choice_existed() -> None:
    """Snakemake compares this text, so finished trainings do not run again."""
    assert '"micro_batch_size":null' in to_json(Recipe()).replace(" ", "")
