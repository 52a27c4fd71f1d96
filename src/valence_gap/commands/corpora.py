"""Sub-commands that read the corpora from disk."""

import argparse
from pathlib import Path


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``inventory`` and ``prepare-corpus``."""
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


def _inventory(arguments: argparse.Namespace) -> None:
    from valence_gap.corpora.inventory import inventory
    from valence_gap.definitions.corpora import CorpusPaths
    from valence_gap.definitions.values import from_json

    inventory(from_json(CorpusPaths, arguments.paths), arguments.output)


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
