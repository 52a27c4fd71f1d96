"""The figures: a module each, with ``draw(inputs, description) -> style.Drawing``."""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from valence_gap.runtime.errors import UserError, valid_names

if TYPE_CHECKING:
    from valence_gap.definitions.figures import Description, Inputs

FIGURES = (
    "figure_02",
    "figure_03",
    "figure_04",
    "figure_05",
    "figure_06",
    "figure_07",
    "figure_08",
    "figure_09",
    "figure_10",
    "figure_11",
    "figure_12",
    "figure_13",
)


def make(name: str, inputs: "Inputs", description: "Description", output_stem: Path) -> None:
    """Draw a figure and write it as PDF, PNG and CSV.

    Args:
        name: one of ``FIGURES``.
        inputs: the files that it is drawn from.
        description: what it shows.
        output_stem: path of the outputs without suffix.

    Raises:
        UserError: if there is no such figure, or its inputs are not complete.
    """
    if name not in FIGURES:
        raise UserError(f"there is no figure {name!r}", remedy=valid_names(FIGURES))
    from valence_gap.figures.drawing import (
        style,  # matplotlib takes half a second, which listing the names need not pay
    )

    with style.applied():
        style.save(import_module(f"valence_gap.figures.{name}").draw(inputs, description), output_stem)
