"""Tables of scores and of pooled states: one row for each file, segment or part."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from valence_gap.definitions.values import DIMENSIONS, SAMPLE_RATE_HZ
from valence_gap.prediction.inference import Floats
from valence_gap.prediction.notes import Note, Summary, is_silent, output_notes
from valence_gap.prediction.parts import Recording, means
from valence_gap.runtime.errors import UserError

SCORE_DECIMALS = 6
TIME_DECIMALS = 3

Values = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Rows:
    """What has a row, and in which scale scores are written.

    Attributes:
        of: what has a row: a whole file (file, duration_s), or a segment or part of one (file, start_s, end_s).
        scale: lowest and highest label of the scale; models predict on 0..1.
        always: notes on every row.
    """

    of: Literal["files", "segments", "parts"] = "files"
    scale: tuple[float, float] = (0.0, 1.0)
    always: tuple[Note, ...] = ()

    def __post_init__(self) -> None:
        low, high = self.scale
        if not (np.isfinite(self.scale).all() and low < high):
            text = f"{low:g} to {high:g}"
            raise UserError("this is not a scale of labels", [text], "Give its lowest label, then its highest.")

    def values(self, recordings: Sequence[Recording], values: Floats) -> Values:
        """Return the values of the rows, from those of all parts: (rows, columns).

        That of a file or segment is the mean of its parts, weighted by their durations.
        """
        return values if self.of == "parts" else means(recordings, values)

    def places(self, recordings: Sequence[Recording]) -> pd.DataFrame:
        """Return the columns that say what each row is of: the file, and its duration or where in the file it is."""
        if self.of == "parts":
            names = [each.name for each in recordings for _ in each.bounds]
            times = np.concatenate([each.start_s + each.bounds / SAMPLE_RATE_HZ for each in recordings])
        else:
            names = [each.name for each in recordings]
            ends = [each.start_s + each.samples.size / SAMPLE_RATE_HZ for each in recordings]
            times = np.stack([[each.start_s for each in recordings], ends], axis=1)
        columns = {"duration_s": times[:, 1]} if self.of == "files" else {"start_s": times[:, 0], "end_s": times[:, 1]}
        rounded = {name: column.round(TIME_DECIMALS) for name, column in columns.items()}
        return pd.DataFrame({"file": pd.Series(names, dtype="str"), **rounded})


def score_table(recordings: Sequence[Recording], values: Floats, summary: Summary, rows: Rows) -> pd.DataFrame:
    """Build the table of the scores of some recordings.

    Args:
        recordings: the scored recordings.
        values: float32 (parts of all recordings, 3), on 0..1.
        summary: counts the notes.
        rows: what has a row.

    Returns:
        Columns file, duration_s or start_s and end_s, arousal, dominance, valence, notes.
    """
    scores = rows.values(recordings, values)
    texts = []
    for each, found in zip(_per_row(recordings, rows), _notes(recordings, scores, rows), strict=True):
        summary.add(each.name, found)
        texts.append("; ".join(text for _, text in [*found, *rows.always]))
    table = rows.places(recordings)
    low, high = rows.scale
    for index, dimension in enumerate(DIMENSIONS):
        table[dimension] = (low + (high - low) * scores[:, index].astype(np.float64)).round(SCORE_DECIMALS)
    table["notes"] = pd.Series(texts, dtype="str")
    return table


def recording_notes(recording: Recording, scores: Values) -> list[Note]:
    """Return the notes on the scores, (3,) on 0..1, of a whole recording."""
    count, silent = len(recording.bounds), recording.silent_parts
    some = [("silent-parts", f"{silent} of {count} parts silent")] if 0 < silent < count else []
    return [*recording.notes, *some, *output_notes(scores)]


def _per_row(recordings: Sequence[Recording], rows: Rows) -> list[Recording]:
    """Return the recording of each row."""
    return [each for each in recordings for _ in each.bounds] if rows.of == "parts" else list(recordings)


def _notes(recordings: Sequence[Recording], scores: Values, rows: Rows) -> list[list[Note]]:
    """Return the notes on each row."""
    if rows.of != "parts":
        return [recording_notes(each, row) for each, row in zip(recordings, scores, strict=True)]
    parts = [(each, index) for each in recordings for index in range(len(each.bounds))]
    return [_part_notes(each, index, row) for (each, index), row in zip(parts, scores, strict=True)]


def _part_notes(recording: Recording, index: int, scores: Values) -> list[Note]:
    silent = "silent" not in dict(recording.notes) and is_silent(recording.part(index))
    return [*recording.notes, *([("silent-parts", "silent")] if silent else []), *output_notes(scores)]
