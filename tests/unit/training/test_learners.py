import json
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from training_data import CHANNELS, CNN14, RECIPE, STEPS, TRAINING, TrainingData, make, with_audio, with_recipe

from valence_gap.definitions.models import Training
from valence_gap.models import loading, wav2vec2
from valence_gap.runtime import data_files, precision
from valence_gap.runtime.errors import UserError
from valence_gap.training import train
from valence_gap.training.checkpoints import TrainingInterrupted
from valence_gap.training.examples import Batch
from valence_gap.training.learners import Forward, Learner, build_learner

CPU = torch.device("cpu")


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
        (replace(with_recipe(micro_batch_size="auto"), backbone=CNN14), "auto would change"),
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


def learner_of(definition: Training, data: TrainingData, monkeypatch: pytest.MonkeyPatch) -> Learner:
    monkeypatch.setattr(precision, "device", lambda: CPU)
    torch.manual_seed(0)
    model = loading.build(definition, data.backbone)
    return build_learner(definition, model, data.train, data.dev, data.utterances, CPU)


@pytest.mark.parametrize(
    ("frozen", "rule", "sorted_by_length"),
    [
        (False, None, True),
        (False, "by-length", True),
        (False, "shuffled", False),
        (True, None, False),
        (True, "by-length", True),
        (True, "shuffled", False),
    ],
)
def test_batches_are_formed_by_the_rule_of_the_recipe(
    data: TrainingData, monkeypatch: pytest.MonkeyPatch, frozen: bool, rule: str | None, sorted_by_length: bool
) -> None:
    learner = learner_of(replace(with_recipe(batches=rule), frozen=frozen), data, monkeypatch)
    frames = pd.read_parquet(data.train.features / "index.parquet")["frames"].to_numpy()
    expected = frames if sorted_by_length else np.ones_like(frames)
    assert np.array_equal(learner.lengths, expected)


def test_the_rule_is_applied_to_the_steps(data: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    backward = train.backward

    def watched(forward: Forward, batch: Batch, key: tuple[int, ...]) -> torch.Tensor:
        found.append(int(batch.parts[0][1].max() - batch.parts[0][1].min()))
        return backward(forward, batch, key)

    monkeypatch.setattr(train, "backward", watched)
    for rule in ("by-length", "shuffled"):
        definition = with_recipe(batches=rule, epochs=1, batch_size=4)
        train.train(definition, **data.arguments(tmp_path / rule))
    count = len(found) // 2
    assert np.mean(found[:count]) < 0.75 * np.mean(found[count:])  # spread of the lengths in a batch


def without_randomness(folder: Path, data: TrainingData) -> TrainingData:
    """The same data with a backbone whose training mode is its evaluation mode."""
    shutil.copytree(data.backbone, folder / "backbone")
    path = folder / "backbone" / "config.json"
    config = json.loads(path.read_text())
    nothing = dict.fromkeys(
        ("hidden_dropout", "attention_dropout", "activation_dropout", "feat_proj_dropout", "layerdrop"), 0.0
    )
    path.write_text(json.dumps(config | nothing | {"apply_spec_augment": False}))
    return replace(data, backbone=folder / "backbone")


def trained_head(
    definition: Training, data: TrainingData, folder: Path
) -> tuple[dict[str, torch.Tensor], pd.DataFrame]:
    train.train(definition, **data.arguments(folder))
    weights = load_file(folder / "output" / "model.safetensors")
    head = {name: weight for name, weight in weights.items() if name.startswith("classifier.")}
    return head, pd.read_csv(folder / "output" / "training.csv")


def frozen(mode: str, **recipe: object) -> Training:
    return replace(with_recipe(frozen_mode=mode, head_dropout=0.0, **recipe), frozen=True)


def test_without_randomness_the_mode_of_a_frozen_backbone_does_not_matter(data: TrainingData, tmp_path: Path) -> None:
    still = without_randomness(tmp_path, data)
    (one, log), (other, other_log) = (
        trained_head(frozen(mode), still, tmp_path / mode) for mode in ("evaluation", "training")
    )
    assert other_log["dev_mean"].to_numpy() == pytest.approx(log["dev_mean"].to_numpy(), abs=1e-4)
    for name, weight in one.items():
        assert torch.allclose(weight, other[name], atol=1e-4)


def test_in_training_mode_a_frozen_backbone_drops_and_masks_but_does_not_learn(
    data: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    masked = []
    mask_spans = wav2vec2.mask_spans

    def watched(*arguments: Any, **settings: Any) -> torch.Tensor:
        masked.append(None)
        return mask_spans(*arguments, **settings)

    monkeypatch.setattr(wav2vec2, "mask_spans", watched)
    evaluation, _ = trained_head(frozen("evaluation"), data, tmp_path / "evaluation")
    assert masked == []
    training, _ = trained_head(frozen("training"), data, tmp_path / "training")
    assert len(masked) == RECIPE.epochs * STEPS  # never on the development set
    assert not torch.allclose(evaluation["classifier.dense.weight"], training["classifier.dense.weight"], atol=1e-3)
    after = load_file(tmp_path / "training" / "output" / "model.safetensors")
    before = load_file(data.backbone / "model.safetensors")
    shared = [name for name in before if f"hubert.{name}" in after]
    assert any(name.startswith("encoder.layers.1.") for name in shared)
    assert all(torch.equal(after[f"hubert.{name}"], before[name]) for name in shared)


def test_a_head_on_a_backbone_in_training_mode_resumes_to_the_same_weights(
    data: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    definition = frozen("training", micro_batch_size=3)
    whole, _ = trained_head(definition, data, tmp_path / "whole")
    calls, backward = [], train.backward

    def stopping(*arguments: Any) -> torch.Tensor:
        calls.append(None)
        if len(calls) == STEPS + 3:
            signal.raise_signal(signal.SIGTERM)
        return backward(*arguments)

    monkeypatch.setattr(train, "backward", stopping)
    with pytest.raises(TrainingInterrupted):
        train.train(definition, **data.arguments(tmp_path / "parted"))
    monkeypatch.setattr(train, "backward", backward)
    resumed, _ = trained_head(definition, data, tmp_path / "parted")
    assert json.loads((tmp_path / "parted" / "output" / "run.json").read_text())["resumes"] == 1
    for name, weight in whole.items():
        assert torch.equal(weight, resumed[name])


def test_the_seed_of_the_fraction_is_that_of_the_training_or_its_own(
    data: TrainingData, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ids(seed: int, fraction_seed: int | None) -> list[str]:
        definition = replace(TRAINING, fraction=0.5, seed=seed, fraction_seed=fraction_seed)
        return learner_of(definition, data, monkeypatch).train.inputs.ids

    assert ids(1, None) != ids(2, None)
    assert ids(1, 7) == ids(2, 7)
    assert ids(1, 2) == ids(2, None)
