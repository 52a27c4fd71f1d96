import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from valence_gap.definitions.models import Recipe
from valence_gap.definitions.text import Fusion
from valence_gap.definitions.values import DIMENSIONS
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.provenance import checksum
from valence_gap.scores.metrics import cccs
from valence_gap.text.fusion import predict_fusion, train_fusion
from valence_gap.text.fusion_inputs import FusionSplit, StoredEmbeddings, read_split

FUSION = Fusion(recipe=Recipe(epochs=40, patience=5, learning_rate=3e-3, batch_size=32))
AUDIO, TEXT = 6, 5


def labels_of(audio: np.ndarray, text: np.ndarray) -> np.ndarray:
    """Arousal and dominance depend only on the audio, valence only on the text."""
    return np.stack([audio[:, 0], audio[:, 1], text[:, 2]], axis=1) * 0.15 + 0.5


def write_split(
    folder: Path, name: str, count: int, *, seed: int, shuffled: bool = False, conditions: int = 1
) -> tuple[FusionSplit, np.ndarray]:
    folder = folder / name
    folder.mkdir(parents=True)
    random = np.random.default_rng(seed)
    audio, text = random.normal(size=(count, AUDIO)), random.normal(size=(count, TEXT))
    labels = labels_of(audio, text)
    ids = [f"{name}-{row:03d}" for row in range(count)]
    names = ["clean", "noisy"][:conditions]
    np.save(folder / "audio.npy", np.concatenate([audio, *[audio * 0] * (conditions - 1)]).astype(np.float16))
    table = pd.DataFrame({"id": ids * conditions, "condition": np.repeat(names, count)})
    table.to_parquet(folder / "predictions.parquet")
    order = random.permutation(count)  # the text's rows are in another order
    np.save(folder / "text.npy", text[random.permutation(count) if shuffled else order].astype(np.float32))
    pd.DataFrame({"id": [ids[row] for row in order]}).to_parquet(folder / "text.parquet")
    pd.DataFrame(labels, columns=list(DIMENSIONS)).assign(id=ids).to_parquet(folder / "labels.parquet")
    split = FusionSplit(
        StoredEmbeddings(folder / "audio.npy", folder / "predictions.parquet"),
        StoredEmbeddings(folder / "text.npy", folder / "text.parquet"),
        folder / "labels.parquet",
    )
    return split, labels


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
