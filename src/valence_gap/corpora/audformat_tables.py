"""The tables of a database in audformat.

The package's own loader is not used: it would unpickle tables, parse the header in a way that can run code, and read a
speaker or word such as NA in a CSV file as missing. A pickle beside a table is never opened.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import yaml

from valence_gap.corpora.report import Report
from valence_gap.corpora.segments import END, START
from valence_gap.corpora.text_files import read_csv, require_columns
from valence_gap.runtime.errors import UserError

HEADER = "db.yaml"
SUFFIXES = (".parquet", ".csv")  # in the order in which audformat looks for them
CSV, PICKLE = ".csv", ".pkl"
TIME_LEVELS = (START, END)
CONVERT = (
    "Pickles can run any code, so they are not opened. If you trust the database, convert its tables: "
    "audformat.Database.load(FOLDER).save(OTHER_FOLDER, storage_format='parquet')"
)
REMEDY = "Install the optional package: pip install 'valence-gap[audformat]'"


@dataclass(frozen=True)
class Table:
    """A table with its data.

    Args:
        name: its name.
        frame: its columns; the index is that of audformat: file, or file, start and end, or the key of a misc table.
        schemes: the scheme of each column, None where it has none.
    """

    name: str
    frame: pd.DataFrame
    schemes: Mapping[str, str | None]

    @property
    def is_misc(self) -> bool:
        """Whether it describes something else than files."""
        return "file" not in self.frame.index.names


@dataclass(frozen=True)
class Database:
    """An opened database: its header read, its tables on demand.

    Args:
        root: its folder.
        report: counts what is unusual in its CSV files.
        content: audformat's database, without the labels of its schemes: audformat would replace values that are no
            label, and all values of a scheme whose labels are a misc table, by null.
        labels: these labels: a list, a mapping, or the name of a misc table, by the name of the scheme.
    """

    root: Path
    report: Report
    content: Any
    labels: Mapping[str, Any]
    loaded: dict[str, Table] = field(default_factory=dict)

    @classmethod
    def open(cls, path: Path, report: Report) -> "Database":
        """Open the database of a folder, or of its header.

        Raises:
            UserError: if audformat is not installed, or the header cannot be read.
        """
        try:
            import audformat
        except ImportError as error:
            raise UserError("a database in audformat cannot be read", ["audformat is not installed"], REMEDY) from error
        root = path if path.is_dir() else path.parent
        try:
            header = yaml.safe_load((root / HEADER).read_text(encoding="utf-8"))
            schemes = header.get("schemes") or {}
            labels = {name: scheme.pop("labels") for name, scheme in schemes.items() if "labels" in scheme}
            return cls(root, report, audformat.Database.load_header_from_yaml(header), labels)
        except Exception as error:  # whatever audformat raises about a header that it does not understand
            raise UserError(
                "this is not a database in audformat",
                [f"{root / HEADER}: {error}"],
                f"Give the folder that contains {HEADER} as labels.",
            ) from error

    def table(self, name: str) -> Table | None:
        """Return a table or misc table with its data; None where none has this name.

        Raises:
            UserError: if the table exists as pickle only, or cannot be read.
        """
        if name not in [*self.content.tables, *self.content.misc_tables]:
            return None
        if name not in self.loaded:
            table = self.content[name]
            schemes = {str(column): table.columns[column].scheme_id for column in table.columns}
            self.loaded[name] = Table(name, self._frame(name, table), schemes)
        return self.loaded[name]

    def _frame(self, name: str, table: Any) -> pd.DataFrame:
        stem = self.root / f"{Path(HEADER).stem}.{name}"
        found = [path for suffix in SUFFIXES if (path := stem.with_name(stem.name + suffix)).is_file()]
        if not found and stem.with_name(stem.name + PICKLE).exists():
            raise UserError("a table exists as pickle only", [f"{stem}{PICKLE}"], CONVERT)
        try:
            if found and found[0].suffix == CSV:
                return _read_csv(found[0], table, self.report)
            with TemporaryDirectory() as folder:  # without the pickle, which audformat would prefer
                for path in found[:1]:
                    (Path(folder) / f"table{path.suffix}").symlink_to(path.absolute())
                table.load(str(Path(folder) / "table"))
        except UserError:
            raise
        except Exception as error:  # whatever audformat and pandas raise about a damaged table
            raise UserError("a table of a database cannot be read", [f"{stem}: {error}"]) from error
        frame: pd.DataFrame = table.df
        return frame

    def labels_of(self, table: Table, column: str) -> Any:
        """Return the labels of the scheme of a column; None where it has none."""
        scheme = table.schemes[column]
        return self.labels.get(scheme) if scheme is not None else None

    def missing_error(self, what: list[str], available: str) -> UserError:
        """Return the error for missing tables or columns."""
        return UserError(
            "the database lacks tables or columns that the definition names",
            [f"{self.root / HEADER}: {each}" for each in what],
            f"Correct columns. {available}",
        )


def _levels(table: Any) -> list[str]:
    """Return the names of the levels of a table's index."""
    if hasattr(table, "levels"):
        return [str(level) for level in table.levels]
    return ["file", *TIME_LEVELS] if table.is_segmented else ["file"]


def _times(cells: pd.Series) -> pd.Series:
    """Return times of an index: ``0 days 00:00:01.5``, or seconds; empty: NaT."""
    number = pd.to_numeric(cells, errors="coerce")
    return pd.to_timedelta(cells.mask(number.notna(), number.astype("str") + "s").mask(cells == ""))


def _read_csv(path: Path, table: Any, report: Report) -> pd.DataFrame:
    """Read a CSV file as audformat writes it: an empty cell is missing, and every other one is a value."""
    levels = _levels(table)
    cells = read_csv(path, report)
    columns = [str(column) for column in table.columns]
    require_columns(path, cells, [*levels, *columns])
    index = [_times(cells[level]) if level in TIME_LEVELS else cells[level] for level in levels]
    frame = cells[columns].astype("object").where(cells[columns] != "", None)
    return frame.set_index(index if len(index) > 1 else index[0])
