"""Read text files with or without a byte-order mark, with any line ends, in UTF-8, UTF-16, UTF-32 or Windows-1252."""

import codecs
import csv
import io
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd

from valence_gap.corpora.report import Report
from valence_gap.corpora.separators import separator_of
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.progress import progress

UTF_8 = "utf-8-sig"
NOTED = {
    "cp1252": "text that is not UTF-8, read as Windows-1252 (Latin-1)",
    "latin-1": "text that is not UTF-8, read as Latin-1",
    "utf-16": "text that is not UTF-8, read as UTF-16 (by its byte-order mark)",
    "utf-32": "text that is not UTF-8, read as UTF-32 (by its byte-order mark)",
}
FORK = "resource-fork or hidden file"
MALFORMED = "\0malformed"
MALFORMED_ROW, MALFORMED_TURN = "malformed row", "malformed turn line"
ROW = "#row"
BROKEN = "row with a line break in a cell (or a quotation mark left open)"
THREADS = 8


def decode(content: bytes) -> tuple[str, str]:
    """Return the text of a file and its encoding; all lines end in a line feed.

    Windows-1252 equals Latin-1 where Latin-1 has letters, and lacks five bytes. Latin-1 can decode any bytes, so it is
    tried last. UTF-16 and UTF-32 without a byte-order mark are not detected.
    """
    marked = UTF_8
    if content.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):  # before UTF-16, whose mark begins the same way
        marked = "utf-32"
    elif content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        marked = "utf-16"
    for encoding in (marked, "cp1252", "latin-1"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        break
    return text.replace("\r\n", "\n").replace("\r", "\n"), encoding


def read_bytes(path: Path) -> bytes:
    """Return the content of a file.

    Raises:
        UserError: if the path is not a file (a folder, or a pipe, which would never end), or it cannot be read.
    """
    try:
        if not path.is_file():
            raise UserError("A file cannot be read.", [f"{path}: no file"], "Correct the corpus' paths.")
        return path.read_bytes()
    except OSError as error:
        raise UserError("A file cannot be read.", [f"{path}: {error.strerror}"], "Check its permissions.") from error


def read_text(path: Path, report: Report) -> str:
    """Return the text of a file; the report counts files that are not UTF-8."""
    text, encoding = decode(read_bytes(path))
    if encoding != UTF_8:
        report.note(NOTED[encoding], [path.name], shown=True)
    return text


def read_lines(path: Path, report: Report) -> list[str]:
    """Return the lines of a file without their ends; blank ones are included: a line's number is its index plus one."""
    return read_text(path, report).split("\n")


def read_many(paths: Sequence[Path], report: Report, what: str) -> list[str]:
    """Return the texts of many small files, in their order."""
    with ThreadPoolExecutor(THREADS) as pool:
        decoded = pool.map(lambda path: decode(read_bytes(path)), paths)
        texts = list(progress(decoded, what, total=len(paths), unit="files"))
    for encoding, reason in NOTED.items():
        others = [path.name for path, (_, found) in zip(paths, texts, strict=True) if found == encoding]
        report.note(reason, others, shown=True)
    return [text for text, _ in texts]


def read_csv(path: Path, report: Report, *, header: bool = True) -> pd.DataFrame:
    """Read the cells of a CSV file as text, without interpretation.

    A row with more cells than the first row is skipped and counted; blank rows are ignored.

    Args:
        path: the file; cells are separated by commas, semicolons, tabs or vertical bars, as its first rows show. By
            default they are separated by tabs in a ``.tsv`` and by commas in other files. A first line ``sep=;``, as
            Excel writes it, names the separator.
        report: counts skipped rows.
        header: whether the first row names the columns; they are numbered otherwise.

    Returns:
        Stripped text columns ('' where a cell is missing), and `ROW`: 1 for the first row of the file.

    Raises:
        UserError: if the file is empty, cannot be split into cells, or has two columns of the same name.
    """
    text = read_text(path, report)
    if "\0" in text:
        # The parsers end a cell at a NUL character, but not in the same way.
        line = text.count("\n", 0, text.index("\0")) + 1
        raise UserError(
            "A table is not text.",
            [f"{path}:{line}: the line has a NUL character"],
            "Save the table as UTF-8; UTF-16 can be read if it begins with a byte-order mark.",
        )
    default = "\t" if path.suffix.lower() == ".tsv" else ","
    separator, named = separator_of(text, default)
    if separator != default:
        report.note(f"table whose cells are separated by {separator!r}", [path.name], shown=True)
    first_row = 1 + int(named)
    text = text.partition("\n")[2] if named else text
    try:
        cells = _cells(text, separator)
    except pd.errors.EmptyDataError:
        raise UserError("A table is empty.", [str(path)], "Give a file with at least one row.") from None
    except (pd.errors.ParserError, csv.Error) as error:
        raise UserError("A table cannot be read as CSV.", [f"{path}: {error}"], "Check its quotation marks.") from None
    lines = text.count("\n") + (not text.endswith("\n"))
    if len(cells) != lines and len(cells) + sum(cells[name].str.count("\n").sum() for name in cells.columns) < lines:
        # The parser reads everything after an open quotation mark as one cell, without an error.
        raise UserError("A table cannot be read as CSV.", [f"{path}: a quotation mark is left open"], "Close it.")
    if len(cells) < lines:
        broken = pd.concat([cells[name].str.contains("\n", regex=False) for name in cells.columns], axis=1).any(axis=1)
        broken &= ~cells[0].str.startswith(MALFORMED)
        report.note(BROKEN, [f"{path.name}:{index + first_row}" for index in cells.index[broken]])
    for column in cells.columns:
        cells[column] = cells[column].fillna("").astype("str").str.strip()
    names = cells.iloc[0].tolist() if header else [str(number) for number in range(cells.shape[1])]
    if repeated := sorted({name for name in names if name and names.count(name) > 1}):
        raise UserError("Columns of a table share a name.", [f"{path}: {name}" for name in repeated], "Rename them.")
    rows = pd.Series(range(first_row, len(cells) + first_row))
    is_bad = cells[0].str.startswith(MALFORMED)
    report.skip(MALFORMED_ROW, [f"{path.name}:{row}" for row in rows[is_bad]])
    keep = ~is_bad & (cells != "").any(axis=1) & (rows >= int(header) + first_row)
    table = cells.set_axis(names, axis="columns").assign(**{ROW: rows})
    return table[keep].reset_index(drop=True)


def _cells(text: str, separator: str) -> pd.DataFrame:
    """Return all cells as text under numbered columns; a row with too many cells begins with `MALFORMED`."""

    def replacement(cells: list[str]) -> list[str]:
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
        # Only the slower parser lets a function replace the rows that have too many cells.
        width = len(next(csv.reader(io.StringIO(text), delimiter=separator)))
        return parse(on_bad_lines=replacement, engine="python")


def candidates(table: pd.DataFrame, name: str) -> list[str]:
    """Return the columns that a name may mean: the one of exactly this name, or all that differ in case only."""
    columns = [str(column) for column in table.columns if column != ROW]
    return [name] if name in columns else [column for column in columns if _folded(column) == _folded(name)]


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def column_of(table: pd.DataFrame, name: str) -> str | None:
    """Return the table's own spelling of a column; None if it has no such column.

    Raises:
        UserError: if several columns differ from the name in case only; see `candidates`.
    """
    found = candidates(table, name)
    if len(found) > 1:
        raise UserError(*ambiguous(Path("the table"), {name: found}))
    return found[0] if found else None


def ambiguous(path: Path, found: Mapping[str, Sequence[str]]) -> tuple[str, list[str], str]:
    """Return the error for names that several columns of a table may mean, as the arguments of `UserError`."""
    return (
        "Columns of a table differ in upper and lower case only.",
        [f"{path}: {name} may be {' or '.join(columns)}" for name, columns in found.items()],
        "Name the one to read exactly as it is spelt, such as columns: {valence: Valence}, or rename the others.",
    )


def require_columns(path: Path, table: pd.DataFrame, names: Sequence[str]) -> None:
    """Check that a table has the columns.

    Raises:
        UserError: if columns are missing, or several may be meant; the error names all of them, and those that the
            table has.
    """
    found = {name: candidates(table, name) for name in names}
    if several := {name: columns for name, columns in found.items() if len(columns) > 1}:
        raise UserError(*ambiguous(path, several))
    if missing := [name for name, columns in found.items() if not columns]:
        has = ", ".join(column for column in table.columns if column != ROW)
        raise UserError(
            f"{path.name} lacks columns that it must have.",
            [f"{path}: no column {name}" for name in missing],
            f"It has: {has}.",
        )


def find_file(path: Path, folders: Sequence[str], names: Sequence[str], what: str) -> Path:
    """Find the one file of these names in a folder, or else in its sub-folders, regardless of upper or lower case.

    Args:
        path: a folder, or the file itself.
        folders: names of sub-folders, in lower case, that are searched where the folder itself has no such file.
        names: names that the file may have, in lower case.
        what: description of the file, for the error.

    Raises:
        UserError: if there is none, or more than one.
    """
    if path.is_file():
        return path
    below = [entry for entry in sorted(path.iterdir()) if entry.is_dir() and entry.name.lower() in folders]
    for places in ([path], below):
        found = [file for place in places for file in sorted(place.iterdir()) if _is_one(file, names)]
        if len(found) > 1:
            raise UserError(f"Several files may be {what}.", map(str, found), "Give the file itself as the path.")
        if found:
            return found[0]
    searched = [f"{place}: no {' or '.join(names)}" for place in (path, *below)]
    raise UserError(f"There is no file with {what}.", searched, "Give the folder of the labels, or the file itself.")


def _is_one(file: Path, names: Sequence[str]) -> bool:
    return file.name.lower() in names and file.is_file()


def files_named(folder: Path, pattern: str) -> list[Path]:
    """Return the files below a folder whose names match, sorted; folders and pipes are ignored.

    Raises:
        UserError: if the folder does not exist.
    """
    if not folder.is_dir():
        raise UserError("A folder cannot be read.", [f"{folder}: no folder"], "Correct the corpus' paths.")
    return sorted(file for file in folder.rglob(pattern) if file.is_file())


def find_optional(folders: Iterable[Path], names: Sequence[str]) -> Path | None:
    """Return the first file of these names (lower case) in any of the folders; None where there is none."""
    for folder in dict.fromkeys(folders):
        if folder.is_dir():
            for file in sorted(folder.iterdir()):
                if _is_one(file, names):
                    return file
    return None
