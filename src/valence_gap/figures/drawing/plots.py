"""A drawn figure with its numbers and words, and how it is written."""

import json
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from valence_gap.definitions.figures import Description
from valence_gap.figures import published
from valence_gap.figures.drawing.captions import Caption
from valence_gap.runtime.files import atomic_file


@dataclass(frozen=True)
class Plot:
    """A drawn figure and its numbers.

    Attributes:
        figure: what was drawn.
        table: a row for each thing drawn.
        caption: the words on it.
        alt: what it shows, in words, for those who do not see it.
        extra_tables: further tables by name.
        published: the paper's values, as :func:`valence_gap.figures.published.listed` returns them.
    """

    figure: Figure
    table: pd.DataFrame
    caption: Caption
    alt: str
    extra_tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    published: pd.DataFrame = field(default_factory=pd.DataFrame)


def save(drawing: Plot, stem: Path, description: Description) -> None:
    """Write ``stem``.pdf, .png (300 dpi), .csv (the plotted numbers), .json (its words), and ``stem``_<name>.csv.

    Either all files are written or none. Equal figures give equal files: the files contain no creation time.

    Args:
        drawing: what was drawn.
        stem: path without suffix.
        description: what the figure shows.
    """
    tables = {f"{stem.name}.csv": drawing.table} | {
        f"{stem.name}_{name}.csv": more for name, more in drawing.extra_tables.items()
    }
    title = drawing.caption.title
    with ExitStack() as stack:
        pdf, png, words = (
            stack.enter_context(atomic_file(stem.with_name(f"{stem.name}.{kind}"))) for kind in ("pdf", "png", "json")
        )
        in_pdf = {"CreationDate": None, "Title": title, "Subject": drawing.alt}
        drawing.figure.savefig(pdf, format="pdf", metadata=in_pdf)
        drawing.figure.set_layout_engine("none")  # the PNG keeps the layout that was computed for the PDF
        in_png = {"Software": None, "Title": title, "Description": drawing.alt}
        drawing.figure.savefig(png, format="png", metadata=in_png)
        words.write_text(_json(record(drawing, stem.name, description)), encoding="utf-8")
        for name, table in tables.items():
            scratch = stack.enter_context(atomic_file(stem.with_name(name)))
            table.to_csv(scratch, index=False, lineterminator="\n")


def record(drawing: Plot, name: str, description: Description) -> dict[str, Any]:
    """What a page needs to show a figure: its words, models, corpora and seeds, and the paper's values.

    Returns:
        figure; title, subtitle, foot and note; alt; models (name, label, kind); corpora (name, label); seeds (number
        by model); borrowed_from (models whose variance between seeds others use) and interval_covers, if it has
        intervals of both parts; published (rows of quantity, model, corpus, dimension, value, source),
        published_heading, and published_drawn.
    """
    table = drawing.table
    seeds = table.groupby("model", sort=False)["seeds"].max().to_dict() if "seeds" in table else {}
    borrowed = table["borrowed_from"] if "borrowed_from" in table else pd.Series(dtype=str)
    return {
        "figure": name,
        **asdict(drawing.caption),
        "alt": drawing.alt,
        "models": [{"name": one.name, "label": one.label, "kind": one.kind} for one in description.models],
        "corpora": [{"name": one.name, "label": one.label} for one in description.corpora],
        "seeds": {model: int(count) for model, count in seeds.items()},
        "borrowed_from": sorted({model for text in borrowed if text for model in text.split(", ")}),
        "interval_covers": sorted(set(table["interval_covers"])) if "interval_covers" in table else [],
        "published": drawing.published.to_dict("records"),
        "published_heading": published.heading(description),
        "published_drawn": description.published and not drawing.published.empty,
    }


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
