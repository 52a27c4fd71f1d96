"""Read the cells of a table: which values are missing, and what genders are called."""

from collections.abc import Collection

import pandas as pd

from valence_gap.corpora.report import Report

STRANGE_GENDER = "gender not understood, taken as unknown"
MISSING = frozenset({"", "nan"})
"""Cells that mean that a speaker, gender, split or id is missing, in lower case. An adapter can add its own marks."""
NO_NAMES = frozenset({"unknown", "none", "null", "n/a", "na", "-", "?", "missing", "undefined"})
"""Names of speakers that other programs write where a speaker is missing, in lower case. Here they are names."""
GENDERS = {
    **dict.fromkeys(("female", "f", "woman", "w", "weiblich"), "female"),
    **dict.fromkeys(("male", "m", "man", "männlich"), "male"),
}


def known(column: pd.Series, marks: Collection[str] = ()) -> pd.Series:
    """Return a text column with null for missing values: empty, ``nan``, and the marks of the corpus' own format.

    Letters with accents are composed (Unicode NFC): two names that look the same are then the same name.

    Args:
        column: the cells.
        marks: further values that mean that it is missing, in lower case.
    """
    text = normalised(column.astype("str").str.strip())
    return text.mask(text.str.lower().isin(MISSING | set(marks)))


def spoken(column: pd.Series) -> pd.Series:
    """Return transcripts, null where a cell is empty: every word, such as ``none`` or ``null``, can be spoken."""
    text = column.astype("str").str.strip()
    return text.mask(text == "")


def normalised(column: pd.Series) -> pd.Series:
    """Return a text column in Unicode NFC."""
    return column.str.normalize("NFC").astype("str") if len(column) else column


def genders(column: pd.Series, report: Report, marks: Collection[str] = ()) -> pd.Series:
    """Return female, male or null, from any usual spelling; values that are not understood are counted."""
    text = known(column, marks)
    read = text.str.lower().map(GENDERS).astype("str")
    strange = text[text.notna() & read.isna()]
    report.note(STRANGE_GENDER, [str(value) for value in strange], shown=True)
    return read
