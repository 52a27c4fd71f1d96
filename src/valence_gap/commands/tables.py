"""Sub-command ``table``."""

import argparse

from valence_gap.commands.options import Command, Subparsers


def register(subparsers: Subparsers) -> None:
    """Add the sub-command."""
    command = Command(subparsers, "table", _table, "make a table of the paper")
    command.add("name", help="name of the table: table_1, table_2 or table_3")
    command.path("--scores", "table_3: tables of scores (CSV)", required=False, nargs="+", default=[])
    command.add("--description", default="{}", help="what is shown: JSON, in the form of each table")
    command.path("--output-stem", "path of the outputs without suffix")


def _table(args: argparse.Namespace) -> None:
    """Make one table of the paper and write it as CSV (full precision), Markdown and LaTeX (booktabs). table_1: the
    literature; table_2: the pre-trained models, measured in their folders; table_3: the changes of the CCC under each
    augmentation, from score tables.
    """
    from valence_gap.tables.make import make_table

    make_table(args.name, tuple(args.scores), args.description, args.output_stem)
