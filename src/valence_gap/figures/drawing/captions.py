"""The words on a figure: a title, a line under it, and a line at its foot; and words for seeds and intervals."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextToPath

from valence_gap.definitions.figures import Description, in_words
from valence_gap.scores.seed_variance import UTTERANCES

POINTS_PER_INCH = 72
# Letters that are fitted to pixels take up to this much more room than their outlines.
PIXEL_FITTING = 1.03


@dataclass(frozen=True)
class Caption:
    """What a figure says about itself.

    Attributes:
        title: what the figure is about.
        subtitle: which model, what minus what, what a bar averages, whom a positive value favours.
        foot: in small print: seeds, intervals and settings.
        note: beside the title, such as that the figure belongs to the miniature study.
    """

    title: str
    subtitle: str
    foot: str = ""
    note: str = ""


def wrapped(text: str, width_in: float, size_pt: float, weight: str = "normal") -> list[str]:
    """Break a text into lines that are not wider than a width; a word that is wider has a line of its own.

    Args:
        text: words, separated by spaces.
        width_in: in inches.
        size_pt: size of the font.
        weight: of the font.
    """
    font = FontProperties(family="DejaVu Sans", size=size_pt, weight=weight)
    lines: list[str] = []
    for word in text.split(" ") if text else []:
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and width_of(longer, font) <= width_in:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def width_of(text: str, font: FontProperties) -> float:
    """Width of a line in inches, as it may be drawn."""
    return float(TextToPath().get_text_width_height_descent(text, font, False)[0]) / POINTS_PER_INCH * PIXEL_FITTING


def seeds_text(
    table: pd.DataFrame, description: Description, names: Mapping[str, str] | None = None, drawn: str = "Bars"
) -> str:
    """How many seeds the rows of a figure have, what their intervals cover, and from which models they borrow.

    Args:
        table: as :func:`valence_gap.figures.intervals.mean_over_seeds` returns it.
        description: of the figure.
        names: what models are called, in order; by default the labels of the description.
        drawn: what stands for a mean.
    """
    labels = names or {model.name: model.label for model in description.models}
    seeds = table.groupby("model")["seeds"].max()
    counts = {model: int(seeds[model]) for model in labels if model in seeds}
    parts = [f"{_counts(counts, labels, drawn)}. Lines: {description.interval_label()} over {_covered(table)}."]
    for sources, rows in table[table["borrowed_from"] != ""].groupby("borrowed_from", sort=False):
        lenders = in_words([labels.get(name, name) for name in str(sources).split(", ")])
        parts.append(f"{_called(rows, labels)}: spread over seeds borrowed from {lenders}.")
    alone = table["interval_covers"] == UTTERANCES
    if alone.any() and not alone.all():
        parts.append(f"{_called(table[alone], labels)}: interval without seeds.")
    return " ".join(parts)


def _counts(counts: Mapping[str, int], labels: Mapping[str, str], drawn: str) -> str:
    if set(counts.values()) == {1}:
        return "One training seed"
    means = f"{drawn} are means over training seeds, rings single seeds"
    if len(set(counts.values())) == 1:
        return means.replace("training seeds", f"{next(iter(counts.values()))} training seeds")
    by_count = [
        f"{in_words([labels[name] for name, own in counts.items() if own == count])}: "
        f"{'one seed' if count == 1 else f'{count} seeds'}"
        for count in sorted(set(counts.values()), reverse=True)
    ]
    return f"{means} ({'; '.join(by_count)})"


def _covered(table: pd.DataFrame) -> str:
    """What the intervals cover; the bootstrap over speakers is named where there was one."""
    people = "utterances or speakers (the wider)" if table["se_speakers"].notna().any() else "utterances"
    if (table["interval_covers"] == UTTERANCES).all():
        return f"{people}, without seeds: no model has a second one"
    return f"{people} and training seeds"


def _called(rows: pd.DataFrame, labels: Mapping[str, str]) -> str:
    shown = set(rows["model"])
    return in_words([label for name, label in labels.items() if name in shown])
