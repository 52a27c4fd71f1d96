"""CCC against a property of the models, such as the layers kept or the share of the training data."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator

from valence_gap.definitions.evaluation import CLEAN
from valence_gap.definitions.figures import Description, Inputs, ShownCorpus
from valence_gap.figures.data import read_scores, select_condition
from valence_gap.figures.drawing import style
from valence_gap.figures.drawing.captions import Caption, seeds_text
from valence_gap.figures.drawing.plots import Plot
from valence_gap.figures.intervals import mean_over_seeds, seed_values
from valence_gap.scores.metrics import Floats

# Height of a panel.
PANEL_IN = 1.1
# The corpora at one step are spread over this share of the distance to the nearest other step.
SPREAD = 0.35
# Distance of the rings of single seeds from their mean, as a share of this spread.
ASIDE = 0.2
# Where there is one step only, its neighbours would be this far away, as shares of it.
ALONE = 0.2


@dataclass(frozen=True)
class Steps:
    """The horizontal axis.

    Attributes:
        values: of each model.
        label: of the axis.
        unit: of the values, such as ' layers'.
        logarithmic: whether equal ratios are equally far apart.
    """

    values: dict[str, float]
    label: str
    unit: str
    logarithmic: bool = False

    def names(self) -> dict[str, str]:
        """What each model is called in the text, in order of the axis: '1 layer', '2 layers'."""
        ordered = sorted(self.values.items(), key=lambda pair: pair[1])
        return {model: f"{value:g}{self.unit.rstrip('s') if value == 1 else self.unit}" for model, value in ordered}

    def on_axis(self, values: Floats, offset: float) -> Floats:
        """Where values are drawn that are moved by a distance on the (linear or logarithmic) axis."""
        found: Floats = values * np.exp(offset) if self.logarithmic else values + offset
        return found

    def spread(self) -> float:
        """The distance on the axis over which the corpora of one step are spread."""
        values = np.unique(np.array(list(self.values.values()), dtype=float))
        places = np.log(values) if self.logarithmic else values
        return SPREAD * float(np.diff(places).min() if len(places) > 1 else ALONE)


def plot_steps(inputs: Inputs, description: Description, steps: Steps, caption: Caption) -> Plot:
    """A panel for each dimension, a curve with intervals for each corpus; steps stand where their values are.

    Args:
        inputs: with ``scores``.
        description: models and corpora.
        steps: the horizontal axis, with the value of each model.
        caption: the words; the seeds are put in its foot.
    """
    scores = select_condition(read_scores(inputs, description, group_by="all"), CLEAN)
    table = mean_over_seeds(scores, description.kinds(), description.evaluation.confidence)
    table["step"] = table["model"].map(steps.values)
    beside = " At one step, corpora are drawn side by side." if len(description.corpora) > 1 else ""
    words = Caption(
        caption.title, caption.subtitle, seeds_text(table, description, steps.names(), "Marks") + beside, caption.note
    )
    alt = f"{caption.subtitle} {_describe(table, description, steps)}"
    return Plot(plot_table(table, description, steps, words), table, words, alt)


def plot_table(table: pd.DataFrame, description: Description, steps: Steps, caption: Caption) -> Figure:
    """Draw corpus, dimension, step, ccc, low, high, by_seed."""
    dimensions = description.dimensions()
    figure = style.new_figure(style.COLUMN_IN, 0.6 + PANEL_IN * len(dimensions), caption)
    parts = [table[table["dimension"] == dimension] for dimension in dimensions]
    panels = style.stacked_panels(figure, [style.value_range(part[["ccc", "low", "high"]]) for part in parts])
    for axes, dimension, part in zip(panels, dimensions, parts, strict=True):
        _plot_panel(axes, part, description, steps)
        sentiment = dimension == "valence" and any(corpus.is_sentiment() for corpus in description.corpora)
        style.label_row(axes, "Valence /\nsentiment" if sentiment else dimension.capitalize())
    values = np.unique(table["step"].to_numpy(dtype=float))
    if steps.logarithmic:
        panels[-1].set_xscale("log")
        panels[-1].xaxis.set_minor_locator(NullLocator())
    panels[-1].set_xticks(values, [f"{value:g}" for value in values])
    panels[-1].set_xlabel(steps.label, labelpad=1)
    handles = [
        Line2D([], [], color=colour, marker=marker, markersize=2.8, linewidth=0.8, label=corpus.label)
        for corpus, (colour, marker) in _corpus_styles(description)
    ]
    if table["by_seed"].str.contains(" ").any():
        handles.append(Line2D([], [], linestyle="", **style.SEED, label="single seeds"))
    style.add_legend(figure, handles, 4)
    return figure


def _plot_panel(axes: Axes, part: pd.DataFrame, description: Description, steps: Steps) -> None:
    shown = [one for one in _corpus_styles(description) if one[0].name in set(part["corpus"])]
    for (corpus, (colour, marker)), offset in zip(shown, style.dodge_offsets(len(shown), steps.spread()), strict=True):
        rows = part[part["corpus"] == corpus.name].sort_values("step")
        x = steps.on_axis(rows["step"].to_numpy(dtype=float), offset)
        axes.vlines(x, rows["low"], rows["high"], color=colour, linewidth=0.7)
        axes.plot(x, rows["ccc"].to_numpy(dtype=float), color=colour, marker=marker, markersize=2.8, linewidth=0.8)
        for place, by_seed in zip(rows["step"], rows["by_seed"], strict=True):
            seeds = seed_values(by_seed)
            if len(seeds) > 1:
                aside = steps.on_axis(np.full(len(seeds), place), offset + steps.spread() * ASIDE)
                axes.plot(aside, seeds, linestyle="", **style.SEED | {"markeredgecolor": colour})


def _corpus_styles(description: Description) -> list[tuple[ShownCorpus, tuple[str, str]]]:
    """Colour and marker of each corpus."""
    return [(corpus, style.corpus_colour_and_marker(place)) for place, corpus in enumerate(description.corpora)]


def _describe(table: pd.DataFrame, description: Description, steps: Steps) -> str:
    """The curves in words: their first and their last step."""
    parts = [f"Curves against {steps.label.lower()}."]
    for corpus in description.corpora:
        for dimension in corpus.dimensions:
            rows = table[(table["corpus"] == corpus.name) & (table["dimension"] == dimension)].sort_values("step")
            ends = [f"{style.format_ccc(rows['ccc'].iloc[end])} at {rows['step'].iloc[end]:g}" for end in (0, -1)]
            parts.append(f"{corpus.label}, {corpus.title(dimension).lower()}: {' to '.join(ends)}.")
    return " ".join(parts)
