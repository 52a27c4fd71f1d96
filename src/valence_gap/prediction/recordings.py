"""Scores of the user's own audio files; long files are cut into chunks."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from valence_gap.audio.decoding import AudioError, decode
from valence_gap.audio.levels import REMARKS
from valence_gap.audio.packs import Pack, Samples
from valence_gap.corpora.inventory import files_below, is_audio
from valence_gap.definitions.values import DIMENSIONS, SAMPLE_RATE_HZ
from valence_gap.models.loading import SpeechModel, load
from valence_gap.prediction.inference import Floats, predict
from valence_gap.prediction.inputs import Inputs, computed_inputs
from valence_gap.prediction.notes import SYNTHETIC, Note, Summary, is_silent, output_notes
from valence_gap.prediction.score_file import ScoreFile
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.paths import shown_name
from valence_gap.runtime.precision import Precision, device
from valence_gap.runtime.progress import log_line, progress
from valence_gap.weights.synthetic import is_trained_on_synthetic_speech

CHUNK_S = 10.0
SHORTEST_CHUNK_S = 0.1
GROUP_S = 600.0  # decoded audio in memory at the same time (19 MB), whose scores are written together
SCORE_DECIMALS = 6
TIME_DECIMALS = 3
# Audio that libsndfile does not read: it is reported, with what to do, not skipped as other files of a folder are.
FOREIGN_SUFFIXES = frozenset({".m4a", ".m4b", ".aac", ".webm", ".wma", ".amr", ".3gp", ".mka", ".ape", ".wv"})

Bounds = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Recording:
    """A decoded file.

    Attributes:
        name: path of the file, as in the output.
        samples: int16 (samples,), mono at 16 kHz.
        bounds: int64 (chunks + 1,), start of each chunk and end of the last one.
        notes: what is unusual about the file.
    """

    name: str
    samples: Samples
    bounds: Bounds
    notes: tuple[Note, ...] = ()

    def chunk(self, index: int) -> Samples:
        """Return the samples of a chunk."""
        return self.samples[self.bounds[index] : self.bounds[index + 1]]


def predict_files(
    model: Path,
    audio: Sequence[Path],
    output: Path | None = None,
    *,
    chunk_s: float = CHUNK_S,
    per_chunk: bool = False,
    precision: Precision | None = None,
) -> None:
    """Write arousal, dominance and valence of audio files as CSV, with notes on what suggests that they mean little.

    Rows are written as they are computed, to ``output`` with the suffix ``.partial``, which is renamed at the end.
    Audio is decoded as in the study (16 kHz mono PCM16), so that a file has the same scores as in the study.

    Args:
        model: folder of a finished model.
        audio: files, and folders that are searched for audio files, including sub-folders.
        output: the CSV file; None: standard output.
        chunk_s: a longer file is cut into equal chunks of at most this duration, and its score is their mean.
        per_chunk: write one row per chunk (file, start_s, end_s) instead of one row per file (file, duration_s).
        precision: number format of the products; None: the one of the model's training.

    Raises:
        UserError: some files could not be used (raised after the scores of all others are written), there is no audio,
            or ``chunk_s`` is too short.
    """
    if not (math.isfinite(chunk_s) and chunk_s >= SHORTEST_CHUNK_S):
        raise UserError("chunks cannot have this length", [f"{chunk_s} s"], f"Give {SHORTEST_CHUNK_S} s or longer.")
    files, bad = find_files(audio)
    loaded = load(model).to(device())
    always = (("model", SYNTHETIC),) if is_trained_on_synthetic_speech(model) else ()
    summary, scored = Summary(), 0
    with ScoreFile(output) as scores:
        for group in _groups(files, round(chunk_s * SAMPLE_RATE_HZ), bad):
            what = f"predictions, {group[0].name}" + (f" and {len(group) - 1} more" if len(group) > 1 else "")
            inputs, chosen = _inputs(loaded, group), precision or loaded.precision
            values, _ = predict(loaded, inputs, precision=chosen, keep_pooled=False, what=what)
            scores.add((chunk_table if per_chunk else file_table)(group, values, summary, always))
            scored += len(group)
    summary.log(scored)
    if always:
        log_line(f"note: {model}: {SYNTHETIC}; the scores mean nothing for real recordings")
    if bad:
        remedy = "All others are scored." if scored else "None is scored."
        raise UserError(f"{len(bad)} of the files or folders could not be used", bad, remedy)


def find_files(audio: Sequence[Path]) -> tuple[list[Path], list[str]]:
    """List the given files and the audio files in the given folders, each file once.

    Returns:
        The files, and one line for each folder without audio files.

    Raises:
        UserError: there is no file.
    """
    found: list[Path] = []
    empty = []
    for path in audio:
        if not path.is_dir():
            found.append(path)
            continue
        below = sorted(file for file in files_below(path) if not file.rpartition("/")[2].startswith("."))
        kept = [path / file for file in below if is_audio(file) or Path(file).suffix.lower() in FOREIGN_SUFFIXES]
        if len(kept) < len(below):
            log_line(f"{path}: {len(below) - len(kept)} files without the extension of an audio file are skipped")
        if not kept:
            empty.append(f"{shown_name(path)}: no audio file in this folder")
        found += kept
    if not found:
        raise UserError("there is no audio to score", empty, "Give audio files, or folders that contain audio files.")
    once: dict[Path, Path] = {}
    for path in found:
        once.setdefault(path.resolve(), path)
    return list(once.values()), empty


def chunk_bounds(samples: int, longest: int) -> Bounds:
    """Cut an utterance into chunks of equal length, within one sample, of at most ``longest`` samples.

    Returns:
        int64 (chunks + 1,), start of each chunk and end of the last one, from 0 to ``samples``.
    """
    count = max(1, math.ceil(samples / longest))
    return np.arange(count + 1, dtype=np.int64) * samples // count


def chunk_table(
    recordings: Sequence[Recording], values: Floats, summary: Summary, always: Sequence[Note] = ()
) -> pd.DataFrame:
    """Build a table with one row per chunk.

    Args:
        recordings: the scored recordings.
        values: float32 (chunks of all recordings, 3).
        summary: counts the notes.
        always: notes on every row.

    Returns:
        Columns file, start_s, end_s, arousal, dominance, valence, notes.
    """
    starts = np.concatenate([each.bounds[:-1] for each in recordings])
    ends = np.concatenate([each.bounds[1:] for each in recordings])
    chunks = [(each, index) for each in recordings for index in range(len(each.bounds) - 1)]
    notes = []
    for (each, index), scores in zip(chunks, values, strict=True):
        silent = "silent" not in dict(each.notes) and is_silent(each.chunk(index))
        found = [*each.notes, *([("silent-parts", "silent")] if silent else []), *output_notes(scores)]
        summary.add(each.name, found)
        notes.append([*found, *always])
    return _table([each.name for each, _ in chunks], {"start_s": starts, "end_s": ends}, values, notes)


def file_table(
    recordings: Sequence[Recording], values: Floats, summary: Summary, always: Sequence[Note] = ()
) -> pd.DataFrame:
    """Build a table with one row per file: the mean of its chunks, weighted by their durations.

    Args:
        recordings: the scored recordings.
        values: float32 (chunks of all recordings, 3).
        summary: counts the notes.
        always: notes on every row.

    Returns:
        Columns file, duration_s, arousal, dominance, valence, notes.
    """
    last = np.cumsum([len(each.bounds) - 1 for each in recordings])
    parts = np.split(values.astype(np.float64), last[:-1])
    means = [
        np.average(part, axis=0, weights=np.diff(each.bounds)) for each, part in zip(recordings, parts, strict=True)
    ]
    samples = np.array([each.samples.size for each in recordings])
    notes = []
    for each, mean in zip(recordings, means, strict=True):
        found = [*each.notes, *_silent_parts(each), *output_notes(mean)]
        summary.add(each.name, found)
        notes.append([*found, *always])
    return _table([each.name for each in recordings], {"duration_s": samples}, np.array(means), notes)


def _silent_parts(recording: Recording) -> list[Note]:
    """Return a note if some, but not all, chunks of a recording are silent."""
    count = len(recording.bounds) - 1
    silent = sum(is_silent(recording.chunk(index)) for index in range(count))
    return [("silent-parts", f"{silent} of {count} parts silent")] if 0 < silent < count else []


def _table(
    names: list[str],
    samples: dict[str, Bounds],
    values: npt.NDArray[np.floating],
    notes: Sequence[Sequence[Note]],
) -> pd.DataFrame:
    table = pd.DataFrame({"file": pd.Series(names, dtype="str")})
    for column, counts in samples.items():
        table[column] = (counts / SAMPLE_RATE_HZ).round(TIME_DECIMALS)
    for index, dimension in enumerate(DIMENSIONS):
        table[dimension] = values[:, index].astype(np.float64).round(SCORE_DECIMALS)
    table["notes"] = pd.Series(["; ".join(text for _, text in row) for row in notes], dtype="str")
    return table


def _groups(files: Sequence[Path], longest: int, bad: list[str]) -> Iterator[list[Recording]]:
    """Yield groups of decoded files of about ``GROUP_S``; append one line to ``bad`` for each bad file."""
    group: list[Recording] = []
    waiting = 0
    for path in progress(files, "audio files", unit="files"):
        name = shown_name(path)
        try:
            decoded = decode(path)
        except AudioError as error:
            bad.append(f"{name}: {error}")
            continue
        samples = decoded.samples
        notes: list[Note] = [(kind, decoded.remarks[kind]) for kind in REMARKS if kind in decoded.remarks]
        if name != str(path):
            notes.append(("name", "its name is not UTF-8"))
        group.append(Recording(name, samples, chunk_bounds(samples.size, longest), tuple(notes)))
        waiting += samples.size
        if waiting >= GROUP_S * SAMPLE_RATE_HZ:
            yield group
            group, waiting = [], 0
    if group:
        yield group


def _inputs(model: SpeechModel, group: Sequence[Recording]) -> Inputs:
    """Return inputs in which each chunk of the recordings is one utterance."""
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
