"""Figure 10: t-SNE of the pooled states of three models, coloured by properties of the utterances (section IV-K)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from valence_gap.definitions.figures import Description, Inputs
from valence_gap.embeddings.loading import speaker_names
from valence_gap.figures.drawing import style
from valence_gap.figures.drawing.style import Plot
from valence_gap.runtime.errors import UserError

SPEAKERS_PER_CORPUS = 4
COLUMNS = ("Corpus", "Gender", "Speaker", "Valence")
UNKNOWN = "#c4c4c4"
GENDERS = {"female": "#e69f00", "male": "#332288"}
# Paul Tol's muted colours: eight that colour-blind readers can distinguish.
SPEAKERS = ("#332288", "#ddcc77", "#117733", "#cc6677", "#88ccee", "#882255", "#44aa99", "#999933")
COLOUR_MAP = "viridis"
POINT = 2.2
PANEL_IN = 1.62
LEGEND: dict[str, Any] = {"columnspacing": 1.0, "handlelength": 0.8, "handletextpad": 0.3}


def plot(inputs: Inputs, description: Description) -> Plot:
    """A row for each model, a column for each of corpus, gender, speaker and valence, a dot for each utterance.

    All models use the same sample of utterances. The additional table ``separation`` contains how far their states
    separate corpora, genders, speakers and valence, measured before the projection.

    Args:
        inputs: with ``projection`` and ``separation``.
        description: models; corpora, which were projected together.

    Raises:
        UserError: if a file is missing, or does not contain a model.
    """
    table, separation = _read(inputs, description)
    return Plot(_plot(table, description), table, {"separation": separation})


def _read(inputs: Inputs, description: Description) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Points and separation of the models that are shown."""
    if inputs.projection is None or inputs.separation is None:
        raise UserError(
            "this figure is drawn from projected embeddings and what they separate",
            remedy="pass them with --projection and --separation",
        )
    table, separation = pd.read_parquet(inputs.projection), pd.read_csv(inputs.separation)
    names = [model.name for model in description.models]
    lacking = [
        f"{path}: {name}"
        for path, rows in ((inputs.projection, table), (inputs.separation, separation))
        for name in names
        if name not in set(rows["model"])
    ]
    if lacking:
        raise UserError(
            "models are not among the embeddings",
            lacking,
            "run project-states and measure-separation with these models too",
        )
    return table[table["model"].isin(names)], separation[separation["model"].isin(names)]


def _plot(table: pd.DataFrame, description: Description) -> Figure:
    rows = len(description.models)
    figure = style.new_figure(style.PAGE_IN, 0.9 + PANEL_IN * rows, description.note)
    figure.supxlabel(settings_line(table, description), fontsize=style.SMALL_PT, color=style.MUTED)
    grid = figure.subplots(rows, len(COLUMNS), squeeze=False)
    speakers = frequent_speakers(table, [corpus.name for corpus in description.corpora])
    low, high = np.percentile(table["valence"], [2, 98])
    valence = ScalarMappable(Normalize(low, high), COLOUR_MAP)
    for panels, model in zip(grid, description.models, strict=True):
        points = table[table["model"] == model.name]
        # In random order, so that no corpus covers another.
        points = points.iloc[np.random.default_rng(0).permutation(len(points))]
        corpora = {
            corpus.name: style.corpus_colour_and_marker(place)[0] for place, corpus in enumerate(description.corpora)
        }
        _scatter(panels[0], points, list(points["corpus"].map(corpora)))
        _scatter(panels[1], points, [GENDERS.get(gender, UNKNOWN) for gender in points["gender"]])
        _scatter_speakers(panels[2], points, speakers, description)
        _scatter(panels[3], points, list(valence.to_rgba(points["valence"].to_numpy())))
        style.label_row(panels[-1], model.label)
    for axes, title in zip(grid[0], COLUMNS, strict=True):
        axes.set_title(title, pad=3)
    _legends(grid[-1], table, description)
    bar = figure.colorbar(valence, cax=grid[-1, 3].inset_axes((0.1, -0.1, 0.8, 0.05)), orientation="horizontal")
    bar.outline.set_visible(False)
    bar.set_ticks(
        [low, (low + high) / 2, high], labels=[style.format_ccc(one) for one in (low, (low + high) / 2, high)]
    )
    return figure


def settings_line(table: pd.DataFrame, description: Description) -> str:
    """How many utterances of each corpus are drawn, and the settings of t-SNE."""
    points = table[table["model"] == description.models[0].name]
    counts = [f"{(points['corpus'] == corpus.name).sum():,} of {corpus.label}" for corpus in description.corpora]
    projection = description.projection
    start = {"pca": "PCA", "random": "random numbers"}[projection.initialisation]
    return (
        f"{', '.join(counts)}. t-SNE with a perplexity of {projection.perplexity_of(len(points)):g}, "
        f"initialised by {start}."
    )


def frequent_speakers(table: pd.DataFrame, corpora: Sequence[str]) -> dict[str, str]:
    """Colours of the speakers with the most utterances of each corpus."""
    named = table.assign(name=speaker_names(table))
    found: dict[str, str] = {}
    for place, corpus in enumerate(corpora):
        counts = named.loc[named["corpus"] == corpus, "name"].value_counts().sort_index(kind="stable")
        most = counts.sort_values(ascending=False, kind="stable").index[:SPEAKERS_PER_CORPUS]
        colours = SPEAKERS[place * SPEAKERS_PER_CORPUS % len(SPEAKERS) :]
        found |= dict(zip(most, colours, strict=False))
    return found


def _scatter(axes: Axes, points: pd.DataFrame, colours: Any, *, marker: str = "o", size: float = POINT) -> None:
    axes.scatter(points["x"], points["y"], s=size, c=colours, marker=marker, linewidths=0, rasterized=True)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set(visible=True, color=style.GRID)


def _scatter_speakers(axes: Axes, points: pd.DataFrame, speakers: dict[str, str], description: Description) -> None:
    colours = speaker_names(points).map(speakers)
    _scatter(axes, points[colours.isna()], UNKNOWN)
    for place, corpus in enumerate(description.corpora):
        shown = colours.notna() & (points["corpus"] == corpus.name)
        _scatter(
            axes, points[shown], list(colours[shown]), marker=style.corpus_colour_and_marker(place)[1], size=2.4 * POINT
        )


def _legends(panels: Sequence[Axes], table: pd.DataFrame, description: Description) -> None:
    """Draw a legend under each column except the last, which has a colour scale."""
    corpora = [
        (corpus.label, *style.corpus_colour_and_marker(place)) for place, corpus in enumerate(description.corpora)
    ]
    genders = [(name, colour, "o") for name, colour in GENDERS.items()]
    if table["gender"].isna().any():
        genders.append(("unknown", UNKNOWN, "o"))
    speakers = [(label, style.INK, marker) for label, _, marker in corpora] + [("others", UNKNOWN, "o")]
    entries = [[(label, colour, "o") for label, colour, _ in corpora], genders, speakers]
    for axes, shown in zip(panels, entries, strict=False):
        handles = [
            Line2D([], [], linestyle="", marker=marker, markersize=3, markeredgewidth=0, color=colour, label=label)
            for label, colour, marker in shown
        ]
        axes.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, 0), ncols=2, **LEGEND)
