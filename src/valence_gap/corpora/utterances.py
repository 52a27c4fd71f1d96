"""Build the table of utterances and labels from the entries of a corpus, by the same steps for all corpora."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from valence_gap.corpora.audio_files import AudioFiles, find_audio, match, read_headers
from valence_gap.corpora.labels import Scale, check_scale, is_out_of_scale, normalise_table
from valence_gap.corpora.report import Report
from valence_gap.corpora.validation import DUPLICATE, LABEL_MISSING, NO_NUMBER, raise_if_invalid, shared_ids
from valence_gap.definitions.corpora import Corpus, CorpusPaths
from valence_gap.definitions.split_names import ALL, normalise_split_name, split_mapping
from valence_gap.definitions.values import DIMENSIONS, as_tuple
from valence_gap.runtime.errors import UserError, valid_names

MIXED_RATES = "Hz, among other rates"  # end of the reason of a note about the files of one sampling rate
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
            ``provenance`` the label file and row.
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
        `UTTERANCE_COLUMNS`, ``provenance`` (label file and row), the three dimensions (float, 0..1, NaN where not
        annotated) and ``our_split``, sorted by id.

    Raises:
        UserError: if the definition names a split that the corpus does not have, or one without a usable utterance; if
            an id names several audio files; if much of the audio is missing (``on_missing_audio: fail``); if labels are
            outside their scale (``out_of_scale: fail``); if a speaker is in two splits (``speakers_disjoint``). The
            error names all problems at once.
    """
    scales = scales_of(corpus, adapter)
    roots = [Path(folder) for folder in paths.audio]
    entries = adapter.read(corpus, paths, report)
    audio = find_audio(roots, by_name=adapter.by_name, ignored_dirs=adapter.ignored_dirs, report=report)
    folder = None if adapter.by_name else Path(paths.labels).parent
    entries = pd.concat(
        [entries, match(entries["name"], audio, by_name=adapter.by_name, folder=folder)], axis="columns"
    )
    _note_unlabelled(audio, entries, report)
    entries = _choose_splits(corpus, entries, report)
    for problem in sorted(entries["problem"].dropna().unique()):
        rows = entries[entries["problem"] == problem]
        report.skip_rows(problem, rows if adapter.by_name else rows.assign(id=rows["name"]))
    entries = entries[entries["problem"].isna()]
    entries = _read_labels(corpus, entries, report)
    shared = shared_ids(entries)
    entries = _drop_repeated(entries, report)
    raise_if_invalid(corpus, entries, scales, report, shared)
    entries = _scale_labels(corpus, entries, scales, report)
    folders = entries["audio_root"].map(dict(enumerate(f"{root}/" for root in roots))).astype("str")
    files = (folders + entries["file"]).tolist()
    seconds, rates_hz, unreadable = read_headers(files)
    entries = entries.assign(duration_s=seconds)
    for reason, problems in unreadable.items():
        report.note(reason, problems)
    report.note_rows("audio without a sample", entries[entries["duration_s"] == 0])
    report.note_rows("audio whose header gives no length", entries[np.isnan(seconds) & (rates_hz > 0)])
    _note_rates(rates_hz, entries, report)
    for column in ("speaker", "gender", "transcript"):
        entries[column] = entries[column].astype("str")
    report.note_rows("speaker unknown", entries[entries["speaker"].isna()])
    report.note_rows("gender unknown", entries[entries["gender"].isna()])
    columns = [*UTTERANCE_COLUMNS, "provenance", *DIMENSIONS, "our_split"]
    return entries.sort_values("id", ignore_index=True)[columns]


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
    report.skip_rows("row without a split", entries[names.isna()])
    unused = chosen["our_split"].isna() & names.notna()
    for name in sorted(entries.loc[unused, "split"].unique()):
        report.note_rows(f"split {name} is not used", entries[unused & (entries["split"] == name)])
    return chosen[chosen["our_split"].notna()]


def _read_labels(corpus: Corpus, entries: pd.DataFrame, report: Report) -> pd.DataFrame:
    """Return the labels as numbers; rows that lack one of the annotated dimensions are left out."""
    labels = entries.copy()
    missing = pd.Series(False, index=entries.index)
    strange = pd.Series(False, index=entries.index)
    for dimension in DIMENSIONS:
        if dimension not in corpus.dimensions:
            labels[dimension] = np.nan
            continue
        column = entries[dimension]
        number = pd.to_numeric(column, errors="coerce").astype("float64").replace([np.inf, -np.inf], np.nan)
        empty = column.isna() | column.astype("str").str.strip().str.lower().isin(["", "nan"])
        missing |= empty
        strange |= number.isna() & ~empty
        labels[dimension] = number
    report.skip_rows(LABEL_MISSING, entries[missing])
    report.skip_rows(NO_NUMBER, entries[strange & ~missing])
    return labels[~(missing | strange)]


def _drop_repeated(entries: pd.DataFrame, report: Report) -> pd.DataFrame:
    """Keep the first of the rows that share an id or an audio file; leave the others out."""
    for columns, what in ((["id"], "id"), (["audio_root", "file"], "audio file")):
        again = entries.duplicated(columns)
        first = entries[~again].set_index(columns)[["our_split", *DIMENSIONS]]
        repeated = entries[again]
        firsts = first.reindex(
            pd.MultiIndex.from_frame(repeated[columns]) if len(columns) > 1 else repeated[columns[0]]
        )
        values = repeated[["our_split", *DIMENSIONS]]
        same = ((values.to_numpy() == firsts.to_numpy()) | (values.isna().to_numpy() & firsts.isna().to_numpy())).all(1)
        report.skip_rows(f"{DUPLICATE} {what}", repeated[same])
        report.skip_rows(f"{DUPLICATE} {what} with another label or split", repeated[~same])
        entries = entries[~again]
    return entries


def _scale_labels(corpus: Corpus, entries: pd.DataFrame, scales: Mapping[str, Scale], report: Report) -> pd.DataFrame:
    what = {"keep": "kept", "clip": "clipped"}
    for dimension, scale in scales.items():
        wrong = entries[is_out_of_scale(entries[dimension].to_numpy(), scale)]
        if len(wrong):
            report.note_rows(f"{dimension} outside its scale, {what[corpus.out_of_scale]}", wrong)
    return normalise_table(entries, scales, out_of_scale="clip" if corpus.out_of_scale == "clip" else "keep")
