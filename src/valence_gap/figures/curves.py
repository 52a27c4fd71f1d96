"""Panels of curves, one for each dimension, with bands or whiskers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from valence_gap.figures import style

PANEL_HEIGHT_IN = 1.15
# About the width of one of three panels in a column, without its margins.
PANEL_WIDTH_IN = 0.85


@dataclass(frozen=True)
class Curve:
    """How one curve is drawn, and which rows of the table are its own (by the table's ``curve`` column)."""

    name: str
    label: str
    colour: str
    marker: str = ""


@dataclass(frozen=True)
class Look:
    """What the panels have in common.

    Attributes:
        curves: in order of the legend.
        dimensions: (name, title) of the panels.
        note: small print.
        x_label: of the horizontal axes.
        x_ticks: where they stand, and what they say; None: chosen.
        x_log: a logarithmic horizontal axis.
    """

    curves: tuple[Curve, ...]
    dimensions: tuple[tuple[str, str], ...]
    note: str
    x_label: str
    x_ticks: tuple[Sequence[float], Sequence[str]] | None = None
    x_log: bool = False


def draw(table: pd.DataFrame, look: Look) -> Figure:
    """Draw one panel beside the other, on one scale.

    Args:
        table: curve, dimension, x, ccc, low, high: whiskers where the curve has a marker, else a band.
        look: what the panels have in common.
    """
    figure = style.new_figure(style.COLUMN_IN, PANEL_HEIGHT_IN + 0.6, look.note)
    panels = figure.subplots(1, len(look.dimensions), squeeze=False, sharey=True)[0]
    for axes, (dimension, title) in zip(panels, look.dimensions, strict=True):
        axes.set_title(title, pad=3)
        axes.grid(axis="y")
        for curve in look.curves:
            rows = table[(table["curve"] == curve.name) & (table["dimension"] == dimension)].sort_values("x")
            _draw_curve(axes, rows, curve)
        axes.set_xlabel(look.x_label, labelpad=1)
        axes.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: style.tick(value)))
        _scale_x(axes, look)
    panels[0].set_ylabel("CCC")
    handles = [
        Line2D([], [], color=curve.colour, marker=curve.marker or None, markersize=2.8, label=curve.label)
        for curve in look.curves
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 4))
    return figure


def _draw_curve(axes: Axes, rows: pd.DataFrame, curve: Curve) -> None:
    if rows.empty:
        return
    x, middle, low, high = (rows[name].to_numpy(dtype=float) for name in ("x", "ccc", "low", "high"))
    axes.plot(x, middle, color=curve.colour, marker=curve.marker or None, markersize=2.8)
    if curve.marker:
        axes.vlines(x, low, high, color=curve.colour, linewidth=0.7)
    else:
        axes.fill_between(x, low, high, color=curve.colour, alpha=0.25, linewidth=0)


def _scale_x(axes: Axes, look: Look) -> None:
    if look.x_log:
        axes.set_xscale("log")
        axes.minorticks_off()
    if look.x_ticks:
        axes.set_xticks(look.x_ticks[0], _uncrowded(*look.x_ticks, log=look.x_log))
    else:
        axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))


def _uncrowded(places: Sequence[float], labels: Sequence[str], *, log: bool) -> list[str]:
    """The labels from the right, without those that have no room beside their neighbour; their ticks remain."""
    at = np.log(places) if log else np.asarray(places, dtype=float)
    inches = (at - at.min()) / max(np.ptp(at), 1e-9) * PANEL_WIDTH_IN
    kept: list[str] = []
    edge = np.inf
    for place, label in zip(inches[::-1], labels[::-1], strict=True):
        half = len(label) * style.CHARACTER_IN / 2
        fits = place + half <= edge
        kept.append(label if fits else "")
        edge = place - half if fits else edge
    return kept[::-1]
