"""The user's own corpus: one CSV or Parquet table with a row per audio file, or per segment of one."""

from pathlib import Path

import pandas as pd

from valence_gap.corpora.cells import genders, known, spoken
from valence_gap.corpora.report import Report
from valence_gap.corpora.segments import END, START
from valence_gap.corpora.text_files import ROW, ambiguous, candidates, read_csv
from valence_gap.corpora.utterances import ENTRY_COLUMNS, Adapter, dimensions_remedy, empty_column
from valence_gap.definitions.corpora import Corpus, CorpusPaths
from valence_gap.definitions.split_names import ALL, split_mapping
from valence_gap.definitions.values import DIMENSIONS
from valence_gap.runtime.errors import UserError, valid_names

SUFFIXES = (".csv", ".tsv", ".parquet")
OURS = ("file", START, END, "id", "split", "speaker", "gender", "transcript", *DIMENSIONS)


def read(corpus: Corpus, paths: CorpusPaths, report: Report) -> pd.DataFrame:
    """Read the rows of the table.

    The table must have the columns ``file`` (relative to an audio folder or to the folder of the table, or an absolute
    path into an audio folder), ``split`` (unless the definition maps ``all``), and each annotated dimension. Optional
    columns are ``start`` and ``end`` (of a part of the file, in seconds), ``id`` (by default the file, with the times
    of its part), ``speaker``, ``gender`` and ``transcript``. ``columns`` of the definition maps these names to the
    table's own names; a column that is mapped to '' is not read.

    A column is found by its exact name, or else regardless of upper and lower case. Missing are: a speaker, gender,
    split or id that is empty or ``nan``, and a transcript that is empty.

    Args:
        corpus: the definition, with the scale of its labels.
        paths: ``labels`` is the table.
        report: counts malformed rows.

    Raises:
        UserError: if the table cannot be read, lacks columns, or has several that a name may mean; the error names all
            of them.
    """
    path = Path(paths.labels)
    _check_paths(paths, path)
    own = _columns(corpus)
    table = _read_parquet(path) if path.suffix.lower() == ".parquet" else read_csv(path, report)
    available = _available(corpus, path, table, own)
    entries = pd.DataFrame(index=table.index)
    for ours in ("split", "speaker"):
        entries[ours] = known(table[available[ours]]) if ours in available else empty_column(table.index)
    entries["transcript"] = (
        spoken(table[available["transcript"]]) if "transcript" in available else empty_column(table.index)
    )
    entries["name"] = table[available["file"]].astype("str").fillna("").str.strip()
    entries["id"] = known(table[available["id"]]).fillna(entries["name"]) if "id" in available else entries["name"]
    entries["gender"] = (
        genders(table[available["gender"]], report) if "gender" in available else empty_column(table.index)
    )
    entries["provenance"] = path.name + ":" + table[ROW].astype("str")
    for dimension in DIMENSIONS:
        entries[dimension] = table[available[dimension]] if dimension in available else empty_column(table.index)
    times = [START, END] if START in available else []
    for ours in times:
        entries[ours] = table[available[ours]]
    return entries[[*ENTRY_COLUMNS, *times]]


def _available(corpus: Corpus, path: Path, table: pd.DataFrame, own: dict[str, str]) -> dict[str, str]:
    """Return the table's column for each of ours that it has.

    Raises:
        UserError: if columns are missing, or several may be meant.
    """
    found = {ours: candidates(table, name) for ours, name in own.items() if name}
    if several := {own[ours]: columns for ours, columns in found.items() if len(columns) > 1}:
        raise UserError(*ambiguous(path, several))
    available = {ours: columns[0] for ours, columns in found.items() if columns}
    needed = ["file", *([] if ALL in split_mapping(corpus) else ["split"]), *corpus.dimensions]
    missing = [ours for ours in needed if ours not in available]
    missing += [ours for ours in corpus.columns or () if own[ours] and ours not in available and ours not in missing]
    # One of the two alone would be read as a segment that it is not.
    missing += [
        ours
        for ours, other in ((START, END), (END, START))
        if other in available and ours not in available and ours not in missing
    ]
    if missing:
        has = f"It has {', '.join(map(str, table.columns.drop(ROW)))}."
        lines = [f"{path}: no column {own[ours]}" + (f" (for {ours})" if own[ours] != ours else "") for ours in missing]
        remedy = f"{has} Map the names to its own columns under columns."
        if START in missing or END in missing:
            remedy += f' A segment needs both {START} and {END}; to read neither: columns: {{start: "", end: ""}}.'
        raise UserError(f"{path.name} lacks columns.", lines, f"{remedy}{dimensions_remedy(corpus, missing)}")
    return available


def _check_paths(paths: CorpusPaths, path: Path) -> None:
    problems = []
    if path.is_dir() or path.suffix.lower() not in SUFFIXES:
        problems.append(f"labels: {path} is not a table ({', '.join(SUFFIXES)})")
    for role in ("transcripts", "speakers"):
        if getattr(paths, role) is not None:
            problems.append(f"{role}: a table has them in one of its columns")
    if problems:
        raise UserError(
            "The paths of a table are wrong.",
            problems,
            "Give the table itself as labels, and leave out transcripts and speakers.",
        )


def _columns(corpus: Corpus) -> dict[str, str]:
    """Return the study's column names with the table's own names."""
    given = corpus.columns or {}
    if strange := [name for name in given if name not in OURS]:
        raise UserError(
            f"The columns of {corpus.label} map unknown columns.",
            [f"columns: {name}" for name in strange],
            f"Write the column of the study, then that of the table; {valid_names(OURS)}.",
        )
    return {name: given.get(name, name) for name in OURS}


def _read_parquet(path: Path) -> pd.DataFrame:
    try:
        table = pd.read_parquet(path).reset_index()
    except (OSError, ValueError) as error:
        raise UserError("A table cannot be read as Parquet.", [f"{path}: {error}"]) from None
    names = [str(name) for name in table.columns]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise UserError("Columns of a table share a name.", [f"{path}: {name}" for name in repeated], "Rename them.")
    table.columns = pd.Index(names)
    table[ROW] = range(1, len(table) + 1)
    return table


ADAPTER = Adapter(read=read, scales=None, by_name=False)
