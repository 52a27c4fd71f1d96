"""Inputs with their labels, and batches of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from valence_gap.definitions.values import DIMENSIONS
from valence_gap.prediction.inputs import Inputs, pad, subset
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.prefetching import LoadingStream, computed_ahead
from valence_gap.runtime.progress import log_line
from valence_gap.runtime.transfers import sent
from valence_gap.training.batching import Rows


@dataclass(frozen=True)
class Examples:
    """Inputs and their labels, row by row.

    Attributes:
        inputs: inputs of the model.
        targets: labels, float32 (utterances, 3): arousal, dominance, valence.
        durations_s: float64 (utterances,).
    """

    inputs: Inputs
    targets: npt.NDArray[np.float32]
    durations_s: npt.NDArray[np.float64]


def read_examples(
    inputs: Inputs, labels: Path, *, rate_hz: float, shortest: int, selected: Sequence[str] | None = None
) -> Examples:
    """Join the inputs with their labels.

    Utterances with labels but without input are skipped, with a log line, because a corpus may allow bad audio to be
    skipped.

    Args:
        inputs: the inputs; each must have labels.
        labels: table with ``id`` and the three dimensions in 0..1.
        rate_hz: frames (or samples) of an input per second.
        shortest: minimum number of frames (or samples) for the model.
        selected: ids of a fraction of the inputs; None: all inputs.

    Raises:
        UserError: there are no inputs; an utterance has several rows of labels; inputs have no labels or are too short;
            or a dimension is constant.
    """
    table = pd.read_parquet(labels, columns=["id", *DIMENSIONS]).astype({"id": str})
    twice = table["id"][table["id"].duplicated()].unique()
    if len(twice):
        raise UserError(f"{labels} has several rows for one utterance", twice, "Prepare the corpus again.")
    if selected is not None:
        selected_ids = set(selected)
        inputs = subset(inputs, [row for row, each in enumerate(inputs.ids) if each in selected_ids])
        table = table[table["id"].isin(selected_ids)]
    if not len(inputs):
        raise UserError(f"there is no utterance for the labels in {labels}", remedy="Give a train and a dev split.")
    without_audio = sorted(set(table["id"]) - set(inputs.ids))
    if without_audio:
        log_line(
            f"{len(without_audio)} utterances of {labels} have no audio and are skipped: {', '.join(without_audio)}"
        )
    targets = table.set_index("id").reindex(inputs.ids)[list(DIMENSIONS)].to_numpy(np.float32)  # (utterances, 3)
    _check(inputs, targets, labels, shortest)
    return Examples(inputs, targets, np.asarray(inputs.lengths) / rate_hz)


def _check(inputs: Inputs, targets: npt.NDArray[np.float32], labels: Path, shortest: int) -> None:
    bad = [f"{inputs.ids[row]}: no label in {labels}" for row in np.flatnonzero(np.isnan(targets).any(axis=1))]
    bad += [
        f"{inputs.ids[row]}: {inputs.lengths[row]} frames or samples, but the model needs {shortest}"
        for row in np.flatnonzero(np.asarray(inputs.lengths) < shortest)
    ]
    if bad:
        remedy = "Add the missing labels, remove utterances that are too short, and prepare the corpus again."
        raise UserError(f"{len(bad)} of {len(inputs)} utterances cannot be used", bad, remedy)
    constant = [name for name, column in zip(DIMENSIONS, targets.T, strict=True) if np.ptp(column) == 0]
    if constant:
        raise UserError(
            f"all labels in {labels} have the same value, so their CCC is undefined",
            constant,
            "Give at least two utterances with different labels in each dimension.",
        )


class TruncatedInputs:
    """Inputs cut to a maximum length, without a copy of the data."""

    def __init__(self, inputs: Inputs, longest: int) -> None:
        self.ids = inputs.ids
        self.lengths: npt.NDArray[np.int64] = np.minimum(np.asarray(inputs.lengths), longest)
        self._inputs = inputs
        self._longest = longest

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, row: int) -> torch.Tensor:
        return self._inputs[row][: self._longest]


class PooledInputs:
    """Pooled states as inputs: (hidden,) each."""

    def __init__(self, ids: list[str], pooled: torch.Tensor) -> None:
        self.ids = ids
        self.lengths: npt.NDArray[np.int64] = np.full(len(ids), pooled.shape[1])
        self._pooled = pooled

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, row: int) -> torch.Tensor:
        return self._pooled[row]


@dataclass(frozen=True)
class Batch:
    """A batch on its device, divided into the parts that are computed one by one.

    Attributes:
        parts: padded inputs, float32, and their lengths on the CPU, in the order of ``rows``.
        targets: (batch, 3).
        rows: rows of the examples.
    """

    parts: tuple[tuple[torch.Tensor, torch.Tensor], ...]
    targets: torch.Tensor
    rows: Rows


def load_batches(
    examples: Examples, plan: Sequence[Rows], *, part_size: int | None, device: torch.device
) -> Iterator[Batch]:
    """Load batches; for a GPU, load the next batches during the computation of the current one.

    Args:
        examples: source of the batches.
        plan: rows of each batch.
        part_size: utterances in one part of a batch; None: a batch has one part.
        device: device of the batches.
    """

    def load(rows: Rows) -> Batch:
        size = part_size or len(rows)
        chunks = [rows[start : start + size] for start in range(0, len(rows), size)]
        parts = [pad([examples.inputs[int(row)] for row in chunk]) for chunk in chunks]
        targets = torch.from_numpy(examples.targets[rows])
        # Stored features cross to the device in the number format of the file, half the size of float32.
        return Batch(tuple((sent(x, device).float(), n) for x, n in parts), sent(targets, device), rows)

    if device.type == "cpu" or not plan:  # on a CPU, a second thread would only slow down the first
        yield from map(load, plan)
        return
    stream = LoadingStream(device)
    for batch, ready in computed_ahead(lambda rows: stream.run(lambda: load(rows)), plan):
        stream.receive((batch.targets, *(inputs for inputs, _ in batch.parts)), ready)
        yield batch
