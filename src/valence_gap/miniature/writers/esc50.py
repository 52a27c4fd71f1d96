"""The miniature ESC-50: its folders, its file names and its table."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from valence_gap.definitions.miniature import Miniature
from valence_gap.miniature.labels import draws
from valence_gap.miniature.noise import CATEGORIES, clip
from valence_gap.miniature.sounds import RATE_HZ
from valence_gap.miniature.writers import wav

FOLDER = "ESC-50"

FOLDS = 5

_ESC10 = {"dog", "rain", "sea_waves", "crackling_fire", "crying_baby", "sneezing", "clock_tick"}
_QUIET = ("clock_tick", 0)
_QUIET_GAIN = 10 ** (-60 / 20)
_TAKE = "A"


@dataclass(frozen=True)
class Clip:
    """One clip before it is made.

    Attributes:
        category: name of its category.
        number: which of the category's clips it is, from 0.
    """

    category: str
    number: int

    @property
    def fold(self) -> int:
        """Fold of the cross-validation, 1..5."""
        return self.number % FOLDS + 1

    @property
    def source(self) -> int:
        """Number of the recording that it is from."""
        return 100_000 + 1_000 * CATEGORIES[self.category].target + self.number

    @property
    def file(self) -> str:
        """Name of its file, made of fold, recording, take and target."""
        return f"{self.fold}-{self.source}-{_TAKE}-{CATEGORIES[self.category].target}.wav"


def plan(miniature: Miniature) -> tuple[Clip, ...]:
    """Plan all clips, by category and number."""
    return tuple(Clip(category, number) for category in CATEGORIES for number in range(miniature.esc50_clips))


def synthesise_clip(one: Clip, root: Path, *, seed: int) -> None:
    """Make and write a clip; one of them is almost silent, as some of the real ones are."""
    samples = clip(CATEGORIES[one.category], draws(seed, "esc-50", one.category, one.number))
    if (one.category, one.number) == _QUIET:
        samples = samples * _QUIET_GAIN
    wav.write(root / "audio" / one.file, samples.astype(np.float32), RATE_HZ)


def tables(planned: tuple[Clip, ...]) -> dict[str, str]:
    """Return the table of all clips, by path."""
    rows = [
        f"{one.file},{one.fold},{CATEGORIES[one.category].target},{one.category},{one.category in _ESC10},"
        f"{one.source},{_TAKE}\n"
        for one in sorted(planned, key=lambda one: one.file)
    ]
    return {"meta/esc50.csv": "filename,fold,target,category,esc10,src_file,take\n" + "".join(rows)}
