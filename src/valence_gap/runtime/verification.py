"""Comparison of two result folders, number by number."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_integer_dtype, is_numeric_dtype

from valence_gap.runtime.data_files import write_csv
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.files import read_json
from valence_gap.runtime.progress import progress

COMPARED = (
    "models/**/training.csv",
    "predictions/**/*.parquet",
    "scores/**/*.csv",
    "figures/*.csv",
    "tables/*.csv",
    "scores.csv",
    "claims.csv",
    "claims.json",
)
"""Files in which two runs of a study should agree. They contain no times, logs, versions or hardware of a run."""


@dataclass(frozen=True)
class Difference:
    """A value that differs between two folders.

    Args:
        file: path below both folders.
        field: the column, or the path to the value in JSON; empty if the difference concerns the whole file.
        row: the row of a table, counted from 0; None outside tables.
        first: the value in the first folder, as text.
        second: the value in the second folder, as text.
        distance: absolute difference of two numbers; NaN for other values.
    """

    file: str
    field: str
    row: int | None
    first: str
    second: str
    distance: float


def verify(
    first: Path, second: Path, *, tolerance: float, only: Sequence[str] = COMPARED, output: Path | None = None
) -> str:
    """Compare two result folders.

    Real numbers agree if they differ by at most ``tolerance * max(1, |a|, |b|)``, or if both are NaN. Integers
    (samples, epochs, seeds), booleans and texts agree if they are equal.

    Args:
        first: a folder ``results/<study>``.
        second: another one.
        tolerance: allowed difference of real numbers.
        only: patterns of the files to compare, below the folders.
        output: CSV file for the list of all differences.

    Returns:
        One line with the number of values that agree.

    Raises:
        UserError: values differ (one line for each file and field), or there is nothing to compare.
    """
    files = _files(first, only) | _files(second, only)
    if not files:
        raise UserError("nothing to compare", [str(first), str(second)], remedy=f"No file matches {', '.join(only)}")
    differences: list[Difference] = []
    values = 0
    for file in progress(sorted(files), "comparison", unit="files"):
        found, count = _compare_file(first, second, file, tolerance)
        differences += found
        values += count
    if output is not None:
        write_csv(output, pd.DataFrame(differences, columns=list(Difference.__dataclass_fields__)))
    if differences:
        raise UserError(
            f"{len(differences)} of {values} values differ by more than {tolerance:g}",
            _summary(differences),
            remedy=(f"All differences are in {output}" if output else "Write all differences with --output FILE.csv")
            + _other_format(first, second),
        )
    return f"{values} values in {len(files)} files agree within {tolerance:g}"


def _other_format(first: Path, second: Path) -> str:
    """A sentence for two runs that chose different number formats on their CPUs; empty if this is not known."""
    files = [folder / "precision.json" for folder in (first, second)]
    choices = [read_json(file).get("choice") for file in files if file.is_file()]
    if len(set(choices)) < 2:
        return ""
    return (
        f". Their CPUs computed in different number formats ({choices[0]} and {choices[1]}): to compare runs, copy "
        "precision.json into the other results folder before it runs, or set `precision` in the recipes"
    )


def _files(folder: Path, patterns: Sequence[str]) -> set[str]:
    if not folder.is_dir():
        raise UserError("there is no such folder", [str(folder)], remedy="Name a folder such as results/miniature")
    found = {path for pattern in patterns for path in folder.glob(pattern) if path.is_file()}
    return {path.relative_to(folder).as_posix() for path in found if not path.name.startswith(".")}


def _compare_file(first: Path, second: Path, file: str, tolerance: float) -> tuple[list[Difference], int]:
    """The differences in a file, and the number of values compared in it."""
    missing = [not (folder / file).exists() for folder in (first, second)]
    if any(missing):
        states = ["missing" if absent else "there" for absent in missing]
        return [Difference(file, "", None, states[0], states[1], math.nan)], 1
    compare = _compare_json if file.endswith(".json") else _compare_tables
    return compare(file, _content(first / file), _content(second / file), tolerance)


def _content(path: Path) -> Any:
    """The JSON value or the table of a file."""
    readers: dict[str, Callable[[Path], Any]] = {".json": read_json, ".parquet": pd.read_parquet, ".csv": pd.read_csv}
    if path.suffix not in readers:
        raise UserError("only CSV, Parquet and JSON files can be compared", [str(path)])
    try:
        return readers[path.suffix](path)
    except ValueError as error:
        raise UserError(
            "a file cannot be read", [f"{path}: {error}"], remedy="Delete it and create it again"
        ) from error


def _compare_tables(
    file: str, first: pd.DataFrame, second: pd.DataFrame, tolerance: float
) -> tuple[list[Difference], int]:
    if len(first) != len(second):
        return [
            Difference(file, "rows", None, str(len(first)), str(len(second)), float(abs(len(first) - len(second))))
        ], 1
    differences: list[Difference] = []
    for column in dict.fromkeys([*first.columns, *second.columns]):
        if column in first and column in second:
            differences += _compare_columns(file, column, first[column], second[column], tolerance)
        else:
            states = ["there" if column in table else "missing" for table in (first, second)]
            differences.append(Difference(file, column, None, states[0], states[1], math.nan))
    return differences, first.size


def _compare_columns(
    file: str, column: str, first: pd.Series, second: pd.Series, tolerance: float
) -> Iterator[Difference]:
    numeric = all(is_numeric_dtype(side) and not is_bool_dtype(side) for side in (first, second))
    if numeric:
        exact = all(is_integer_dtype(side) for side in (first, second))
        a, b = (side.to_numpy(dtype=np.float64, na_value=math.nan) for side in (first, second))
        equal = _agree(a, b, 0.0 if exact else tolerance)
        distances = np.abs(a - b)
    else:
        equal = ((first == second).fillna(False) | (first.isna() & second.isna())).to_numpy(dtype=bool)
        distances = np.full(len(first), math.nan)
    for row in np.flatnonzero(~equal):
        yield Difference(file, column, int(row), str(first.iloc[row]), str(second.iloc[row]), float(distances[row]))


def _agree(first: Any, second: Any, tolerance: float) -> Any:
    """Whether numbers agree, element by element: ``|a - b| <= tolerance * max(1, |a|, |b|)``, or both are NaN."""
    with np.errstate(invalid="ignore"):
        distance = np.abs(first - second)
        scale = np.maximum(1.0, np.maximum(np.abs(first), np.abs(second)))
        close = np.isfinite(distance) & (distance <= tolerance * scale)
    return close | (first == second) | (np.isnan(first) & np.isnan(second))


def _compare_json(file: str, first: Any, second: Any, tolerance: float) -> tuple[list[Difference], int]:
    a, b = dict(_leaves(first)), dict(_leaves(second))
    fields = list(dict.fromkeys([*a, *b]))
    differences = [
        Difference(
            file,
            field,
            None,
            str(a.get(field, "missing")),
            str(b.get(field, "missing")),
            _distance(a.get(field), b.get(field)),
        )
        for field in fields
        if not (field in a and field in b and _same(a[field], b[field], tolerance))
    ]
    return differences, len(fields)


def _leaves(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """The values of a JSON document and their places: ``models.0.ccc``."""
    if isinstance(value, dict | list) and value:
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in items:
            yield from _leaves(inner, f"{place}.{key}" if place else str(key))
    else:
        yield place, value


def _same(first: Any, second: Any, tolerance: float) -> bool:
    if _is_number(first) and _is_number(second):
        exact = isinstance(first, int) and isinstance(second, int)
        return bool(_agree(float(first), float(second), 0.0 if exact else tolerance))
    return type(first) is type(second) and bool(first == second)


def _distance(first: Any, second: Any) -> float:
    return float(abs(first - second)) if _is_number(first) and _is_number(second) else math.nan


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _summary(differences: Sequence[Difference]) -> list[str]:
    """One line for each file and field: how many values differ, and the pair with the largest difference."""
    groups: dict[tuple[str, str], list[Difference]] = {}
    for difference in differences:
        groups.setdefault((difference.file, difference.field), []).append(difference)
    return [_line(file, field, group) for (file, field), group in groups.items()]


def _line(file: str, field: str, group: Sequence[Difference]) -> str:
    worst = max(group, key=lambda difference: -1.0 if math.isnan(difference.distance) else difference.distance)
    row = "" if worst.row is None else f" in row {worst.row}"
    count = "" if len(group) == 1 else f"{len(group)} values differ, the largest difference is between "
    return f"{': '.join(filter(None, (file, field)))}: {count}{worst.first} and {worst.second}{row}"
