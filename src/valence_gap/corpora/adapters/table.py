"""The user's own corpus: one CSV or Parquet table with a row per audio file."""

from pathlib import Path

import pandas as pd

from valence_gap.corpora.report import Report
from valence_gap.corpora.text_files import ROW, column_of, genders, known, read_csv
from valence_gap.corpora.utterances import ENTRY_COLUMNS, Adapter, empty_column
from valence_gap.definitions.corpora import Corpus, CorpusPaths
from valence_gap.definitions.split_names import ALL, split_mapping
from valence_gap.definitions.values import DIMENSIONS
from valence_gap.runtime.errors import UserError, valid_names

SUFFIXES = (".csv", ".tsv", ".parquet")
OURS = ("file", "id", "split", "speaker", "gender", "transcript", *DIMENSIONS)


def read(corpus: Corpus, paths: CorpusPaths, report: Report) -> pd.DataFrame:
    """Read the rows of the table.

    The table must have the columns ``file`` (relative to an audio folder or to the folder of the table, or an absolute
    path into an audio folder), ``split`` (unless the definition maps ``all``), and each annotated dimension. Optional
    columns are ``id`` (by default the file), ``speaker``, ``gender`` and ``transcript``. ``columns`` of the definition
    maps these names to the table's own names.

    Args:
        corpus: the definition, with the scale of its labels.
        paths: ``labels`` is the table.
        report: counts malformed rows.

    Raises:
        UserError: if the table cannot be read, or lacks columns; the error names all of them.
    """
    path = Path(paths.labels)
    _check_paths(paths, path)
    own = _columns(corpus)
    table = _read_parquet(path) if path.suffix.lower() == ".parquet" else read_csv(path, report)
    needed = ["file", *([] if ALL in split_mapping(corpus) else ["split"]), *corpus.dimensions]
    available = {ours: column for ours, name in own.items() if (column := column_of(table, name)) is not None}
    missing = [ours for ours in needed if ours not in available]
    missing += [ours for ours in corpus.columns or () if ours not in available and ours not in missing]
    if missing:
        raise UserError(
            f"{path.name} lacks columns.",
            [f"{path}: no column {own[ours]}" + (f" (for {ours})" if own[ours] != ours else "") for ours in missing],
            f"It has {', '.join(map(str, table.columns.drop(ROW)))}. Map the names to its own columns under columns.",
        )
    entries = pd.DataFrame(index=table.index)
    for ours in ("split", "speaker", "transcript"):
        entries[ours] = known(table[available[ours]]) if ours in available else empty_column(table.index)
    entries["name"] = table[available["file"]].astype("str").fillna("").str.strip()
    entries["id"] = known(table[available["id"]]).fillna(entries["name"]) if "id" in available else entries["name"]
    entries["gender"] = (
        genders(table[available["gender"]], report) if "gender" in available else empty_column(table.index)
    )
    entries["provenance"] = path.name + ":" + table[ROW].astype("str")
    for dimension in DIMENSIONS:
        entries[dimension] = table[available[dimension]] if dimension in available else empty_column(table.index)
    return entries[[*ENTRY_COLUMNS]]


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
    table.columns = pd.Index([str(name) for name in table.columns])
    table[ROW] = range(1, len(table) + 1)
    return table


ADAPTER = Adapter(read=read, scales=None, by_name=False)
