"""Find the audio files on disk, and the one that each row of a label file names."""

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from valence_gap.audio.decoding import AudioError, Header, read_header
from valence_gap.corpora.file_names import NOT_DECODED_SUFFIXES, FileNames, Match, other_encodings, stem_of
from valence_gap.corpora.inventory import files_below, is_audio, is_utf_8
from valence_gap.corpora.report import Report
from valence_gap.corpora.text_files import FORK, THREADS
from valence_gap.runtime.progress import progress

NO_AUDIO, OUTSIDE, SHARED, NOT_DECODED, NOT_UTF_8 = (
    "row without audio",
    "path that leaves the audio folder",
    "row whose file name several files have",
    "row whose audio is in a format that cannot be read",
    "row whose audio file has a name that is not UTF-8",
)
AUDIO_PROBLEMS = (NO_AUDIO, OUTSIDE, SHARED, NOT_DECODED, NOT_UTF_8)
MATCHED = "row matched although its file name differs"
UNREADABLE = "audio header that cannot be read"
TRUNCATED = "truncated audio"
# Paths that would leave the audio folder: a step up, an absolute path, a drive letter.
ESCAPE = r"^(?:[\\/]|[A-Za-z]:)|(?:^|[\\/])\.\.(?:[\\/]|$)"
ABSOLUTE = r"^(?:[\\/]|[A-Za-z]:)"
UPWARDS = r"(?:^|[\\/])\.\.(?:[\\/]|$)"
HINTS = 3  # rows without audio for which the nearest name is searched: the log shows that many


@dataclass(frozen=True)
class AudioFiles:
    """The audio below the audio folders.

    Args:
        roots: the audio folders.
        table: columns key (the name that rows use for the file), file (POSIX path below its folder), audio_root (index
            of its folder), shared (several files of that folder have the key); each key once.
        not_decoded: recordings below these folders in formats that cannot be read.
        not_utf_8: audio files whose names are not UTF-8, with lone surrogates.
    """

    roots: tuple[Path, ...]
    table: pd.DataFrame
    not_decoded: tuple[str, ...] = ()
    not_utf_8: tuple[str, ...] = ()


def find_audio(roots: Sequence[Path], *, by_name: bool, ignored_dirs: Sequence[str], report: Report) -> AudioFiles:
    """List the audio below the audio folders.

    Args:
        roots: the audio folders; where two contain the same file, the first is used.
        by_name: rows give only the name of a file, which may be in any sub-folder; otherwise they give its path.
        ignored_dirs: names of sub-folders whose audio files are not utterances.
        report: counts hidden files and files in several folders.
    """
    frames = []
    not_decoded: list[str] = []
    not_utf_8: list[str] = []
    for index, root in enumerate(roots):
        below = list(files_below(root))
        files = [file for file in below if is_audio(file)]
        others = (file for file in below if os.path.splitext(file)[1].lower() in NOT_DECODED_SUFFIXES)  # noqa: PTH122
        not_decoded += [file for file in others if is_utf_8(file)]
        nameless = [file for file in files if not is_utf_8(file)]
        not_utf_8 += nameless
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
    return AudioFiles(tuple(roots), table.drop_duplicates("key"), tuple(not_decoded), tuple(not_utf_8))


def match(
    names: pd.Series, audio: AudioFiles, *, by_name: bool, folder: Path | None = None, report: Report | None = None
) -> pd.DataFrame:
    """Find the audio file of each row.

    A row whose name no file has exactly is matched if only one file can be meant; see `FileNames`.

    Args:
        names: the file names in the rows.
        audio: the audio files on disk.
        by_name: as in `find_audio`.
        folder: names that are not found below an audio folder are resolved from this folder; absolute ones too.
        report: counts rows whose name is not exactly that of the file.

    Returns:
        Same index: file ('' where none), audio_root (-1 where none), problem (why there is none, null where found), and
        hint (what to look at, '' where nothing is known).
    """
    by_key = audio.table.set_index("key")
    escapes = names.str.contains(ESCAPE, regex=True)
    key = (names.str.rpartition("/")[2].astype("str") if by_name else names) if len(names) else names
    key = key.str.removeprefix("./").mask(escapes, "")
    if folder is not None:
        prefixes = [os.path.join(os.path.normpath(root.absolute()), "") for root in audio.roots]  # noqa: PTH118
        lost = by_key.index.get_indexer(pd.Index(key)) < 0
        resolved = [_below(prefixes, str(folder.absolute()), name, by_key) for name in names[lost]]
        key = key.copy()
        key[lost] = pd.Series(resolved, index=names.index[lost], dtype="str")
    hint = pd.Series("", index=names.index, dtype="str")
    problem = pd.Series(None, index=names.index, dtype="str")
    lost = by_key.index.get_indexer(pd.Index(key)) < 0
    if lost.any():
        free = FileNames(by_key.index.difference(pd.Index(key[~lost])).tolist())
        key = _replaced(key, _other_spellings(names[lost], free, by_name=by_name, report=report))
        lost = by_key.index.get_indexer(pd.Index(key)) < 0
        problem = problem.mask(lost, NO_AUDIO).mask(lost & escapes, OUTSIDE)
        problems, hints = _explained(names[lost], audio, free, by_name=by_name)
        problem, hint = _replaced(problem, problems), _replaced(hint, hints)
    found = by_key.reindex(key)
    problem = problem.mask(found["shared"].eq(True).to_numpy(), SHARED)
    file = found["file"].fillna("").astype("str").to_numpy()
    root = found["audio_root"].fillna(-1).astype("int64").to_numpy()
    return pd.DataFrame({"file": file, "audio_root": root, "problem": problem, "hint": hint}, index=names.index)


def _pairs(column: pd.Series) -> Iterator[tuple[Any, str]]:
    return zip(column.index, column, strict=True)


def _replaced(column: pd.Series, values: Mapping[Any, str]) -> pd.Series:
    """Return a text column with other values in some rows."""
    found = pd.Series(values, dtype="str").reindex(column.index)
    return column.mask(found.notna(), found)


def _other_spellings(names: pd.Series, files: FileNames, *, by_name: bool, report: Report | None) -> dict[Any, str]:
    """Return the keys of the rows that mean one file in another spelling."""
    allowed = names[(names != "") & ~names.str.contains(UPWARDS, regex=True)]
    absolute = allowed.str.contains(ABSOLUTE, regex=True)
    foreign = None if by_name else files.foreign_folder(allowed[absolute])
    found: dict[Any, Match] = {}
    for row, name in _pairs(allowed):
        matched = files.find(_last_part(name) if by_name else name)
        if matched is None and foreign is not None and absolute[row]:
            matched = files.find_below(name, foreign)
        if matched is not None:
            found[row] = matched
    for how in dict.fromkeys(matched.how for matched in found.values()):
        rows = [f"{names[row]} -> {matched.key}" for row, matched in found.items() if matched.how == how]
        if report is not None:
            report.note(f"{MATCHED}: {how}", rows, shown=True)
    return {row: matched.key for row, matched in found.items()}


def _explained(
    names: pd.Series, audio: AudioFiles, files: FileNames, *, by_name: bool
) -> tuple[dict[Any, str], dict[Any, str]]:
    """Return problems and hints of rows without audio: another format, a name in another encoding, the nearest name."""
    not_decoded = {stem_of(_last_part(file) if by_name else file): file for file in audio.not_decoded}
    encoded = other_encodings([_last_part(file) if by_name else file for file in audio.not_utf_8])
    problems: dict[Any, str] = {}
    hints: dict[Any, str] = {}
    searched = 0
    for row, name in _pairs(names[names != ""]):
        key = _last_part(name) if by_name else name
        if other := not_decoded.get(stem_of(key)):
            problems[row], hints[row] = NOT_DECODED, f"there is {other}"
        elif other := encoded.get(key):
            problems[row], hints[row] = NOT_UTF_8, f"there is {other}"
        elif searched < HINTS:
            searched += 1
            hints[row] = f"nearest file: {nearest}" if (nearest := files.nearest(key)) else ""
    return problems, hints


def _last_part(name: str) -> str:
    return name.replace("\\", "/").rpartition("/")[2]


def _below(prefixes: Sequence[str], folder: str, name: str, by_key: pd.DataFrame) -> str:
    """Return the path of a file below the audio folder that contains it; '' where none does."""
    path = os.path.normpath(os.path.join(folder, name))  # noqa: PTH118 - a million names are resolved
    below = (path.removeprefix(prefix) for prefix in prefixes if path.startswith(prefix))
    return next((key for key in below if key in by_key.index), "")


class Headers(NamedTuple):
    """What audio headers say.

    Attributes:
        seconds: (files,), NaN where the header gives no length, cannot be read or announces more than the file has.
        is_whole: (files,), whether that length is known to be that of the audio: a header may give too little.
        rates_hz: (files,), 0 where the header cannot be read or announces more than the file has.
        problems: one line for each of these files, by reason (`UNREADABLE`, `TRUNCATED`).
    """

    seconds: npt.NDArray[np.float64]
    is_whole: npt.NDArray[np.bool_]
    rates_hz: npt.NDArray[np.int64]
    problems: dict[str, list[str]]


def read_headers(files: Sequence[str]) -> Headers:
    """Read lengths and sampling rates from the headers of audio files; no audio is decoded."""
    problems: dict[str, list[str]] = {}
    headers: list[Header] = []
    blocks = [files[start : start + 64] for start in range(0, len(files), 64)]
    with ThreadPoolExecutor(THREADS) as pool:
        read = progress(pool.map(_headers, blocks), "audio headers", total=len(blocks), unit="blocks of 64")
        for names, block in zip(blocks, read, strict=True):
            for file, (header, reason, detail) in zip(names, block, strict=True):
                headers.append(header)
                if reason:
                    problems.setdefault(reason, []).append(f"{file.rpartition('/')[2]}: {detail}")
    return Headers(
        seconds=np.array([each.seconds for each in headers], dtype=np.float64),  # None becomes NaN
        is_whole=np.array([each.is_whole for each in headers], dtype=np.bool_),
        rates_hz=np.array([each.rate_hz for each in headers], dtype=np.int64),
        problems=problems,
    )


def _headers(files: Sequence[str]) -> list[tuple[Header, str, str]]:
    return [_header(file) for file in files]


def _header(file: str) -> tuple[Header, str, str]:
    """Return a header, and for a bad file the reason and the details."""
    try:
        return read_header(Path(file)), "", ""
    except AudioError as error:
        nothing = Header(seconds=None, rate_hz=0, is_whole=False)
        return nothing, TRUNCATED if error.kind == "truncated" else UNREADABLE, error.detail
