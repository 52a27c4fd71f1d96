"""Sub-command ``verify``."""

import argparse
from pathlib import Path

from valence_gap.commands.options import Command, Subparsers


def register(subparsers: Subparsers) -> None:
    """Add the sub-command."""
    command = Command(subparsers, "verify", _verify, "compare two result folders, number by number")
    command.add("first", type=Path, help="a folder results/<study>")
    command.add("second", type=Path, help="another one")
    command.add(
        "--tolerance",
        type=float,
        default=1e-6,
        help="allowed difference of real numbers; runs on other hardware or in another number format need a larger one "
        "(default: %(default)g)",
    )
    only = "compare only files that match this pattern, such as 'scores/**/*.csv'; may be repeated"
    command.add("--only", action="append", metavar="PATTERN", help=only)
    command.path("--output", "write a table of all differences (CSV)", required=False)


def _verify(args: argparse.Namespace) -> None:
    """Compare the predictions, scores, training logs and the numbers of figures, tables and claims of two result
    folders. Exit status 0 where all agree, 2 with a list where any differs. Real numbers may differ by the tolerance
    (relative to numbers above 1); integers and texts may not.
    """
    from valence_gap.runtime.verification import COMPARED, verify

    print(verify(args.first, args.second, tolerance=args.tolerance, only=args.only or COMPARED, output=args.output))
