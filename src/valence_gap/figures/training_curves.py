"""Curves of all trainings of a study: a panel for each model, a line for each seed and dimension.

They are no figure of the paper. They show whether models were trained long enough, beside what the stopping rule says.
"""

from math import ceil
from pathlib import Path
from typing import Literal

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from valence_gap.definitions.values import DIMENSIONS
from valence_gap.figures.drawing import style
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.files import atomic_file

COLUMNS = 4
PANEL_HEIGHT_IN = 1.05
COLOURS = dict(zip(DIMENSIONS, ("#d55e00", "#0072b2", "#009e73"), strict=True))
LINES: tuple[Literal["-", "--", ":", "-."], ...] = ("-", "--", ":", "-.")
DPI = 150
LOSS = "loss"


def draw(curves: Path, output: Path, *, note: str = "") -> None:
    """Draw a table of curves as PNG.

    Args:
        curves: CSV with model, seed, epoch, loss, and the dev CCC in dev_arousal, dev_dominance and dev_valence.
        output: the PNG.
        note: small text in the corner.

    Raises:
        UserError: the table has no row, or lacks a column.
    """
    table = pd.read_csv(curves)
    missing = [name for name in ("model", "seed", "epoch", LOSS, *map(_column, DIMENSIONS)) if name not in table]
    if missing or table.empty:
        wrong = [f"{curves}: no column {name}" for name in missing] or [f"{curves}: no row"]
        raise UserError("there are no curves", wrong, "Make the table with valence-gap convergence --curves FILE.")
    with style.style_context():
        figure = plot(table, note)
        with atomic_file(output) as scratch:
            figure.savefig(scratch, format="png", dpi=DPI, metadata={"Software": None})


def plot(table: pd.DataFrame, note: str = "") -> Figure:
    """Draw one panel for each model, in order of the table, all on one scale of the CCC and the loss.

    Args:
        table: the columns of ``curves.csv``.
        note: small text in the corner.
    """
    models = list(dict.fromkeys(table["model"]))
    rows = ceil(len(models) / COLUMNS)
    figure = Figure(figsize=(style.PAGE_IN, rows * PANEL_HEIGHT_IN + 0.5), layout="constrained")
    if note:
        figure.suptitle(note, x=0.995, ha="right", fontsize=style.SMALL_PT, style="italic", color=style.MUTED)
    panels = figure.subplots(rows, COLUMNS, squeeze=False, sharey=True)
    for axes, model in zip(panels.flat, models, strict=False):
        _plot_model(axes, table[table["model"] == model], model)
    for axes in panels.flat[len(models) :]:
        axes.set_axis_off()
    for first in panels[:, 0]:
        first.set_ylabel("dev CCC, loss")
    figure.legend(handles=_handles(table), loc="outside lower center", ncols=8)
    return figure


def _plot_model(axes: Axes, rows: pd.DataFrame, model: str) -> None:
    axes.set_title(model, pad=2)
    axes.grid(axis="y")
    axes.axhline(0, color=style.MUTED, linewidth=0.5)
    for place, (_, run) in enumerate(rows.groupby("seed", sort=False)):
        line = LINES[place % len(LINES)]
        marker = "o" if len(run) == 1 else ""  # a line of one point is not seen
        drawn = {LOSS: style.MUTED} | {_column(dimension): colour for dimension, colour in COLOURS.items()}
        for column, colour in drawn.items():
            axes.plot(
                run["epoch"], run[column], color=colour, linestyle=line, linewidth=0.8, marker=marker, markersize=2
            )
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: style.format_tick(value)))


def _handles(table: pd.DataFrame) -> list[Line2D]:
    handles = [Line2D([], [], color=colour, label=name) for name, colour in COLOURS.items()]
    handles.append(Line2D([], [], color=style.MUTED, label="training loss"))
    seeds = int(table.groupby("model")["seed"].nunique().max())
    places = range(min(seeds, len(LINES)) if seeds > 1 else 0)
    return handles + [Line2D([], [], color=style.INK, linestyle=LINES[k], label=f"seed {k + 1}") for k in places]


def _column(dimension: str) -> str:
    return f"dev_{dimension}"
