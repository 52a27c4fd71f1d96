"""Figure 8: CCC by speaker, and how far the models agree on which speakers are difficult (section IV-J)."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from valence_gap.definitions.evaluation import CLEAN
from valence_gap.definitions.figures import Description, Inputs
from valence_gap.figures.data import mean_over_seeds, read_scores, select_condition
from valence_gap.figures.drawing import style
from valence_gap.figures.drawing.style import Plot
from valence_gap.runtime.errors import UserError
from valence_gap.scores.statistics import spearman

# Share of a speaker's place over which the models are spread, so that their intervals do not overlap.
SPREAD = 0.7
# Distance of the seeds' marks from their interval, as a share of the distance to the next one; they hide no mean.
ASIDE = 0.35
# Number of names that fit beside each other.
LEGEND_COLUMNS = 7


def plot(inputs: Inputs, description: Description) -> Plot:
    """A panel for each dimension, a place for each speaker, a dot with interval for each model.

    If a model has several seeds, the dot is their mean, and small rings mark the lowest and the highest.

    Speakers are in order of their mean CCC over all dimensions and models. The additional table ``spearman`` contains
    Spearman's correlation between the models over the speakers, by dimension.

    Args:
        inputs: with ``scores``, which include the speakers with enough utterances.
        description: models, and the corpus.
    """
    corpus = description.corpora[0]
    scores = read_scores(inputs, description, group_by="speaker")
    if scores.empty:
        raise UserError(
            f"no speaker of {corpus.name} has {description.evaluation.min_samples} labelled utterances",
            remedy="lower evaluation.min_samples",
        )
    scores = select_condition(scores[scores["corpus"] == corpus.name], CLEAN)
    table = mean_over_seeds(scores, ["corpus", "dimension", "model", "group"]).rename(columns={"group": "speaker"})
    order = table.groupby("speaker")["ccc"].mean().sort_values(kind="stable").index
    table["place"] = table["speaker"].map({speaker: place for place, speaker in enumerate(order)})
    return Plot(_plot(table, list(order), description), table, {"spearman": _agreement(table, description)})


def _plot(table: pd.DataFrame, speakers: list[str], description: Description) -> Figure:
    corpus = description.corpora[0]
    figure = style.new_figure(style.PAGE_IN, 0.6 + 1.1 * len(corpus.dimensions), description.note)
    parts = [table[table["dimension"] == dimension] for dimension in corpus.dimensions]
    panels = style.stacked_panels(
        figure, [style.value_range(part[["ccc", "low", "high", "minimum", "maximum"]]) for part in parts]
    )
    for axes, dimension, part in zip(panels, corpus.dimensions, parts, strict=True):
        _plot_panel(axes, part, description)
        style.label_row(axes, corpus.title(dimension))
    panels[-1].set_xticks(range(len(speakers)), speakers, rotation=90 if max(map(len, speakers)) > 4 else 0)
    panels[-1].set_xlim(-0.6, len(speakers) - 0.4)
    panels[-1].set_xlabel("Speaker")
    handles = [
        Line2D([], [], color=model.colour, marker="o", markersize=3, linewidth=0.8, label=model.label)
        for model in description.models
    ]
    handles.append(Line2D([], [], **style.WHISKER, label=description.interval_label()))
    if (table["seeds"] > 1).any():
        handles.append(Line2D([], [], linestyle="", **style.SEED, label="lowest, highest seed"))
    lines = -(-len(handles) // LEGEND_COLUMNS)
    figure.legend(handles=handles, loc="outside lower center", ncols=-(-len(handles) // lines))
    return figure


def _plot_panel(axes: Axes, rows: pd.DataFrame, description: Description) -> None:
    offsets = style.dodge_offsets(len(description.models), SPREAD)
    aside = ASIDE * SPREAD / max(len(offsets) - 1, 1)
    for offset, model in zip(offsets, description.models, strict=True):
        own = rows[rows["model"] == model.name]
        x = own["place"].to_numpy(dtype=float) + offset
        axes.vlines(x, own["low"], own["high"], color=model.colour, linewidth=0.7)
        axes.plot(x, own["ccc"].to_numpy(), linestyle="", marker="o", markersize=2.4, color=model.colour)
        ring = style.SEED | {"markersize": 1.5, "markeredgecolor": model.colour}
        repeated = (own["seeds"] > 1).to_numpy()
        for end in ("minimum", "maximum"):
            axes.plot(x[repeated] - aside, own[end].to_numpy()[repeated], linestyle="", **ring)


def _agreement(table: pd.DataFrame, description: Description) -> pd.DataFrame:
    """dimension, model, other, spearman: a row for each pair of models."""
    names = [model.name for model in description.models]
    rows = []
    for dimension in description.corpora[0].dimensions:
        wide = table[table["dimension"] == dimension].pivot(index="speaker", columns="model", values="ccc")[names]
        correlations = spearman(wide.to_numpy())
        for one, name in enumerate(names):
            for two, other in enumerate(names):
                rows.append((dimension, name, other, correlations[one, two]))
    return pd.DataFrame(rows, columns=["dimension", "model", "other", "spearman"])
