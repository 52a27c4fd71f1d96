"""Figure 11: CCC on the development set by epoch, over several seeds (section V-A)."""

import pandas as pd

from valence_gap.definitions.figures import Description, Inputs
from valence_gap.figures.data import read_training_logs
from valence_gap.figures.drawing import curves, style
from valence_gap.figures.drawing.captions import Caption
from valence_gap.figures.drawing.plots import Plot

KEYS = ["dimension", "model", "epoch"]


def plot(inputs: Inputs, description: Description) -> Plot:
    """A line for each seed of each model.

    The table also has mean and (sample) standard deviation over the seeds. A seed that stopped early has no further
    epochs: the mean is over the remaining seeds.

    Args:
        inputs: with ``training_logs``.
        description: models, and the corpus that they were trained on.
    """
    logs = read_training_logs(inputs, description)
    texts = logs["seed"].astype(str) + "=" + logs["ccc"].map(lambda value: f"{value:.9g}")
    groups = logs.assign(by_seed=texts).groupby(KEYS, sort=False)
    table = groups["ccc"].agg(ccc="mean", sd="std", seeds="size").join(groups["by_seed"].agg(" ".join)).reset_index()
    labels = _labels(table, description)
    caption = Caption(
        "How training goes: CCC after each epoch",
        f"CCC on the development set of {description.corpus_labels()}. A line is one training; lines of one model "
        "differ in the training seed alone. The dot is its last epoch.",
        "Single trainings; their means and standard deviations are in the figure's table.",
        description.note,
    )
    curve_style = curves.CurveStyle(
        curves=tuple(
            curves.Curve(model.name, labels[model.name], model.colour, style.dash_of(place))
            for place, model in enumerate(description.models)
        ),
        dimensions=tuple((name, name.capitalize()) for name in description.dimensions()),
        caption=caption,
        x_label="Epoch",
    )
    alt = f"{caption.subtitle} {_describe(logs, description)}"
    return Plot(curves.plot(logs.assign(x=logs["epoch"]), curve_style), table, caption, alt)


def _labels(table: pd.DataFrame, description: Description) -> dict[str, str]:
    """Models with their number of seeds."""
    seeds = table.groupby("model")["seeds"].max()
    return {
        model.name: f"{model.label} ({seeds[model.name]} seed{'s' if seeds[model.name] > 1 else ''})"
        for model in description.models
    }


def _describe(logs: pd.DataFrame, description: Description) -> str:
    """The best epoch of the seeds in words: a seed that learns nothing is among them."""
    best = logs.groupby(["dimension", "model", "seed"], sort=False)["ccc"].max().reset_index()
    parts = []
    for dimension in description.dimensions():
        for model in description.models:
            own = best[(best["dimension"] == dimension) & (best["model"] == model.name)]["ccc"]
            values = ", ".join(style.format_ccc(value) for value in own)
            parts.append(f"{dimension.capitalize()}, {model.label}: best epoch of each seed {values}.")
    return " ".join(parts)
