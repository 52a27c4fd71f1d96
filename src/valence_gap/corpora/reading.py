"""Text files as they come: with a byte-order mark or without, any line end, UTF-8 or Latin-1."""

import csv
import io
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd

from valence_gap.corpora.report import Report
from valence_gap.errors import UserError
from valence_gap.progress import progress

LATIN_1 = "text that is not UTF-8, read as Latin-1"
FORK = "resource-fork or hidden file"
MALFORMED = "\0malformed"
ROW = "#row"
THREADS = 8
UNKNOWN = frozenset({"", "unknown", "nan", "none", "null", "n/a", "na"})
GENDERS = {"female": "female", "f": "female", "woman": "female", "male": "male", "m": "male", "man": "male"}


def decode(content: bytes) -> tuple[str, bool]:
    """Text of a file and whether it was UTF-8; lines end in a bare line feed."""
    try:
        text, is_utf8 = content.decode("utf-8-sig"), True
    except UnicodeDecodeError:
        text, is_utf8 = content.decode("latin-1"), False
    return text.replace("\r\n", "\n").replace("\r", "\n"), is_utf8


def read_text(path: Path, report: Report) -> str:
    """Text of a file; the report counts those that are not UTF-8."""
    text, is_utf8 = decode(path.read_bytes())
    if not is_utf8:
        report.note(LATIN_1, [path.name])
    return text


def read_lines(path: Path, report: Report) -> list[str]:
    """Lines of a file without their ends, blank ones included, so that a line's number is its index plus one."""
    return read_text(path, report).split("\n")


def read_many(paths: Sequence[Path], report: Report, what: str) -> list[str]:
    """Texts of many small files, in their order."""
    with ThreadPoolExecutor(THREADS) as pool:
        decoded = pool.map(lambda path: decode(path.read_bytes()), paths)
        texts = list(progress(decoded, what, total=len(paths), unit="files"))
    report.note(LATIN_1, [path.name for path, (_, is_utf8) in zip(paths, texts, strict=True) if not is_utf8])
    return [text for text, _ in texts]


def read_csv(path: Path, report: Report, *, header: bool = True) -> pd.DataFrame:
    """A CSV as text, cell by cell, without interpretation.

    A row with more cells than the first row is counted as skipped; blank rows are passed over.

    Args:
        path: the file; cells are separated by commas, or by tabs in a ``.tsv``.
        report: where skipped rows are counted.
        header: whether the first row names the columns; they are numbered otherwise.

    Returns:
        Stripped text columns ('' where a cell is missing), and `ROW`: 1 for the first row of the file.

    Raises:
        UserError: if the file holds nothing, cannot be split into cells, or names two columns alike.
    """
    text = read_text(path, report)
    try:
        cells = _cells(text, "\t" if path.suffix.lower() == ".tsv" else ",")
    except pd.errors.EmptyDataError:
        raise UserError("A table is empty.", [str(path)], "Give a file with at least one row.") from None
    except pd.errors.ParserError as error:
        raise UserError("A table cannot be read as CSV.", [f"{path}: {error}"], "Check its quotation marks.") from None
    lines = text.count("\n") + (not text.endswith("\n"))
    if len(cells) != lines and len(cells) + sum(cells[name].str.count("\n").sum() for name in cells.columns) < lines:
        # The parser swallows what is behind an open quotation mark, and does not mind.
        raise UserError("A table cannot be read as CSV.", [f"{path}: a quotation mark is left open"], "Close it.")
    for column in cells.columns:
        cells[column] = cells[column].fillna("").astype("str").str.strip()
    names = cells.iloc[0].tolist() if header else [str(number) for number in range(cells.shape[1])]
    if repeated := sorted({name for name in names if name and names.count(name) > 1}):
        raise UserError("Columns of a table share a name.", [f"{path}: {name}" for name in repeated], "Rename them.")
    rows = pd.Series(range(1, len(cells) + 1))
    is_bad = cells[0].str.startswith(MALFORMED)
    report.skip("malformed row", [f"{path.name}:{row}" for row in rows[is_bad]])
    keep = ~is_bad & (cells != "").any(axis=1) & (rows > int(header))
    table = cells.set_axis(names, axis="columns").assign(**{ROW: rows})
    return table[keep].reset_index(drop=True)


def _cells(text: str, separator: str) -> pd.DataFrame:
    """All cells as text under numbered columns; a row that does not fit begins with `MALFORMED`."""

    def mend(cells: list[str]) -> list[str]:
        surplus = any(cell.strip() for cell in cells[width:])
        mark = MALFORMED + "\n" * sum(cell.count("\n") for cell in cells)
        return [mark] + [""] * (width - 1) if surplus else cells[:width]

    def parse(**how: Any) -> pd.DataFrame:
        table: pd.DataFrame = pd.read_csv(
            io.StringIO(text),
            sep=separator,
            dtype=str,
            header=None,
            keep_default_na=False,
            skip_blank_lines=False,
            **how,
        )
        return table

    try:
        return parse(on_bad_lines="error")
    except pd.errors.ParserError:
        # Only the slower parser hands over the rows that do not fit.
        width = len(next(csv.reader(io.StringIO(text), delimiter=separator)))
        return parse(on_bad_lines=mend, engine="python")


def known(column: pd.Series) -> pd.Series:
    """A text column with null where it says nothing (empty, Unknown, n/a)."""
    text = column.astype("str").str.strip()
    return text.mask(text.str.lower().isin(UNKNOWN))


def genders(column: pd.Series, report: Report) -> pd.Series:
    """Female, male or null, from any usual spelling; what is not understood is counted."""
    text = known(column)
    read = text.str.lower().map(GENDERS).astype("str")
    strange = text[text.notna() & read.isna()]
    report.note("gender not understood, taken as unknown", [str(value) for value in strange])
    return read


def column_of(table: pd.DataFrame, name: str) -> str | None:
    """The table's spelling of a column, upper or lower case alike; None where it has none."""
    return next((column for column in table.columns if column.lower() == name.lower()), None)


def require_columns(path: Path, table: pd.DataFrame, names: Sequence[str]) -> None:
    """Refuse a table that lacks columns.

    Raises:
        UserError: naming every missing column, and those that the table has.
    """
    missing = [name for name in names if column_of(table, name) is None]
    if missing:
        has = ", ".join(column for column in table.columns if column != ROW)
        raise UserError(
            f"{path.name} lacks columns that it must have.",
            [f"{path}: no column {name}" for name in missing],
            f"It has: {has}.",
        )


def find_file(path: Path, folders: Sequence[str], names: Sequence[str], what: str) -> Path:
    """The one file of these names in a folder, or else in sub-folders of it, upper or lower case alike.

    Args:
        path: a folder, or the file itself.
        folders: names of sub-folders, in lower case, that are searched where the folder itself has no such file.
        names: names that the file may have, in lower case.
        what: what the file is, for the error.

    Raises:
        UserError: if there is none, or more than one.
    """
    if path.is_file():
        return path
    below = [entry for entry in sorted(path.iterdir()) if entry.is_dir() and entry.name.lower() in folders]
    for places in ([path], below):
        found = [file for place in places for file in sorted(place.iterdir()) if file.name.lower() in names]
        if len(found) > 1:
            raise UserError(f"Several files may be {what}.", map(str, found), "Give the file itself as the path.")
        if found:
            return found[0]
    searched = [f"{place}: no {' or '.join(names)}" for place in (path, *below)]
    raise UserError(f"There is no file with {what}.", searched, "Give the folder of the labels, or the file itself.")


def find_optional(folders: Iterable[Path], names: Sequence[str]) -> Path | None:
    """The first file of these names (lower case) in any of the folders; None where there is none."""
    for folder in dict.fromkeys(folders):
        if folder.is_dir():
            for file in sorted(folder.iterdir()):
                if file.is_file() and file.name.lower() in names:
                    return file
    return None
