"""Find the audio files on disk, and the one that each row of a label file names."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt
import pandas as pd

from valence_gap.audio.decoding import AudioError, read_header
from valence_gap.corpora.inventory import files_below, is_audio, is_utf_8
from valence_gap.corpora.report import Report
from valence_gap.corpora.text_files import FORK, THREADS
from valence_gap.runtime.progress import progress

NO_AUDIO, OUTSIDE, SHARED = (
    "row without audio",
    "path that leaves the audio folder",
    "row whose file name several files have",
)
UNREADABLE = "audio header that cannot be read"
TRUNCATED = "truncated audio"
# Paths that would leave the audio folder: a step up, an absolute path, a drive letter.
ESCAPE = r"^(?:[\\/]|[A-Za-z]:)|(?:^|[\\/])\.\.(?:[\\/]|$)"


@dataclass(frozen=True)
class AudioFiles:
    """The audio below the audio folders.

    Args:
        roots: the audio folders.
        table: columns key (the name that rows use for the file), file (POSIX path below its folder), audio_root (index
            of its folder), shared (several files of that folder have the key); each key once.
    """

    roots: tuple[Path, ...]
    table: pd.DataFrame


def find_audio(roots: Sequence[Path], *, by_name: bool, ignored_dirs: Sequence[str], report: Report) -> AudioFiles:
    """List the audio below the audio folders.

    Args:
        roots: the audio folders; where two contain the same file, the first is used.
        by_name: rows give only the name of a file, which may be in any sub-folder; otherwise they give its path.
        ignored_dirs: names of sub-folders whose audio files are not utterances.
        report: counts hidden files and files in several folders.
    """
    frames = []
    for index, root in enumerate(roots):
        files = [file for file in files_below(root) if is_audio(file)]
        nameless = [file for file in files if not is_utf_8(file)]
        report.skip("audio without a row", nameless)  # no label file can contain such a name
        files = [file for file in files if is_utf_8(file)]
        hidden = [file for file in files if file.rpartition("/")[2].startswith(".")]
        report.note(FORK, hidden)
        skip = set(hidden)
        skip |= {file for file in files if ignored_dirs and set(PurePosixPath(file).parts[:-1]) & set(ignored_dirs)}
        column = pd.Series(sorted(file for file in files if file not in skip), dtype="str")
        key = column.str.rpartition("/")[2].astype("str") if by_name and len(column) else column
        frames.append(pd.DataFrame({"key": key, "file": column, "audio_root": np.int64(index)}))
    table = pd.concat(frames, ignore_index=True)
    table["shared"] = table.duplicated(["key", "audio_root"], keep=False)
    repeated = table[table.duplicated("key") & ~table.duplicated(["key", "audio_root"])]
    report.note("audio in several audio folders, the first one taken", repeated["file"])
    return AudioFiles(tuple(roots), table.drop_duplicates("key"))


def match(names: pd.Series, audio: AudioFiles, *, by_name: bool, folder: Path | None = None) -> pd.DataFrame:
    """Find the audio file of each row.

    Args:
        names: the file names in the rows.
        audio: the audio files on disk.
        by_name: as in `find_audio`.
        folder: names that are not found below an audio folder are resolved from this folder; absolute ones too.

    Returns:
        Same index: file ('' where none), audio_root (-1 where none), problem (why there is none, null where found).
    """
    by_key = audio.table.set_index("key")
    folder = folder.absolute() if folder else None
    escapes = names.str.contains(ESCAPE, regex=True)
    key = (names.str.rpartition("/")[2].astype("str") if by_name else names) if len(names) else names
    key = key.str.removeprefix("./").mask(escapes, "")
    if folder is not None:
        prefixes = [os.path.join(os.path.normpath(root.absolute()), "") for root in audio.roots]  # noqa: PTH118
        lost = by_key.index.get_indexer(pd.Index(key)) < 0
        resolved = [_below(prefixes, str(folder), name, by_key) for name in names[lost]]
        key = key.copy()
        key[lost] = pd.Series(resolved, index=names.index[lost], dtype="str")
    found = by_key.reindex(key)
    problem = pd.Series(None, index=names.index, dtype="str")
    problem = problem.mask(found["audio_root"].isna().to_numpy(), NO_AUDIO)
    problem = problem.mask(escapes & problem.notna(), OUTSIDE)
    shared = found["shared"].eq(True).to_numpy()
    problem = problem.mask(shared, SHARED)
    file = found["file"].fillna("").astype("str").to_numpy()
    root = found["audio_root"].fillna(-1).astype("int64").to_numpy()
    return pd.DataFrame({"file": file, "audio_root": root, "problem": problem}, index=names.index)


def _below(prefixes: Sequence[str], folder: str, name: str, by_key: pd.DataFrame) -> str:
    """Return the path of a file below the audio folder that contains it; '' where none does."""
    path = os.path.normpath(os.path.join(folder, name))  # noqa: PTH118 - a million names are resolved
    below = (path.removeprefix(prefix) for prefix in prefixes if path.startswith(prefix))
    return next((key for key in below if key in by_key.index), "")


def read_headers(files: Sequence[str]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64], dict[str, list[str]]]:
    """Read durations and sampling rates from the audio headers.

    Args:
        files: audio files.

    Returns:
        Seconds, (files,), NaN where the header cannot be read or announces more than the file has; Hz, (files,), 0 for
        these files; and by reason (`UNREADABLE`, `TRUNCATED`) one line for each of them.
    """
    problems: dict[str, list[str]] = {}
    seconds: list[float] = []
    rates_hz: list[int] = []
    blocks = [files[start : start + 64] for start in range(0, len(files), 64)]
    with ThreadPoolExecutor(THREADS) as pool:
        read = progress(pool.map(_headers, blocks), "audio headers", total=len(blocks), unit="blocks of 64")
        for names, block in zip(blocks, read, strict=True):
            for file, (duration_s, rate_hz, reason, detail) in zip(names, block, strict=True):
                seconds.append(duration_s)
                rates_hz.append(rate_hz)
                if reason:
                    problems.setdefault(reason, []).append(f"{file.rpartition('/')[2]}: {detail}")
    return np.array(seconds, dtype=np.float64), np.array(rates_hz, dtype=np.int64), problems


def _headers(files: Sequence[str]) -> list[tuple[float, int, str, str]]:
    return [_header(file) for file in files]


def _header(file: str) -> tuple[float, int, str, str]:
    """Return seconds and Hz, and for a bad file the reason and the details."""
    try:
        header = read_header(Path(file))
    except AudioError as error:
        return float("nan"), 0, TRUNCATED if error.kind == "truncated" else UNREADABLE, error.detail
    return float("nan") if header.seconds is None else header.seconds, header.rate_hz, "", ""
