"""The common style of all figures, and how figures are written."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MultipleLocator

from valence_gap.figures.drawing.captions import Caption, wrapped
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
# What a column of a table is drawn as, beside a bar: the same thing has the same shape in all figures.
MARKS: dict[str, dict[str, Any]] = {
    "clean": {
        "marker": "D",
        "markersize": 2.6,
        "markerfacecolor": "white",
        "markeredgecolor": INK,
        "markeredgewidth": 0.7,
    },
    "published": {
        "marker": "*",
        "markersize": 5,
        "markerfacecolor": INK,
        "markeredgecolor": "white",
        "markeredgewidth": 0.4,
    },
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

# An axis of CCCs holds at least this range, and one of differences of CCCs at least the second: differences that mean
# nothing do not look large.
CCC_RANGE = (-0.1, 1.0)
DIFFERENCE_RANGE = (-0.2, 0.2)
# Markers and dashes of models, for figures that distinguish models without writing their names beside them.
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p")
Dashes = Literal["-", "--", "-.", ":"]
DASHES: tuple[Dashes, ...] = ("-", "--", "-.", ":")
# Sizes of the title and of the lines under it and at the foot, and the height of a line as a multiple of its size.
TITLE_PT, SUBTITLE_PT, LINE_HEIGHT = 8, 6.5, 1.3
EDGE_IN = 0.04

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


def new_figure(width_in: float, height_in: float, caption: Caption) -> Figure:
    """Return an empty figure with automatic layout between the words of its caption.

    Args:
        width_in: of the figure.
        height_in: of the drawing; title, subtitle and foot are added to it.
        caption: the words.
    """
    room = width_in - 2 * EDGE_IN
    note_in = 0.062 * len(caption.note) * SMALL_PT / 7 + 0.1
    heading: list[tuple[str, float, str]] = [
        (line, TITLE_PT, "bold") for line in wrapped(caption.title, room - note_in, TITLE_PT, "bold")
    ]
    heading += [(line, SUBTITLE_PT, "normal") for line in wrapped(caption.subtitle, room, SUBTITLE_PT)]
    foot = wrapped(caption.foot, room, SMALL_PT)
    top_in = sum(size for _, size, _ in heading) * LINE_HEIGHT / 72 + 2 * EDGE_IN
    foot_in = len(foot) * SMALL_PT * LINE_HEIGHT / 72 + EDGE_IN
    height_in += top_in + foot_in
    figure = Figure(figsize=(width_in, height_in), layout="constrained")
    FigureCanvasAgg(figure)
    bottom = foot_in / height_in
    figure.set_layout_engine(
        "constrained",
        w_pad=0.02,
        h_pad=0.02,
        wspace=0.02,
        hspace=0.03,
        rect=(0, bottom, 1, 1 - bottom - top_in / height_in),
    )
    left, at = EDGE_IN / width_in, height_in - EDGE_IN
    if caption.note:
        figure.text(
            1 - left, at / height_in, caption.note, ha="right", va="top", fontsize=SMALL_PT, style="italic", color=MUTED
        )
    for line, size, weight in heading:
        figure.text(left, at / height_in, line, va="top", fontsize=size, fontweight=weight)
        at -= size * LINE_HEIGHT / 72
    for place, line in enumerate(reversed(foot)):
        y = (EDGE_IN + place * SMALL_PT * LINE_HEIGHT / 72) / height_in
        figure.text(left, y, line, va="bottom", fontsize=SMALL_PT, color=MUTED)
    return figure


def add_legend(figure: Figure, handles: Sequence[Any], columns: int) -> None:
    """Draw a legend below the panels and above the foot, and leave room for it."""
    engine: Any = figure.get_layout_engine()
    _, bottom, _, height = engine.get()["rect"]
    legend = figure.legend(
        handles=handles,
        loc="lower center",
        ncols=columns,
        bbox_to_anchor=(0.5, bottom),
        columnspacing=1.2,
        borderpad=0.2,
        borderaxespad=0,
    )
    legend.set_in_layout(False)
    canvas: Any = figure.canvas
    share = legend.get_window_extent(canvas.get_renderer()).height / figure.bbox.height
    engine.set(rect=(0, bottom + share, 1, height - share))


def corpus_colour_and_marker(place: int) -> tuple[str, str]:
    """Colour and marker of the corpus at a place of the description."""
    return CORPORA[place % len(CORPORA)]


def marker_of(place: int) -> str:
    """Marker of the model at a place of the description, for figures that do not write names beside models."""
    return MARKERS[place % len(MARKERS)]


def dash_of(place: int) -> Dashes:
    """Dash pattern of the lines of the model at a place of the description."""
    return DASHES[place % len(DASHES)]


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


def value_range(*columns: npt.ArrayLike, least: tuple[float, float] = CCC_RANGE) -> tuple[float, float]:
    """Lowest and highest of some values, and at least the range ``least``; undefined values are left out."""
    values = np.concatenate([np.ravel(np.asarray(column, dtype=np.float64)) for column in columns])
    known = values[np.isfinite(values)]
    return float(np.min(known, initial=least[0])), float(np.max(known, initial=least[1]))


def luminance(colour: str) -> float:
    """Lightness of a colour in a grey copy, 0 (black) to 1 (white)."""
    return float(np.dot(to_rgb(colour), (0.299, 0.587, 0.114)))
