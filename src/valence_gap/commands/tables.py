"""Sub-command ``table``."""

import argparse
from pathlib import Path


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser(
        "table",
        help="make a table of the paper",
        description="Make one table of the paper and write it as CSV (full precision), Markdown and LaTeX (booktabs). "
        "table_1: the literature; table_2: the pre-trained models, measured in their folders; table_3: the changes "
        "of the CCC under each augmentation, from score tables.",
    )
    parser.add_argument("name", help="name of the table: table_1, table_2 or table_3")
    parser.add_argument("--scores", type=Path, nargs="+", default=[], help="table_3: tables of scores (CSV)")
    parser.add_argument("--description", default="{}", help="what is shown: JSON, in the form of each table")
    parser.add_argument("--output-stem", type=Path, required=True, help="path of the outputs without suffix")
    parser.set_defaults(run=_table)


def _table(args: argparse.Namespace) -> None:
    from valence_gap.tables.make import make_table

    make_table(args.name, tuple(args.scores), args.description, args.output_stem)
