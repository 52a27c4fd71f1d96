"""Recordings of any length, and the parts in which they are scored."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from valence_gap.audio.decoding import Decoded
from valence_gap.audio.levels import REMARKS
from valence_gap.audio.packs import Pack, Samples
from valence_gap.definitions.values import SAMPLE_RATE_HZ
from valence_gap.models.loading import SpeechModel
from valence_gap.prediction.inference import Floats, predict
from valence_gap.prediction.inputs import computed_inputs
from valence_gap.prediction.notes import Note, is_silent
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.precision import products_of

LONGEST_PART_S = 10.0
SHORTEST_S = 0.1

Bounds = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Recording:
    """A decoded recording: a file, a segment of one, or an array.

    Attributes:
        name: the path of the file, as in the output.
        samples: int16 (samples,), mono at 16 kHz.
        bounds: int64 (parts, 2), first sample of each part and the one after its last.
        notes: what is unusual about the recording.
        start_s: where it starts in its file.
    """

    name: str
    samples: Samples
    bounds: Bounds
    notes: tuple[Note, ...] = ()
    start_s: float = 0.0

    def part(self, index: int) -> Samples:
        """Return the samples of a part."""
        start, end = self.bounds[index]
        return self.samples[start:end]

    @property
    def silent_parts(self) -> int:
        """The number of silent parts."""
        return sum(is_silent(self.part(index)) for index in range(len(self.bounds)))

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Int64 (parts,), the number of samples of each part."""
        return self.bounds[:, 1] - self.bounds[:, 0]


@dataclass(frozen=True)
class Cutting:
    """How a recording is cut into parts.

    Attributes:
        longest_s: the longest part in seconds.
        hop_s: seconds from the start of a part to that of the next, all as long as the longest; the last part ends with
            the recording. None: parts of equal length, as few as possible, one after the other.
    """

    longest_s: float = LONGEST_PART_S
    hop_s: float | None = None

    def __post_init__(self) -> None:
        offenders = []
        if not (math.isfinite(self.longest_s) and self.longest_s >= SHORTEST_S):
            offenders.append(f"parts of {self.longest_s} s: give {SHORTEST_S} s or longer")
        if self.hop_s is not None and not SHORTEST_S <= self.hop_s <= self.longest_s:
            offenders.append(f"a hop of {self.hop_s} s: give {SHORTEST_S} s to the length of a part")
        if offenders:
            raise UserError("recordings cannot be cut in this way", offenders)

    def bounds(self, samples: int) -> Bounds:
        """Return the parts of a recording of so many samples: int64 (parts, 2), start and end of each."""
        longest = round(self.longest_s * SAMPLE_RATE_HZ)
        if self.hop_s is None:
            return equal_parts(samples, longest)
        return windows(samples, longest, round(self.hop_s * SAMPLE_RATE_HZ))


def equal_parts(samples: int, longest: int) -> Bounds:
    """Cut a recording into parts of equal length, within one sample, of at most ``longest`` samples.

    Returns:
        int64 (parts, 2), start and end of each; together they are the recording.
    """
    count = max(1, math.ceil(samples / longest))
    cuts = np.arange(count + 1, dtype=np.int64) * samples // count
    return np.stack([cuts[:-1], cuts[1:]], axis=1)


def windows(samples: int, length: int, hop: int) -> Bounds:
    """Return windows of a recording that start every ``hop`` samples, the last one as far as it can.

    Returns:
        int64 (windows, 2), start and end of each. All have ``length`` samples, or all that a shorter recording has.
    """
    last = max(samples - length, 0)
    starts = np.append(np.arange(0, last, hop, dtype=np.int64), last)
    return np.stack([starts, np.minimum(starts + length, samples)], axis=1)


def recording_of(
    name: str, decoded: Decoded, cutting: Cutting, notes: Sequence[Note] = (), start_s: float = 0.0
) -> Recording:
    """Return a decoded recording, cut into parts, with what is unusual about it and the given notes."""
    remarks: list[Note] = [(kind, decoded.remarks[kind]) for kind in REMARKS if kind in decoded.remarks]
    bounds = cutting.bounds(decoded.samples.size)
    return Recording(name, decoded.samples, bounds, (*remarks, *notes), start_s)


def score_parts(
    model: SpeechModel, recordings: Sequence[Recording], *, keep_pooled: bool, what: str
) -> tuple[Floats, Floats]:
    """Predict each part of the recordings as one utterance.

    Returns:
        float32 (parts of all recordings, 3), and their pooled states, float32 (parts, hidden); (parts, 0) if they are
        not kept.
    """
    firsts = np.cumsum([0, *(each.samples.size for each in recordings[:-1])])
    starts = [each.bounds[:, 0] + first for each, first in zip(recordings, firsts, strict=True)]
    pack = Pack(
        ids=[each.name for each in recordings for _ in each.bounds],
        offsets=np.concatenate(starts),
        samples=np.concatenate([each.lengths for each in recordings]),
        audio=np.concatenate([each.samples for each in recordings]),
    )
    backbone, stem, front_end = model.backbone_definition, model.stem, model.front_end
    inputs = computed_inputs(model.input_kind, pack, backbone=backbone, stem=stem, front_end=front_end)
    with products_of(model.precision):
        return predict(model, inputs, precision=model.precision, keep_pooled=keep_pooled, what=what)


def means(recordings: Sequence[Recording], values: Floats) -> npt.NDArray[np.float64]:
    """Average the values of the parts of each recording, weighted by their durations.

    Args:
        recordings: the recordings.
        values: float32 (parts of all recordings, columns).

    Returns:
        float64 (recordings, columns).
    """
    last = np.cumsum([len(each.bounds) for each in recordings])
    parts = np.split(values.astype(np.float64), last[:-1])
    pairs = zip(parts, recordings, strict=True)
    return np.array(
        [part[0] if len(part) == 1 else np.average(part, axis=0, weights=each.lengths) for part, each in pairs]
    )
