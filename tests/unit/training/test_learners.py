import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from training_data import CHANNELS, CNN14, TRAINING, TrainingData, make, with_audio, with_recipe

from valence_gap.definitions.models import Training
from valence_gap.runtime import data_files
from valence_gap.runtime.errors import UserError
from valence_gap.training import train


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> TrainingData:
    return make(tmp_path_factory.mktemp("data"))


def test_a_fraction_and_a_cut_shorten_the_training(data: TrainingData, tmp_path: Path) -> None:
    definition = replace(with_recipe(max_duration_s=0.4, epochs=1), fraction=0.5)
    train.train(definition, **data.arguments(tmp_path))
    record = json.loads((tmp_path / "output" / "run.json").read_text())
    frames = pd.read_parquet(data.train.features / "index.parquet")["frames"].clip(upper=20)
    assert 0.45 * frames.sum() < 50 * record["audio_s"] < 0.55 * frames.sum()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda table: table[3:], "train 0: no label"),
        (lambda table: table.assign(valence=table["valence"].where(table.index != 1)), "train 1: no label"),
        (lambda table: pd.concat([table, table[:1]]), "several rows"),
        (lambda table: table.assign(dominance=0.5), "dominance"),
    ],
)
def test_labels_that_do_not_fit_are_reported(
    data: TrainingData, tmp_path: Path, change: Callable[[pd.DataFrame], pd.DataFrame], complaint: str
) -> None:
    data_files.write_parquet(tmp_path / "labels.parquet", change(pd.read_parquet(data.train.labels)))
    given = data.arguments(tmp_path) | {"train_split": replace(data.train, labels=tmp_path / "labels.parquet")}
    with pytest.raises(UserError, match=complaint):
        train.train(TRAINING, **given)


def test_labels_without_audio_are_skipped_and_reported(
    data: TrainingData, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = pd.read_parquet(data.train.labels)
    more = pd.concat([table, table[:1].assign(id="without audio")])
    data_files.write_parquet(tmp_path / "labels.parquet", more)
    given = data.arguments(tmp_path) | {"train_split": replace(data.train, labels=tmp_path / "labels.parquet")}
    train.train(with_recipe(epochs=1), **given)
    assert "are skipped: without audio" in capsys.readouterr().err


def test_a_split_without_utterances_is_reported(data: TrainingData, tmp_path: Path) -> None:
    empty = pd.DataFrame({"id": pd.array([], dtype="str"), "offset": np.int64([]), "frames": np.int64([])})
    data_files.write_array(tmp_path / "dev" / "features.npy", np.zeros((0, CHANNELS), np.float32))
    data_files.write_parquet(tmp_path / "dev" / "index.parquet", empty)
    given = data.arguments(tmp_path) | {"dev_split": replace(data.dev, features=tmp_path / "dev")}
    with pytest.raises(UserError, match="there is no utterance"):
        train.train(TRAINING, **given)


@pytest.mark.parametrize(
    ("definition", "complaint"),
    [
        (with_recipe(batch_size=1), "has no CCC"),
        (replace(TRAINING, pretrained=False), "train_stem: false"),
        (with_recipe(train_stem=True), "there is no input"),
    ],
)
def test_invalid_definitions_are_reported(
    data: TrainingData, tmp_path: Path, definition: Training, complaint: str
) -> None:
    with pytest.raises(UserError, match=complaint):
        train.train(definition, **data.arguments(tmp_path))


@pytest.mark.parametrize(
    ("definition", "complaint"),
    [
        (replace(with_recipe(micro_batch_size=4), backbone=CNN14), "batch normalisation"),
        (replace(TRAINING, frozen=True, backbone=CNN14), "random convolutions"),
        (replace(with_recipe(activation_checkpointing=True), backbone=CNN14), "transformers alone"),
    ],
)
def test_settings_that_cnn14_does_not_support_are_reported(
    data: TrainingData, tmp_path: Path, definition: Training, complaint: str
) -> None:
    with pytest.raises(UserError, match=complaint):
        train.train(definition, **with_audio(data).arguments(tmp_path) | {"backbone": None})


def test_missing_files_are_reported(data: TrainingData, tmp_path: Path) -> None:
    given = data.arguments(tmp_path) | {"backbone": tmp_path, "train_utterances": tmp_path / "none.parquet"}
    with pytest.raises(
        UserError, match=r"none\.parquet(.|\n)*model\.safetensors|model\.safetensors(.|\n)*none\.parquet"
    ):
        train.train(TRAINING, **given)
