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

from valence_gap.figures import style
from valence_gap.figures.description import Description, ShownModel

BAR_IN = 0.125
# A row of fewer bars is as high as one of so many, so that the name of a corpus has room beside it.
LEAST_BARS = 5
# About the width of one of three panels in a column.
PANEL_IN = 0.8
# Share of a panel's width, at its right, that is kept for the numbers.
GUTTER = 0.27


@dataclass(frozen=True)
class Panel:
    """One panel: its title ('' for none), and a row per model (ccc, low, high, seeds, least, greatest, the mark)."""

    title: str
    table: pd.DataFrame


@dataclass(frozen=True)
class Look:
    """What the panels of a figure have in common.

    Attributes:
        models: the bars, from the top.
        note: small print.
        label: of the value axes.
        interval: what the whiskers are.
        mark: column drawn as a diamond, and what it is.
        signed: values are differences: numbers carry their sign.
    """

    models: tuple[ShownModel, ...]
    note: str
    label: str
    interval: str
    mark: tuple[str, str] | None = None
    signed: bool = False


Row = tuple[str, list[Panel | None]]


def rows_by_corpus(table: pd.DataFrame, description: Description) -> list[Row]:
    """A row of panels for each corpus, a column for each dimension; a title where the one above does not say it.

    Args:
        table: corpus, dimension, model and what :class:`Panel` needs.
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


def draw(rows: Sequence[Row], look: Look) -> Figure:
    """Draw rows of panels, all on one scale; the legend stands in an empty place, or below.

    Args:
        rows: (label, panels) from the top; None leaves a place empty.
        look: what the panels have in common.
    """
    columns = max(len(panels) for _, panels in rows)
    height_in = 0.5 + len(rows) * (0.33 + BAR_IN * max(LEAST_BARS, len(look.models)))
    figure = style.new_figure(style.COLUMN_IN, height_in, look.note)
    grid = figure.subplots(len(rows), columns, squeeze=False)
    shown = pd.concat([panel.table for _, panels in rows for panel in panels if panel])
    limits, ticks = _scale(shown, look)
    empty: Axes | None = None
    roomy = max(len(model.label) for model in look.models) * style.CHARACTER_IN < PANEL_IN
    for row, (label, panels) in enumerate(rows):
        for column, panel in enumerate(panels):
            axes = grid[row, column]
            if panel is None:
                axes.set_axis_off()
                # The place beside it is empty too, so there is room for a legend beside the names of the models.
                empty = axes if roomy and column == 0 and not any(panels[:2]) else empty
                continue
            _draw_panel(axes, panel, look)
            axes.set_xlim(*limits)
            axes.set_xticks(ticks, [style.tick(value) for value in ticks])
            lowest = not any(below[column] for _, below in rows[row + 1 :])
            axes.tick_params(axis="x", labelbottom=lowest)
            axes.set_xlabel(look.label if lowest else "", labelpad=1)
            _name_models(axes, look, shown=not any(panels[:column]), inside_layout=column == 0)
        style.strip(grid[row, columns - 1], label)
    _legend(figure, empty, shown, look)
    return figure


def _draw_panel(axes: Axes, panel: Panel, look: Look) -> None:
    axes.set_title(panel.title, pad=3)
    axes.axvline(0, color=style.MUTED, linewidth=0.5)
    axes.grid(axis="x")
    by_model: dict[Any, Any] = panel.table.set_index("model").to_dict("index")
    for place, model in enumerate(look.models):
        if model.name not in by_model:
            continue
        row = by_model[model.name]
        axes.barh(place, row["ccc"], height=0.74, color=model.colour, linewidth=0)
        axes.plot([row["low"], row["high"]], [place, place], **style.WHISKER, path_effects=style.CASING)
        if row["seeds"] > 1:
            axes.plot([row["least"], row["greatest"]], [place, place], linestyle="", **style.SEED)
        if look.mark and np.isfinite(row[look.mark[0]]):
            axes.plot([row[look.mark[0]]], [place], linestyle="", **style.MARK)
        axes.annotate(
            style.number(row["ccc"], signed=look.signed),
            xy=(1, place),
            xycoords=("axes fraction", "data"),
            ha="right",
            va="center_baseline",
            fontsize=style.SMALL_PT,
        )
    axes.set_ylim(len(look.models) - 0.5, -0.5)


def _scale(table: pd.DataFrame, look: Look) -> tuple[tuple[float, float], list[float]]:
    """Limits with room for the numbers, and ticks that keep clear of it."""
    columns = ["ccc", "low", "high", "least", "greatest", *([look.mark[0]] if look.mark else [])]
    values = table[columns].to_numpy(dtype=float)
    low, high = float(np.nanmin(values, initial=0.0)), float(np.nanmax(values, initial=0.0))
    margin = 0.03 * max(high - low, 0.05)
    low, high = low - margin if low < 0 else low, high + margin
    limits = low, low + (high - low) / (1 - GUTTER)
    ticks = [tick for tick in MaxNLocator(nbins=5, steps=[1, 2, 5, 10]).tick_values(low, high) if low <= tick <= high]
    return limits, style.uncrowded(ticks, limits, PANEL_IN)


def _name_models(axes: Axes, look: Look, *, shown: bool, inside_layout: bool) -> None:
    axes.tick_params(axis="y", length=0)
    axes.set_yticks(range(len(look.models)), [model.label if shown else "" for model in look.models])
    if not inside_layout:  # they stand in the empty place to the left, which needs no wider column
        for text in axes.get_yticklabels():
            text.set_in_layout(False)


def _legend(figure: Figure, empty: Axes | None, table: pd.DataFrame, look: Look) -> None:
    handles = [Line2D([], [], **style.WHISKER, label=look.interval)]
    if (table["seeds"] > 1).any():
        handles.append(Line2D([], [], linestyle="", **style.SEED, label="lowest, highest seed"))
    if look.mark and table[look.mark[0]].notna().any():
        handles.append(Line2D([], [], linestyle="", **style.MARK, label=look.mark[1]))
    if empty is not None:
        # It may reach into the next empty place, and must not widen its own.
        empty.legend(handles=handles, loc="upper left", borderaxespad=0).set_in_layout(False)
    else:
        figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
