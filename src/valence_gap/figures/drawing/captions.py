"""The words on a figure: a title, a line under it, and a line at its foot; and words for seeds and intervals."""

from dataclasses import dataclass

import pandas as pd
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextToPath

from valence_gap.definitions.figures import Description, ShownModel, in_words

POINTS_PER_INCH = 72
LEFT_OUT = "Values that are undefined are left out."


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
    """Width of a line in inches."""
    return float(TextToPath().get_text_width_height_descent(text, font, False)[0]) / POINTS_PER_INCH


def seeds_text(table: pd.DataFrame, description: Description, models: tuple[ShownModel, ...] = ()) -> str:
    """How many seeds the rows of a figure have, what their intervals cover, and from which models they borrow.

    Args:
        table: as :func:`valence_gap.figures.intervals.mean_over_seeds` returns it.
        description: of the figure.
        models: the models that name the rows; by default those of the description.
    """
    shown = models or description.models
    names = {model.name: model.label for model in description.models} | {model.name: model.label for model in shown}
    present = [model.name for model in shown if model.name in set(table["model"])]
    seeds = table.groupby("model")["seeds"].max()
    parts = [f"{_counts(present, seeds, names)}. Lines: {description.interval_label()} over {_covered(table)}."]
    borrowed = table[table["borrowed_from"] != ""]
    for sources, rows in borrowed.groupby("borrowed_from", sort=False):
        lenders = in_words([names.get(name, name) for name in str(sources).split(", ")])
        borrowers = in_words([names[name] for name in dict.fromkeys(rows["model"])])
        parts.append(f"{borrowers}: spread over seeds borrowed from {lenders}.")
    return " ".join([*parts, *_uncovered(table, names)])


def _counts(present: list[str], seeds: "pd.Series[int]", names: dict[str, str]) -> str:
    counts = seeds[present]
    if counts.nunique() == 1:
        return _training_seeds(int(counts.iloc[0]))
    by_count = [
        f"{in_words([names[name] for name in present if counts[name] == count])}: {_seeds(int(count))}"
        for count in sorted(set(counts), reverse=True)
    ]
    return "Bars or points are means over training seeds, rings single seeds (" + "; ".join(by_count) + ")"


def _training_seeds(count: int) -> str:
    return "One training seed" if count == 1 else f"Means over {count} training seeds, rings single seeds"


def _seeds(count: int) -> str:
    return "one seed" if count == 1 else f"{count} seeds"


def _covered(table: pd.DataFrame) -> str:
    """What the intervals cover; the bootstrap over speakers is named where there was one."""
    people = "utterances or speakers (the wider)" if table["se_speakers"].notna().any() else "utterances"
    if (table["interval_covers"] == "utterances only").all():
        return f"{people}, without seeds: no model has a second one"
    return f"{people} and training seeds"


def _uncovered(table: pd.DataFrame, names: dict[str, str]) -> list[str]:
    alone = table["interval_covers"] == "utterances only"
    if alone.all() or not alone.any():
        return []
    return [f"{in_words([names[name] for name in dict.fromkeys(table.loc[alone, 'model'])])}: without seeds."]
