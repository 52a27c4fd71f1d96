"""The figures: a module each, with ``plot(inputs, description) -> plots.Plot``."""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from valence_gap.definitions.registry import FIGURES
from valence_gap.runtime.errors import UserError, valid_names

if TYPE_CHECKING:
    from valence_gap.definitions.figures import Description, Inputs


def make_figure(name: str, inputs: "Inputs", description: "Description", output_stem: Path) -> None:
    """Draw a figure and write it as PDF and PNG, its numbers as CSV and its words as JSON.

    Args:
        name: one of :data:`valence_gap.definitions.registry.FIGURES`.
        inputs: the files that it is drawn from.
        description: what it shows.
        output_stem: path of the outputs without suffix.

    Raises:
        UserError: if there is no such figure, or its inputs are not complete.
    """
    if name not in FIGURES:
        raise UserError(f"there is no figure {name!r}", remedy=valid_names(FIGURES))
    # Imported here: it takes half a second, and a wrong name is reported without it.
    from valence_gap.figures.drawing import plots, style

    with style.style_context():
        drawing = import_module(f"valence_gap.figures.{name}").plot(inputs, description)
        plots.save(drawing, output_stem, description)
