"""Options that several sub-commands have."""

import argparse
from pathlib import Path


def add_threads(parser: argparse.ArgumentParser) -> None:
    """Add ``--threads``: number of CPU threads."""
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="CPU threads (default: 1)")


def add_pack_indexes(parser: argparse.ArgumentParser) -> None:
    """Add ``--packed``: pack indexes, from which the utterances skipped for bad audio are known."""
    parser.add_argument(
        "--packed",
        nargs="+",
        default=[],
        metavar="CORPUS=FILE",
        help="index of the clean pack of a corpus whose bad audio is skipped: other utterances are left out",
    )


def add_definition(parser: argparse.ArgumentParser, what: str) -> None:
    """Add ``--name``, ``--definition`` and ``--output``: options to make a model from a definition."""
    parser.add_argument("--name", required=True, help="name of the model in the study, and in its model card")
    parser.add_argument("--definition", required=True, metavar="JSON", help=f"definition of the {what}")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder that is written")


def add_record(parser: argparse.ArgumentParser) -> None:
    """Add ``--record``: path of the run record."""
    parser.add_argument(
        "--record",
        type=Path,
        metavar="FILE.run.json",
        help="write a record of inputs, software and machine; not written by default",
    )
