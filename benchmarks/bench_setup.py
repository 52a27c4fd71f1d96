"""What the benchmarks work on: audio files with labels, noises and a backbone with random weights, made once."""

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import soundfile
from lengths import draw_seconds

from valence_gap.definitions.values import DIMENSIONS, SAMPLE_RATE_HZ

NOISE_TARGETS = {"natural": 10, "human": 20, "interior": 30}  # one class number of ESC-50 for each of its major classes
NOISE_RATE_HZ, NOISE_S = 44_100, 5
DROPOUT = ("hidden_dropout", "activation_dropout", "attention_dropout", "feat_proj_dropout", "final_dropout")

BASE = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072}
TINY = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "conv_dim": (16,) * 7,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 2,
}


@dataclass(frozen=True)
class Setup:
    """Where the material lies, and how it is processed.

    Attributes:
        folder: contains ``wav/train``, ``wav/dev``, their tables, ``noise``, ``backbone``, ``no-dropout``, ``model``;
            ``repeated.parquet`` has each training utterance ``repeats`` times.
        scratch: what runs write; emptied before each of them.
        utterances: number of training utterances.
        threads: CPU threads.
        batch_size: utterances in a batch.
        repeats: how often each file occurs in what is packed, so that a pack is not shorter than its fixed costs.
        tiny: a small model and short utterances.
        fixed_s: length of all utterances in seconds; None: those of MSP-Podcast.
    """

    folder: Path
    scratch: Path
    utterances: int
    threads: int
    batch_size: int
    repeats: int
    tiny: bool
    fixed_s: float | None = None

    def to_json(self) -> dict[str, Any]:
        """The setup as JSON values."""
        return asdict(self) | {"folder": str(self.folder), "scratch": str(self.scratch)}

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> "Setup":
        """The setup that ``to_json`` gave."""
        return cls(**found | {"folder": Path(found["folder"]), "scratch": Path(found["scratch"])})

    def files(self, split: str) -> list[Path]:
        """The audio files of a split, in the order of its tables."""
        return sorted((self.folder / "wav" / split).glob("*.wav"))

    def durations_s(self, split: str) -> npt.NDArray[np.float64]:
        """Duration of each utterance of a split, (utterances,)."""
        table = pd.read_parquet(self.folder / f"{split}.parquet", columns=["duration_s"])
        return table["duration_s"].to_numpy(np.float64)

    def labels(self, split: str) -> npt.NDArray[np.float32]:
        """Labels of a split, (utterances, 3)."""
        return pd.read_parquet(self.folder / f"{split}-labels.parquet")[list(DIMENSIONS)].to_numpy(np.float32)

    def configuration(self) -> dict[str, Any]:
        """The configuration of the backbone."""
        found: dict[str, Any] = json.loads((self.folder / "backbone" / "config.json").read_text())
        return found


def make(setup: Setup) -> None:
    """Make everything; the same setup gives the same files."""
    random = np.random.default_rng(0)
    for split, count in (("train", setup.utterances), ("dev", max(2, setup.utterances // 20))):
        _make_split(setup, split, count, random)
    make_noise(setup.folder / "noise", random)
    _make_models(setup)


def _make_split(setup: Setup, split: str, count: int, random: np.random.Generator) -> None:
    folder = setup.folder / "wav" / split
    folder.mkdir(parents=True)
    lengths = draw_seconds(count, random) if setup.fixed_s is None else np.full(count, setup.fixed_s)
    seconds = lengths / (8 if setup.tiny else 1)
    samples = (seconds * SAMPLE_RATE_HZ).astype(int)
    ids = [f"{split}-{number:05d}" for number in range(count)]
    for name, length in zip(ids, samples, strict=True):
        soundfile.write(folder / f"{name}.wav", waveform(length, random), SAMPLE_RATE_HZ, "PCM_16")
    table = pd.DataFrame({"id": ids, "file": [f"{name}.wav" for name in ids], "audio_root": 0})
    table["speaker"] = "speaker"
    table["duration_s"] = samples / SAMPLE_RATE_HZ
    table.to_parquet(setup.folder / f"{split}.parquet")
    if split == "train":
        again = [table.assign(id=table["id"] + f"-{number}") for number in range(setup.repeats)]
        pd.concat(again, ignore_index=True).to_parquet(setup.folder / "repeated.parquet")
    labels = pd.DataFrame({"id": ids} | {name: random.uniform(size=count) for name in DIMENSIONS})
    labels.to_parquet(setup.folder / f"{split}-labels.parquet")


def waveform(samples: int, random: np.random.Generator) -> npt.NDArray[np.float64]:
    """Noise whose level changes every 0.1 s, with a spectrum of its own, so that utterances differ for a model."""
    from scipy.signal import lfilter

    pole = random.uniform(-0.95, 0.95)
    coloured = lfilter([1 - abs(pole)], [1, -pole], random.standard_normal(samples))
    steps = SAMPLE_RATE_HZ // 10
    level = np.repeat(random.uniform(0.05, 0.2, samples // steps + 1), steps)[:samples]
    return np.asarray(level * coloured, dtype=np.float64)


def make_noise(folder: Path, random: np.random.Generator) -> None:
    """Write clips and their table as in ESC-50."""
    (folder / "audio").mkdir(parents=True)
    (folder / "meta").mkdir()
    rows = [(f"{major}-{number}.wav", target) for major, target in NOISE_TARGETS.items() for number in range(3)]
    for name, _ in rows:
        noise = 0.1 * random.standard_normal(NOISE_RATE_HZ * NOISE_S)
        soundfile.write(folder / "audio" / name, noise, NOISE_RATE_HZ, "PCM_16")
    pd.DataFrame(rows, columns=["filename", "target"]).to_csv(folder / "meta" / "esc50.csv", index=False)


def _make_models(setup: Setup) -> None:
    """Save a backbone, the same one without dropout, and a finished model on it.

    Its stem normalises each frame (layer norm), as that of the paper's best models, so that padding does not change
    what transformers computes. No layer is dropped, so that every step has the operations that are counted.
    """
    import torch
    from transformers import Wav2Vec2Config, Wav2Vec2Model

    from valence_gap.models.loading import build

    size = TINY if setup.tiny else BASE
    kept = {"feat_extract_norm": "layer", "conv_bias": True, "do_stable_layer_norm": True, "layerdrop": 0.0}
    torch.manual_seed(0)
    config = Wav2Vec2Config(**size, **kept)
    backbone = Wav2Vec2Model(config)
    backbone.save_pretrained(setup.folder / "backbone")
    for name in DROPOUT:
        setattr(config, name, 0.0)
    config.apply_spec_augment = False
    config.save_pretrained(setup.folder / "no-dropout")
    os.link(setup.folder / "backbone" / "model.safetensors", setup.folder / "no-dropout" / "model.safetensors")
    build(training(setup, "fp32"), setup.folder / "backbone").save(setup.folder / "model")


def training(setup: Setup, precision: Any, **recipe: Any) -> Any:
    """The definition of a training of one epoch in a number format."""
    from valence_gap.definitions.models import Backbone, Recipe, Training

    defaults = replace(Recipe(), epochs=1, batch_size=setup.batch_size, threads=setup.threads, precision=precision)
    return Training(
        backbone=Backbone(source="./backbone"),
        recipe=replace(defaults, **recipe),
        frozen=False,
        pretrained=True,
        layers=None,
        fraction=1.0,
        seed=0,
    )


def flop(setup: Setup, split: str, *, encoder: int, stem: int) -> float:
    """Operations of the valid frames of a split.

    Args:
        setup: the setup.
        split: the split.
        encoder: how often the transformer is computed: 1 forward, 3 with the backward pass.
        stem: how often the convolutional stem is computed.
    """
    from valence_gap.models.operations import encoder_flop_per_s, stem_flop_per_s
    from valence_gap.models.sizes import Size

    config = setup.configuration()
    channels = tuple(config.get("conv_dim", (512,) * 7))
    size = Size(config["num_hidden_layers"], config["hidden_size"], config["intermediate_size"], channels)
    per_s = [
        encoder * encoder_flop_per_s(size, each) + stem * stem_flop_per_s(size) for each in setup.durations_s(split)
    ]
    return float(np.dot(per_s, setup.durations_s(split)))
