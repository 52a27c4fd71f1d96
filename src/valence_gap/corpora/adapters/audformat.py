"""A corpus in audformat: a folder with ``db.yaml`` and one file per table, as audb delivers it.

The package audformat is imported only when such a corpus is read.
"""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from valence_gap.corpora.audformat_tables import Database, Table
from valence_gap.corpora.cells import genders, known, spoken
from valence_gap.corpora.report import Report
from valence_gap.corpora.segments import END, START
from valence_gap.corpora.utterances import ENTRY_COLUMNS, Adapter, dimensions_remedy, empty_column
from valence_gap.definitions.corpora import Corpus, CorpusPaths
from valence_gap.definitions.split_names import ALL
from valence_gap.definitions.values import DIMENSIONS, SPLITS
from valence_gap.runtime.errors import UserError, valid_names

SPLIT = "{split}"
OURS = ("table", "split", "speaker", "gender", "transcript", *DIMENSIONS)
GENDER_FIELDS = ("gender", "sex")
TWO_VALUES = "file for which rows of another table contradict each other, taken as unknown"


def read(corpus: Corpus, paths: CorpusPaths, report: Report) -> pd.DataFrame:
    """Read the rows of the table or tables that ``columns: {table: ...}`` names.

    ``{split}`` in the name of the table is replaced by each of the database's own split names: there is one table for
    each split. Without it, ``columns: {split: ...}`` names the column of the split, unless the definition maps ``all``.
    Every other entry of ``columns`` is a column of that table, or ``TABLE:COLUMN`` of another one; that may also be the
    misc table of a scheme. By default a dimension is the column of the same name, and gender is read from the labels of
    the speaker's scheme, or from the misc table that contains them. Files are named by their path below the database's
    folder. A row of a segmented table is the part of the file from its start to its end; NaT is the end of the file.

    Args:
        corpus: the definition, with the scale of its labels.
        paths: ``labels`` is the folder, or its ``db.yaml``.
        report: counts values that are not understood.

    Raises:
        UserError: if audformat is missing, the database cannot be read, or lacks tables or columns.
    """
    column_names = _columns(corpus)
    database = Database.open(Path(paths.labels), report)
    names = _tables(corpus, column_names)
    available = {name: table for _, name in names if (table := database.table(name)) is not None}
    missing = [f"no table {name}" for _, name in names if name not in available]
    if missing:
        raise database.missing_error(missing, f"Its tables: {', '.join(sorted(database.content.tables))}.")
    parts = [_entries(database, available[name], split, column_names, corpus, report) for split, name in names]
    return pd.concat(parts, ignore_index=True)


def _columns(corpus: Corpus) -> dict[str, str]:
    column_names = {name: name for name in corpus.dimensions} | dict(corpus.columns or {})
    strange = [f"columns: {name}" for name in column_names if name not in OURS]
    if "table" not in column_names:
        strange.append("columns: no table")
    elif SPLIT not in column_names["table"] and "split" not in column_names and _own_names(corpus) != [ALL]:
        strange.append(f"columns: no split, and no {SPLIT} in table")
    if strange:
        raise UserError(
            f"The columns of {corpus.label} do not say where its labels are.",
            strange,
            f"Name the table, such as table: emotion.{SPLIT}; {valid_names(OURS)}.",
        )
    return column_names


def _tables(corpus: Corpus, column_names: dict[str, str]) -> list[tuple[str | None, str]]:
    """Return the database's name of the split (None where a column has it) and the table, for each table to read."""
    if SPLIT not in column_names["table"]:
        return [(None, column_names["table"])]
    return [(name, column_names["table"].replace(SPLIT, name)) for name in _own_names(corpus)]


def _own_names(corpus: Corpus) -> list[str]:
    """Return the database's own names of the splits that the definition maps."""
    mapped = [corpus.splits[our_column] for our_column in SPLITS if our_column in corpus.splits]
    return [name for names in mapped for name in ((names,) if isinstance(names, str) else names)]


def _entries(
    database: Database,
    table: Table,
    split: str | None,
    column_names: dict[str, str],
    corpus: Corpus,
    report: Report,
) -> pd.DataFrame:
    index = table.frame.index
    files = index.get_level_values("file").astype("str")
    entries = pd.DataFrame({"id": files, "name": files}).fillna("")  # a row may lack its file's name
    entries["provenance"] = pd.Series([f"{table.name}:{row}" for row in range(1, len(entries) + 1)], dtype="str")
    columns = {
        our_column: _column(database, table, column_names, our_column, report)
        for our_column in column_names
        if our_column != "table"
    }
    available = {our_column: values for our_column, values in columns.items() if values is not None}
    missing = [our_column for our_column in columns if our_column not in available]
    if missing:
        lines = [f"no column {column_names[our_column]} (for {our_column})" for our_column in missing]
        has = f"Table {table.name} has {', '.join(table.schemes)}."
        raise database.missing_error(lines, f"{has}{dimensions_remedy(corpus, missing)}")
    empty = empty_column(entries.index)
    for dimension in DIMENSIONS:
        entries[dimension] = available[dimension] if dimension in corpus.dimensions else empty
    for our_column in ("split", "speaker"):
        entries[our_column] = known(available[our_column]) if our_column in available else empty
    entries["transcript"] = spoken(available["transcript"]) if "transcript" in available else empty
    if split is not None:
        entries["split"] = split
    if "gender" not in available and "speaker" in available:
        available["gender"] = _gender_of_speakers(database, table, column_names["speaker"], entries["speaker"])
    entries["gender"] = genders(available["gender"], report) if "gender" in available else empty
    times = index.to_frame(index=False)
    if START not in times:
        return entries[[*ENTRY_COLUMNS]]
    for level in (START, END):
        entries[level] = pd.to_timedelta(times[level]).dt.total_seconds()
    return entries[[*ENTRY_COLUMNS, START, END]]


def _column(
    database: Database, table: Table, column_names: Mapping[str, str], our_column: str, report: Report
) -> pd.Series | None:
    """Return the values of a column, one for each row of the table; None where the database has no such column."""
    found = _place(database, table, column_names[our_column])
    if found is None:
        return None
    other, column = found
    values = other.frame[column].astype("object")
    if other is table:
        return pd.Series(values.to_numpy(), dtype="object")
    if other.is_misc:
        keys = _keys_of(database, table, column_names, our_column, report)
        return None if keys is None else _lookup(values, keys)
    return _joined(values, table.frame.index, f"{TWO_VALUES}: {column_names[our_column]}", report)


def _keys_of(
    database: Database, table: Table, column_names: Mapping[str, str], our_column: str, report: Report
) -> pd.Series | None:
    """Return, for each row of the table, its key in a misc table: from a column whose scheme has its labels there."""
    misc = column_names[our_column].rpartition(":")[0]
    for other in column_names:
        place = _place(database, table, column_names[other]) if other not in ("table", our_column) else None
        if place is not None and not place[0].is_misc and database.labels_of(*place) == misc:
            return _column(database, table, column_names, other, report)
    return None


def _lookup(values: pd.Series, keys: pd.Series) -> pd.Series:
    by_key = dict(zip(values.index.astype("str"), values, strict=True))
    return keys.astype("str").map(by_key).astype("object")


def _joined(values: pd.Series, index: pd.Index, reason: str, report: Report) -> pd.Series:
    """Return the values of another table for each row: of the same segment, or else of the whole file.

    Rows of the other table that contradict each other about a file give null, and are counted.
    """
    files = pd.Series(index.get_level_values("file").astype("str"))
    joined = pd.Series(None, index=files.index, dtype="object")
    rest = pd.Series(True, index=files.index)
    if values.index.nlevels == index.nlevels > 1:
        exact = values[~values.index.duplicated()]
        joined = pd.Series(exact.reindex(index).to_numpy(), dtype="object")
        rest = pd.Series(~index.isin(exact.index))
    by_file = values.dropna().groupby(level="file", sort=False, observed=True)
    counts = by_file.nunique()
    several = set(counts.index[counts > 1].astype("str"))
    first = by_file.first()
    first.index = first.index.astype("str")
    report.note(reason, sorted(set(files[rest & files.isin(several)])), shown=True)
    return joined.mask(rest & ~files.isin(several), files.map(first).astype("object"))


def _place(database: Database, table: Table, theirs: str) -> tuple[Table, str] | None:
    """Return the table and the column that ``COLUMN`` or ``TABLE:COLUMN`` names."""
    where, colon, column = theirs.rpartition(":")
    found = database.table(where) if colon else table
    return (found, column) if found is not None and column in found.schemes else None


def _gender_of_speakers(database: Database, table: Table, theirs: str, speakers: pd.Series) -> pd.Series:
    """Return the gender from the labels of the speaker's scheme, as ``{1: {gender: female}}``, or their misc table."""
    found = _place(database, table, theirs)
    labels = database.labels_of(*found) if found else None
    if isinstance(labels, str) and (misc := database.table(labels)) is not None:
        column = next((name for name in GENDER_FIELDS if name in misc.schemes), None)
        return _lookup(misc.frame[column].astype("object"), speakers) if column else empty_column(speakers.index)
    by_speaker = {
        str(speaker): entry[field]
        for speaker, entry in (labels.items() if isinstance(labels, dict) else ())
        if isinstance(entry, dict)
        for field in GENDER_FIELDS
        if field in entry
    }
    return speakers.map(by_speaker).astype("object")


ADAPTER = Adapter(read=read, scales=None, by_name=False)
