"""Panels of horizontal bars, a bar for each model: with an interval, its single seeds, marks and its number."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from valence_gap.definitions.figures import Description, ShownModel
from valence_gap.figures.drawing import style
from valence_gap.figures.drawing.captions import Caption
from valence_gap.figures.intervals import seed_values

BAR_IN = 0.125
# A row with fewer bars is as high as a row with this many, so that the name of its corpus fits beside it.
MIN_BARS = 5
# Width of all panels together, beside the names of the models and of the corpora.
PANELS_IN = 2.5
# Width reserved for the numbers at the right of a panel.
NUMBERS_IN = 0.22
# Distance of the seeds above an interval and of the mark below it, so that they hide no end of the interval.
MARK_OFFSET = 0.27


@dataclass(frozen=True)
class Panel:
    """One panel: its title ('' for none), a row per model (ccc, low, high, seeds, by_seed, the marks), and its name."""

    title: str
    table: pd.DataFrame
    name: str = ""


@dataclass(frozen=True)
class BarStyle:
    """What the panels of a figure have in common.

    Attributes:
        models: the bars, from the top.
        caption: the words of the figure.
        label: of the value axes.
        interval: meaning of the whiskers, for the legend.
        marks: columns that are drawn as marks (:data:`valence_gap.figures.drawing.style.MARKS`), with their meaning.
        signed: values are differences, so numbers are printed with their sign.
    """

    models: tuple[ShownModel, ...]
    caption: Caption
    label: str
    interval: str
    marks: Mapping[str, str] = field(default_factory=dict)
    signed: bool = False


def style_of(description: Description, caption: Caption, *, label: str = "CCC", **settings: Any) -> BarStyle:
    """The style of a figure with a bar for each model of its description, unless ``settings`` say otherwise."""
    shown: dict[str, Any] = {"models": description.models, "interval": description.interval_label()}
    return BarStyle(**(shown | {"caption": caption, "label": label} | settings))


@dataclass(frozen=True)
class Scale:
    """A value axis: its limits, its ticks, and their labels."""

    limits: tuple[float, float]
    ticks: Sequence[float]
    labels: Sequence[str]


Row = tuple[str, list[Panel | None]]


def rows_by_corpus(table: pd.DataFrame, description: Description) -> list[Row]:
    """Return a row of panels for each corpus, with a column for each dimension.

    A panel has a title only if the panels above it do not show the same title.

    Args:
        table: corpus, dimension, model, and the columns that :class:`Panel` needs.
        description: corpora and dimensions in order.
    """
    rows: list[Row] = []
    for corpus in description.corpora:
        panels: list[Panel | None] = []
        for dimension in description.dimensions():
            part = table[(table["corpus"] == corpus.name) & (table["dimension"] == dimension)]
            title = corpus.title(dimension) if not rows or corpus.is_sentiment() else ""
            name = f"{corpus.label}, {corpus.title(dimension).lower()}"
            panels.append(Panel(title, part, name) if dimension in corpus.dimensions else None)
        rows.append((corpus.label, panels))
    return rows


def plot(rows: Sequence[Row], bar_style: BarStyle, *, below: tuple[str, Panel] | None = None) -> Figure:
    """Draw rows of panels, all on one scale, with a legend below.

    Args:
        rows: (label, panels) from the top; None leaves a place empty.
        bar_style: what the panels have in common.
        below: label and panel of a last row, as wide as all columns, on its own scale; its title labels its axis.
    """
    columns = max(len(panels) for _, panels in rows)
    count = len(rows) + (below is not None)
    height_in = 0.35 + count * (0.33 + BAR_IN * max(MIN_BARS, len(bar_style.models)))
    figure = style.new_figure(style.COLUMN_IN, height_in, bar_style.caption)
    shown = pd.concat([panel.table for _, panels in rows for panel in panels if panel])
    low, high = _range(shown, bar_style)
    scale = _scale(low, high, (high - low) / (PANELS_IN / columns - NUMBERS_IN))
    places = figure.add_gridspec(count, columns)
    grid = [[figure.add_subplot(places[row, column]) for column in range(columns)] for row in range(len(rows))]
    for row, (label, panels) in enumerate(rows):
        lowest = [
            panel is not None and not any(under[column] for _, under in rows[row + 1 :])
            for column, panel in enumerate(panels)
        ]
        for column, panel in enumerate(panels):
            axes = grid[row][column]
            if panel is None:
                axes.set_axis_off()
                continue
            axes.set_title(panel.title, pad=3)
            _plot_panel(axes, panel, bar_style, scale)
            axes.tick_params(axis="x", labelbottom=any(lowest))
            axes.set_xlabel(bar_style.label if lowest[column] else "", labelpad=1)
            _name_models(axes, bar_style, shown=not any(panels[:column]), inside_layout=column == 0)
        style.label_row(grid[row][-1], label)
    if below:
        _plot_below(figure.add_subplot(places[-1, :]), *below, bar_style)
        shown = pd.concat([shown, below[1].table])
    handles = _handles(shown, bar_style)
    style.add_legend(figure, handles, columns=len(handles))
    return figure


def describe(rows: Sequence[Row], bar_style: BarStyle, below: tuple[str, Panel] | None = None) -> str:
    """The panels in words: the lowest and the highest bar of each."""
    names = {model.name: model.label for model in bar_style.models}
    panels = [panel for _, row in rows for panel in row if panel] + ([below[1]] if below else [])
    count = len(bar_style.models)
    opening = f"Bars of the {bar_style.label} of {count} model{'s' if count > 1 else ''} in {len(panels)} panel"
    return f"{opening}{'s' if len(panels) > 1 else ''}. " + " ".join(_extremes(panels, names, bar_style))


def _extremes(panels: Sequence[Panel], names: Mapping[str, str], bar_style: BarStyle) -> Iterator[str]:
    for panel in panels:
        known = panel.table[panel.table["ccc"].notna()].sort_values("ccc", kind="stable")
        ends = [known.iloc[0], known.iloc[-1]] if len(known) > 1 else [row for _, row in known.iterrows()]
        words = [f"{names[row['model']]} {style.format_ccc(row['ccc'], signed=bar_style.signed)}" for row in ends]
        if words:
            yield f"{panel.name or panel.title}: {' to '.join(words)}."


def _plot_below(axes: Axes, label: str, panel: Panel, bar_style: BarStyle) -> None:
    low, high = _range(panel.table, bar_style)
    _plot_panel(axes, panel, bar_style, _scale(low, high, (high - low) / (PANELS_IN - NUMBERS_IN)))
    axes.set_xlabel(panel.title, labelpad=1)
    _name_models(axes, bar_style, shown=True, inside_layout=True)
    style.label_row(axes, label)


def _plot_panel(axes: Axes, panel: Panel, bar_style: BarStyle, scale: Scale) -> None:
    axes.set_xlim(*scale.limits)
    axes.set_xticks(scale.ticks, scale.labels)
    axes.axvline(0, color=style.MUTED, linewidth=0.5)
    axes.grid(axis="x")
    by_model: dict[Any, Any] = panel.table.set_index("model").to_dict("index")
    for place, model in enumerate(bar_style.models):
        if model.name not in by_model:
            continue
        row = by_model[model.name]
        axes.barh(place, row["ccc"], height=0.74, color=model.colour, linewidth=0)
        axes.plot([row["low"], row["high"]], [place, place], **style.WHISKER, path_effects=style.CASING)
        if row["seeds"] > 1:
            seeds = seed_values(row["by_seed"])
            axes.plot(seeds, [place - MARK_OFFSET] * len(seeds), linestyle="", **style.SEED)
        for column in bar_style.marks:
            if np.isfinite(row.get(column, np.nan)):
                axes.plot([row[column]], [place + MARK_OFFSET], linestyle="", **style.MARKS[column])
        axes.annotate(
            style.format_ccc(row["ccc"], signed=bar_style.signed),
            xy=(1, place),
            xycoords=("axes fraction", "data"),
            ha="right",
            va="center_baseline",
            fontsize=style.SMALL_PT,
        )
    axes.set_ylim(len(bar_style.models) - 0.5, -0.5)


def _range(table: pd.DataFrame, bar_style: BarStyle) -> tuple[float, float]:
    """Range of all drawn values and at least that of a CCC or of a difference, with a small margin."""
    marks = [column for column in bar_style.marks if column in table]
    least = style.DIFFERENCE_RANGE if bar_style.signed else style.CCC_RANGE
    low, high = style.value_range(table[["ccc", "low", "high", "minimum", "maximum", *marks]], least=least)
    margin = 0.02 * (high - low)
    return low - margin, high + margin


def _scale(low: float, high: float, per_inch: float) -> Scale:
    """Return an axis with room for the numbers at its right, and no ticks there."""
    found = MaxNLocator(nbins=5, steps=[1, 2, 5, 10]).tick_values(low, high)
    ticks = [tick for tick in found if low <= tick <= high]
    step = ticks[1] - ticks[0] if len(ticks) > 1 else high - low
    return Scale((low, high + NUMBERS_IN * per_inch), ticks, style.thinned_tick_labels(ticks, step / per_inch))


def _name_models(axes: Axes, bar_style: BarStyle, *, shown: bool, inside_layout: bool) -> None:
    axes.tick_params(axis="y", length=0)
    axes.set_yticks(range(len(bar_style.models)), [model.label if shown else "" for model in bar_style.models])
    if not inside_layout:  # the names use the empty place to the left, so the column need not be wider
        for text in axes.get_yticklabels():
            text.set_in_layout(False)


def _handles(table: pd.DataFrame, bar_style: BarStyle) -> list[Line2D]:
    """Entries of the legend."""
    handles = [Line2D([], [], **style.WHISKER, label=bar_style.interval)]
    if (table["seeds"] > 1).any():
        handles.append(Line2D([], [], linestyle="", **style.SEED, label="single seeds"))
    for column, meaning in bar_style.marks.items():
        if column in table and table[column].notna().any():
            handles.append(Line2D([], [], linestyle="", **style.MARKS[column], label=meaning))
    return handles
