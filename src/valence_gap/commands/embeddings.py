"""``measure-separation`` and ``project-states``: they compute the data of figure 10."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from valence_gap.commands.options import add_pack_indexes

if TYPE_CHECKING:
    from valence_gap.embeddings.loading import EmbeddingFiles


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the sub-commands."""
    measure = subparsers.add_parser(
        "measure-separation",
        help="measure how far pooled states of models separate corpora, genders, speakers and valence",
        description="Measure how far the pooled states of each model separate corpora, genders, speakers and valence, "
        "in the space of the states, with bootstrap intervals, as a tidy CSV.",
    )
    project = subparsers.add_parser(
        "project-states",
        help="project the pooled states of models to two dimensions",
        description="Project the pooled states of each model to two dimensions by t-SNE, all corpora together.",
    )
    for parser, run in ((measure, _measure), (project, _project)):
        _add_files(parser)
        parser.add_argument(
            "--projection", default="{}", metavar="JSON", help="definition: number of utterances, settings of t-SNE"
        )
        parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="the table that is written")
        parser.set_defaults(run=run)
    measure.add_argument("--evaluation", required=True, help="how to measure: JSON of definitions.Evaluation")
    project.add_argument("--seed", type=int, required=True, help="seed of the sample of utterances and of t-SNE")


def _add_files(parser: argparse.ArgumentParser) -> None:
    by_run, by_corpus = "MODEL:SEED:CORPUS=FILE", "CORPUS=FILE"
    add = parser.add_argument
    add("--predictions", nargs="+", required=True, metavar=by_run, help="predictions of clean test sets (Parquet)")
    add("--embeddings", nargs="+", required=True, metavar=by_run, help="pooled states of the same pass (NumPy)")
    add("--labels", nargs="+", required=True, metavar=by_corpus, help="labels (Parquet)")
    add("--utterances", nargs="+", required=True, metavar=by_corpus, help="utterances (Parquet)")
    add_pack_indexes(parser)


def _files(args: argparse.Namespace) -> "EmbeddingFiles":
    from valence_gap.definitions.figures import keyed_files, runs_of
    from valence_gap.embeddings.loading import EmbeddingFiles

    return EmbeddingFiles(
        predictions=runs_of(args.predictions, "--predictions", parts=3),
        embeddings=runs_of(args.embeddings, "--embeddings", parts=3),
        labels=dict(keyed_files(args.labels, "--labels")),
        utterances=dict(keyed_files(args.utterances, "--utterances")),
        pack_indexes=dict(keyed_files(args.packed, "--packed")),
    )


def _measure(args: argparse.Namespace) -> None:
    from valence_gap.definitions.evaluation import Evaluation, Projection
    from valence_gap.definitions.values import from_json
    from valence_gap.embeddings.separation import measure_separation

    evaluation = from_json(Evaluation, args.evaluation)
    projection = from_json(Projection, args.projection)
    measure_separation(_files(args), projection, evaluation, args.output)


def _project(args: argparse.Namespace) -> None:
    from valence_gap.definitions.evaluation import Projection
    from valence_gap.definitions.values import from_json
    from valence_gap.embeddings.projection import project_states

    project_states(_files(args), from_json(Projection, args.projection), args.seed, args.output)
