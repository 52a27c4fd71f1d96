"""Sub-commands of the embedded miniature."""

import argparse

from valence_gap.commands.options import Command, Subparsers
from valence_gap.definitions.miniature import Miniature
from valence_gap.definitions.values import from_json


def register(subparsers: Subparsers) -> None:
    """Add ``make-miniature``."""
    command = Command(subparsers, "make-miniature", _make_miniature, "synthesise the miniature corpora")
    command.add("--definition", required=True, metavar="JSON", help="the miniature's definition as JSON")
    command.add("--workers", type=int, default=1, metavar="N", help="processes at once (default: 1)")
    command.path("--output", "folder of the four corpora", "DIR")


def _make_miniature(args: argparse.Namespace) -> None:
    """Write small corpora in the on-disk formats of MSP-Podcast, IEMOCAP, CMU-MOSI and ESC-50: sentences whose valence
    is in their words, spoken so that the delivery carries arousal and dominance, with simulated human ratings. Equal
    definitions give equal bytes. A miniature in the output folder is replaced.
    """
    from valence_gap.miniature.make import make_miniature

    make_miniature(from_json(Miniature, args.definition), args.output, args.workers)
