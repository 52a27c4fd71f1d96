"""Sub-commands ``score`` and ``summarise-scores``."""

import argparse

from valence_gap.commands.options import Command, Subparsers, positive
from valence_gap.definitions.evaluation import Evaluation
from valence_gap.definitions.values import from_json


def register(subparsers: Subparsers) -> None:
    """Add the sub-commands."""
    command = Command(subparsers, "score", _score, "CCC of predictions, with bootstrap intervals")
    command.path("--predictions", "predictions (Parquet)")
    command.path("--labels", "labels of the test set (Parquet)")
    command.path("--utterances", "utterances of the test set (Parquet)")
    pack_index = "index of the clean pack, if bad audio is skipped: other utterances are left out"
    command.path("--pack-index", pack_index, required=False)
    number = "how many utterances of the test set are augmented, if not all; needs --clean"
    command.add("--augmented-utterances", type=positive, metavar="N", help=number)
    clean = "predictions of clean speech (Parquet), which are scored on the augmented utterances too"
    command.path("--clean", clean, required=False)
    command.add("--model", required=True, help="name of the model, for the table")
    command.add("--seed", type=int, required=True, help="seed of the model, for the table")
    command.add("--corpus", required=True, help="name of the corpus, for the table")
    command.add("--dimensions", required=True, help="annotated dimensions, joined by commas")
    command.add("--evaluation", required=True, help="how to score: JSON of definitions.Evaluation")
    command.path("--output", "the table of scores (CSV)")
    command.record()

    command = Command(subparsers, "summarise-scores", _summarise_scores, "scores over seeds, with intervals")
    command.path("--scores", "tables of scores (CSV)", nargs="+")
    command.add("--kinds", default="{}", help="kind of each model, for the variance between seeds: JSON, name to kind")
    command.add("--confidence", type=float, default=0.95, help="of the intervals")
    command.path("--output", "the summary (CSV)")


def _score(args: argparse.Namespace) -> None:
    """Compare predictions with labels: the concordance correlation coefficient of all utterances, by gender, female
    minus male, and by speaker, each with a bootstrap interval, as a tidy CSV.
    """
    from valence_gap.scores.scoring import score

    score(
        args.predictions,
        args.labels,
        args.utterances,
        args.output,
        model=args.model,
        seed=args.seed,
        corpus=args.corpus,
        dimensions=args.dimensions.split(","),
        evaluation=from_json(Evaluation, args.evaluation),
        pack_index=args.pack_index,
        augmented_utterances=args.augmented_utterances,
        clean=args.clean,
        record=args.record,
    )


def _summarise_scores(args: argparse.Namespace) -> None:
    """Put the scores of whole test sets in one table: for each model, corpus, condition and dimension the number of
    seeds, mean, standard deviation, minimum and maximum of their CCC, standard errors, and the interval of the mean.
    """
    from valence_gap.scores.summary import summarise_scores

    summarise_scores(args.scores, args.output, kinds=from_json(dict[str, str], args.kinds), confidence=args.confidence)
