"""Sub-command ``table``."""

import argparse

from valence_gap.commands.options import BY_CORPUS, BY_RUN, Command, Subparsers, numbers_by_corpus
from valence_gap.definitions.figures import Inputs, keyed_files, runs_of


def register(subparsers: Subparsers) -> None:
    """Add the sub-command."""
    command = Command(subparsers, "table", _table, "make a table of the paper")
    command.add("name", help="name of the table: table_1, table_2 or table_3")
    command.path("--scores", "table_3: tables of scores (CSV)", required=False, nargs="+", default=[])
    command.keyed("--predictions", BY_RUN, "table_3: predictions (Parquet)")
    command.keyed("--labels", BY_CORPUS, "table_3: labels (Parquet)")
    command.keyed("--utterances", BY_CORPUS, "table_3: utterances (Parquet)")
    command.pack_indexes()
    command.augmented_utterances()
    command.add("--description", default="{}", help="what is shown: JSON, in the form of each table")
    command.path("--output-stem", "path of the outputs without suffix")


def _table(args: argparse.Namespace) -> None:
    """Make one table of the paper and write it as CSV (full precision), Markdown and LaTeX (booktabs). table_1: the
    literature; table_2: the pre-trained models, measured in their folders; table_3: the changes of the CCC under each
    augmentation, from score tables, and their standard errors and intervals, from predictions.
    """
    from valence_gap.tables.make import make_table

    inputs = Inputs(
        scores=tuple(args.scores),
        predictions=runs_of(args.predictions, "--predictions", parts=3),
        labels=dict(keyed_files(args.labels, "--labels")),
        utterances=dict(keyed_files(args.utterances, "--utterances")),
        pack_indexes=dict(keyed_files(args.packed, "--packed")),
        augmented_utterances=numbers_by_corpus(args.augmented_utterances, "--augmented-utterances"),
    )
    make_table(args.name, inputs, args.description, args.output_stem)
