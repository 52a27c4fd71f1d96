"""The tables: a module each, with ``Description`` and ``table(inputs, description) -> rendering.Table``."""

from importlib import import_module
from pathlib import Path

from valence_gap.definitions.figures import Inputs
from valence_gap.definitions.registry import TABLES
from valence_gap.definitions.values import from_json
from valence_gap.runtime.errors import UserError, valid_names


def make_table(name: str, inputs: Inputs, description: str, output_stem: Path) -> None:
    """Write a table as CSV, Markdown and LaTeX.

    Args:
        name: one of :data:`valence_gap.definitions.registry.TABLES`.
        inputs: the files that it is made from, if any.
        description: what it shows, as JSON of the table's own ``Description``.
        output_stem: path of the outputs without suffix.

    Raises:
        UserError: if there is no such table, or its inputs are not complete.
    """
    if name not in TABLES:
        raise UserError(f"there is no table {name!r}", remedy=valid_names(TABLES))
    from valence_gap.tables import rendering  # imported here: pandas is slow, and a wrong name is reported without it

    module = import_module(f"valence_gap.tables.{name}")
    rendering.save(module.table(inputs, from_json(module.Description, description)), output_stem)
