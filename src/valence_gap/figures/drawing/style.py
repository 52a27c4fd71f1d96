"""The common style of all figures, and how figures are written."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MultipleLocator

from valence_gap.runtime.files import atomic_file
from valence_gap.scores.metrics import Floats

# Widths of the IEEE's two-column page, in inches.
COLUMN_IN = 3.5
PAGE_IN = 7.16

INK = "#222222"
MUTED = "#6b6b6b"
GRID = "#dddddd"
SMALL_PT = 6
# Generous width of a character of a tick's label.
CHARACTER_IN = 0.06
# The things at one step of an axis are spread over this share of the distance between two steps.
DODGE = 0.3
MARK: dict[str, Any] = {
    "marker": "D",
    "markersize": 2.6,
    "markerfacecolor": "white",
    "markeredgecolor": INK,
    "markeredgewidth": 0.7,
}
SEED: dict[str, Any] = {
    "marker": "o",
    "markersize": 1.8,
    "markerfacecolor": "white",
    "markeredgecolor": INK,
    "markeredgewidth": 0.5,
}
WHISKER: dict[str, Any] = {"color": INK, "linewidth": 0.7, "solid_capstyle": "butt"}
# A white rim, so that intervals are seen on dark bars too.
CASING = [patheffects.Stroke(linewidth=1.7, foreground="white"), patheffects.Normal()]

# Colour and marker of corpora, for figures that distinguish corpora. No model has one of these colours. They differ in
# lightness too, so colour-blind readers can distinguish them.
CORPORA = (("#1a1a1a", "o"), ("#8a3ffc", "s"), ("#8db600", "^"), ("#ff4f81", "v"))

PARAMETERS: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # part of matplotlib, so figures look the same on every machine
    "font.size": 7,
    "axes.titlesize": 7,
    "axes.titleweight": "bold",
    "axes.labelsize": 7,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "legend.fontsize": 6.5,
    "legend.frameon": False,
    "legend.handlelength": 1.4,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.linewidth": 0.5,
    "xtick.major.width": 0.5,
    "ytick.major.width": 0.5,
    "xtick.major.size": 2,
    "ytick.major.size": 2,
    "xtick.major.pad": 2,
    "ytick.major.pad": 2,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.4,
    "lines.linewidth": 1.0,
    "pdf.fonttype": 42,  # editable text; publishers refuse Type 3 fonts
    "savefig.dpi": 300,
}


@contextmanager
def style_context() -> Iterator[None]:
    """Apply the style to everything that is drawn and saved inside the context."""
    with mpl.rc_context(PARAMETERS):
        yield


def new_figure(width_in: float, height_in: float, note: str) -> Figure:
    """Return an empty figure with automatic layout; ``note`` is shown in its upper right corner."""
    figure = Figure(figsize=(width_in, height_in), layout="constrained")
    FigureCanvasAgg(figure)
    figure.set_layout_engine("constrained", w_pad=0.02, h_pad=0.02, wspace=0.02, hspace=0.03)
    if note:
        figure.suptitle(note, x=0.995, ha="right", fontsize=SMALL_PT, style="italic", color=MUTED)
    return figure


def corpus_colour_and_marker(place: int) -> tuple[str, str]:
    """Colour and marker of the corpus at a place of the description."""
    return CORPORA[place % len(CORPORA)]


def label_row(axes: Axes, text: str) -> None:
    """Name a row of panels at the right edge of its last one."""
    axes.annotate(
        text,
        xy=(1, 0.5),
        xycoords="axes fraction",
        xytext=(4, 0),
        textcoords="offset points",
        rotation=270,
        ha="left",
        va="center",
        fontsize=7,
        fontweight="bold",
    )


def format_ccc(value: float, *, signed: bool = False) -> str:
    """A CCC as the paper writes it: two decimals, no leading zero; n/a where it is undefined."""
    if not math.isfinite(value):
        return "n/a"
    if abs(value) < 0.005:
        return ".00"  # what rounds to zero has no sign
    text = f"{value:+.2f}" if signed else f"{value:.2f}"
    return text.replace("0.", ".", 1).replace("-", "−") if abs(value) < 1 else text.replace("-", "−")


def format_tick(value: float) -> str:
    """A value at an axis, as short as it can be: 0, .5, 1."""
    return f"{round(value, 6):g}".replace("0.", ".", 1).replace("-", "−")


def thinned_tick_labels(ticks: Sequence[float], inches: float) -> list[str]:
    """Labels of evenly spaced ticks: of all, or of every second counted from zero, and so on until they have room.

    Args:
        ticks: values in order.
        inches: from one to the next.

    Returns:
        A label for each; '' for those that have none.
    """
    step = ticks[1] - ticks[0] if len(ticks) > 1 else 1.0
    every = 1
    while True:
        kept = [format_tick(value) for value in ticks if round(value / step) % every == 0]
        if all((len(one) + len(other)) / 2 * CHARACTER_IN < every * inches for one, other in pairwise(kept)):
            return [format_tick(value) if round(value / step) % every == 0 else "" for value in ticks]
        every *= 2


def dodge_offsets(count: int, spread: float = DODGE) -> Floats:
    """Offsets of that many things at one step of an axis, so that their intervals do not overlap, (count,).

    Args:
        count: number of things.
        spread: how far the last is from the first, as a share of the distance between two steps.
    """
    offsets: Floats = (np.arange(count) - (count - 1) / 2) * spread / max(count - 1, 1)
    return offsets


def stacked_panels(figure: Figure, ranges: Sequence[tuple[float, float]], least: float = 0.5) -> list[Axes]:
    """Panels one above the other, all on one scale: each as high as its range of values requires.

    Args:
        figure: an empty figure.
        ranges: (lowest, highest) value of each, from the top.
        least: minimum height, as a share of the highest panel; a panel at this minimum shows more than its range.
    """
    low, high = np.array(ranges, dtype=float).T
    margin = 0.04 * (high - low).max()
    low, high = low - margin, high + margin
    high = np.maximum(high, low + least * (high - low).max())
    panels: list[Axes] = list(
        figure.subplots(len(ranges), 1, squeeze=False, sharex=True, height_ratios=high - low)[:, 0]
    )
    for axes, bottom, top in zip(panels, low, high, strict=True):
        axes.set_ylim(bottom, top)
        axes.grid(axis="y")
        axes.axhline(0, color=MUTED, linewidth=0.5)
        axes.yaxis.set_major_locator(MultipleLocator(_step((high - low).max())))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: format_tick(value)))
        axes.set_ylabel("CCC")
    figure.align_ylabels(panels)
    return panels


def _step(span: float) -> float:
    """A round distance between ticks, so that a span has about five."""
    return float(next(step for step in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0) if span / step <= 7 or step == 1.0))


def value_range(*columns: npt.ArrayLike) -> tuple[float, float]:
    """Lowest and highest of some values and zero; undefined ones are left out."""
    values = np.concatenate([np.ravel(np.asarray(column, dtype=np.float64)) for column in columns])
    return float(np.nanmin(values, initial=0.0)), float(np.nanmax(values, initial=0.0))


@dataclass(frozen=True)
class Plot:
    """A drawn figure and its numbers.

    Attributes:
        figure: what was drawn.
        table: a row for each thing drawn.
        extra_tables: further tables by name.
    """

    figure: Figure
    table: pd.DataFrame
    extra_tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)


def save(drawing: Plot, stem: Path) -> None:
    """Write ``stem``.pdf, .png (300 dpi) and .csv (the plotted numbers), and ``stem``_<name>.csv for further tables.

    Either all files are written or none. Equal figures give equal files: the files contain no creation time.

    Args:
        drawing: what was drawn.
        stem: path without suffix.
    """
    tables = {f"{stem.name}.csv": drawing.table} | {
        f"{stem.name}_{name}.csv": more for name, more in drawing.extra_tables.items()
    }
    with ExitStack() as stack:
        pdf, png = (stack.enter_context(atomic_file(stem.with_name(f"{stem.name}.{kind}"))) for kind in ("pdf", "png"))
        drawing.figure.savefig(pdf, format="pdf", metadata={"CreationDate": None})
        drawing.figure.set_layout_engine("none")  # the PNG keeps the layout that was computed for the PDF
        drawing.figure.savefig(png, format="png", metadata={"Software": None})
        for name, table in tables.items():
            scratch = stack.enter_context(atomic_file(stem.with_name(name)))
            table.to_csv(scratch, index=False, lineterminator="\n")
