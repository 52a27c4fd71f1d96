"""Sub-commands ``score`` and ``summarise-scores``."""

import argparse
from pathlib import Path

from valence_gap.commands.options import add_record


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the sub-commands."""
    parser = subparsers.add_parser(
        "score",
        help="CCC of predictions, with bootstrap intervals",
        description="Compare predictions with labels: the concordance correlation coefficient of all utterances, by "
        "gender, female minus male, and by speaker, each with a bootstrap interval, as a tidy CSV.",
    )
    parser.add_argument("--predictions", type=Path, required=True, help="predictions (Parquet)")
    parser.add_argument("--labels", type=Path, required=True, help="labels of the test set (Parquet)")
    parser.add_argument("--utterances", type=Path, required=True, help="utterances of the test set (Parquet)")
    parser.add_argument(
        "--pack-index",
        type=Path,
        help="index of the clean pack, if bad audio is skipped: other utterances are left out",
    )
    parser.add_argument("--model", required=True, help="name of the model, for the table")
    parser.add_argument("--seed", type=int, required=True, help="seed of the model, for the table")
    parser.add_argument("--corpus", required=True, help="name of the corpus, for the table")
    parser.add_argument("--dimensions", required=True, help="annotated dimensions, joined by commas")
    parser.add_argument("--evaluation", required=True, help="how to score: JSON of definitions.Evaluation")
    parser.add_argument("--output", type=Path, required=True, help="the table of scores (CSV)")
    add_record(parser)
    parser.set_defaults(run=_score)

    summary = subparsers.add_parser(
        "summarise-scores",
        help="mean and spread of scores over seeds",
        description="Put the scores of whole test sets in one table: for each model, corpus, condition and dimension "
        "the number of seeds, and mean, standard deviation, minimum and maximum of their CCC.",
    )
    summary.add_argument("--scores", type=Path, nargs="+", required=True, help="tables of scores (CSV)")
    summary.add_argument("--output", type=Path, required=True, help="the summary (CSV)")
    summary.set_defaults(run=_summarise_scores)


def _score(args: argparse.Namespace) -> None:
    from valence_gap.definitions.evaluation import Evaluation
    from valence_gap.definitions.values import from_json
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
        record=args.record,
    )


def _summarise_scores(args: argparse.Namespace) -> None:
    from valence_gap.scores.summary import summarise_scores

    summarise_scores(args.scores, args.output)
