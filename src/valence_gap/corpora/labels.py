"""Map labels of any scale to 0..1 by the name of their dimension, and back.

The corpora order and scale their labels differently (MSP-Podcast: 1..7 as arousal, valence, dominance; IEMOCAP: 1..5 as
valence, arousal, dominance; CMU-MOSI: sentiment in -3..3); the paper maps all of them to 0..1 (section III-C). Here a
label is always accessed by the name of its dimension, never by its position.
"""

import math
from collections.abc import Mapping
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from valence_gap.runtime.errors import UserError

Values = npt.NDArray[np.float64]
Scale = tuple[float, float]

# A rounding error can move a mean of ratings past the end of its scale; such a label is not outside the scale.
ROUNDING = 1e-9


def check_scale(dimension: str, scale: Scale) -> None:
    """Check that a scale rises.

    Raises:
        UserError: if an end is not finite, or the lowest label is not below the highest.
    """
    low, high = scale
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise UserError(
            f"The scale of {dimension} does not rise.",
            [f"scale: {dimension}: [{low}, {high}]"],
            "Give the lowest label, then the highest.",
        )


def normalise(values: npt.ArrayLike, scale: Scale) -> Values:
    """Map labels from their scale to 0..1.

    Args:
        values: labels, any shape; NaN stays NaN.
        scale: lowest and highest label.

    Returns:
        The labels, same shape; outside 0..1 where they are outside their scale.
    """
    low, high = scale
    scaled: Values = (np.asarray(values, dtype=np.float64) - low) / (high - low)
    return scaled


def denormalise(values: npt.ArrayLike, scale: Scale) -> Values:
    """Map labels from 0..1 back to their scale; the inverse of `normalise`."""
    low, high = scale
    unscaled: Values = np.asarray(values, dtype=np.float64) * (high - low) + low
    return unscaled


def is_out_of_scale(values: npt.ArrayLike, scale: Scale) -> npt.NDArray[np.bool_]:
    """Return which labels are outside their scale by more than a rounding error; NaN is not.

    Args:
        values: labels, any shape.
        scale: lowest and highest label.

    Returns:
        Mask of the same shape.
    """
    low, high = scale
    slack = ROUNDING * (high - low)
    array = np.asarray(values, dtype=np.float64)
    mask: npt.NDArray[np.bool_] = (array < low - slack) | (array > high + slack)
    return mask


def normalise_table(
    labels: pd.DataFrame, scales: Mapping[str, Scale], *, out_of_scale: Literal["keep", "clip", "fail"] = "fail"
) -> pd.DataFrame:
    """Map the columns that have a scale to 0..1, each by its own name.

    Args:
        labels: one column per dimension; other columns are left as they are.
        scales: lowest and highest label of each dimension.
        out_of_scale: ``keep`` leaves a label outside its scale outside 0..1, ``clip`` moves it to the nearest end,
            ``fail`` stops.

    Returns:
        A table of the same shape, rows and columns.

    Raises:
        UserError: if a scale does not rise; with ``fail``, if a label is outside its scale: the error names every row
            (by the table's index) and value.
    """
    for dimension, scale in scales.items():
        check_scale(dimension, scale)
    if out_of_scale == "fail":
        offenders = out_of_scale_labels(labels, scales)
        if offenders:
            raise UserError("Labels are outside their scale.", offenders, REMEDY)
    table = labels.copy()
    for dimension, scale in scales.items():
        values = table[dimension].to_numpy(dtype=np.float64)
        table[dimension] = normalise(np.clip(values, *scale) if out_of_scale == "clip" else values, scale)
    return table


REMEDY = "Correct the labels or the scale, or set out_of_scale: keep (as they are) or clip (to the end of the scale)."


def out_of_scale_labels(labels: pd.DataFrame, scales: Mapping[str, Scale]) -> list[str]:
    """Return a line for every label outside its scale: the row (by the table's index), dimension, value and scale."""
    lines = []
    for dimension, scale in scales.items():
        column = labels[dimension]
        wrong = column[is_out_of_scale(column.to_numpy(dtype=np.float64), scale)]
        lines += [
            f"{row}: {dimension} {value:g} is outside {scale[0]:g}..{scale[1]:g}"
            for row, value in zip(wrong.index, wrong.to_numpy(), strict=True)
        ]
    return lines
