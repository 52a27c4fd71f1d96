"""What the benchmark of a GPU works on: made-up speech with labels, encoders of random weights, and their operations.

Only packages that a training imports are used, so that it runs where nothing else is installed.
"""

import json
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from lengths import draw_seconds
from safetensors.torch import save_file

from valence_gap.audio.packs import write_pack
from valence_gap.definitions.models import Backbone, Recipe, Training
from valence_gap.definitions.values import DIMENSIONS, SAMPLE_RATE_HZ
from valence_gap.runtime import data_files
from valence_gap.training.learners import TrainingSplit

LEVEL = 2000  # standard deviation of the noise in steps of 16 bits
SPEAKERS = 4
TINY_PART = 8  # tiny utterances are shorter by this factor
COUNTS = {"train": 640, "dev": 16, "test": 800}  # utterances; 640 are 20 batches of 32 and 10 of 64
TINY_COUNTS = {"train": 24, "dev": 6, "test": 8}
BACKWARD = 3  # operations of a training step relative to those of its forward pass

_STEM = {"conv_kernel": [10, 3, 3, 3, 3, 2, 2], "conv_stride": [5, 2, 2, 2, 2, 2, 2]}
_LAYER_NORMS = {"feat_extract_norm": "layer", "conv_bias": True, "do_stable_layer_norm": True}
_SETTINGS = _STEM | {
    "model_type": "wav2vec2",
    "hidden_act": "gelu",
    "hidden_dropout": 0.1,
    "activation_dropout": 0.1,
    "attention_dropout": 0.1,
    "feat_proj_dropout": 0.1,
    "final_dropout": 0.1,
    "layerdrop": 0.1,
    "apply_spec_augment": True,
    "mask_time_prob": 0.05,
    "mask_time_length": 10,
    "mask_time_min_masks": 2,
    "conv_dim": [512] * 7,
    "num_conv_pos_embeddings": 128,
    "num_conv_pos_embedding_groups": 16,
}
_LARGE = {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096}
_BASE = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072}
_TINY = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "conv_dim": [16] * 7,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 2,
}
# The configurations of w2v2-L and w2v2-b, by the name of the section that trains them.
CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "large": _SETTINGS | _LARGE | _LAYER_NORMS,
    "base": _SETTINGS | _BASE | {"feat_extract_norm": "group", "conv_bias": False, "do_stable_layer_norm": False},
}
CONFIGURATIONS["random weights"] = CONFIGURATIONS["large"]


@dataclass(frozen=True)
class Material:
    """Speech and backbones in a folder, made when they are first needed.

    Attributes:
        folder: where they are written.
        tiny: few short utterances and small networks, with which times mean nothing.
        threads: CPU threads of the trainings.
    """

    folder: Path
    tiny: bool
    threads: int

    @cached_property
    def train(self) -> TrainingSplit:
        """The utterances that are trained on."""
        return self._split("train", 1)

    @cached_property
    def dev(self) -> TrainingSplit:
        """Few utterances, since no training here is evaluated."""
        return self._split("dev", 2)

    @cached_property
    def test(self) -> TrainingSplit:
        """The utterances that are predicted."""
        return self._split("test", 3)

    @property
    def utterances(self) -> Path:
        """Table of the training utterances."""
        return self.train.labels.parent / "utterances.parquet"

    def configuration(self, kind: str) -> dict[str, Any]:
        """The configuration of an encoder; see ``CONFIGURATIONS``."""
        return CONFIGURATIONS[kind] | (_TINY if self.tiny else {})

    def backbone(self, kind: str) -> Path | None:
        """Folder with the configuration of an encoder; None for CNN14."""
        if kind == "CNN14":
            return None
        folder = self.folder / kind.replace(" ", "-")
        folder.mkdir(exist_ok=True)
        (folder / "config.json").write_text(json.dumps(self.configuration(kind)))
        return folder

    def backbone_with_stem(self, kind: str, stem: torch.nn.Module) -> Path:
        """The same folder with the weights of the stem, the only ones that are read to compute stem features."""
        folder = self.backbone(kind)
        if folder is None:
            raise ValueError(f"{kind} has no stem")
        weights = {f"feature_extractor.{name}": each.cpu().contiguous() for name, each in stem.state_dict().items()}
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
        return folder

    def training(self, kind: str) -> Training:
        """The definition of a training as in the paper's study: large, base, random weights or CNN14."""
        recipe, backbone = Recipe(batch_size=4 if self.tiny else 32, threads=self.threads), Backbone(source="./made-up")
        if kind == "CNN14":
            backbone = Backbone(architecture="cnn14", **({"channels": (4, 8), "mel_bins": 16} if self.tiny else {}))
            sgd: dict[str, Any] = {"optimizer": "sgd", "learning_rate": 1e-2, "gradient_norm": None}
            recipe = replace(recipe, batch_size=2 * recipe.batch_size, head_dropout=0.0, **sgd)
        random = kind == "random weights"
        return Training(
            backbone=backbone,
            recipe=replace(recipe, train_stem=random),
            frozen=False,
            pretrained=not random,
            layers=None,
            fraction=1.0,
            seed=7,
        )

    def _split(self, name: str, seed: int) -> TrainingSplit:
        """Write noise, random stem features and random labels."""
        random, folder = np.random.default_rng(seed), self.folder / name
        count = (TINY_COUNTS if self.tiny else COUNTS)[name]
        seconds = draw_seconds(count, random) / (TINY_PART if self.tiny else 1)
        samples = (seconds * SAMPLE_RATE_HZ).astype(int)
        ids = [f"{name}-{number:05d}" for number in range(count)]
        noise = ((LEVEL * random.standard_normal(each, dtype=np.float32)).astype(np.int16) for each in samples)
        write_pack(folder / "audio", zip(ids, noise, strict=True), {})
        self._write_features(folder / "features", ids, samples, seed)
        labels = pd.DataFrame({"id": ids} | {each: random.random(count) for each in DIMENSIONS})
        data_files.write_parquet(folder / "labels.parquet", labels)
        speakers = pd.DataFrame({"id": ids, "speaker": [f"speaker {row % SPEAKERS}" for row in range(count)]})
        data_files.write_parquet(folder / "utterances.parquet", speakers)
        return TrainingSplit(folder / "labels.parquet", folder / "features", folder / "audio")

    def _write_features(self, folder: Path, ids: list[str], samples: npt.NDArray[np.int64], seed: int) -> None:
        frames = np.array([stem_frames(int(each)) for each in samples])
        shape = (int(frames.sum()), self.configuration("large")["conv_dim"][-1])
        drawn = torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(torch.bfloat16)
        data_files.write_array(folder / "features.npy", drawn.view(torch.uint16).numpy())
        index = pd.DataFrame({"id": ids, "offset": np.cumsum(frames) - frames, "frames": frames})
        data_files.write_parquet(folder / "index.parquet", index)


def stem_frames(samples: int) -> int:
    """Frames of an utterance after the stem."""
    for kernel, stride in zip(_STEM["conv_kernel"], _STEM["conv_stride"], strict=True):
        samples = (samples - kernel) // stride + 1
    return samples


def training_flop(material: Material, kind: str, durations_s: npt.NDArray[np.float64]) -> float:
    """Nominal operations of training on utterances once: no layer dropped, nothing computed twice, no padding.

    The preflight has the same formulas; its modules need more packages than a training.

    Args:
        material: the networks.
        kind: large, base, random weights or CNN14.
        durations_s: float64 (utterances,).
    """
    if kind == "CNN14":
        return BACKWARD * _cnn14_flop_per_s(material.training(kind).backbone) * float(durations_s.sum())
    config = material.configuration(kind)
    h, f, layers = config["hidden_size"], config["intermediate_size"], config["num_hidden_layers"]
    frames = durations_s * SAMPLE_RATE_HZ / np.prod(_STEM["conv_stride"])
    positions = 2 * h * h // config["num_conv_pos_embedding_groups"] * config["num_conv_pos_embeddings"]
    per_frame = layers * (8 * h * h + 4 * h * f + 4 * frames * h) + positions + 2 * h * config["conv_dim"][-1]
    stem = _stem_flop_per_s(config) if kind == "random weights" else 0.0
    return BACKWARD * float((per_frame * frames).sum() + stem * durations_s.sum())


def _stem_flop_per_s(config: dict[str, Any]) -> float:
    total, rate, before = 0.0, float(SAMPLE_RATE_HZ), 1
    for kernel, stride, channels in zip(config["conv_kernel"], config["conv_stride"], config["conv_dim"], strict=True):
        rate /= stride
        total += 2 * kernel * before * channels * rate
        before = channels
    return total


def _cnn14_flop_per_s(backbone: Backbone) -> float:
    total, cells, before = 0.0, backbone.mel_bins / backbone.hop_s, 1
    for channels in backbone.channels:
        total += 2 * 9 * (before * channels + channels * channels) * cells
        cells, before = cells / 4, channels
    return total
