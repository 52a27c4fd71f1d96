"""Figure 10: t-SNE of the pooled states of three models, coloured by properties of the utterances (section IV-K)."""

from collections.abc import Mapping, Sequence
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
from valence_gap.figures.drawing.captions import Caption
from valence_gap.figures.drawing.plots import Plot
from valence_gap.runtime.errors import UserError

Measures = Mapping[tuple[str, str], tuple[float, float]]
"""Value and value by chance of each model and property, over all corpora."""
ALL_CORPORA = "all"
SPEAKERS_PER_CORPUS = 4
# Columns: the property of the utterances, and its name in the table of separation.
COLUMNS = {"Corpus": "corpus", "Gender": "gender", "Speaker": "speaker", "Valence": "valence"}
UNKNOWN = "#c4c4c4"
# Colour and marker. No colour of the figure has two meanings: none of these is that of a corpus or of a speaker.
GENDERS = {"female": ("#e69f00", "o"), "male": ("#0072b2", "^")}
# Paul Tol's muted colours: colour-blind readers can distinguish them.
SPEAKERS = ("#aa4499", "#ddcc77", "#117733", "#cc6677", "#88ccee", "#882255", "#44aa99", "#999933")
COLOUR_MAP = "viridis"
POINT = 2.6
PANEL_IN = 1.62
LEGEND_IN = 0.5
LEGEND: dict[str, Any] = {"columnspacing": 0.8, "handlelength": 0.8, "handletextpad": 0.3, "borderaxespad": 0}
NEIGHBOURS_TEXT = (
    "Alike: share of the nearest neighbours of an utterance, in the space of the embeddings, that have its property; "
    "in brackets what is expected by chance. Probe: CCC of valence predicted from the embeddings for speakers that "
    "were left out of the fit."
)


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
    measures = _measures(separation)
    caption = Caption(
        "What the embeddings of the models separate",
        "A dot is an utterance, in the same place in all panels of a row: the model's pooled embedding in two "
        "dimensions (t-SNE), coloured by a property. Groups of one colour: the model distinguishes the property.",
        f"{settings_line(table, description)} {NEIGHBOURS_TEXT}",
        description.note,
    )
    alt = f"{caption.subtitle} {_describe(measures, description)}"
    return Plot(_plot(table, measures, description, caption), table, caption, alt, {"separation": separation})


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


def _plot(table: pd.DataFrame, measures: Measures, description: Description, caption: Caption) -> Figure:
    rows = len(description.models)
    figure = style.new_figure(style.PAGE_IN, LEGEND_IN + (PANEL_IN + 0.12) * rows + 0.2, caption)
    grid = figure.subplots(rows + 1, len(COLUMNS), squeeze=False, height_ratios=[PANEL_IN] * rows + [LEGEND_IN])
    speakers = frequent_speakers(table, [corpus.name for corpus in description.corpora])
    low, high = np.percentile(table["valence"], [2, 98])
    valence = ScalarMappable(Normalize(low, high), COLOUR_MAP)
    for panels, model in zip(grid, description.models, strict=False):
        points = table[table["model"] == model.name]
        # In random order, so that no corpus covers another.
        points = points.iloc[np.random.default_rng(0).permutation(len(points))]
        _scatter_groups(panels[0], points, points["corpus"], _corpus_styles(description))
        _scatter_groups(panels[1], points, points["gender"], GENDERS)
        _scatter_groups(panels[2], points, speaker_names(points), speakers, size=2.2 * POINT)
        _scatter(panels[3], points, list(valence.to_rgba(points["valence"].to_numpy())))
        for axes, name in zip(panels, COLUMNS.values(), strict=True):
            axes.set_xlabel(_measure_text(measures, model.name, name), fontsize=style.SMALL_PT, labelpad=2)
        style.label_row(panels[-1], model.label)
    for axes, title in zip(grid[0], COLUMNS, strict=True):
        axes.set_title(title, pad=3)
    _legends(grid[-1], table, speakers, description)
    bar = figure.colorbar(valence, cax=grid[-1, 3].inset_axes((0.1, 0.75, 0.8, 0.18)), orientation="horizontal")
    bar.outline.set_visible(False)
    ticks = [low, (low + high) / 2, high]
    bar.set_ticks(ticks, labels=[style.format_ccc(one) for one in ticks])
    bar.set_label("label of valence, 0 to 1", fontsize=style.SMALL_PT, labelpad=1)
    return figure


def _measures(separation: pd.DataFrame) -> Measures:
    everywhere = separation[separation["within"] == ALL_CORPORA]
    keys = zip(everywhere["model"], everywhere["property"], strict=True)
    numbers = zip(everywhere["value"].astype(float), everywhere["chance"].astype(float), strict=True)
    return dict(zip(keys, numbers, strict=True))


def _measure_text(measures: Measures, model: str, name: str) -> str:
    """What one sees in a panel as a number, measured in the space of the embeddings; '' where it is undefined."""
    value, chance = measures.get((model, name), (np.nan, np.nan))
    if not np.isfinite(value):
        return ""
    if name == "valence":
        return f"probe {style.format_ccc(value)}"
    return f"alike {100 * value:.0f}\N{NO-BREAK SPACE}% ({100 * chance:.0f}\N{NO-BREAK SPACE}%)"


def _describe(measures: Measures, description: Description) -> str:
    parts = []
    for model in description.models:
        texts = [f"{name} {_measure_text(measures, model.name, name)}" for name in COLUMNS.values()]
        parts.append(f"{model.label}: {', '.join(texts)}.")
    return " ".join([*parts, NEIGHBOURS_TEXT])


def settings_line(table: pd.DataFrame, description: Description) -> str:
    """How many utterances of each corpus are drawn, and the settings of t-SNE."""
    points = table[table["model"] == description.models[0].name]
    counts = [f"{(points['corpus'] == corpus.name).sum():,} of {corpus.label}" for corpus in description.corpora]
    projection = description.projection
    start = {"pca": "PCA", "random": "random numbers"}[projection.initialisation]
    return (
        f"One seed of each model; {', '.join(counts)}. t-SNE with a perplexity of "
        f"{projection.perplexity_of(len(points)):g}, initialised by {start}."
    )


def frequent_speakers(table: pd.DataFrame, corpora: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Colour and marker of the speakers with the most utterances of each corpus; the marker is that of the corpus."""
    named = table.assign(name=speaker_names(table))
    found: dict[str, tuple[str, str]] = {}
    for place, corpus in enumerate(corpora):
        counts = named.loc[named["corpus"] == corpus, "name"].value_counts().sort_index(kind="stable")
        most = counts.sort_values(ascending=False, kind="stable").index[:SPEAKERS_PER_CORPUS]
        colours = SPEAKERS[place * SPEAKERS_PER_CORPUS % len(SPEAKERS) :]
        marker = style.corpus_colour_and_marker(place)[1]
        found |= {name: (colour, marker) for name, colour in zip(most, colours, strict=False)}
    return found


def _corpus_styles(description: Description) -> dict[str, tuple[str, str]]:
    return {corpus.name: style.corpus_colour_and_marker(place) for place, corpus in enumerate(description.corpora)}


def _scatter(axes: Axes, points: pd.DataFrame, colours: Any, *, marker: str = "o", size: float = POINT) -> None:
    axes.scatter(points["x"], points["y"], s=size, c=colours, marker=marker, linewidths=0, rasterized=True)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set(visible=True, color=style.GRID)


def _scatter_groups(
    axes: Axes,
    points: pd.DataFrame,
    groups: "pd.Series[str]",
    styles: Mapping[str, tuple[str, str]],
    *,
    size: float = POINT,
) -> None:
    """Draw each group in its colour and shape, over all other utterances in grey."""
    _scatter(axes, points[~groups.isin(list(styles))], UNKNOWN)
    for name, (colour, marker) in styles.items():
        _scatter(axes, points[groups == name], colour, marker=marker, size=size)


def _legends(
    panels: Sequence[Axes], table: pd.DataFrame, speakers: Mapping[str, tuple[str, str]], description: Description
) -> None:
    """Draw a legend under each column except the last, which has a colour scale."""
    labels = {corpus.name: corpus.label for corpus in description.corpora}
    corpora = {labels[name]: shown for name, shown in _corpus_styles(description).items()}
    genders = GENDERS | ({"unknown": (UNKNOWN, "o")} if (~table["gender"].isin(list(GENDERS))).any() else {})
    people = {name.partition("/")[2]: shown for name, shown in speakers.items()} | {"others": (UNKNOWN, "o")}
    for axes, entries in zip(panels, (corpora, genders, people), strict=False):
        handles = [
            Line2D([], [], linestyle="", marker=marker, markersize=3, markeredgewidth=0, color=colour, label=label)
            for label, (colour, marker) in entries.items()
        ]
        columns = 3 if len(handles) > 4 else 2
        axes.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, 1), ncols=columns, **LEGEND)
    for axes in panels:
        axes.set_axis_off()
