"""Predictions of a finished model, and pooled states from the same forward pass."""

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from valence_gap.audio import packs
from valence_gap.definitions.evaluation import CLEAN
from valence_gap.definitions.values import DIMENSIONS, SAMPLE_RATE_HZ
from valence_gap.models.loading import SpeechModel, load
from valence_gap.prediction.inputs import FEATURES, Inputs, open_inputs, pad
from valence_gap.runtime import data_files, files, provenance
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.precision import Precision, autocast, deterministic_kernels, device, products_of, resolve
from valence_gap.runtime.progress import log_line, progress
from valence_gap.weights.model_types import CONFIG, WEIGHTS

SECONDS_PER_BATCH = 64.0
STEM_FRAMES_PER_S = 50  # every backbone of the paper has one frame per 20 ms

Floats = npt.NDArray[np.float32]


def predict(
    model: SpeechModel,
    inputs: Inputs,
    *,
    precision: Precision = "auto",
    seconds_per_batch: float = SECONDS_PER_BATCH,
    keep_pooled: bool = True,
    what: str = "predictions",
) -> tuple[Floats, Floats]:
    """Predict every utterance.

    Each batch contains utterances of similar length, so that there is little padding. The other utterances of a batch
    change a prediction only by the rounding of the products.

    Args:
        model: set to evaluation mode for the predictions; its mode is restored afterwards.
        inputs: inputs of the model.
        precision: number format of the products.
        seconds_per_batch: audio in a batch, including padding; a longer utterance has a batch of its own.
        keep_pooled: keep the pooled states; otherwise they need no memory beyond their batch.
        what: name of the work in the progress lines; '': there are none.

    Returns:
        Predictions, float32 (utterances, 3), and pooled states, float32 (utterances, hidden), in the order of
        ``inputs``; (utterances, 0) if they are not kept.
    """
    predictions = np.zeros((len(inputs), len(DIMENSIONS)), dtype=np.float32)
    pooled = np.zeros((len(inputs), 0), dtype=np.float32)
    was_training = model.training
    model.eval()
    try:
        budget = seconds_per_batch * lengths_per_s(model)
        lengths = np.maximum(inputs.lengths, model.min_length)
        all_rows = list(batches(lengths, budget))
        for rows in progress(all_rows, what, unit="batches") if what else all_rows:
            predictions[rows], states = _batch(model, inputs, rows, precision)
            if keep_pooled:
                if not pooled.shape[1]:
                    pooled = np.zeros((len(inputs), states.shape[1]), dtype=np.float32)
                pooled[rows] = states
    finally:
        model.train(was_training)
    return predictions, pooled


def batches(lengths: npt.NDArray[np.int64], budget: float) -> Iterator[npt.NDArray[np.int64]]:
    """Yield batches of rows, sorted by length, longest first: if memory is too small, the first batch fails.

    Args:
        lengths: int64 (utterances,).
        budget: maximum of a batch's longest length times its number of rows; a batch of one row may exceed it.
    """
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        longest = max(1, int(lengths[order[start]]))
        count = max(1, int(budget // longest))
        yield order[start : start + count]
        start += count


def lengths_per_s(model: SpeechModel) -> float:
    """Frames or samples of an input per second."""
    if model.front_end is not None:
        return model.front_end.rate_hz
    rates = {"stem": STEM_FRAMES_PER_S, "waveform": SAMPLE_RATE_HZ, "log-mel": 1 / model.backbone_definition.hop_s}
    return rates[model.input_kind]


@torch.inference_mode()
def _batch(
    model: SpeechModel, inputs: Inputs, rows: npt.NDArray[np.int64], requested: Precision
) -> tuple[Floats, Floats]:
    place = next(model.parameters()).device
    padded, lengths = pad([inputs[int(row)] for row in rows])
    with autocast(resolve(requested, place), place):
        output = model(padded.to(place).float(), lengths)
    return output.predictions.float().cpu().numpy(), output.pooled.float().cpu().numpy()


def predict_conditions(
    model: Path,
    conditions: Mapping[str, Path | None],
    predictions: Path,
    *,
    embeddings: Path | None = None,
    features: Path | None = None,
    deterministic: bool = False,
    record: Path | None = None,
) -> None:
    """Predict a set of conditions of a corpus in one job.

    Args:
        model: folder of the finished model.
        conditions: pack of the audio of each condition by its name, in the order of the rows; None for ``clean`` if the
            model needs only the features.
        predictions: Parquet file to write, with the columns id, condition, arousal, dominance, valence.
        embeddings: ``.npy`` file to write, with the pooled states: float16 (rows of the predictions, hidden), or
            float32 if the model has ``precision: fp32`` or the values do not fit in float16. None: they are neither
            kept nor stored.
        features: stored stem features of the clean audio, from the model's backbone.
        deterministic: use deterministic kernels on a GPU too; they give the same bits every time.
        record: JSON file to write; None: no file. See :func:`valence_gap.runtime.provenance.run_record`.

    Raises:
        UserError: the model, a pack or the features are missing, damaged or do not belong together.
    """
    started = time.monotonic()
    loaded = load(model).to(device())
    read = {} if record is None else _read_of(loaded, model, conditions, features)
    checksums = provenance.checksums(read, in_background=next(loaded.parameters()).device.type != "cpu")
    tables, states, audio_s = [], [], 0.0
    with deterministic_kernels(deterministic), products_of(loaded.precision):
        for condition, audio in conditions.items():
            inputs = _open(loaded, audio, features if condition == CLEAN else None)
            values, pooled = predict(
                loaded,
                inputs,
                precision=loaded.precision,
                keep_pooled=embeddings is not None,
                what=f"predictions, {condition}",
            )
            tables.append(_table(inputs.ids, condition, values))
            audio_s += float(inputs.lengths.sum()) / lengths_per_s(loaded)
            if pooled.size:
                states.append(pooled)
    if not tables:
        raise UserError("there is nothing to predict", remedy="Give --audio or --condition.")
    with ExitStack() as written:  # both files appear, or neither
        if embeddings is not None:
            pooled = _joined(states, compact=loaded.precision != "fp32")
            data_files.write_array(written.enter_context(files.atomic_file(embeddings)), pooled)
        table = written.enter_context(files.atomic_file(predictions))
        data_files.write_parquet(table, pd.concat(tables, ignore_index=True))
    if record is not None:
        definition = {"model": "/".join(model.parts[-2:]), "conditions": list(conditions)}
        found = provenance.run_record(definition, started=started) | {"inputs": checksums()}
        files.write_json(record, found | _computed(loaded, deterministic) | {"audio_s": round(audio_s, 3)})


def _read_of(
    loaded: SpeechModel, model: Path, conditions: Mapping[str, Path | None], features: Path | None
) -> dict[str, Path]:
    """The files that the predictions are computed from, by names that do not depend on their location."""
    found = {f"model/{name}": model / name for name in (CONFIG, WEIGHTS)}
    for condition, audio in conditions.items():
        stored = features if condition == CLEAN and loaded.input_kind == "stem" else None
        names = (FEATURES, packs.INDEX) if stored is not None else (packs.AUDIO, packs.INDEX)
        folder = audio if stored is None else stored
        found |= {f"{condition}/{name}": folder / name for name in names if folder is not None}
    return found


def _computed(loaded: SpeechModel, deterministic: bool) -> dict[str, Any]:
    """The device and the settings of the computation, for the record."""
    place = next(loaded.parameters()).device
    products = str(resolve(loaded.precision, place)).removeprefix("torch.")
    return {"device": str(place), "precision": products, "deterministic": deterministic or place.type == "cpu"}


def _open(model: SpeechModel, audio: Path | None, features: Path | None) -> Inputs:
    if features is not None and model.input_kind != "stem":
        log_line(f"{features} is not used: this model has a trained stem or no stem")
    return open_inputs(
        model.input_kind,
        features=features,
        audio=audio,
        backbone=model.backbone_definition,
        stem=model.stem,
        front_end=model.front_end,
    )


def _table(ids: list[str], condition: str, values: Floats) -> pd.DataFrame:
    table = pd.DataFrame({name: values[:, index] for index, name in enumerate(DIMENSIONS)})
    table.insert(0, "condition", pd.Series([condition] * len(ids), dtype="str"))
    table.insert(0, "id", pd.Series(ids, dtype="str"))
    return table


def _joined(states: list[Floats], *, compact: bool) -> npt.NDArray[np.floating]:
    """Join pooled states, (utterances, hidden) each: if ``compact``, in float16 if all values fit; else in float32."""
    if not states:
        return np.zeros((0, 0), dtype=np.float16 if compact else np.float32)
    largest = max(max(float(one.max()), -float(one.min())) for one in states)  # np.abs would copy the array
    dtype = np.float16 if compact and largest < float(np.finfo(np.float16).max) else np.float32
    return np.concatenate(states, dtype=dtype, casting="same_kind")
