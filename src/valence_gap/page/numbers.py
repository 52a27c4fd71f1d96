"""How the page writes numbers and lists."""

import math
from collections.abc import Sequence
from typing import Any

NONE = "–"
UNKNOWN = "unknown"
Table = tuple[list[str], list[list[str]]]
"""The heads of a table, and its rows."""


def decimal(value: Any, digits: int = 2) -> str:
    """A CCC or a difference as the paper writes it: without leading zero, with a minus sign; – where unknown."""
    if value is None or not math.isfinite(value):
        return NONE
    if value == 0:
        return "0"
    text = f"{abs(value):.{digits}f}"
    text = text[1:] if text.startswith("0.") else text
    return ("−" if value < 0 and float(f"{abs(value):.{digits}f}") else "") + text


def interval(low: Any, high: Any, digits: int = 2) -> str:
    """An interval, [.18, .38]; empty where unknown."""
    known = all(bound is not None and math.isfinite(bound) for bound in (low, high))
    return f"[{decimal(low, digits)}, {decimal(high, digits)}]" if known else ""


def words(items: Sequence[str]) -> str:
    """A list in a sentence: 'a', 'a and b', 'a, b and c'."""
    return " and ".join(filter(None, (", ".join(items[:-1]), *items[-1:])))


def count(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun: '1 model', '3 models', '1,200 utterances'."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def duration(seconds: float) -> str:
    """A duration: '45 s', '12 min', '3.4 h'."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
