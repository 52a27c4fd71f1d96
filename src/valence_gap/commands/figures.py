"""Sub-command ``figure``."""

import argparse

from valence_gap.commands.options import BY_CORPUS, BY_MODEL_AND_SEED, BY_RUN, Command, Subparsers
from valence_gap.definitions.figures import Description, Inputs, keyed_files, runs_of
from valence_gap.definitions.values import from_json


def register(subparsers: Subparsers) -> None:
    """Add the sub-command."""
    summary = "draw a figure from scores, predictions, training logs or embeddings"
    command = Command(subparsers, "figure", _figure, summary)
    command.add("name", help="name of the figure, such as figure_02")
    command.path("--scores", "tables of scores (CSV)", required=False, nargs="+", default=[])
    command.keyed("--predictions", BY_RUN, "predictions (Parquet)")
    command.keyed("--labels", BY_CORPUS, "labels (Parquet)")
    command.keyed("--utterances", BY_CORPUS, "utterances (Parquet)")
    command.keyed("--training-logs", BY_MODEL_AND_SEED, "dev CCC per epoch (CSV)")
    command.keyed("--configs", "MODEL=FILE", "config.json of models", nargs="*")
    command.keyed("--transcriptions", BY_CORPUS, "report.json of transcripts")
    command.path("--projection", "points of project-states (Parquet)", required=False)
    command.path("--separation", "table of measure-separation (CSV)", required=False)
    command.pack_indexes()
    description = "what is shown: JSON with models, corpora, note and published"
    command.add("--description", required=True, help=description)
    command.path("--output-stem", "path of the outputs without suffix")


def _figure(args: argparse.Namespace) -> None:
    """Draw one figure of the paper and write it as PDF and PNG, with its plotted numbers (CSV) and its words (JSON:
    title, line below, alternative text, the paper's values). Which inputs it needs depends on the figure.
    """
    from valence_gap.figures.make import make_figure

    inputs = Inputs(
        scores=tuple(args.scores),
        predictions=runs_of(args.predictions, "--predictions", parts=3),
        labels=dict(keyed_files(args.labels, "--labels")),
        utterances=dict(keyed_files(args.utterances, "--utterances")),
        training_logs=runs_of(args.training_logs, "--training-logs", parts=2),
        configs=dict(keyed_files(args.configs, "--configs")),
        transcriptions=dict(keyed_files(args.transcriptions, "--transcriptions")),
        pack_indexes=dict(keyed_files(args.packed, "--packed")),
        projection=args.projection,
        separation=args.separation,
    )
    make_figure(args.name, inputs, from_json(Description, args.description), args.output_stem)
