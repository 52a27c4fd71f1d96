"""Figure 7: gender fairness, the CCC of female minus that of male speakers (section IV-I)."""

import numpy as np
import pandas as pd

from valence_gap.definitions import CLEAN
from valence_gap.figures import bars
from valence_gap.figures.description import Description, Inputs
from valence_gap.figures.style import Drawing
from valence_gap.figures.tables import of_condition, over_seeds, read_scores

AVERAGE = "average"


def draw(inputs: Inputs, description: Description) -> Drawing:
    """Bars of the fairness score by corpus and dimension, and of its average over all of them.

    Args:
        inputs: with ``scores``.
        description: models, corpora and dimensions.
    """
    table = over_seeds(of_condition(read_scores(inputs, description, group_by="fairness"), CLEAN))
    average = _average(table)
    rows = bars.rows_by_corpus(table, description)
    if rows[-1][1][0] is not None:
        rows.append(("", [None] * len(description.dimensions())))
    rows[-1][1][0] = bars.Panel("Average", average)
    look = bars.Look(
        models=description.models,
        note=description.note,
        label="ΔCCC",
        interval=description.interval_label(),
        signed=True,
    )
    return Drawing(bars.draw(rows, look), pd.concat([table, average], ignore_index=True))


def _average(table: pd.DataFrame) -> pd.DataFrame:
    """Mean over corpora and dimensions, which has no interval here: corpora are no sample of corpora."""
    means = table.groupby("model", sort=False)["ccc"].mean().reset_index()
    nothing = dict.fromkeys(("low", "high", "sd", "least", "greatest"), np.nan)
    return means.assign(corpus=AVERAGE, dimension=AVERAGE, seeds=1, **nothing)[table.columns]
