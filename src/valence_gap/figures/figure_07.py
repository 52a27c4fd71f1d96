"""Figure 7: gender fairness, the CCC of female minus that of male speakers (section IV-I)."""

import pandas as pd

from valence_gap.definitions import CLEAN
from valence_gap.errors import UserError
from valence_gap.figures import bars
from valence_gap.figures.description import Description, Inputs
from valence_gap.figures.style import Drawing
from valence_gap.figures.tables import of_condition, over_seeds, read_scores

AVERAGE = "average"


def draw(inputs: Inputs, description: Description) -> Drawing:
    """Bars of the fairness score by corpus and dimension, and of its average over all of them where there are several.

    Args:
        inputs: with ``scores``.
        description: models, corpora and dimensions.

    Raises:
        UserError: if no corpus has both genders.
    """
    scores = read_scores(inputs, description, group_by="fairness")
    if scores.empty:
        raise UserError(
            "no corpus of this figure has both female and male speakers in its test set",
            [corpus.name for corpus in description.corpora],
            "give the genders (a column gender, or the corpus' file of them), or leave the figure out of the targets",
        )
    table = over_seeds(of_condition(scores, CLEAN))
    average = _average(table)
    panels = len(table[["corpus", "dimension"]].drop_duplicates())
    look = bars.Look(
        models=description.models,
        note=description.note,
        label="ΔCCC",
        interval=description.interval_label(),
        signed=True,
    )
    below = ("Average", bars.Panel(f"ΔCCC, mean of the {panels} panels above", average)) if panels > 1 else None
    rows = bars.rows_by_corpus(table, description)
    return Drawing(bars.draw(rows, look, below=below), pd.concat([table, average], ignore_index=True))


def _average(table: pd.DataFrame) -> pd.DataFrame:
    """Mean over corpora and dimensions of each model, with an interval.

    Corpora are independent: their half-widths are added as roots of summed squares. The dimensions of one corpus are of
    the same utterances: their half-widths are added as they are, which is the most they can come to together. The sum,
    over the number of corpora and dimensions, is the half-width of the average; each side of the interval for itself.
    """
    sides = table.assign(below=table["ccc"] - table["low"], above=table["high"] - table["ccc"]).dropna(subset=["ccc"])
    of_corpora = sides.groupby(["model", "corpus"], sort=False)[["below", "above"]].sum()
    roots = of_corpora.pow(2).groupby("model", sort=False).sum().pow(0.5)
    cells = sides.groupby("model", sort=False)["ccc"].agg(ccc="mean", count="size")
    low, high = cells["ccc"] - roots["below"] / cells["count"], cells["ccc"] + roots["above"] / cells["count"]
    means: pd.DataFrame = cells.assign(low=low, high=high, corpus=AVERAGE, dimension=AVERAGE, seeds=1).reset_index()
    return means.reindex(columns=table.columns)
