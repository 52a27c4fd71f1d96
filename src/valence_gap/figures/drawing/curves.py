"""Panels of curves beside each other, one for each dimension; several curves of one model share colour and dashes."""

from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from valence_gap.figures.drawing import style
from valence_gap.figures.drawing.captions import Caption

PANEL_HEIGHT_IN = 1.35


@dataclass(frozen=True)
class Curve:
    """How the curves of one model are drawn, and which rows of the table are its own (by the column ``model``)."""

    name: str
    label: str
    colour: str
    dashes: style.Dashes


@dataclass(frozen=True)
class CurveStyle:
    """What the panels have in common.

    Attributes:
        curves: in order of the legend.
        dimensions: (name, title) of the panels.
        caption: the words of the figure.
        x_label: of the horizontal axes, which show integers.
    """

    curves: tuple[Curve, ...]
    dimensions: tuple[tuple[str, str], ...]
    caption: Caption
    x_label: str


def plot(table: pd.DataFrame, curve_style: CurveStyle) -> Figure:
    """Draw the panels beside each other, on one scale, a line for each seed.

    Args:
        table: model, seed, dimension, x, ccc.
        curve_style: what the panels have in common.
    """
    figure = style.new_figure(style.COLUMN_IN, PANEL_HEIGHT_IN + 0.6, curve_style.caption)
    panels = figure.subplots(1, len(curve_style.dimensions), squeeze=False, sharey=True)[0]
    for axes, (dimension, title) in zip(panels, curve_style.dimensions, strict=True):
        axes.set_title(title, pad=3)
        axes.grid(axis="y")
        axes.axhline(0, color=style.MUTED, linewidth=0.5)
        for curve in curve_style.curves:
            _plot_curve(axes, table[(table["model"] == curve.name) & (table["dimension"] == dimension)], curve)
        axes.set_xlabel(curve_style.x_label, labelpad=1)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: style.format_tick(value)))
    panels[0].set_ylim(*style.value_range(table["ccc"]))
    panels[0].set_ylabel("CCC")
    handles = [
        Line2D([], [], color=curve.colour, linestyle=curve.dashes, label=curve.label) for curve in curve_style.curves
    ]
    style.add_legend(figure, handles, min(len(handles), 3))
    return figure


def _plot_curve(axes: Axes, rows: pd.DataFrame, curve: Curve) -> None:
    for _, seed in rows.sort_values("x").groupby("seed", sort=True):
        x, values = (seed[name].to_numpy(dtype=float) for name in ("x", "ccc"))
        # A single epoch has no line, so its end is marked.
        axes.plot(x, values, color=curve.colour, linestyle=curve.dashes, linewidth=0.8, alpha=0.9)
        axes.plot(x[-1:], values[-1:], color=curve.colour, linestyle="", marker="o", markersize=1.6)
