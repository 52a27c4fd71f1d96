"""What a fusion with text reads: pooled states of an audio model, text embeddings, labels and lengths."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from valence_gap.definitions.evaluation import CLEAN
from valence_gap.definitions.values import DIMENSIONS
from valence_gap.runtime.data_files import read_array
from valence_gap.runtime.errors import UserError

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class StoredEmbeddings:
    """An array on disk, and the table that names the utterance of each row.

    Attributes:
        array: ``.npy`` file, (rows, hidden).
        index: table with the column id and, if the rows are of several conditions, the column condition.
    """

    array: Path
    index: Path


@dataclass(frozen=True)
class FusionSplit:
    """The files of one split.

    Attributes:
        audio: pooled states of the audio model and its table of predictions.
        text: text embeddings and their index.
        labels: table of the labels; None if they are not needed.
    """

    audio: StoredEmbeddings
    text: StoredEmbeddings
    labels: Path | None = None

    def inputs(self, name: str) -> dict[str, Path]:
        """The files, each by a name that does not depend on its path."""
        found = {
            f"{name}/audio": self.audio.array,
            f"{name}/audio index": self.audio.index,
            f"{name}/text": self.text.array,
            f"{name}/text index": self.text.index,
        }
        return found | ({f"{name}/labels": self.labels} if self.labels else {})


@dataclass(frozen=True)
class FusionInputs:
    """The rows of a split in memory.

    Attributes:
        ids: the utterances, in the order of the audio model's predictions.
        vectors: (utterances, audio hidden + text hidden).
        audio_hidden: number of columns that come from the audio model.
    """

    ids: list[str]
    vectors: torch.Tensor
    audio_hidden: int


def read_split(split: FusionSplit, *, condition: str = CLEAN) -> FusionInputs:
    """Concatenate the pooled states and the text embedding of each utterance.

    Args:
        split: the files.
        condition: condition whose rows are used, if an index has a column condition.

    Raises:
        UserError: an array does not match its index, or an utterance has no text embedding.
    """
    ids, audio = _read(split.audio, condition)
    text_ids, text = _read(split.text, condition)
    place = {each: row for row, each in enumerate(text_ids)}
    if missing := [each for each in ids if each not in place]:
        raise UserError(
            f"{len(missing)} of {len(ids)} utterances have no text embedding in {split.text.index}",
            missing,
            "Transcribe and embed the split that the audio model predicted.",
        )
    beside = text[[place[each] for each in ids]]
    return FusionInputs(ids, torch.from_numpy(np.concatenate([audio, beside], axis=1)), audio.shape[1])


def _read(embeddings: StoredEmbeddings, condition: str) -> tuple[list[str], Floats]:
    index = pd.read_parquet(embeddings.index)
    array = read_array(embeddings.array)
    if len(index) != len(array) or array.ndim != 2:
        raise UserError(
            "embeddings do not match their index",
            [f"{embeddings.array}: shape {array.shape}", f"{embeddings.index}: {len(index)} rows"],
            "Delete both files and create them again.",
        )
    rows = np.arange(len(index))
    if "condition" in index:
        rows = np.flatnonzero(index["condition"] == condition)
    ids = [str(each) for each in index["id"].iloc[rows]]
    if not ids or len(set(ids)) < len(ids):
        what = (
            f"{embeddings.index} has {'several rows for one utterance' if ids else f'no row of condition {condition}'}"
        )
        raise UserError(what, remedy="Predict the split again.")
    return ids, np.asarray(array[rows], dtype=np.float32)


def read_targets(split: FusionSplit, ids: list[str]) -> Floats:
    """The labels of utterances, float32 (utterances, 3).

    Raises:
        UserError: an utterance has no label, or there are fewer than two utterances.
    """
    if split.labels is None:
        raise ValueError("training requires labels, but the labels of the split are None")
    table = pd.read_parquet(split.labels, columns=["id", *DIMENSIONS]).astype({"id": str}).set_index("id")
    targets = table.reindex(ids).to_numpy(np.float32)
    bad = [ids[row] for row in np.flatnonzero(np.isnan(targets).any(axis=1))]
    if bad or len(ids) < 2:
        raise UserError(f"{split.labels} lacks labels of utterances, or the split has fewer than two utterances", bad)
    return targets


def read_lengths(ids: list[str], index: Path) -> npt.NDArray[np.int64]:
    """The number of samples of each utterance, int64 (utterances,).

    Args:
        ids: the utterances.
        index: table with the columns id and samples: the index of the pack of their audio.

    Raises:
        UserError: an utterance is not in the table.
    """
    table = pd.read_parquet(index, columns=["id", "samples"]).astype({"id": str}).set_index("id")["samples"]
    if missing := [each for each in ids if each not in table.index]:
        raise UserError(f"{len(missing)} of {len(ids)} utterances are not in {index}", missing, "Pack the audio again.")
    return table.loc[ids].to_numpy(np.int64)
