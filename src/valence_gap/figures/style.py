"""The one style of all figures, and how they are written."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from valence_gap.files import whole_file

# Widths of the IEEE's two-column page, in inches.
COLUMN_IN = 3.5
PAGE_IN = 7.16

INK = "#222222"
MUTED = "#6b6b6b"
GRID = "#dddddd"
SMALL_PT = 6
# Generous width of a character of a tick's label.
CHARACTER_IN = 0.06
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

# Colour and marker of corpora, where they are what a figure tells apart (colours of Okabe and Ito).
CORPORA = (("#0072b2", "o"), ("#d55e00", "s"), ("#009e73", "^"), ("#cc79a7", "v"))

PARAMETERS: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib, so pictures look alike everywhere
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
def applied() -> Iterator[None]:
    """Everything drawn and saved inside has the style."""
    with mpl.rc_context(PARAMETERS):
        yield


def new_figure(width_in: float, height_in: float, note: str) -> Figure:
    """An empty figure that lays itself out; ``note`` stands in its upper right corner."""
    figure = Figure(figsize=(width_in, height_in), layout="constrained")
    FigureCanvasAgg(figure)
    figure.set_layout_engine("constrained", w_pad=0.02, h_pad=0.02, wspace=0.02, hspace=0.03)
    if note:
        figure.suptitle(note, x=0.995, ha="right", fontsize=SMALL_PT, style="italic", color=MUTED)
    return figure


def of_corpus(place: int) -> tuple[str, str]:
    """Colour and marker of the corpus at a place of the description."""
    return CORPORA[place % len(CORPORA)]


def strip(axes: Axes, text: str) -> None:
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


def number(value: float, *, signed: bool = False) -> str:
    """A CCC as the paper writes it: two decimals, no leading zero; n/a where it is undefined."""
    if not math.isfinite(value):
        return "n/a"
    text = f"{value:+.2f}" if signed else f"{value:.2f}"
    return text.replace("0.", ".", 1).replace("-", "−") if abs(value) < 1 else text.replace("-", "−")


def tick(value: float) -> str:
    """A value at an axis, as short as it can be: 0, .5, 1."""
    return f"{round(value, 6):g}".replace("0.", ".", 1).replace("-", "−")


def uncrowded(ticks: Sequence[float], limits: tuple[float, float], width_in: float) -> list[float]:
    """The evenly spaced ticks, or every second of them counted from zero, and so on until their labels have room."""
    kept = list(ticks)
    while len(kept) > 1:
        step = kept[1] - kept[0]
        if max(len(tick(value)) for value in kept) * CHARACTER_IN < step / (limits[1] - limits[0]) * width_in:
            break
        kept = [value for value in kept if round(value / step) % 2 == 0]
    return kept


@dataclass(frozen=True)
class Drawing:
    """A drawn figure and its numbers.

    Attributes:
        figure: what was drawn.
        table: a row for each thing drawn.
        more: further tables, by what they are called.
    """

    figure: Figure
    table: pd.DataFrame
    more: Mapping[str, pd.DataFrame] = field(default_factory=dict)


def save(drawing: Drawing, stem: Path) -> None:
    """Write ``stem``.pdf, .png (300 dpi) and .csv (the plotted numbers), and ``stem``_<name>.csv for further tables.

    All of them appear, or none. Equal figures give equal files: nothing in them tells when they were made.

    Args:
        drawing: what was drawn.
        stem: path without suffix.
    """
    tables = {f"{stem.name}.csv": drawing.table} | {
        f"{stem.name}_{name}.csv": more for name, more in drawing.more.items()
    }
    with ExitStack() as stack:
        pdf, png = (stack.enter_context(whole_file(stem.with_name(f"{stem.name}.{kind}"))) for kind in ("pdf", "png"))
        drawing.figure.savefig(pdf, format="pdf", metadata={"CreationDate": None})
        drawing.figure.set_layout_engine("none")  # both pictures keep the layout that the first one found
        drawing.figure.savefig(png, format="png", metadata={"Software": None})
        for name, table in tables.items():
            scratch = stack.enter_context(whole_file(stem.with_name(name)))
            table.to_csv(scratch, index=False, lineterminator="\n")
