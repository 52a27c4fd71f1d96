"""``measure-separation`` and ``project-states``: they compute the data of figure 10."""

import argparse
from typing import TYPE_CHECKING

from valence_gap.commands.options import BY_CORPUS, BY_RUN, Command, Subparsers
from valence_gap.definitions.evaluation import Evaluation, Projection
from valence_gap.definitions.figures import keyed_files, runs_of
from valence_gap.definitions.values import from_json

if TYPE_CHECKING:
    from valence_gap.embeddings.loading import EmbeddingFiles


def register(subparsers: Subparsers) -> None:
    """Add the sub-commands."""
    summary = "measure how far pooled states of models separate corpora, genders, speakers and valence"
    measure = Command(subparsers, "measure-separation", _measure, summary)
    project = Command(subparsers, "project-states", _project, "project the pooled states of models to two dimensions")
    for command in (measure, project):
        command.keyed("--predictions", BY_RUN, "predictions of clean test sets (Parquet)", required=True)
        command.keyed("--embeddings", BY_RUN, "pooled states of the same pass (NumPy)", required=True)
        command.keyed("--labels", BY_CORPUS, "labels (Parquet)", required=True)
        command.keyed("--utterances", BY_CORPUS, "utterances (Parquet)", required=True)
        command.pack_indexes()
        projection = "definition: number of utterances, settings of t-SNE"
        command.add("--projection", default="{}", metavar="JSON", help=projection)
        command.path("--output", "the table that is written", "FILE")
    measure.add("--evaluation", required=True, help="how to measure: JSON of definitions.Evaluation")
    project.add("--seed", type=int, required=True, help="seed of the sample of utterances and of t-SNE")


def _files(args: argparse.Namespace) -> "EmbeddingFiles":
    from valence_gap.embeddings.loading import EmbeddingFiles

    return EmbeddingFiles(
        predictions=runs_of(args.predictions, "--predictions", parts=3),
        embeddings=runs_of(args.embeddings, "--embeddings", parts=3),
        labels=dict(keyed_files(args.labels, "--labels")),
        utterances=dict(keyed_files(args.utterances, "--utterances")),
        pack_indexes=dict(keyed_files(args.packed, "--packed")),
    )


def _measure(args: argparse.Namespace) -> None:
    """Measure how far the pooled states of each model separate corpora, genders, speakers and valence, in the space of
    the states, with bootstrap intervals, as a tidy CSV.
    """
    from valence_gap.embeddings.separation import measure_separation

    evaluation = from_json(Evaluation, args.evaluation)
    projection = from_json(Projection, args.projection)
    measure_separation(_files(args), projection, evaluation, args.output)


def _project(args: argparse.Namespace) -> None:
    """Project the pooled states of each model to two dimensions by t-SNE, all corpora together."""
    from valence_gap.embeddings.projection import project_states

    projection = from_json(Projection, args.projection)
    project_states(_files(args), projection, args.seed, args.output)
