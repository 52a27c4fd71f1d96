"""Write tables as CSV with the numbers, as Markdown, and as LaTeX (booktabs)."""

import math
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Literal

import pandas as pd

from valence_gap.runtime.files import atomic_file

CHECK = "✓"
NONE = "–"
_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "−": "$-$",
    "±": r"$\pm$",
    "Δ": r"$\Delta$",
    "–": "--",
    CHECK: r"\checkmark{}",
}


@dataclass(frozen=True)
class Column:
    """A column of the printed table.

    Attributes:
        title: its header; may be empty.
        group: header above this column and its neighbours of the same group; '' for none.
        align: alignment of its cells.
    """

    title: str
    group: str = ""
    align: Literal["l", "r", "c"] = "l"


@dataclass(frozen=True)
class Table:
    """A table as numbers and as text.

    Attributes:
        title: caption.
        numbers: the CSV, in full precision.
        columns: of the printed table.
        blocks: its rows, with a rule between blocks; a cell for each column.
        notes: sentences under it.
        extra_tables: further CSV files by name.
    """

    title: str
    numbers: pd.DataFrame
    columns: Sequence[Column]
    blocks: Sequence[Sequence[Sequence[str]]]
    notes: Sequence[str] = ()
    extra_tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)


def save(table: Table, stem: Path) -> None:
    """Write ``stem``.csv, .md and .tex, and ``stem``_<name>.csv for further numbers. Either all are written or none.

    Args:
        table: what is written.
        stem: path without suffix.
    """
    numbers = {f"{stem.name}.csv": table.numbers} | {
        f"{stem.name}_{name}.csv": more for name, more in table.extra_tables.items()
    }
    texts = {f"{stem.name}.md": markdown(table), f"{stem.name}.tex": latex(table, label=stem.name)}
    with ExitStack() as stack:
        for name, frame in numbers.items():
            frame.to_csv(stack.enter_context(atomic_file(stem.with_name(name))), index=False, lineterminator="\n")
        for name, text in texts.items():
            stack.enter_context(atomic_file(stem.with_name(name))).write_text(text, encoding="utf-8")


def markdown(table: Table) -> str:
    """Return the table in Markdown; the header of a group is joined to those of its columns."""
    heads = [": ".join(filter(None, (column.group, column.title))) for column in table.columns]
    rules = [{"l": ":--", "r": "--:", "c": ":-:"}[column.align] for column in table.columns]
    rows = [row for block in table.blocks for row in block]
    lines = [_markdown_row(heads), "| " + " | ".join(rules) + " |", *map(_markdown_row, rows)]
    notes = [_markdown_text(note) + "\n" for note in table.notes]
    return "\n".join([f"**{_markdown_text(table.title)}**\n", *lines, "", *notes])


def _markdown_row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(map(_markdown_text, cells)) + " |"


def _markdown_text(text: str) -> str:
    return "".join(f"\\{character}" if character in "\\`*_|<[]" else character for character in text)


def latex(table: Table, *, label: str) -> str:
    """Return the table as a LaTeX float that spans both columns of a page; it needs booktabs and amssymb.

    Args:
        table: what is written.
        label: name for references: tab:<label>.
    """
    groups = [(name, len(list(members))) for name, members in groupby(table.columns, lambda column: column.group)]
    body = [_latex_row([column.title for column in table.columns])]
    if any(name for name, _ in groups):
        heads = [
            f"\\multicolumn{{{width}}}{{c}}{{{_latex_text(name)}}}" if name else " & ".join([""] * width)
            for name, width in groups
        ]
        body = [" & ".join(heads) + r" \\", _partial_rules(groups), *body]
    for block in table.blocks:
        body += [r"\midrule", *map(_latex_row, block)]
    lines = [
        "% needs the packages booktabs and amssymb",
        r"\begin{table*}",
        r"\centering",
        f"\\caption{{{_latex_text(table.title)}}}",
        f"\\label{{tab:{label}}}",
        f"\\begin{{tabular}}{{{''.join(column.align for column in table.columns)}}}",
        r"\toprule",
        *body,
        r"\bottomrule",
        r"\end{tabular}",
        *(f"\n\\smallskip\\footnotesize {_latex_text(note)}" for note in table.notes),
        r"\end{table*}",
    ]
    return "\n".join(lines) + "\n"


def _partial_rules(groups: Sequence[tuple[str, int]]) -> str:
    rules, start = [], 1
    for name, width in groups:
        if name:
            rules.append(f"\\cmidrule(lr){{{start}-{start + width - 1}}}")
        start += width
    return " ".join(rules)


def _latex_row(cells: Sequence[str]) -> str:
    # In braces: LaTeX would read a cell that begins with a bracket as an option of the line before it.
    texts = [f"{{{text}}}" if text.startswith("[") else text for text in map(_latex_text, cells)]
    return " & ".join(texts) + r" \\"


def _latex_text(text: str) -> str:
    return "".join(_LATEX.get(character, character) for character in text)


def format_change(value: float) -> str:
    """A change of the CCC as the paper writes it: three decimals, its sign, no leading zero; n/a where undefined."""
    if not math.isfinite(value):
        return "n/a"
    rounded = round(value, 3)
    return {-1: "−", 0: "", 1: "+"}[(rounded > 0) - (rounded < 0)] + format_error(abs(rounded))


def format_error(value: float) -> str:
    """A standard error: three decimals, no leading zero; n/a where undefined."""
    return f"{value:.3f}".removeprefix("0") if math.isfinite(value) else "n/a"
