"""Panels of curves beside each other, one for each dimension, with bands."""

from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from valence_gap.figures.drawing import style

PANEL_HEIGHT_IN = 1.15
BAND = 0.25


@dataclass(frozen=True)
class Curve:
    """How one curve is drawn, and which rows of the table are its own (by the table's ``curve`` column)."""

    name: str
    label: str
    colour: str


@dataclass(frozen=True)
class CurveStyle:
    """What the panels have in common.

    Attributes:
        curves: in order of the legend.
        dimensions: (name, title) of the panels.
        note: small text in the corner of the figure.
        x_label: of the horizontal axes, which show integers.
        band: meaning of the bands, for the legend.
    """

    curves: tuple[Curve, ...]
    dimensions: tuple[tuple[str, str], ...]
    note: str
    x_label: str
    band: str


def plot(table: pd.DataFrame, curve_style: CurveStyle) -> Figure:
    """Draw the panels beside each other, on one scale.

    Args:
        table: curve, dimension, x, ccc, low, high.
        curve_style: what the panels have in common.
    """
    figure = style.new_figure(style.COLUMN_IN, PANEL_HEIGHT_IN + 0.75, curve_style.note)
    panels = figure.subplots(1, len(curve_style.dimensions), squeeze=False, sharey=True)[0]
    for axes, (dimension, title) in zip(panels, curve_style.dimensions, strict=True):
        axes.set_title(title, pad=3)
        axes.grid(axis="y")
        axes.axhline(0, color=style.MUTED, linewidth=0.5)
        for curve in curve_style.curves:
            rows = table[(table["curve"] == curve.name) & (table["dimension"] == dimension)].sort_values("x")
            _plot_curve(axes, rows, curve)
        axes.set_xlabel(curve_style.x_label, labelpad=1)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: style.format_tick(value)))
    panels[0].set_ylabel("CCC")
    handles = [Line2D([], [], color=curve.colour, label=curve.label) for curve in curve_style.curves]
    band = Patch(color=style.INK, alpha=BAND, linewidth=0, label=curve_style.band)
    figure.legend(handles=[*handles, band], loc="outside lower center", ncols=min(len(handles) + 1, 3))
    return figure


def _plot_curve(axes: Axes, rows: pd.DataFrame, curve: Curve) -> None:
    x, middle, low, high = (rows[name].to_numpy(dtype=float) for name in ("x", "ccc", "low", "high"))
    axes.plot(x, middle, color=curve.colour)
    axes.fill_between(x, low, high, color=curve.colour, alpha=BAND, linewidth=0)
