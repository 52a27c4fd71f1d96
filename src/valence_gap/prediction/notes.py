"""Notes beside the scores of recordings: what suggests that a score means little."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from valence_gap.audio.levels import REMARKS, SILENT
from valence_gap.audio.packs import FULL_SCALE, Samples
from valence_gap.definitions.values import DIMENSIONS
from valence_gap.runtime.progress import log_line

OUTSIDE = 0.2  # scores of real speech exceed 0..1 by less
SYNTHETIC = "model trained on synthetic speech"
SHOWN = 5

Note = tuple[str, str]
"""The kind of a note, and its text."""

KINDS: Mapping[str, str] = {
    **{str(kind): what for kind, what in REMARKS.items()},
    "outside": "with scores far outside 0..1",
    "silent-parts": "with silent parts",
    "name": "whose names are not UTF-8",
}


def output_notes(scores: npt.NDArray[np.floating]) -> list[Note]:
    """Return notes on the scores of one file or part, (3,)."""
    far = [
        f"{dimension} {value:.2f}"
        for dimension, value in zip(DIMENSIONS, scores, strict=True)
        if not -OUTSIDE <= value <= 1 + OUTSIDE
    ]
    return [("outside", f"{', '.join(far)}: far outside 0..1")] if far else []


def is_silent(samples: Samples) -> bool:
    """Return whether a part of a recording is silent."""
    return not samples.size or int(np.abs(samples.astype(np.int32)).max()) < SILENT * FULL_SCALE


@dataclass
class Summary:
    """The files of each kind of note, for the lines at the end.

    Attributes:
        files: the names of the files by the kind of the note.
    """

    files: dict[str, dict[str, None]] = field(default_factory=dict)

    def add(self, name: str, notes: Iterable[Note]) -> None:
        """Add the notes of a file."""
        for kind, _ in notes:
            self.files.setdefault(kind, {})[name] = None

    def log(self, scored: int) -> None:
        """Write one line for each kind of note to the log."""
        for kind, what in KINDS.items():
            names: Sequence[str] = list(self.files.get(kind, {}))
            if names:
                more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
                log_line(f"note: {len(names)} of {scored} files {what}: {', '.join(names[:SHOWN])}{more}")
