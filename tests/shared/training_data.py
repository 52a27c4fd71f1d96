"""A small corpus and backbone for the tests of training."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from transformers import HubertConfig, HubertModel

from valence_gap.audio.packs import write_pack
from valence_gap.definitions.models import Backbone, Recipe, Training
from valence_gap.definitions.values import DIMENSIONS
from valence_gap.runtime import data_files
from valence_gap.training.learners import TrainingSplit

CHANNELS = 8
STEPS = 6  # per epoch: 44 utterances in batches of 8
RECIPE = Recipe(learning_rate=3e-3, batch_size=8, epochs=3, precision="fp32")
TRAINING = Training(
    backbone=Backbone(), recipe=RECIPE, frozen=False, pretrained=True, layers=None, fraction=1.0, seed=1
)
CNN14 = Backbone(architecture="cnn14", channels=(4, 8), mel_bins=16)


@dataclass(frozen=True)
class TrainingData:
    backbone: Path
    train: TrainingSplit
    dev: TrainingSplit
    utterances: Path

    def arguments(self, tmp_path: Path) -> dict[str, Any]:
        return {
            "backbone": self.backbone,
            "train_split": self.train,
            "dev_split": self.dev,
            "train_utterances": self.utterances,
            "scratch": tmp_path / "scratch",
            "output": tmp_path / "output",
        }


def split(folder: Path, count: int, seed: int) -> TrainingSplit:
    """Write features whose means depend on the labels, and audio whose loudness depends on the first one."""
    random = np.random.default_rng(seed)
    ids = [f"{folder.name} {i}" for i in range(count)]
    labels = random.random((count, 3))
    frames = random.integers(15, 40, count)
    offsets = np.concatenate([[0], np.cumsum(frames)[:-1]])
    features = random.standard_normal((frames.sum(), CHANNELS)).astype(np.float32)
    features[:, :3] += 4 * np.repeat(labels, frames, axis=0)
    features = (features.view(np.uint32) & 0xFFFF0000).view(np.float32)  # float32 with the digits of bfloat16
    data_files.write_array(folder / "features" / "features.npy", features)
    data_files.write_parquet(
        folder / "features" / "index.parquet", pd.DataFrame({"id": ids, "offset": offsets, "frames": frames})
    )
    noise = [
        random.standard_normal(320 * length) * (300 + 3000 * label[0])
        for length, label in zip(frames, labels, strict=True)
    ]
    write_pack(folder / "audio", ((each, wave.astype(np.int16)) for each, wave in zip(ids, noise, strict=True)), {})
    data_files.write_parquet(
        folder / "labels.parquet", pd.DataFrame({"id": ids, **dict(zip(DIMENSIONS, labels.T, strict=True))})
    )
    data_files.write_parquet(
        folder / "utterances.parquet", pd.DataFrame({"id": ids, "speaker": [f"s{i % 4}" for i in range(count)]})
    )
    return TrainingSplit(folder / "labels.parquet", folder / "features", None)


def make(folder: Path) -> TrainingData:
    """Write a tiny backbone with every kind of randomness in training, and two splits."""
    torch.manual_seed(0)
    config = HubertConfig(
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        conv_dim=[CHANNELS] * 7,
        num_conv_pos_embeddings=8,
        num_conv_pos_embedding_groups=2,
        feat_extract_norm="layer",
        do_stable_layer_norm=True,
        layerdrop=0.1,
        mask_time_prob=0.2,
        mask_time_length=2,
    )
    HubertModel(config).save_pretrained(folder / "backbone")
    train, dev = split(folder / "train", 44, 1), split(folder / "dev", 20, 2)
    return TrainingData(folder / "backbone", train, dev, folder / "train" / "utterances.parquet")


def with_audio(data: TrainingData) -> TrainingData:
    """Return the same data with audio instead of features."""
    train, dev = (replace(each, features=None, audio=each.labels.parent / "audio") for each in (data.train, data.dev))
    return replace(data, train=train, dev=dev)


def with_recipe(**changes: Any) -> Training:
    return replace(TRAINING, recipe=replace(RECIPE, **changes))
