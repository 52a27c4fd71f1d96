"""Prediction from wav files and a saved model to scores: this project, and transformers in two ways.

One by one is the loop of the authors' how-to. In padded batches, files are taken in their order, eight at a time, and
padding is masked. All sides load the model within the measured time.

In bf16, autocast rounds the stem's products too. This project computes the stem in float32 and rounds its output, so
one more side computes the stem in float32 with the model of transformers: that side has the same formats.
"""

import time
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from bench_setup import Setup, flop
from side_by_side import Check, Outcome
from transformers_model import DynamicPadding, EmotionModel, feature_extractor, read

from valence_gap import cli
from valence_gap.definitions.values import DIMENSIONS, SAMPLE_RATE_HZ
from valence_gap.prediction.recordings import predict_files  # noqa: F401  (imported before the time is measured)

LIMIT = 1e-4
EXACT_STEM = "one by one, stem in float32"
WHOLE_S = "60"  # no utterance is cut into parts, since the other sides do not cut any

Scores = npt.NDArray[np.float32]


def run(side: str, precision: str, setup: Setup) -> Outcome:
    """Predict all training utterances and return what it took."""
    torch.set_num_threads(setup.threads)
    started = time.perf_counter()
    _scores(side, precision, setup)
    seconds = time.perf_counter() - started
    return Outcome(seconds, float(setup.durations_s("train").sum()), flop(setup, "train", encoder=1, stem=1))


def check(setup: Setup) -> Check:
    """Compare the scores of all sides in float32."""
    torch.set_num_threads(setup.threads)
    ours = _scores("valence-gap", "fp32", setup)
    others = [_scores(side, "fp32", setup) for side in ("one by one", "padded batches")]
    return Check("b", "scores in float32", max(float(np.abs(ours - each).max()) for each in others), LIMIT)


def _scores(side: str, precision: str, setup: Setup) -> Scores:
    """The scores of the training utterances in their order, (utterances, 3)."""
    if side == "valence-gap":
        return _ours(precision, setup)
    model = EmotionModel.from_pretrained(setup.folder / "model", dtype=torch.float32).eval()
    if side == EXACT_STEM:
        _keep_stem_exact(model)
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bf16"):
        return _in_batches(model, setup) if side == "padded batches" else _one_by_one(model, setup)


def _keep_stem_exact(model: EmotionModel) -> None:
    """Compute the stem of a model in float32, also under autocast."""
    stem: Any = model.wav2vec2.feature_extractor
    forward = stem.forward

    def exact(values: torch.Tensor) -> torch.Tensor:
        with torch.autocast("cpu", enabled=False):
            features: torch.Tensor = forward(values.float())
        return features

    stem.forward = exact


def _ours(precision: str, setup: Setup) -> Scores:
    output = setup.scratch / "scores.csv"
    given = ["--model", str(setup.folder / "model"), "--output", str(output), "--precision", precision]
    given += ["--threads", str(setup.threads), "--chunk-s", WHOLE_S]
    if cli.main(["predict", str(setup.folder / "wav" / "train"), *given]):
        raise RuntimeError("valence-gap predict failed")
    table = pd.read_csv(output)
    return table[list(DIMENSIONS)].to_numpy(np.float32)


def _one_by_one(model: EmotionModel, setup: Setup) -> Scores:
    processor, found = feature_extractor(), []
    for path in setup.files("train"):
        values = processor(read(path), sampling_rate=SAMPLE_RATE_HZ)["input_values"][0]
        found.append(model(torch.from_numpy(np.asarray(values).reshape(1, -1)))["logits"])
    return torch.cat(found).float().numpy()


def _in_batches(model: EmotionModel, setup: Setup) -> Scores:
    padding, files, found = DynamicPadding(feature_extractor()), setup.files("train"), []
    for start in range(0, len(files), setup.batch_size):
        batch = padding.padded([read(path) for path in files[start : start + setup.batch_size]])
        found.append(model(**batch)["logits"])
    return torch.cat(found).float().numpy()
