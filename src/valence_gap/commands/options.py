"""Options that several sub-commands have."""

import argparse
from pathlib import Path


def add_threads(parser: argparse.ArgumentParser) -> None:
    """``--threads``: what computes on CPUs."""
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="CPU threads (default: 1)")


def add_pack_indexes(parser: argparse.ArgumentParser) -> None:
    """``--packed``: what tells the utterances that were skipped for their bad audio."""
    parser.add_argument(
        "--packed",
        nargs="+",
        default=[],
        metavar="CORPUS=FILE",
        help="index of the clean pack of a corpus whose bad audio is skipped: what it lacks is left out",
    )


def add_definition(parser: argparse.ArgumentParser, what: str) -> None:
    """``--name``, ``--definition`` and ``--output``: what makes a model's folder of a definition."""
    parser.add_argument("--name", required=True, help="name of the model in the study, and on its card")
    parser.add_argument("--definition", required=True, metavar="JSON", help=f"definition of the {what}")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder that is written")


def add_record(parser: argparse.ArgumentParser) -> None:
    """``--record``: where the record of the run goes."""
    parser.add_argument(
        "--record", type=Path, metavar="FILE.run.json", help="what it was made of, with what and where; not by default"
    )
