"""Read numbers as tables contain them: with a decimal point or a decimal comma, with a typographic minus sign."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from valence_gap.corpora.labels import Scale

DECIMAL_COMMA = r"[+-]?\d*,\d+"
THOUSANDS = r"[+-]?[1-9]\d{0,2}(?:,\d{3})+"
MINUS = "\u2212"


@dataclass(frozen=True)
class Numbers:
    """The numbers of a column.

    Attributes:
        values: float64, NaN where a cell is empty, is no finite number, or can be read in two ways.
        empty: the cell is empty, or NaN.
        commas: the number is written with a decimal comma.
        unclear: the comma may be a decimal comma or separate thousands.
    """

    values: pd.Series
    empty: pd.Series
    commas: pd.Series
    unclear: pd.Series


def numbers(column: pd.Series, within: Scale | None = None) -> Numbers:
    """Read a column of numbers or text.

    ``2,5`` is 2.5. ``1,234`` may be 1.234 or 1234. It is read as the first where 1234 is outside the scale, as a label
    of 1..7; otherwise it is unclear.

    Args:
        column: numbers, or text.
        within: lowest and highest number that the column can contain; None: not known.
    """
    values = pd.to_numeric(column, errors="coerce").astype("float64").replace([np.inf, -np.inf], np.nan)
    text = column.astype("str").str.strip()
    empty = column.isna() | text.str.lower().isin(["", "nan"]).astype("bool")
    commas = unclear = pd.Series(False, index=column.index)
    if (rest := values.isna() & ~empty).any():
        other = text[rest].str.replace(MINUS, "-", regex=False)
        comma = other.str.fullmatch(DECIMAL_COMMA)
        values = values.fillna(_finite(other.str.replace(",", ".", regex=False).where(comma, other)))
        thousands = _finite(other.where(other.str.fullmatch(THOUSANDS), "").str.replace(",", "", regex=False))
        low, high = within or (-np.inf, np.inf)
        doubtful = comma & thousands.between(low, high)
        unclear = doubtful.reindex(column.index, fill_value=False)
        commas = comma.reindex(column.index, fill_value=False) & ~unclear
        values = values.mask(unclear)
    return Numbers(values, empty, commas, unclear)


def _finite(text: pd.Series) -> pd.Series:
    return pd.to_numeric(text, errors="coerce").astype("float64").replace([np.inf, -np.inf], np.nan)
