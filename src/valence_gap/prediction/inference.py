"""Predictions of a finished model, and pooled states from the same forward pass."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor

from valence_gap.audio import packs
from valence_gap.definitions.values import DIMENSIONS, SAMPLE_RATE_HZ
from valence_gap.models.kernels import limit_kernels
from valence_gap.models.layers.masks import valid_mask
from valence_gap.models.loading import ModelOutput, SpeechModel, load
from valence_gap.models.operations import forward_flop
from valence_gap.models.sizes import Size
from valence_gap.prediction.inputs import FEATURES, Inputs, before_stem, open_inputs, pad
from valence_gap.runtime import data_files, files, provenance
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.precision import (
    Precision,
    autocast,
    deterministic_kernels,
    device,
    products_of,
    resolve,
    total_memory,
)
from valence_gap.runtime.prefetching import loaded_ahead
from valence_gap.runtime.progress import log_line, progress
from valence_gap.weights.model_types import CONFIG, WEIGHTS

SECONDS_PER_BATCH = 64.0  # on a CPU, and at least
# On a GPU. A trained stem needs the most memory for a second, about 25 MB: a fifth of the GPU. Of w2v2-L from stem
# features, an H200 predicted 2,465 s of audio per second in batches of 64 s, and 5,304 in batches of 512 s.
SECONDS_PER_GB = 8.0
MOST_SECONDS_PER_BATCH = 1024.0

Floats = npt.NDArray[np.float32]


def predict(
    model: SpeechModel,
    inputs: Inputs,
    *,
    precision: Precision = "auto",
    seconds_per_batch: float | None = None,
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
        seconds_per_batch: audio in a batch, including padding; a longer utterance has a batch of its own. None: as
            much as :func:`seconds_at_once` says.
        keep_pooled: keep the pooled states; otherwise they need no memory beyond their batch.
        what: name of the work in the progress lines; '': there are none.

    Returns:
        Predictions, float32 (utterances, 3), and pooled states, float32 (utterances, hidden), in the order of
        ``inputs``; (utterances, 0) if they are not kept.
    """
    place = next(model.parameters()).device
    lengths = np.maximum(inputs.lengths, model.min_length)
    seconds = seconds_at_once(place) if seconds_per_batch is None else seconds_per_batch
    plan = list(batches(lengths, seconds * lengths_per_s(model)))
    was_training = model.training
    model.eval()
    try:
        # In one autocast context, a GPU rounds the weights once, not for each batch.
        with torch.inference_mode(), autocast(resolve(precision, place), place):
            results = _Results(len(inputs), place, keep_pooled=keep_pooled)
            loaded = _loaded(inputs, plan, place)
            for rows, padded, valid in progress(loaded, what, total=len(plan), unit="batches") if what else loaded:
                results.add(rows, model(padded, valid))
                if place.type == "cpu":  # rounding takes little of the time here, and the rounded weights take memory
                    torch.clear_autocast_cache()
            return results.arrays()
    finally:
        model.train(was_training)


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
    if model.input_kind == "stem":
        assert isinstance(model.shape, Size)
        return model.shape.frames_per_s
    return SAMPLE_RATE_HZ if model.input_kind == "waveform" else 1 / model.backbone_definition.hop_s


def seconds_at_once(place: torch.device) -> float:
    """Seconds of audio in a batch of predictions on a device, from the total memory of a GPU."""
    memory = total_memory(place)
    if memory is None:
        return SECONDS_PER_BATCH
    return min(max(SECONDS_PER_BATCH, SECONDS_PER_GB * memory / 1e9), MOST_SECONDS_PER_BATCH)


def has_batched_stem(place: torch.device) -> bool:
    """Whether a frozen stem computes several utterances at once on a device, not one after the other.

    One utterance does not fill a GPU: in float32, an H200 took 4.3 ms for one of 6 s, and 1.12 ms in batches of 16. On
    a CPU each is computed alone, so that stored and computed features are equal.
    """
    return place.type != "cpu"


def _loaded(
    inputs: Inputs, plan: Sequence[npt.NDArray[np.int64]], place: torch.device
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Yield the rows of each batch and the padded inputs of the model, on its device, and their lengths, on the CPU."""
    found = before_stem(inputs) if has_batched_stem(place) else None
    stem, source = found or (None, inputs)

    def load(rows: npt.NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        with torch.autocast("cpu", enabled=False):  # it is for the products of the model, not for its inputs
            return torch.from_numpy(rows), pad([source[int(row)] for row in rows])[0]

    for rows, (positions, padded) in zip(plan, loaded_ahead(load, plan, place), strict=True):
        lengths = torch.from_numpy(inputs.lengths[rows])
        if stem is not None:
            padded = stem.features(padded, torch.from_numpy(source.lengths[rows]))
            padded = padded.masked_fill(~valid_mask(lengths, padded.shape[1], place)[..., None], 0)
        yield positions, padded.float(), lengths


class _Results:
    """Predictions and pooled states, on the device until all are there: no batch waits for a copy to the host.

    Args:
        count: number of utterances.
        place: the device.
        keep_pooled: keep the pooled states.
    """

    def __init__(self, count: int, place: torch.device, *, keep_pooled: bool) -> None:
        self._place, self._keep_pooled = place, keep_pooled
        self._predictions, self._pooled = self._zeros(count, len(DIMENSIONS)), self._zeros(count, 0)

    def add(self, rows: Tensor, output: ModelOutput) -> None:
        """Add the output for the utterances ``rows``, int64 (batch,)."""
        self._predictions.index_copy_(0, rows, output.predictions.float())
        if self._keep_pooled:
            count, hidden = len(self._pooled), output.pooled.shape[1]
            self._pooled = self._pooled if self._pooled.shape[1] else self._zeros(count, hidden)
            self._pooled.index_copy_(0, rows, output.pooled.float())

    def arrays(self) -> tuple[Floats, Floats]:
        """Float32 (utterances, 3) and (utterances, hidden), on the host."""
        return self._predictions.cpu().numpy(), self._pooled.cpu().numpy()

    def _zeros(self, count: int, columns: int) -> Tensor:
        return torch.from_numpy(np.zeros((count, columns), np.float32)).to(self._place)


def predict_conditions(
    model: Path,
    conditions: Mapping[str, Path | None],
    predictions: Path,
    *,
    embeddings: Path | None = None,
    features: Mapping[str, Path] | None = None,
    deterministic: bool = False,
    record: Path | None = None,
) -> None:
    """Predict a set of conditions of a corpus in one job.

    Args:
        model: folder of the finished model.
        conditions: pack of the audio of each condition by its name, in the order of the rows; None if the model needs
            only the features.
        predictions: Parquet file to write, with the columns id, condition, arousal, dominance, valence.
        embeddings: ``.npy`` file to write, with the pooled states: float16 (rows of the predictions, hidden), or
            float32 if the model has ``precision: fp32`` or the values do not fit in float16. None: they are neither
            kept nor stored.
        features: stored stem features of conditions by their names, from the model's backbone.
        deterministic: use deterministic kernels on a GPU too; they give the same bits every time.
        record: JSON file to write; None: no file. See :func:`valence_gap.runtime.provenance.run_record`.

    Raises:
        UserError: the model, a pack or the features are missing, damaged or do not belong together.
    """
    started = time.monotonic()
    loaded = load(model).to(device())
    limit_kernels(loaded.shape)
    stored = features or {}
    read = {} if record is None else _read_of(loaded, model, conditions, stored)
    checksums = provenance.checksums(read, in_background=next(loaded.parameters()).device.type != "cpu")
    tables, states, audio_s, flop = [], [], 0.0, 0.0
    with deterministic_kernels(deterministic), products_of(loaded.precision):
        for condition, audio in conditions.items():
            inputs = _open(loaded, audio, stored.get(condition))
            values, pooled = predict(
                loaded,
                inputs,
                precision=loaded.precision,
                keep_pooled=embeddings is not None,
                what=f"predictions, {condition}",
            )
            tables.append(_table(inputs.ids, condition, values))
            computed = condition not in stored or loaded.input_kind != "stem"
            durations_s = inputs.lengths / lengths_per_s(loaded)
            audio_s += float(durations_s.sum())
            flop += forward_flop(loaded.shape, durations_s, stem=computed)
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
        place = str(next(loaded.parameters()).device)
        found = provenance.run_record(definition, started=started, device=place, audio_s=audio_s, flop=flop)
        files.write_json(record, found | {"inputs": checksums()} | _computed(loaded, deterministic))


def _read_of(
    loaded: SpeechModel, model: Path, conditions: Mapping[str, Path | None], features: Mapping[str, Path]
) -> dict[str, Path]:
    """The files that the predictions are computed from, by names that do not depend on their location."""
    found = {f"model/{name}": model / name for name in (CONFIG, WEIGHTS)}
    for condition, audio in conditions.items():
        stored = features.get(condition) if loaded.input_kind == "stem" else None
        names = (FEATURES, packs.INDEX) if stored is not None else (packs.AUDIO, packs.INDEX)
        folder = audio if stored is None else stored
        found |= {f"{condition}/{name}": folder / name for name in names if folder is not None}
    return found


def _computed(loaded: SpeechModel, deterministic: bool) -> dict[str, Any]:
    """The settings of the computation, for the record."""
    place = next(loaded.parameters()).device
    products = str(resolve(loaded.precision, place)).removeprefix("torch.")
    return {"precision": products, "deterministic": deterministic or place.type == "cpu"}


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
