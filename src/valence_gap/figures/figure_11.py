"""Figure 11: CCC on the development set by epoch, over several seeds (section V-A)."""

import pandas as pd

from valence_gap.definitions.figures import Description, Inputs
from valence_gap.figures.data import read_training_logs
from valence_gap.figures.drawing import curves
from valence_gap.figures.drawing.style import Plot


def plot(inputs: Inputs, description: Description) -> Plot:
    """Mean over the seeds, and a band of one (sample) standard deviation to either side.

    A seed that stopped early has no further epochs: the mean is over the remaining seeds.

    Args:
        inputs: with ``training_logs``.
        description: models, and the corpus that they were trained on.
    """
    logs = read_training_logs(inputs, description)
    groups = logs.groupby(["dimension", "model", "epoch"], sort=False)["ccc"]
    table = groups.agg(ccc="mean", sd="std", seeds="size").reset_index()
    band, labels = _legend(table, description)
    curve_style = curves.CurveStyle(
        curves=tuple(curves.Curve(model.name, labels[model.name], model.colour) for model in description.models),
        dimensions=tuple((name, name.capitalize()) for name in description.dimensions()),
        note=description.note,
        x_label="Epoch",
        band=band,
    )
    spread = table["sd"].fillna(0)
    drawn = table.assign(curve=table["model"], x=table["epoch"], low=table["ccc"] - spread, high=table["ccc"] + spread)
    return Plot(curves.plot(drawn, curve_style), table)


def _legend(table: pd.DataFrame, description: Description) -> tuple[str, dict[str, str]]:
    """Labels of the bands and of the models; models are labelled with their number of seeds if these differ."""
    seeds = table.groupby("model")["seeds"].max()
    band, labels = "mean ± SD", {model.name: model.label for model in description.models}
    if seeds.nunique() == 1:
        return f"{band} of {seeds.iloc[0]} seeds", labels
    return f"{band} of seeds", {name: f"{label} ({seeds[name]} seeds)" for name, label in labels.items()}
