"""Sub-commands that read the corpora from disk."""

import argparse

from valence_gap.commands.options import Command, Subparsers
from valence_gap.definitions.corpora import Corpus, CorpusPaths
from valence_gap.definitions.values import from_json
from valence_gap.runtime.paths import user_path


def register(subparsers: Subparsers) -> None:
    """Add ``inventory``, ``prepare-corpus`` and ``show-corpora``."""
    command = Command(subparsers, "inventory", _inventory, "list the files of a corpus with their checksums")
    command.add("--paths", required=True, help="its folders and files: CorpusPaths as JSON")
    command.path("--output", "inventory.csv")

    command = Command(subparsers, "prepare-corpus", _prepare, "read a corpus into tables of utterances and labels")
    command.add("--name", required=True, help="name of the corpus in the study")
    command.add("--definition", required=True, help="its definition: Corpus as JSON")
    command.add("--paths", required=True, help="its folders and files: CorpusPaths as JSON")
    command.path("--inventory", "inventory.csv of the corpus; its checksum is recorded", required=False)
    command.path("--output", "folder for the six Parquet files and report.json")

    summary = "print what was read from corpora, and what was left out and why"
    command = Command(subparsers, "show-corpora", _show, summary)
    command.add("reports", nargs="+", type=user_path, metavar="REPORT", help="report.json of each corpus")


def _inventory(args: argparse.Namespace) -> None:
    """List the files of a corpus with sizes and SHA-256 checksums. The list is rewritten only when it changed, so that
    dependent steps run again only when data was added, changed or removed.
    """
    from valence_gap.corpora.inventory import inventory

    inventory(from_json(CorpusPaths, args.paths), args.output)


def _prepare(args: argparse.Namespace) -> None:
    """Read a corpus in its own on-disk format and write, for train, dev and test, a table of its utterances and one of
    its labels in 0..1, and a report of the utterances that were left out and why.
    """
    from valence_gap.corpora.prepare import prepare_corpus

    definition, paths = from_json(Corpus, args.definition), from_json(CorpusPaths, args.paths)
    prepare_corpus(args.name, definition, paths, args.output, inventory=args.inventory)


def _show(args: argparse.Namespace) -> None:
    """Print for each corpus, from the report that prepare-corpus wrote, how much each split contains, what was left
    out, and what was used although it is unusual; with the reason, the count and examples.
    """
    from valence_gap.corpora.summary import summary
    from valence_gap.runtime.files import read_json

    for report in args.reports:
        print(summary(read_json(report)))
