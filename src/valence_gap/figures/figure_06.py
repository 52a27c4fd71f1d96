"""Figure 6: CCC averaged over the augmentations of the test sets (section IV-H)."""

import pandas as pd

from valence_gap.definitions.evaluation import AUGMENTED_MEAN, CLEAN, SYNTHESISED
from valence_gap.definitions.figures import Description, Inputs
from valence_gap.figures.data import KEYS, mean_over_seeds, read_scores, select_condition
from valence_gap.figures.drawing import bars
from valence_gap.figures.drawing.style import Plot
from valence_gap.runtime.errors import UserError


def plot(inputs: Inputs, description: Description) -> Plot:
    """Bars of the mean CCC over all augmentations, with its own interval, the clean CCC marked.

    Args:
        inputs: with ``scores``, of the clean and of the augmented test sets.
        description: models, corpora and dimensions.
    """
    scores = read_scores(inputs, description, group_by="all")
    clean = mean_over_seeds(select_condition(scores, CLEAN)).rename(columns={"ccc": "clean"})
    _refuse_uneven(scores[~scores["condition"].isin([CLEAN, SYNTHESISED])])
    means = mean_over_seeds(select_condition(scores, AUGMENTED_MEAN))
    table = means.merge(clean[[*KEYS, "clean"]], how="left", on=list(KEYS))
    table["change"] = table["ccc"] - table["clean"]
    bar_style = bars.style_of(description, mark=("clean", "clean"))
    return Plot(bars.plot(bars.rows_by_corpus(table, description), bar_style), table)


def _refuse_uneven(augmented: pd.DataFrame) -> None:
    """Refuse models with different augmentations: their averages cannot be compared."""
    if augmented.empty:
        raise UserError(
            "no score table has an augmented condition", remedy="pass the scores of the augmented test sets too"
        )
    everything = set(augmented["condition"])
    lacking = [
        f"{model}, seed {seed}, on {corpus}: lacks {', '.join(sorted(everything - set(rows['condition'])))}"
        for (model, seed, corpus), rows in augmented.groupby(["model", "seed", "corpus"], sort=False)
        if set(rows["condition"]) != everything
    ]
    if lacking:
        raise UserError(
            "models were not all scored under the same augmentations", lacking, "score the missing conditions"
        )
