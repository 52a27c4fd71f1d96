"""Scores of audio files of one's own, cut into chunks where they are long."""

import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from valence_gap.audio.decoding import AudioError, decode
from valence_gap.audio.packs import Pack, Samples
from valence_gap.corpora.inventory import files_below, is_audio
from valence_gap.definitions.values import DIMENSIONS, SAMPLE_RATE_HZ
from valence_gap.models.loading import SpeechModel, load
from valence_gap.prediction.inference import Floats, predict
from valence_gap.prediction.inputs import Inputs, computed_inputs
from valence_gap.runtime.data_files import write_csv
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.precision import Precision, device
from valence_gap.runtime.progress import log_line, progress

CHUNK_S = 10.0
SHORTEST_CHUNK_S = 0.1
GROUP_S = 1800.0  # audio that is held decoded at once: 58 MB
SCORE_DECIMALS = 6
TIME_DECIMALS = 3

Bounds = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Recording:
    """A decoded file.

    Attributes:
        name: the file, as it is shown.
        samples: int16 (samples,), mono at 16 kHz.
        bounds: int64 (chunks + 1,), where its chunks begin and the last one ends.
    """

    name: str
    samples: Samples
    bounds: Bounds


def predict_files(
    model: Path,
    audio: Sequence[Path],
    output: Path | None = None,
    *,
    chunk_s: float = CHUNK_S,
    per_chunk: bool = False,
    precision: Precision | None = None,
) -> None:
    """Write arousal, dominance and valence of audio files as CSV.

    Audio is decoded as for the study (16 kHz mono PCM16), so that a file gets the scores that the study would give it.

    Args:
        model: folder of a finished model.
        audio: files, and folders whose audio files are taken, sub-folders included.
        output: the CSV; None for standard output.
        chunk_s: a longer file is cut into equal parts of at most this, and its score is their mean.
        per_chunk: a row per part (file, start_s, end_s) in place of a row per file (file, duration_s).
        precision: number format of the products; by default the one that the model was trained in.

    Raises:
        UserError: after all good files have been written, if some could not be used; or there is nothing to predict.
    """
    if not (math.isfinite(chunk_s) and chunk_s >= SHORTEST_CHUNK_S):
        raise UserError("chunks cannot have this length", [f"{chunk_s} s"], f"Give {SHORTEST_CHUNK_S} s or more.")
    files, bad = find_files(audio)
    loaded = load(model).to(device())
    tables = []
    for group in _groups(files, round(chunk_s * SAMPLE_RATE_HZ), bad):
        what = f"predictions, {group[0].name}" + (f" and {len(group) - 1} more" if len(group) > 1 else "")
        values, _ = predict(loaded, _inputs(loaded, group), precision=precision or loaded.precision, what=what)
        tables.append((chunk_table if per_chunk else file_table)(group, values))
    if tables:
        _write(pd.concat(tables, ignore_index=True), output)
    if bad:
        raise UserError(f"{len(bad)} of the files or folders could not be used", bad, "All others have been scored.")


def find_files(audio: Sequence[Path]) -> tuple[list[Path], list[str]]:
    """The audio files that are meant: those given, and those below folders that are given; each once.

    Returns:
        The files, and a line for each folder without any.

    Raises:
        UserError: there is none at all.
    """
    found: list[Path] = []
    empty = []
    for path in audio:
        if not path.is_dir():
            found.append(path)
            continue
        below = sorted(file for file in files_below(path) if not file.rpartition("/")[2].startswith("."))
        kept = [path / file for file in below if is_audio(file)]
        if len(kept) < len(below):
            log_line(f"{path}: {len(below) - len(kept)} files whose names do not end like audio are passed over")
        if not kept:
            empty.append(f"{path}: no audio file in this folder")
        found += kept
    if not found:
        raise UserError("there is no audio to score", empty, "Give audio files, or folders that hold some.")
    once: dict[Path, Path] = {}
    for path in found:
        once.setdefault(path.resolve(), path)
    return list(once.values()), empty


def chunk_bounds(samples: int, longest: int) -> Bounds:
    """Where an utterance is cut so that all parts are equally long, to a sample, and none is longer than ``longest``.

    Returns:
        int64 (parts + 1,), from 0 to ``samples``.
    """
    count = max(1, math.ceil(samples / longest))
    return np.arange(count + 1, dtype=np.int64) * samples // count


def chunk_table(recordings: Sequence[Recording], values: Floats) -> pd.DataFrame:
    """One row per chunk.

    Args:
        recordings: what was scored.
        values: float32 (chunks of all recordings, 3).

    Returns:
        Columns file, start_s, end_s, arousal, dominance, valence.
    """
    starts = np.concatenate([each.bounds[:-1] for each in recordings])
    ends = np.concatenate([each.bounds[1:] for each in recordings])
    names = [each.name for each in recordings for _ in each.bounds[1:]]
    return _table(names, {"start_s": starts, "end_s": ends}, values)


def file_table(recordings: Sequence[Recording], values: Floats) -> pd.DataFrame:
    """One row per file: the mean of its chunks, each weighted by its duration.

    Args:
        recordings: what was scored.
        values: float32 (chunks of all recordings, 3).

    Returns:
        Columns file, duration_s, arousal, dominance, valence.
    """
    last = np.cumsum([len(each.bounds) - 1 for each in recordings])
    parts = np.split(values.astype(np.float64), last[:-1])
    means = [
        np.average(part, axis=0, weights=np.diff(each.bounds)) for each, part in zip(recordings, parts, strict=True)
    ]
    samples = np.array([each.samples.size for each in recordings])
    return _table([each.name for each in recordings], {"duration_s": samples}, np.array(means))


def _table(names: list[str], samples: dict[str, Bounds], values: npt.NDArray[np.floating]) -> pd.DataFrame:
    table = pd.DataFrame({"file": pd.Series(names, dtype="str")})
    for column, counts in samples.items():
        table[column] = (counts / SAMPLE_RATE_HZ).round(TIME_DECIMALS)
    for index, dimension in enumerate(DIMENSIONS):
        table[dimension] = values[:, index].astype(np.float64).round(SCORE_DECIMALS)
    return table


def _groups(files: Sequence[Path], longest: int, bad: list[str]) -> Iterator[list[Recording]]:
    """Decoded files, as many at once as memory is meant for; a line about each one that is bad goes to ``bad``."""
    group: list[Recording] = []
    waiting = 0
    for path in progress(files, "audio files", unit="files"):
        try:
            samples = decode(path).samples
        except AudioError as error:
            bad.append(f"{path}: {error}")
            continue
        group.append(Recording(str(path), samples, chunk_bounds(samples.size, longest)))
        waiting += samples.size
        if waiting >= GROUP_S * SAMPLE_RATE_HZ:
            yield group
            group, waiting = [], 0
    if group:
        yield group


def _inputs(model: SpeechModel, group: Sequence[Recording]) -> Inputs:
    """Every chunk of the recordings as an utterance of its own."""
    lengths = np.concatenate([np.diff(each.bounds) for each in group])
    pack = Pack(
        ids=[each.name for each in group for _ in each.bounds[1:]],
        offsets=np.cumsum(lengths) - lengths,
        samples=lengths,
        audio=np.concatenate([each.samples for each in group]),
    )
    return computed_inputs(
        model.input_kind, pack, backbone=model.backbone_definition, stem=model.stem, front_end=model.front_end
    )


def _write(table: pd.DataFrame, output: Path | None) -> None:
    if output is None:
        table.to_csv(sys.stdout, index=False, lineterminator="\n")
    else:
        write_csv(output, table)
