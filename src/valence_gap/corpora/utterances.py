"""Build the table of utterances and labels from the entries of a corpus, by the same steps for all corpora."""

import difflib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from valence_gap.corpora.audio_files import AudioFiles, find_audio, match, read_headers
from valence_gap.corpora.cells import NO_NAMES
from valence_gap.corpora.labels import Scale, check_scale, is_out_of_scale, normalise_table
from valence_gap.corpora.numbers import numbers
from valence_gap.corpora.plausibility import warn
from valence_gap.corpora.report import Report
from valence_gap.corpora.segments import TIMES, durations, is_segment, note_shared_files, outside, with_times
from valence_gap.corpora.validation import (
    CONFLICT,
    DUPLICATE,
    LABEL_MISSING,
    NO_NUMBER,
    UNCLEAR_COMMA,
    raise_if_invalid,
    shared_ids,
)
from valence_gap.definitions.corpora import Corpus, CorpusPaths
from valence_gap.definitions.split_names import ALL, normalise_split_name, split_mapping
from valence_gap.definitions.values import DIMENSIONS, as_tuple
from valence_gap.runtime.errors import UserError, valid_names

MIXED_RATES = "Hz, among other rates"  # end of the reason of a note about the files of one sampling rate
DECIMAL_COMMA = "label with a decimal comma, read as a decimal point"
AS_A_NAME = "speaker whose name other programs write for a missing one, read as a name"
NO_SPLIT = "row without a split"
ENTRY_COLUMNS = ("id", "name", "split", "speaker", "gender", "transcript", "provenance", *DIMENSIONS)
UTTERANCE_COLUMNS = (
    "id",
    "file",
    "audio_root",
    "speaker",
    "gender",
    "transcript",
    "duration_s",
)


@dataclass(frozen=True)
class Adapter:
    """How a corpus' on-disk format is read.

    Args:
        read: returns the entries, one row per label row of the corpus: `ENTRY_COLUMNS`, all text, null where unknown;
            labels as text or numbers on the corpus' own scale; ``name`` is the row's name of its audio file,
            ``provenance`` the label file and row. Where rows name parts of files, also ``start`` and ``end``, in
            seconds (see `valence_gap.corpora.segments.with_times`).
        scales: lowest and highest label of each dimension that the corpus annotates; None where the definition must
            give them.
        by_name: rows give only the name of an audio file, not its path.
        ignored_dirs: sub-folders of the audio folder whose audio files are not utterances.
    """

    read: Callable[[Corpus, CorpusPaths, Report], pd.DataFrame]
    scales: Mapping[str, Scale] | None
    by_name: bool = True
    ignored_dirs: tuple[str, ...] = ()


def empty_column(index: pd.Index) -> pd.Series:
    """Return a text column that is null in every row."""
    return pd.Series(None, index=index, dtype="str")


def dimensions_remedy(corpus: Corpus, missing: Collection[str]) -> str:
    """Return what to do if a label file lacks dimensions; '' if it lacks other columns only."""
    lacking = [name for name in DIMENSIONS if name in missing and name in corpus.dimensions]
    if not lacking:
        return ""
    left = [name for name in DIMENSIONS if name in corpus.dimensions and name not in missing]
    remedy = f" If {' and '.join(lacking)} is not annotated, set dimensions: [{', '.join(left)}]."
    if "train" in corpus.splits or "dev" in corpus.splits:
        remedy += (
            f" Training without one of {', '.join(DIMENSIONS)} is not supported: such a corpus can only be tested on. "
            "Then map its test split alone, and train on another corpus or evaluate a finished model (checkpoint)."
        )
    return remedy


def scales_of(corpus: Corpus, adapter: Adapter) -> dict[str, Scale]:
    """Return the scale of each dimension of the definition: its own, or the adapter's.

    Raises:
        UserError: if dimensions have no scale (the error names all of them), or a scale does not rise.
    """
    declared: dict[str, Scale] = {**(adapter.scales or {})}
    declared |= {str(name): scale for name, scale in (corpus.scale or {}).items()}
    if adapter.scales is not None and (foreign := [name for name in corpus.dimensions if name not in adapter.scales]):
        raise UserError(
            f"The corpus {corpus.adapter} does not annotate every dimension of the definition.",
            [f"dimensions: {name}" for name in foreign],
            f"Leave them out of the definition's dimensions; {valid_names(adapter.scales)}.",
        )
    if missing := [name for name in corpus.dimensions if name not in declared]:
        raise UserError(
            f"The definition of {corpus.label} does not say the scale of its labels.",
            [f"scale: no {name}" for name in missing],
            "Give the lowest and highest label, such as scale: {valence: [1, 7]}.",
        )
    for name in corpus.dimensions:
        check_scale(name, declared[name])
    return {name: declared[name] for name in corpus.dimensions}


def build_corpus_table(corpus: Corpus, paths: CorpusPaths, adapter: Adapter, report: Report) -> pd.DataFrame:
    """Read a corpus into one table.

    Args:
        corpus: its definition.
        paths: its paths.
        adapter: the reader of its format.
        report: counts what is left out.

    Returns:
        `UTTERANCE_COLUMNS`, ``start_s`` and ``end_s`` if a row is a part of its file (NaN: the end of the file),
        ``provenance`` (label file and row), the three dimensions (float, 0..1, NaN where not annotated) and
        ``our_split``, sorted by id.

    Raises:
        UserError: if the definition names a split that the corpus does not have, or one without a usable utterance; if
            an id names several audio files; if a segment is outside its file; if much of the audio is missing
            (``on_missing_audio: fail``), many rows are lost, or rows contradict each other (``on_lost_rows: fail``); if
            labels are outside their scale (``out_of_scale: fail``); if a speaker is in two splits
            (``speakers_disjoint``). The error names all problems at once.
    """
    scales = scales_of(corpus, adapter)
    roots = [Path(folder) for folder in paths.audio]
    entries = adapter.read(corpus, paths, report)
    audio = find_audio(roots, by_name=adapter.by_name, ignored_dirs=adapter.ignored_dirs, report=report)
    folder = None if adapter.by_name else Path(paths.labels).parent
    matched = match(entries["name"], audio, by_name=adapter.by_name, folder=folder, report=report)
    entries = pd.concat([entries, matched], axis="columns")
    _note_unlabelled(audio, entries, report)
    entries = _choose_splits(corpus, entries, report)
    entries, problems = with_times(entries)
    _skip_without_audio(entries, report, by_name=adapter.by_name)
    entries = entries[entries["problem"].isna()]
    entries = _read_labels(corpus, entries, scales, report)
    problems += shared_ids(entries)
    entries = _drop_repeated(entries, report)
    lengths = _read_headers(entries, roots, report)
    problems += outside(entries, lengths)
    raise_if_invalid(corpus, entries, scales, report, problems)
    warn(corpus, entries, scales, report)
    entries = _scale_labels(corpus, entries, scales, report)
    entries = entries.assign(duration_s=durations(entries, lengths))
    report.note_rows("audio without a sample", entries[entries["duration_s"] == 0])
    note_shared_files(entries, report)
    for column in ("speaker", "gender", "transcript"):
        entries[column] = entries[column].astype("str")
    report.note_rows("speaker unknown", entries[entries["speaker"].isna()])
    report.note_rows("gender unknown", entries[entries["gender"].isna()])
    report.note_rows(AS_A_NAME, entries[entries["speaker"].str.lower().isin(NO_NAMES)], shown=True)
    # Tables of corpora without segments do not have the times, so that they are the same bytes in every version.
    times = TIMES if is_segment(entries).any() else ()
    columns = [*UTTERANCE_COLUMNS, *times, "provenance", *DIMENSIONS, "our_split"]
    return entries.sort_values("id", ignore_index=True)[columns]


def _skip_without_audio(entries: pd.DataFrame, report: Report, *, by_name: bool) -> None:
    """Count the rows without audio, with what is there instead."""
    for problem in sorted(entries["problem"].dropna().unique()):
        rows = entries[entries["problem"] == problem]
        hint = (" (" + rows["hint"] + ")").where(rows["hint"] != "", "")
        report.skip_rows(problem, rows.assign(id=(rows["id"] if by_name else rows["name"]) + hint))


def _read_headers(entries: pd.DataFrame, roots: Sequence[Path], report: Report) -> pd.DataFrame:
    """Return the length of the file of each row, as `outside` and `durations` take it; each file is opened once."""
    unique = entries.drop_duplicates(["audio_root", "file"])
    headers = read_headers(_paths(unique, roots))
    for reason, lines in headers.problems.items():
        report.note(reason, lines)
    is_unknown = np.isnan(headers.seconds) & (headers.rates_hz > 0)
    report.note_rows("audio whose header gives no length", unique[is_unknown])
    _note_rates(headers.rates_hz, unique, report)
    table = {"seconds": headers.seconds, "is_whole": headers.is_whole}
    by_path = pd.DataFrame(table, index=_paths(unique, roots))
    return by_path.reindex(_paths(entries, roots)).set_index(entries.index)


def _paths(entries: pd.DataFrame, roots: Sequence[Path]) -> list[str]:
    folders = entries["audio_root"].map(dict(enumerate(f"{root}/" for root in roots))).astype("str")
    return (folders + entries["file"]).tolist()


def _note_rates(rates_hz: npt.NDArray[np.int64], entries: pd.DataFrame, report: Report) -> None:
    """Count the files of each sampling rate, where there is more than one."""
    found = sorted(set(rates_hz[rates_hz > 0].tolist()))
    for rate_hz in found if len(found) > 1 else ():
        report.note(f"files at {rate_hz:,} {MIXED_RATES}", entries.loc[rates_hz == rate_hz, "file"])


def _note_unlabelled(audio: AudioFiles, entries: pd.DataFrame, report: Report) -> None:
    """Count the audio files that no row of any split names."""
    labelled = pd.MultiIndex.from_frame(entries[["audio_root", "file"]].drop_duplicates())
    table = audio.table[~audio.table["shared"]]
    there = pd.MultiIndex.from_frame(table[["audio_root", "file"]])
    report.skip("audio without a row", table.loc[labelled.get_indexer(there) < 0, "file"])


def _choose_splits(corpus: Corpus, entries: pd.DataFrame, report: Report) -> pd.DataFrame:
    mapped = split_mapping(corpus)
    if ALL in mapped:
        return entries.assign(our_split=mapped[ALL])
    spelt = {name: normalise_split_name(name) for name in entries["split"].dropna().unique()}
    names = entries["split"].map(spelt)
    absent = sorted(set(mapped) - set(spelt.values()))
    if absent:
        written = {normalise_split_name(name): name for names in corpus.splits.values() for name in as_tuple(names)}
        raise UserError(
            f"{corpus.label} has no such split.",
            [f"splits: {mapped[name]}: {written[name]}" for name in absent],
            f"Correct the definition's splits; {valid_names([*map(str, spelt), ALL])}.",
        )
    chosen = entries.assign(our_split=names.map(mapped).astype("str"))
    report.skip_rows(NO_SPLIT, entries[names.isna()])
    unused = chosen["our_split"].isna() & names.notna()
    for name in sorted(entries.loc[unused, "split"].unique()):
        rows = entries[unused & (entries["split"] == name)]
        report.note_rows(f"split {name} is not used", rows, shown=_is_misspelt(spelt[name], mapped))
    return chosen[chosen["our_split"].notna()]


def _is_misspelt(name: str, mapped: Collection[str]) -> bool:
    """Return whether a split that is not used may be one that is; ``test2`` is another one than ``test1``."""
    words = [each for each in mapped if each.isalpha()]
    return name.isalpha() and bool(difflib.get_close_matches(name, words, n=1, cutoff=0.7))


def _read_labels(corpus: Corpus, entries: pd.DataFrame, scales: Mapping[str, Scale], report: Report) -> pd.DataFrame:
    """Return the labels as numbers; rows that lack one of the annotated dimensions are left out."""
    labels = entries.copy()
    missing, strange, unclear, commas = (pd.Series(False, index=entries.index) for _ in range(4))
    for dimension in DIMENSIONS:
        if dimension not in corpus.dimensions:
            labels[dimension] = np.nan
            continue
        found = numbers(entries[dimension], scales[dimension])
        missing |= found.empty
        unclear |= found.unclear
        strange |= found.values.isna() & ~found.empty & ~found.unclear
        commas |= found.commas
        labels[dimension] = found.values
    report.skip_rows(LABEL_MISSING, entries[missing])
    report.skip_rows(NO_NUMBER, entries[strange & ~missing])
    report.skip_rows(UNCLEAR_COMMA, entries[unclear & ~missing & ~strange])
    lost = missing | strange | unclear
    report.note_rows(DECIMAL_COMMA, entries[commas & ~lost], shown=True)
    return labels[~lost]


def _drop_repeated(entries: pd.DataFrame, report: Report) -> pd.DataFrame:
    """Keep the first of the rows that share an id or a part of an audio file; leave the others out."""
    compared = ["our_split", "speaker", "gender", "transcript", *DIMENSIONS]
    for columns, what in ((["id"], "id"), (["audio_root", "file", *TIMES], "audio file")):
        groups = entries.groupby(columns, sort=False, dropna=False).ngroup()
        again = groups.duplicated()
        firsts = entries[~again].set_index(groups[~again])[compared].reindex(groups[again])
        repeated = entries[again]
        values = repeated[compared]
        equal = values.astype("object").to_numpy() == firsts.astype("object").to_numpy()
        same = (equal | (values.isna().to_numpy() & firsts.isna().to_numpy())).all(axis=1)
        report.skip_rows(f"{DUPLICATE} {what}", repeated[same])
        report.skip_rows(f"{DUPLICATE} {what} {CONFLICT}", repeated[~same])
        entries = entries[~again]
    return entries


def _scale_labels(corpus: Corpus, entries: pd.DataFrame, scales: Mapping[str, Scale], report: Report) -> pd.DataFrame:
    what = {"keep": "kept", "clip": "clipped"}
    for dimension, scale in scales.items():
        wrong = entries[is_out_of_scale(entries[dimension].to_numpy(), scale)]
        if len(wrong):
            report.note_rows(f"{dimension} outside its scale, {what[corpus.out_of_scale]}", wrong)
    return normalise_table(entries, scales, out_of_scale="clip" if corpus.out_of_scale == "clip" else "keep")
