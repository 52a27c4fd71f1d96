"""Why a score may mean nothing: predictions or labels that hardly vary, or few utterances."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

HARDLY = 0.05  # standard deviation of the predictions, as a share of that of the labels
FEW = 20


def doubts(predictions: pd.DataFrame, labels: pd.DataFrame, dimensions: Sequence[str]) -> list[str]:
    """Return one line for each reason to doubt the scores.

    Args:
        predictions: id, condition and a column for each dimension.
        labels: id and a column for each dimension, 0..1, NaN if not annotated.
        dimensions: the annotated dimensions.
    """
    return [*_labels(labels, dimensions), *_predictions(predictions, labels, dimensions)]


def _labels(labels: pd.DataFrame, dimensions: Sequence[str]) -> Iterator[str]:
    if 0 < len(labels) < FEW:
        yield f"only {len(labels)} utterances: at least {FEW} are needed for a CCC that means something"
    for dimension in dimensions:
        values = labels[dimension].dropna()
        if len(values) > 1 and values.nunique() == 1:
            yield f"{dimension}: all labels are equal, so that there is no CCC"


def _predictions(predictions: pd.DataFrame, labels: pd.DataFrame, dimensions: Sequence[str]) -> Iterator[str]:
    for condition, rows in predictions.groupby("condition", sort=False):
        for dimension in dimensions:
            spread = float(np.std(rows[dimension].to_numpy(dtype=np.float64)))
            usual = float(np.nanstd(labels[dimension].to_numpy(dtype=np.float64)))
            if len(rows) > 1 and usual > 0 and spread < HARDLY * usual:
                yield (
                    f"{condition}: {dimension}: predictions hardly vary (standard deviation {spread:.4f}, labels "
                    f"{usual:.4f}): the model does not distinguish the utterances"
                )
