"""A corpus in audformat: a folder with ``db.yaml`` and one file per table, as audb delivers it.

The package audformat is imported only when such a corpus is read. Its own loader is not used: it would unpickle tables,
and parse the header in a way that can run code.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from valence_gap.corpora.report import Report
from valence_gap.corpora.text_files import genders, known
from valence_gap.corpora.utterances import ENTRY_COLUMNS, Adapter, empty_column
from valence_gap.definitions.corpora import Corpus, CorpusPaths
from valence_gap.definitions.split_names import ALL
from valence_gap.definitions.values import DIMENSIONS, SPLITS
from valence_gap.runtime.errors import UserError, valid_names

HEADER = "db.yaml"
SPLIT = "{split}"
OURS = ("table", "split", "speaker", "gender", "transcript", *DIMENSIONS)
GENDER_FIELDS = ("gender", "sex")
REMEDY = "Install the optional package: pip install 'valence-gap[audformat]'"


def read(corpus: Corpus, paths: CorpusPaths, report: Report) -> pd.DataFrame:
    """Read the rows of the table or tables that ``columns: {table: ...}`` names.

    ``{split}`` in the name of the table is replaced by each of the database's own split names: there is one table for
    each split. Without it, ``columns: {split: ...}`` names the column of the split, unless the definition maps ``all``.
    Every other entry of ``columns`` is a column of that table, or ``TABLE:COLUMN`` of another one. By default a
    dimension is the column of the same name, and gender is read from the labels of the speaker's scheme. Files are
    named by their path below the database's folder.

    Args:
        corpus: the definition, with the scale of its labels.
        paths: ``labels`` is the folder, or its ``db.yaml``.
        report: counts the segments of files, which are not utterances of the study.

    Raises:
        UserError: if audformat is missing, the database cannot be read, or lacks tables or columns.
    """
    column_names = _columns(corpus)
    database = _Database.open(Path(paths.labels))
    names = _tables(corpus, column_names)
    available = {name: table for _, name in names if (table := database.table(name)) is not None}
    missing = [f"no table {name}" for _, name in names if name not in available]
    if missing:
        raise database.missing_error(missing, f"Its tables: {', '.join(sorted(database.content.tables))}.")
    parts = [_entries(database, available[name], name, split, column_names, corpus, report) for split, name in names]
    return pd.concat(parts, ignore_index=True)


@dataclass(frozen=True)
class _Database:
    """An opened database: its header read, its tables on demand."""

    root: Path
    content: Any

    @classmethod
    def open(cls, path: Path) -> "_Database":
        try:
            import audformat
        except ImportError as error:
            raise UserError("a database in audformat cannot be read", ["audformat is not installed"], REMEDY) from error
        root = path if path.is_dir() else path.parent
        try:
            header = yaml.safe_load((root / HEADER).read_text(encoding="utf-8"))
            return cls(root, audformat.Database.load_header_from_yaml(header))
        except Exception as error:  # whatever audformat raises about a header that it does not understand
            raise UserError(
                "this is not a database in audformat",
                [f"{root / HEADER}: {error}"],
                f"Give the folder that contains {HEADER} as labels.",
            ) from error

    def table(self, name: str) -> Any:
        """Return a table with its data; None where no table has this name."""
        if name not in list(self.content.tables):
            return None
        table = self.content[name]
        path = self.root / f"{Path(HEADER).stem}.{name}"
        if path.with_name(path.name + ".pkl").exists():
            raise UserError(
                "tables in pickle format are not read: they could run any code",
                [f"{path}.pkl"],
                "Delete this file, if the same folder has the table as Parquet or CSV.",
            )
        try:
            table.load(str(path))
        except Exception as error:  # whatever audformat and pandas raise about a damaged table
            raise UserError("a table of a database cannot be read", [f"{path}: {error}"]) from error
        return table

    def missing_error(self, what: list[str], available: str) -> UserError:
        """Return the error for missing tables or columns."""
        return UserError(
            "the database lacks tables or columns that the definition names",
            [f"{self.root / HEADER}: {each}" for each in what],
            f"Correct columns. {available}",
        )


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
    database: _Database,
    table: Any,
    name: str,
    split: str | None,
    column_names: dict[str, str],
    corpus: Corpus,
    report: Report,
) -> pd.DataFrame:
    index = table.df.index
    files = index.get_level_values("file").astype("str")
    entries = pd.DataFrame({"id": files, "name": files}).fillna("")  # a row may lack its file's name
    entries["provenance"] = pd.Series([f"{name}:{row}" for row in range(1, len(entries) + 1)], dtype="str")
    columns = {
        our_column: _column(database, table, name, theirs, files)
        for our_column, theirs in column_names.items()
        if our_column != "table"
    }
    available = {our_column: values for our_column, values in columns.items() if values is not None}
    missing = [
        f"no column {column_names[our_column]} (for {our_column})"
        for our_column in columns
        if our_column not in available
    ]
    if missing:
        raise database.missing_error(missing, f"Table {name} has {', '.join(table.columns)}.")
    empty = empty_column(entries.index)
    for dimension in DIMENSIONS:
        entries[dimension] = available[dimension] if dimension in corpus.dimensions else empty
    for our_column in ("split", "speaker", "transcript"):
        entries[our_column] = known(available[our_column]) if our_column in available else empty
    if split is not None:
        entries["split"] = split
    if "gender" not in available and "speaker" in available:
        available["gender"] = _gender_of_speakers(database, table, column_names["speaker"], available["speaker"])
    entries["gender"] = genders(available["gender"], report) if "gender" in available else empty
    partial = _partial(index)
    report.skip_rows("segment of a file", entries[partial])
    return entries.loc[~partial, [*ENTRY_COLUMNS]]


def _partial(index: pd.Index) -> "pd.Series[bool]":
    """Return which rows describe a part of a file: they begin after its start, or have an end."""
    frame = index.to_frame(index=False)
    if "start" not in frame:
        return pd.Series(False, index=frame.index)
    return (frame["start"] > pd.Timedelta(0)) | frame["end"].notna()


def _column(database: _Database, table: Any, name: str, theirs: str, files: pd.Index) -> pd.Series | None:
    """Return the values of a column, one for each row of the table: null where another table does not have the file."""
    found = _place(database, table, theirs)
    if found is None:
        return None
    other, column = found
    values = other.df[column]
    if other is not table:
        by_file = values.groupby(level="file", sort=False, observed=True).first()
        values = by_file.reindex(files)
    return pd.Series(values.astype("object").to_numpy(), dtype="object")


def _place(database: _Database, table: Any, theirs: str) -> tuple[Any, str] | None:
    """Return the table and the column that ``COLUMN`` or ``TABLE:COLUMN`` names."""
    where, colon, column = theirs.rpartition(":")
    found = database.table(where) if colon else table
    return (found, column) if found is not None and column in list(found.columns) else None


def _gender_of_speakers(database: _Database, table: Any, theirs: str, speakers: pd.Series) -> pd.Series:
    """Return the gender from the labels of the speaker's scheme, such as ``{1: {gender: female}}``."""
    found = _place(database, table, theirs)
    scheme = found[0].columns[found[1]].scheme if found else None
    labels = getattr(scheme, "labels", None)
    by_speaker = {
        speaker: entry[field]
        for speaker, entry in (labels.items() if isinstance(labels, dict) else ())
        if isinstance(entry, dict)
        for field in GENDER_FIELDS
        if field in entry
    }
    return speakers.map(by_speaker).astype("object")


ADAPTER = Adapter(read=read, scales=None, by_name=False)
