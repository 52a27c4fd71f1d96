"""Rows that name a part of an audio file: its start and end in seconds."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from valence_gap.corpora.numbers import Numbers, numbers
from valence_gap.corpora.report import Report

START, END = "start", "end"
TIMES = ("start_s", "end_s")
"""Columns of an utterance table whose corpus has segments: seconds; an end of NaN is the end of the file."""
SLACK_S = 0.05  # an end is rounded, and encoders pad or cut the last block: up to here, it is the end of the file
TWO_SPLITS = "file with segments in several splits"
CLOCK = r"(?:(?P<hours>\d+):)?(?P<minutes>\d+):(?P<seconds>\d+(?:[.,]\d+)?)"


def with_times(entries: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Read the times of the rows, and give each segment an id of its own.

    A row without start and end is a whole file. A segment whose id is the name of its file becomes
    ``talk.wav#50-55.5``, which does not depend on other rows.

    Args:
        entries: the rows; ``start`` and ``end`` may be absent, as text or seconds. An empty start is the start of the
            file, an empty end its end. ``hours:minutes:seconds`` is read, too.

    Returns:
        The rows with `TIMES` instead, and one line for each row whose times are no segment.
    """
    if START not in entries:
        return entries.assign(start_s=0.0, end_s=np.nan), []
    start, end = (numbers(_seconds(entries[column])) for column in (START, END))
    problems = [*_no_times(entries, START, start), *_no_times(entries, END, end)]
    first, last = start.values.fillna(0.0), end.values
    place = entries["provenance"] + " " + entries["name"]
    problems += [f"{row}: start {second:g} s is before the file" for row, second in _pairs(place, first, first < 0)]
    problems += [f"{row}: end {second:g} s is not after start" for row, second in _pairs(place, last, last <= first)]
    is_part = (first != 0) | last.notna()
    label = entries["name"] + "#" + _labels(first) + "-" + _labels(last)
    ids = entries["id"].mask(is_part & (entries["id"] == entries["name"]), label)
    return entries.drop(columns=[START, END]).assign(id=ids, start_s=first, end_s=last), problems


def _seconds(column: pd.Series) -> pd.Series:
    """Return times of a clock as seconds; other cells unchanged."""
    if pd.api.types.is_numeric_dtype(column):
        return column
    text = column.astype("str").str.strip()
    clock = text.str.extract(f"^{CLOCK}$")
    read = clock["seconds"].notna()
    if not read.any():
        return column
    parts = clock[read].assign(seconds=clock["seconds"].str.replace(",", "."))
    hours, minutes, seconds = (parts[name].fillna("0").astype("float64") for name in ("hours", "minutes", "seconds"))
    return column.astype("object").mask(read, (hours * 3600 + minutes * 60 + seconds).reindex(column.index))


def _no_times(entries: pd.DataFrame, column: str, found: Numbers) -> Iterator[str]:
    wrong = entries[found.values.isna() & ~found.empty]
    for place, name, value in zip(wrong["provenance"], wrong["name"], wrong[column], strict=True):
        yield f"{place} {name}: {column} {value!r} is no time in seconds"


def _pairs(place: pd.Series, values: pd.Series, chosen: pd.Series) -> Iterator[tuple[str, float]]:
    return zip(place[chosen], values[chosen], strict=True)


def _labels(seconds: pd.Series) -> pd.Series:
    """Return times as in ids, to the microsecond; '' where there is none."""
    texts = ["" if np.isnan(second) else f"{second:.6f}".rstrip("0").rstrip(".") for second in seconds]
    return pd.Series(texts, index=seconds.index, dtype="str")


def is_segment(entries: pd.DataFrame) -> pd.Series:
    """Return which rows are a part of their file."""
    return (entries["start_s"] > 0) | entries["end_s"].notna()


def outside(entries: pd.DataFrame, lengths: pd.DataFrame) -> list[str]:
    """Return one line for each segment that is known to be outside its file.

    A file may have more audio than its header gives (MP3, FLAC), or a header may give no length. Then packing, which
    reads the file to its end, finds such a segment.

    Args:
        entries: rows with `TIMES`.
        lengths: of the file of each row (same index): ``seconds``, NaN where unknown, and ``is_whole``, whether the
            file is known to have no more audio than that.
    """
    seconds = _most(lengths)
    wrong = (entries["end_s"] > seconds + SLACK_S) | ((entries["start_s"] >= seconds) & (entries["start_s"] > 0))
    rows = entries.assign(length=seconds)[wrong]
    return [_line(row) for row in rows.to_dict("records")]


def _line(row: Mapping[Any, Any]) -> str:
    end = "the end" if np.isnan(row["end_s"]) else f"{row['end_s']:g}"
    times = f"{row['start_s']:g} to {end} s"
    return f"{row['provenance']} {row['file']}: the segment {times} is outside the file, which has {row['length']:g} s"


def durations(entries: pd.DataFrame, lengths: pd.DataFrame) -> pd.Series:
    """Return the length in seconds of each row's part of its file, NaN where it is unknown; arguments as in `outside`.

    A segment ends at the end of its file; where that is not known, at its own end.
    """
    most = _most(lengths)
    end = entries["end_s"].fillna(lengths["seconds"])
    found = end.where(~(end > most), most) - entries["start_s"]
    return found.where(~is_segment(entries) | (found > 0))


def _most(lengths: pd.DataFrame) -> pd.Series:
    """Return the lengths of the files that are known to have no more audio; NaN for others."""
    return lengths["seconds"].where(lengths["is_whole"].astype("bool"))


def note_shared_files(entries: pd.DataFrame, report: Report) -> None:
    """Count segments of a file of which other segments are in another split: the same people may speak in both."""
    parts = entries[is_segment(entries)]
    splits = parts.groupby(["audio_root", "file"])["our_split"].transform("nunique")
    report.note_rows(TWO_SPLITS, parts[splits > 1], shown=True)
