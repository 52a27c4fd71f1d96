"""CCC against a property of the models, such as the layers kept or the share of the training data."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from valence_gap.definitions.evaluation import CLEAN
from valence_gap.definitions.figures import Description, Inputs, ShownCorpus
from valence_gap.figures.data import mean_over_seeds, read_scores, select_condition
from valence_gap.figures.drawing import style
from valence_gap.figures.drawing.style import Plot

# Height of a panel: three panels together are slightly less high than the page's column is wide.
PANEL_IN = 0.95


def plot_steps(inputs: Inputs, description: Description, steps: dict[str, float], *, x_label: str) -> Plot:
    """A panel for each dimension, a curve with intervals for each corpus; the steps are at equal distances.

    Args:
        inputs: with ``scores``.
        description: models and corpora.
        steps: value of each model on the axis, which is in order of these values.
        x_label: of the horizontal axis.
    """
    table = mean_over_seeds(select_condition(read_scores(inputs, description, group_by="all"), CLEAN))
    table["step"] = table["model"].map(steps)
    return Plot(plot_table(table, description, x_label), table)


def plot_table(table: pd.DataFrame, description: Description, x_label: str) -> Figure:
    """Draw corpus, dimension, step, ccc, low, high."""
    dimensions = description.dimensions()
    figure = style.new_figure(style.COLUMN_IN, 0.6 + PANEL_IN * len(dimensions), description.note)
    parts = [table[table["dimension"] == dimension] for dimension in dimensions]
    panels = style.stacked_panels(figure, [style.value_range(part[["ccc", "low", "high"]]) for part in parts])
    places = sorted(set(table["step"]))
    for axes, dimension, part in zip(panels, dimensions, parts, strict=True):
        _plot_panel(axes, part, description, places)
        sentiment = dimension == "valence" and any(corpus.is_sentiment() for corpus in description.corpora)
        style.label_row(axes, "Valence /\nsentiment" if sentiment else dimension.capitalize())
    panels[-1].set_xticks(range(len(places)), [f"{place:g}" for place in places])
    panels[-1].set_xlim(-0.5, len(places) - 0.5)
    panels[-1].set_xlabel(x_label, labelpad=1)
    handles = [
        Line2D([], [], color=colour, marker=marker, markersize=2.8, label=corpus.label)
        for corpus, (colour, marker) in _corpus_styles(description)
    ]
    interval = Line2D([], [], **style.WHISKER, label=description.interval_label())
    figure.legend(handles=[*handles, interval], loc="outside lower center", ncols=4)
    return figure


def _plot_panel(axes: Axes, part: pd.DataFrame, description: Description, places: list[float]) -> None:
    corpus_styles = [
        corpus_style for corpus_style in _corpus_styles(description) if corpus_style[0].name in set(part["corpus"])
    ]
    for (corpus, (colour, marker)), offset in zip(corpus_styles, style.dodge_offsets(len(corpus_styles)), strict=True):
        rows = part[part["corpus"] == corpus.name].sort_values("step")
        x = np.searchsorted(places, rows["step"].to_numpy(dtype=float)) + offset
        axes.vlines(x, rows["low"], rows["high"], color=colour, linewidth=0.7)
        axes.plot(x, rows["ccc"].to_numpy(dtype=float), color=colour, marker=marker, markersize=2.8)


def _corpus_styles(description: Description) -> list[tuple[ShownCorpus, tuple[str, str]]]:
    """Colour and marker of each corpus."""
    return [(corpus, style.corpus_colour_and_marker(place)) for place, corpus in enumerate(description.corpora)]
