"""The figures and tables of the page: picture, words, the statements that rest on them, numbers to download."""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from docutils.core import publish_parts
from jinja2 import Environment
from markdown_it import MarkdownIt

from valence_gap.page.answer import verdict_counts
from valence_gap.page.results import Results, read_if_there
from valence_gap.page.statements import section_title, statements_of

TITLES = {
    "figure_02": "Correctness: CCC of every model",
    "figure_03": "Explicit text: what a fusion with the words adds",
    "figure_04": "Implicit text: valence on synthesised speech",
    "figure_05": "Fine-tuned against frozen transformer layers",
    "figure_06": "Robustness: CCC on augmented speech",
    "figure_07": "Fairness: female minus male speakers",
    "figure_08": "Fairness: single speakers",
    "figure_09": "Without pre-training",
    "figure_10": "What the embeddings separate",
    "figure_11": "Training: CCC by epoch",
    "figure_12": "Fewer transformer layers",
    "figure_13": "Less training data",
    "table_1": "Earlier works with transformers",
    "table_2": "The pre-trained models",
    "table_3": "Robustness: change of the CCC under each augmentation",
}
ROMAN = {"1": "I", "2": "II", "3": "III"}


@dataclass(frozen=True)
class Download:
    """A file that the page contains: its name and a data URI."""

    name: str
    uri: str


@dataclass(frozen=True)
class Block:
    """A figure or table as the page shows it.

    Attributes:
        name: figure_02, ...
        number: 'Figure 2', 'Table III'.
        title: what it shows.
        subtitle: one line under it; may be empty.
        picture: data URI of the PNG of a figure; '' for a table.
        alt: text for those who do not see the picture.
        caption: HTML.
        table: HTML of a table; '' for a figure.
        sections: sections of the paper with their titles.
        statements: of the paper that rest on it.
        counts: statements by verdict; empty if they were not evaluated.
        downloads: CSV files.
        published: values of the paper: rows with model, corpus, dimension, ccc, source, ...
    """

    name: str
    number: str
    title: str
    subtitle: str
    picture: str
    alt: str
    caption: str
    table: str
    sections: list[str]
    statements: list[dict[str, Any]]
    counts: Mapping[str, int]
    downloads: list[Download]
    published: list[Mapping[str, Any]] = field(default_factory=list)


def blocks(results: Results, captions: Path, claims_file: Path) -> list[Block]:
    """The study's figures and tables, in the order of its targets.

    Args:
        results: the study.
        captions: folder of the captions, figure_NN.rst.
        claims_file: ``workflow/claims.yaml``.
    """
    shown = [name for name in results.description.targets if name.startswith(("figure_", "table_"))]
    return [_block(name, results, captions, claims_file) for name in shown]


def _block(name: str, results: Results, captions: Path, claims_file: Path) -> Block:
    kind, _, digits = name.partition("_")
    is_figure = kind == "figure"
    folder = results.folder / f"{kind}s"
    about: Mapping[str, Any] = read_if_there(folder / f"{name}.json") or {}
    statements = statements_of(name, results, claims_file)
    title = str(about.get("title") or TITLES.get(name, name))
    return Block(
        name=name,
        number=f"Figure {int(digits)}" if is_figure else f"Table {ROMAN.get(digits, digits)}",
        title=title,
        subtitle=str(about.get("subtitle") or ""),
        picture=_data_uri(folder / f"{name}.png", "image/png") if is_figure else "",
        alt=str(about.get("alt") or f"{title}. The plotted numbers are in {name}.csv, below the picture."),
        caption=caption(captions / f"{name}.rst", results.description.study) if is_figure else "",
        table="" if is_figure else markdown((folder / f"{name}.md").read_text(encoding="utf-8")),
        sections=list(dict.fromkeys(section_title(row["section"]) for row in statements)),
        statements=statements,
        counts=verdict_counts(statements) if results.claims is not None and statements else {},
        downloads=[csv_download(path) for path in sorted(folder.glob(f"{name}*.csv"))],
        published=list(about.get("published") or ()),
    )


def caption(path: Path, study: str) -> str:
    """A caption of ``snakemake --report`` as HTML; '' if there is none."""
    if not path.is_file():
        return ""
    text = Environment(autoescape=False).from_string(path.read_text(encoding="utf-8"))
    rendered = text.render(snakemake=SimpleNamespace(config={"study": study}))
    settings = {"report_level": 5, "file_insertion_enabled": False, "raw_enabled": False}
    return str(publish_parts(rendered, writer="html5", settings_overrides=settings)["body"])


def markdown(text: str) -> str:
    """Markdown with tables as HTML; the tables can be scrolled by keyboard."""
    html = MarkdownIt("commonmark", {"html": False}).enable("table").render(text)
    opened = html.replace("<table>", '<div class="scroll" tabindex="0" role="region" aria-label="Table"><table>')
    return re.sub("</table>", "</table></div>", opened)


def csv_download(path: Path) -> Download:
    """A CSV file as a download."""
    return Download(path.name, _data_uri(path, "text/csv"))


def _data_uri(path: Path, media_type: str) -> str:
    return f"data:{media_type};base64,{base64.b64encode(path.read_bytes()).decode('ascii')}"
