"""Sub-commands that read the corpora from disk."""

import argparse
from pathlib import Path


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``inventory``, ``prepare-corpus`` and ``show-corpora``."""
    inventory = subparsers.add_parser(
        "inventory",
        help="list the files of a corpus with their checksums",
        description=(
            "List the files of a corpus with sizes and SHA-256 checksums. The list is rewritten only when it changed, "
            "so that dependent steps run again only when data was added, changed or removed."
        ),
    )
    inventory.add_argument("--paths", required=True, help="its folders and files: CorpusPaths as JSON")
    inventory.add_argument("--output", required=True, type=Path, help="inventory.csv")
    inventory.set_defaults(run=_inventory)

    prepare = subparsers.add_parser(
        "prepare-corpus",
        help="read a corpus into tables of utterances and labels",
        description=(
            "Read a corpus in its own on-disk format and write, for train, dev and test, a table of its utterances and "
            "one of its labels in 0..1, and a report of the utterances that were left out and why."
        ),
    )
    prepare.add_argument("--name", required=True, help="name of the corpus in the study")
    prepare.add_argument("--definition", required=True, help="its definition: Corpus as JSON")
    prepare.add_argument("--paths", required=True, help="its folders and files: CorpusPaths as JSON")
    prepare.add_argument("--inventory", type=Path, help="inventory.csv of the corpus; its checksum is recorded")
    prepare.add_argument("--output", required=True, type=Path, help="folder for the six Parquet files and report.json")
    prepare.set_defaults(run=_prepare)

    show = subparsers.add_parser(
        "show-corpora",
        help="print what was read from corpora, and what was left out and why",
        description=(
            "Print for each corpus, from the report that prepare-corpus wrote, how much each split contains, what was "
            "left out, and what was used although it is unusual; with the reason, the count and examples."
        ),
    )
    show.add_argument("reports", nargs="+", type=Path, metavar="REPORT", help="report.json of each corpus")
    show.set_defaults(run=_show)


def _inventory(arguments: argparse.Namespace) -> None:
    from valence_gap.corpora.inventory import inventory
    from valence_gap.definitions.corpora import CorpusPaths
    from valence_gap.definitions.values import from_json

    inventory(from_json(CorpusPaths, arguments.paths), arguments.output)


def _show(arguments: argparse.Namespace) -> None:
    from valence_gap.corpora.summary import summary
    from valence_gap.runtime.files import read_json

    for report in arguments.reports:
        print(summary(read_json(report)))


def _prepare(arguments: argparse.Namespace) -> None:
    from valence_gap.corpora.prepare import prepare_corpus
    from valence_gap.definitions.corpora import Corpus, CorpusPaths
    from valence_gap.definitions.values import from_json

    prepare_corpus(
        arguments.name,
        from_json(Corpus, arguments.definition),
        from_json(CorpusPaths, arguments.paths),
        arguments.output,
        inventory=arguments.inventory,
    )
