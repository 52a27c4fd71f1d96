"""Scores of the user's own audio files; long files are cut into parts."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from valence_gap.audio.decoding import AudioError
from valence_gap.definitions.values import SAMPLE_RATE_HZ
from valence_gap.models.kernels import limit_kernels
from valence_gap.models.loading import load
from valence_gap.prediction.inference import Floats
from valence_gap.prediction.notes import SYNTHETIC, Note, Summary
from valence_gap.prediction.parts import Cutting, Recording, recording_of, score_parts
from valence_gap.prediction.score_file import ScoreFile
from valence_gap.prediction.score_tables import Rows, score_table
from valence_gap.prediction.sources import Source, find_files, read_list, read_segments
from valence_gap.runtime import data_files
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.precision import Precision, device
from valence_gap.runtime.progress import log_line, progress
from valence_gap.weights.synthetic import is_trained_on_synthetic_speech

GROUP_S = 600.0  # decoded audio in memory at the same time (19 MB), whose scores are written together
STATES_SUFFIXES = (".npy", ".parquet")


def predict_files(
    model: Path,
    audio: Sequence[Path],
    output: Path | None = None,
    *,
    listed: Path | None = None,
    segments: Path | None = None,
    cutting: Cutting | None = None,
    per_chunk: bool = False,
    scale: tuple[float, float] = (0.0, 1.0),
    embeddings: Path | None = None,
    precision: Precision | None = None,
) -> None:
    """Write arousal, dominance and valence of audio files as CSV, with notes on what suggests that they mean little.

    Rows are written as they are computed, to ``output`` with the suffix ``.partial``, which is renamed at the end.
    Audio is decoded as in the study (16 kHz mono PCM16), so that a file or segment has the same scores as in the study.

    Args:
        model: folder of a finished model.
        audio: files, and folders that are searched for audio files, including sub-folders.
        output: the CSV file; None: standard output.
        listed: text file that names further files and folders, one a line.
        segments: CSV file with the columns file, start and end: its segments are scored, and no whole file is.
        cutting: how a long file or segment is cut into parts, of which its score is the mean; None: into equal parts.
        per_chunk: write one row for each part (file, start_s, end_s) instead of one for each file (file, duration_s) or
            segment (file, start_s, end_s).
        scale: lowest and highest label of the scale in which the scores are written.
        embeddings: file of the pooled states of the same pass, float32 with one row for each row of the scores: as
            ``.npy``, or as ``.parquet`` with the same first columns. It is written at the end, as a whole. None: none.
        precision: number format of the products; None: the one of the model's training. With ``fp32`` nothing is
            rounded.

    Raises:
        UserError: some files could not be used (raised after the scores of all others are written), there is no audio,
            or an argument cannot be used.
    """
    sources, bad = _sources(audio, listed, segments)
    if embeddings is not None and embeddings.suffix not in STATES_SUFFIXES:
        raise UserError("embeddings have no such format", [str(embeddings)], "Name a file .npy or .parquet.")
    if embeddings is not None:
        embeddings.parent.mkdir(parents=True, exist_ok=True)  # if that fails, before the work
    always = (("model", SYNTHETIC),) if is_trained_on_synthetic_speech(model) else ()
    rows = Rows("parts" if per_chunk else "files" if segments is None else "segments", scale, always)
    loaded = load(model, precision).to(device())
    limit_kernels(loaded.shape)
    summary, scored, states = Summary(), 0, _States(rows)
    with ScoreFile(output) as scores:
        for group in _groups(sources, cutting or Cutting(), bad):
            what = f"predictions, {group[0].name}" + (f" and {len(group) - 1} more" if len(group) > 1 else "")
            values, pooled = score_parts(loaded, group, keep_pooled=embeddings is not None, what=what)
            scores.add(score_table(group, values, summary, rows))
            if embeddings is not None:
                states.add(group, pooled)
            scored += len(group)
        if embeddings is not None and scored:
            states.write(embeddings)
    summary.log(scored)
    if always:
        log_line(f"note: {model}: {SYNTHETIC}; the scores mean nothing for real recordings")
    if bad:
        remedy = "All others are scored." if scored else "None is scored."
        raise UserError(f"{len(bad)} of the files or folders could not be used", bad, remedy)


def _sources(audio: Sequence[Path], listed: Path | None, segments: Path | None) -> tuple[list[Source], list[str]]:
    """Return what is to be scored, and one line for each folder without audio files."""
    if segments is None:
        return find_files([*audio, *(read_list(listed) if listed is not None else ())])
    if audio or listed is not None:
        raise UserError("segments are scored, or files, not both", remedy="Give --segments alone: it names its files.")
    return read_segments(segments), []


class _States:
    """The pooled states of all rows, float32, in memory until all are there."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.places: list[pd.DataFrame] = []
        self.values: list[Floats] = []

    def add(self, recordings: Sequence[Recording], pooled: Floats) -> None:
        """Add the states of the parts of some recordings."""
        self.places.append(self.rows.places(recordings))
        self.values.append(self.rows.values(recordings, pooled).astype(np.float32))

    def write(self, path: Path) -> None:
        """Write an array (rows, hidden), or a table with a column for each of the hidden units."""
        values = np.concatenate(self.values)
        if path.suffix == ".npy":
            data_files.write_array(path, values)
            return
        columns = [f"embedding_{unit}" for unit in range(values.shape[1])]
        places = pd.concat(self.places, ignore_index=True)
        data_files.write_parquet(path, pd.concat([places, pd.DataFrame(values, columns=columns)], axis=1))


def _groups(sources: Sequence[Source], cutting: Cutting, bad: list[str]) -> Iterator[list[Recording]]:
    """Yield groups of decoded sources of about ``GROUP_S``; append one line to ``bad`` for each bad one."""
    group: list[Recording] = []
    waiting = 0
    for source in progress(sources, "audio files", unit="files"):
        try:
            decoded = source.decode()
        except AudioError as error:
            bad.append(f"{source.place}: {error}")
            continue
        notes: list[Note] = [("name", "its name is not UTF-8")] if source.name != str(source.path) else []
        group.append(recording_of(source.name, decoded, cutting, notes, source.start_s))
        waiting += decoded.samples.size
        if waiting >= GROUP_S * SAMPLE_RATE_HZ:
            yield group
            group, waiting = [], 0
    if group:
        yield group
