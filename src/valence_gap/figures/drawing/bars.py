"""Panels of horizontal bars, a bar for each model: with an interval, the spread over seeds, a mark and its number."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from valence_gap.definitions.figures import Description, ShownModel
from valence_gap.figures.drawing import style

BAR_IN = 0.125
# A row with fewer bars is as high as a row with this many, so that the name of its corpus fits beside it.
MIN_BARS = 5
# Height of a line of the legend.
LINE_IN = 0.12
# Width of all panels together, beside the names of the models and of the corpora.
PANELS_IN = 2.5
# Width reserved for the numbers at the right of a panel.
NUMBERS_IN = 0.22
# Minimum width of a panel, so that its title and label fit.
MIN_PANEL_IN = 0.64
# Distance of the seeds above an interval and of the mark below it, so that they hide no end of the interval.
MARK_OFFSET = 0.27


@dataclass(frozen=True)
class Panel:
    """One panel: its title ('' for none), and a row per model (ccc, low, high, seeds, minimum, maximum, the mark)."""

    title: str
    table: pd.DataFrame


@dataclass(frozen=True)
class BarStyle:
    """What the panels of a figure have in common.

    Attributes:
        models: the bars, from the top.
        note: small text in the corner of the figure.
        label: of the value axes.
        interval: meaning of the whiskers, for the legend.
        mark: column drawn as a diamond, and its meaning, for the legend.
        signed: values are differences, so numbers are printed with their sign.
        fitted: columns are as wide as their values need, instead of equally wide.
        remarks: additional lines of the legend.
    """

    models: tuple[ShownModel, ...]
    note: str
    label: str
    interval: str
    mark: tuple[str, str] | None = None
    signed: bool = False
    fitted: bool = False
    remarks: tuple[str, ...] = ()


def style_of(description: Description, *, label: str = "CCC", **settings: Any) -> BarStyle:
    """The style of a figure with a bar for each model of its description, unless ``settings`` say otherwise."""
    shown = {"models": description.models, "note": description.note, "interval": description.interval_label()}
    return BarStyle(**(shown | {"label": label} | settings))


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
            panels.append(Panel(title, part) if dimension in corpus.dimensions else None)
        rows.append((corpus.label, panels))
    return rows


def plot(rows: Sequence[Row], bar_style: BarStyle, *, below: tuple[str, Panel] | None = None) -> Figure:
    """Draw rows of panels, all on one scale; the legend is in an empty place, or below.

    Args:
        rows: (label, panels) from the top; None leaves a place empty.
        bar_style: what the panels have in common.
        below: label and panel of a last row, as wide as all columns, on its own scale; its title labels its axis.
    """
    columns = max(len(panels) for _, panels in rows)
    count = len(rows) + (below is not None)
    height_in = 0.5 + LINE_IN * len(bar_style.remarks) + count * (0.33 + BAR_IN * max(MIN_BARS, len(bar_style.models)))
    figure = style.new_figure(style.COLUMN_IN, height_in, bar_style.note)
    shown = pd.concat([panel.table for _, panels in rows for panel in panels if panel])
    ranges = [
        _column(rows, column, bar_style) if bar_style.fitted else _range(shown, bar_style) for column in range(columns)
    ]
    widths_in, scales = _scales(ranges)
    places = figure.add_gridspec(count, columns, width_ratios=widths_in)
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
            _plot_panel(axes, panel, bar_style, scales[column])
            axes.tick_params(axis="x", labelbottom=any(lowest))
            axes.set_xlabel(bar_style.label if lowest[column] else "", labelpad=1)
            _name_models(axes, bar_style, shown=not any(panels[:column]), inside_layout=column == 0)
        style.label_row(grid[row][-1], label)
    if below:
        _plot_below(figure.add_subplot(places[-1, :]), *below, bar_style)
    _legend(figure, _empty(rows, grid, bar_style), shown, bar_style)
    return figure


def _plot_below(axes: Axes, label: str, panel: Panel, bar_style: BarStyle) -> None:
    low, high = _range(panel.table, bar_style)
    _plot_panel(axes, panel, bar_style, _scale(low, high, (high - low) / (PANELS_IN - NUMBERS_IN)))
    axes.set_xlabel(panel.title, labelpad=1)
    _name_models(axes, bar_style, shown=True, inside_layout=True)
    style.label_row(axes, label)


def _empty(rows: Sequence[Row], grid: Sequence[Sequence[Axes]], bar_style: BarStyle) -> Axes | None:
    """The first of two empty places that have room for a legend beside the names of the models."""
    roomy = (
        max(len(model.label) for model in bar_style.models) * style.CHARACTER_IN < PANELS_IN / 3
        and not bar_style.remarks
    )
    found = [axes[0] for axes, (_, panels) in zip(grid, rows, strict=True) if not any(panels[:2])]
    return found[0] if found and roomy else None


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
            axes.plot([row["minimum"], row["maximum"]], [place - MARK_OFFSET] * 2, linestyle="", **style.SEED)
        if bar_style.mark and np.isfinite(row[bar_style.mark[0]]):
            axes.plot([row[bar_style.mark[0]]], [place + MARK_OFFSET], linestyle="", **style.MARK)
        axes.annotate(
            style.format_ccc(row["ccc"], signed=bar_style.signed),
            xy=(1, place),
            xycoords=("axes fraction", "data"),
            ha="right",
            va="center_baseline",
            fontsize=style.SMALL_PT,
        )
    axes.set_ylim(len(bar_style.models) - 0.5, -0.5)


def _column(rows: Sequence[Row], column: int, bar_style: BarStyle) -> tuple[float, float]:
    """Range of a column's panels."""
    return _range(pd.concat([panel.table for _, panels in rows if (panel := panels[column])]), bar_style)


def _range(table: pd.DataFrame, bar_style: BarStyle) -> tuple[float, float]:
    """Lowest and highest of all drawn values, with a small margin."""
    columns = ["ccc", "low", "high", "minimum", "maximum", *([bar_style.mark[0]] if bar_style.mark else [])]
    low, high = style.value_range(table[columns])
    margin = 0.03 * max(high - low, 0.05)
    return (low - margin if low < 0 else low), high + margin


def _scales(ranges: Sequence[tuple[float, float]]) -> tuple[list[float], list[Scale]]:
    """Widths of the columns in inches, and their axes: a CCC of .1 has the same length in all."""
    spans = np.array([high - low for low, high in ranges])
    narrow = np.zeros(len(spans), dtype=bool)
    while True:
        free_in = PANELS_IN - MIN_PANEL_IN * narrow.sum() - NUMBERS_IN * (~narrow).sum()
        per_inch = spans[~narrow].sum() / free_in
        more = ~narrow & (spans / per_inch + NUMBERS_IN < MIN_PANEL_IN)
        if not more.any():
            break
        narrow |= more
    widths_in = np.where(narrow, MIN_PANEL_IN, spans / per_inch + NUMBERS_IN)
    scales = [
        _scale(low, low + (width - NUMBERS_IN) * per_inch, per_inch)
        for (low, _), width in zip(ranges, widths_in, strict=True)
    ]
    return widths_in.tolist(), scales


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


def _legend(figure: Figure, empty: Axes | None, table: pd.DataFrame, bar_style: BarStyle) -> None:
    handles = [Line2D([], [], **style.WHISKER, label=bar_style.interval)]
    if (table["seeds"] > 1).any():
        handles.append(Line2D([], [], linestyle="", **style.SEED, label="lowest, highest seed"))
    if bar_style.mark and table[bar_style.mark[0]].notna().any():
        handles.append(Line2D([], [], linestyle="", **style.MARK, label=bar_style.mark[1]))
    handles += [Line2D([], [], linestyle="", label=remark) for remark in bar_style.remarks]
    if empty is not None:
        # The legend may extend into the next empty place, and must not widen its own.
        empty.legend(handles=handles, loc="upper left", borderaxespad=0).set_in_layout(False)
    else:
        figure.legend(handles=handles, loc="outside lower center", ncols=1 if bar_style.remarks else len(handles))
