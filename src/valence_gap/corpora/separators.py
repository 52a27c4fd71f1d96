"""Find what separates the cells of a table: other programs than this one write semicolons, tabs or bars."""

import csv
import re

SEPARATORS = (",", ";", "\t", "|")
HEAD_ROWS = 200  # rows that are looked at
FITTING = 0.9  # share of these rows that must have as many cells as the first one
NAMED = re.compile(r"sep=(?P<separator>[,;|\t])\s*")


def separator_of(text: str, default: str) -> tuple[str, bool]:
    """Return the separator of a table, and whether its first line names it (``sep=;``, as Excel writes it).

    Another separator than the default is chosen only if the first row has more cells with it, and almost all of the
    rows at the start have as many cells as the first. So neither a transcript with semicolons in a table of commas, nor
    decimal commas in a table of semicolons, change the choice.

    Args:
        text: the table, with line feeds as line ends.
        default: the separator that the name of the file suggests.
    """
    first = text.partition("\n")[0]
    if found := NAMED.fullmatch(first):
        return found["separator"], True
    best, most = default, _width(text, default)
    for separator in SEPARATORS:
        if separator != default and separator in first and (width := _width(text, separator)) > most:
            best, most = separator, width
    return best, False


def _width(text: str, separator: str) -> int:
    """Return the number of cells of the first row, 0 if the other rows do not have as many."""
    lines = text.split("\n", HEAD_ROWS * 2)[: HEAD_ROWS * 2]
    try:
        rows = [row for row in csv.reader((f"{line}\n" for line in lines), delimiter=separator) if "".join(row).strip()]
    except csv.Error:
        return 0
    if not rows:
        return 0
    width = len(rows[0])
    return width if width > 1 and sum(len(row) == width for row in rows) >= FITTING * len(rows) else 0
