import json
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest
import torch
from fusion_data import AUDIO, TEXT, write_lengths, write_split

from valence_gap.definitions.models import Recipe
from valence_gap.definitions.text import Fusion
from valence_gap.definitions.values import DIMENSIONS
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.provenance import checksum
from valence_gap.scores.metrics import cccs
from valence_gap.text import fusion
from valence_gap.text.fusion import predict_fusion, train_fusion
from valence_gap.text.fusion_inputs import read_split
from valence_gap.training.batching import epoch_batches

FUSION = Fusion(recipe=Recipe(epochs=40, patience=5, learning_rate=3e-3, batch_size=32))


def fused(folder: Path, *, shuffled: bool) -> np.ndarray:
    """Test CCC of a fusion."""
    train, _ = write_split(folder, "train", 300, seed=0, shuffled=shuffled)
    dev, _ = write_split(folder, "dev", 100, seed=1, shuffled=shuffled)
    test, labels = write_split(folder, "test", 150, seed=2, conditions=2, shuffled=shuffled)
    train_fusion(FUSION, train, dev, folder / "model")
    predict_fusion(folder / "model", test, folder / "predictions.parquet", record=folder / "predictions.run.json")
    record = json.loads((folder / "predictions.run.json").read_text())
    read = {"model/config.json", "model/model.safetensors", *test.inputs("test")}
    assert set(record["inputs"]) == read
    assert (record["definition"]["conditions"], record["device"]) == (["clean"], "cpu")
    predictions = pd.read_parquet(folder / "predictions.parquet")
    assert list(predictions) == ["id", "condition", *DIMENSIONS]
    assert set(predictions["condition"]) == {"clean"}
    assert [str(each) for each in predictions.dtypes[2:]] == ["float32"] * 3
    assert list(predictions["id"]) == [f"test-{row:03d}" for row in range(150)]
    return cccs(labels.T, predictions[list(DIMENSIONS)].to_numpy().T)


def test_fusion_uses_the_text_and_the_audio(tmp_path: Path) -> None:
    with_text, without = fused(tmp_path / "a", shuffled=False), fused(tmp_path / "b", shuffled=True)
    assert (with_text > 0.8).all()
    assert (without[:2] > 0.6).all()
    assert abs(without[2]) < 0.3  # valence depends on the text


def test_the_same_definition_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    train, _ = write_split(tmp_path, "train", 64, seed=0)
    dev, _ = write_split(tmp_path, "dev", 32, seed=1)
    short = Recipe(epochs=2)
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        train_fusion(Fusion(recipe=short, seed=seed), train, dev, tmp_path / name)
    a, b, c = (checksum(tmp_path / name / "model.safetensors") for name in "abc")
    assert a == b != c
    log = pd.read_csv(tmp_path / "a" / "training.csv")
    assert list(log["epoch"]) == [1, 2]
    assert log["best"].sum() == 1


def test_training_stops_when_the_dev_ccc_has_stopped_rising(tmp_path: Path) -> None:
    train, _ = write_split(tmp_path, "train", 64, seed=0)
    dev, _ = write_split(tmp_path, "dev", 32, seed=1)
    recipe = Recipe(epochs=500, patience=3, learning_rate=0.05)
    train_fusion(Fusion(recipe=recipe), train, dev, tmp_path / "m")
    log = pd.read_csv(tmp_path / "m" / "training.csv")
    best = log.loc[log["best"], "epoch"].item()
    assert len(log) == best + 3 < 500
    assert log["dev_mean"].max() == log.loc[log["best"], "dev_mean"].item()


def test_vectors_are_the_unchanged_audio_followed_by_the_text(tmp_path: Path) -> None:
    split, _ = write_split(tmp_path, "train", 8, seed=0)
    read = read_split(split)
    index = list(pd.read_parquet(split.text.index)["id"])
    expected = np.load(split.text.array)[[index.index(each) for each in read.ids]]
    assert read.audio_hidden == AUDIO
    np.testing.assert_array_equal(read.vectors[:, AUDIO:].numpy(), expected)
    np.testing.assert_array_equal(read.vectors[:, :AUDIO].numpy(), np.load(split.audio.array).astype(np.float32))
    assert read.vectors.dtype == torch.float32


def test_utterances_without_text_are_named(tmp_path: Path) -> None:
    split, _ = write_split(tmp_path, "train", 8, seed=0)
    index = pd.read_parquet(split.text.index)
    gone = index["id"].iloc[3]
    index["id"] = index["id"].replace(gone, "other")
    index.to_parquet(split.text.index)
    with pytest.raises(UserError, match=gone):
        read_split(split)


def test_embeddings_of_another_model_are_refused(tmp_path: Path) -> None:
    train, _ = write_split(tmp_path, "train", 32, seed=0)
    train_fusion(Fusion(recipe=Recipe(epochs=1)), train, train, tmp_path / "m")
    np.save(train.text.array, np.zeros((32, TEXT + 1), dtype=np.float32))
    with pytest.raises(UserError, match="text_hidden: 6, trained on 5"):
        predict_fusion(tmp_path / "m", train, tmp_path / "p.parquet")
    np.save(train.text.array, np.zeros((31, TEXT), dtype=np.float32))
    with pytest.raises(UserError, match="do not match"):
        predict_fusion(tmp_path / "m", train, tmp_path / "p.parquet")
    with pytest.raises(UserError, match="no row of condition babble"):
        predict_fusion(tmp_path / "m", train, tmp_path / "p.parquet", condition="babble")


def test_missing_labels_are_named(tmp_path: Path) -> None:
    train, _ = write_split(tmp_path, "train", 32, seed=0)
    labels = pd.read_parquet(train.labels)
    labels.loc[4, "valence"] = np.nan
    labels.to_parquet(train.labels)
    with pytest.raises(UserError, match="train-004"):
        train_fusion(FUSION, train, train, tmp_path / "m")


def test_the_head_dropout_and_the_lengths_that_a_recipe_asks_for_must_be_given(tmp_path: Path) -> None:
    train, _ = write_split(tmp_path, "train", 32, seed=0)
    for recipe, message in (
        (Recipe(epochs=1, head_dropout=None), "no backbone is given"),
        (Recipe(epochs=1, batches="by-length"), "lengths of the utterances are not given"),
    ):
        with pytest.raises(UserError, match=message):
            train_fusion(Fusion(recipe=recipe), train, train, tmp_path / "m")
    lengths = write_lengths(tmp_path / "index.parquet", train)
    pd.read_parquet(lengths).query("id != 'train-004'").to_parquet(lengths)
    recipe = Recipe(epochs=1, batches="by-length")
    with pytest.raises(UserError, match="1 of 32 utterances are not in") as caught:
        train_fusion(Fusion(recipe=recipe), train, train, tmp_path / "m", lengths=lengths)
    assert caught.value.offenders == ("train-004",)


def test_a_fusion_shuffles_unless_it_sorts_by_the_lengths_of_the_audio(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train, _ = write_split(tmp_path, "train", 32, seed=0)
    lengths = write_lengths(tmp_path / "index.parquet", train)
    samples = pd.read_parquet(lengths).set_index("id")["samples"].sort_index().to_numpy()
    found: list[np.ndarray] = []

    def watched(sorted_by: np.ndarray, *arguments: Any, **named: Any) -> list[np.ndarray]:
        found.append(sorted_by)
        return epoch_batches(sorted_by, *arguments, **named)

    monkeypatch.setattr(fusion, "epoch_batches", watched)
    rules: tuple[Literal["by-length", "shuffled"] | None, ...] = (None, "shuffled", "by-length")
    for rule in rules:
        recipe = Recipe(epochs=1, batch_size=4, batches=rule)
        train_fusion(Fusion(recipe=recipe), train, train, tmp_path / str(rule), lengths=lengths)
    weights = [(tmp_path / str(rule) / "model.safetensors").read_bytes() for rule in rules]
    assert weights[0] == weights[1] != weights[2]
    assert [list(each) for each in found] == [[1] * 32, [1] * 32, list(samples)]
