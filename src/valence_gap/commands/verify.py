"""Sub-command ``verify``."""

import argparse
from pathlib import Path


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser(
        "verify",
        help="compare two result folders, number by number",
        description="Compare the predictions, scores, training logs and the numbers of figures, tables and claims of "
        "two result folders. Exit status 0 where all agree, 2 with a list where any differs. Real numbers may differ "
        "by the tolerance (relative to numbers above 1); integers and texts may not.",
    )
    parser.add_argument("first", type=Path, help="a folder results/<study>")
    parser.add_argument("second", type=Path, help="another one")
    parser.add_argument(
        "--tolerance",
        type=float,
        default=1e-6,
        help="allowed difference of real numbers; runs on other hardware or in another number format need a larger one "
        "(default: %(default)g)",
    )
    parser.add_argument(
        "--only",
        action="append",
        metavar="PATTERN",
        help="compare only files that match this pattern, such as 'scores/**/*.csv'; may be repeated",
    )
    parser.add_argument("--output", type=Path, help="write a table of all differences (CSV)")
    parser.set_defaults(run=_verify)


def _verify(args: argparse.Namespace) -> None:
    from valence_gap.runtime.verification import COMPARED, verify

    print(verify(args.first, args.second, tolerance=args.tolerance, only=args.only or COMPARED, output=args.output))
