"""Sub-command ``figure``."""

import argparse
from pathlib import Path

from valence_gap.commands.options import add_pack_indexes


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser(
        "figure",
        help="draw a figure from scores, predictions, training logs or embeddings",
        description="Draw one figure of the paper and write it as PDF, PNG and CSV (the plotted numbers). Which inputs "
        "it needs depends on the figure.",
    )
    parser.add_argument("name", help="name of the figure, such as figure_02")
    parser.add_argument("--scores", type=Path, nargs="+", default=[], help="tables of scores (CSV)")
    parser.add_argument(
        "--predictions", nargs="+", default=[], metavar="MODEL:SEED:CORPUS=FILE", help="predictions (Parquet)"
    )
    parser.add_argument("--labels", nargs="+", default=[], metavar="CORPUS=FILE", help="labels (Parquet)")
    parser.add_argument("--utterances", nargs="+", default=[], metavar="CORPUS=FILE", help="utterances (Parquet)")
    parser.add_argument(
        "--training-logs", nargs="+", default=[], metavar="MODEL:SEED=FILE", help="dev CCC per epoch (CSV)"
    )
    parser.add_argument("--configs", nargs="*", default=[], metavar="MODEL=FILE", help="config.json of models")
    parser.add_argument(
        "--transcriptions", nargs="+", default=[], metavar="CORPUS=FILE", help="report.json of transcripts"
    )
    parser.add_argument("--projection", type=Path, help="points of project-states (Parquet)")
    parser.add_argument("--separation", type=Path, help="table of measure-separation (CSV)")
    add_pack_indexes(parser)
    parser.add_argument(
        "--description", required=True, help="what is shown: JSON with models, corpora, note and published"
    )
    parser.add_argument("--output-stem", type=Path, required=True, help="path of the outputs without suffix")
    parser.set_defaults(run=_figure)


def _figure(args: argparse.Namespace) -> None:
    from valence_gap.definitions.figures import Description, Inputs, keyed_files, runs_of
    from valence_gap.definitions.values import from_json
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
