"""Sub-commands of the embedded miniature."""

import argparse
from pathlib import Path


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``make-miniature``."""
    parser = subparsers.add_parser(
        "make-miniature",
        help="synthesise the miniature corpora",
        description=(
            "Write small corpora in the on-disk formats of MSP-Podcast, IEMOCAP, CMU-MOSI and ESC-50: sentences whose "
            "valence is in their words, spoken so that the delivery carries arousal and dominance, with simulated "
            "human ratings. Equal definitions give equal bytes. A miniature in the output folder is replaced."
        ),
    )
    parser.add_argument("--definition", required=True, metavar="JSON", help="the miniature's definition as JSON")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="processes at once (default: 1)")
    parser.add_argument("--output", required=True, type=Path, metavar="DIR", help="folder of the four corpora")
    parser.set_defaults(run=_make_miniature)


def _make_miniature(arguments: argparse.Namespace) -> None:
    from valence_gap.definitions.miniature import Miniature
    from valence_gap.definitions.values import from_json
    from valence_gap.miniature.make import make_miniature

    definition = from_json(Miniature, arguments.definition)
    make_miniature(definition, arguments.output, arguments.workers)
