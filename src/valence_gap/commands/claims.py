"""Sub-command ``claims``."""

import argparse
from pathlib import Path

from valence_gap.commands.options import add_pack_indexes, add_record


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser(
        "claims",
        help="check the paper's answers against scores",
        description="Judge each statement of a claims file: it is supported, contradicted or inconclusive, by "
        "bootstrap intervals of scores of the predictions. Writes CSV, Markdown and JSON.",
    )
    parser.add_argument("--claims", type=Path, required=True, help="the statements (YAML)")
    parser.add_argument(
        "--roles", required=True, help="models and corpora of each role: JSON of the study's section claims"
    )
    parser.add_argument(
        "--predictions", nargs="*", default=[], metavar="MODEL:SEED:CORPUS=FILE", help="predictions (Parquet)"
    )
    parser.add_argument("--labels", nargs="*", default=[], metavar="CORPUS=FILE", help="labels (Parquet)")
    parser.add_argument("--utterances", nargs="*", default=[], metavar="CORPUS=FILE", help="utterances (Parquet)")
    parser.add_argument(
        "--training-logs", nargs="*", default=[], metavar="MODEL:SEED=FILE", help="dev CCC per epoch (CSV)"
    )
    parser.add_argument("--separation", type=Path, help="separation of embeddings: table of measure-separation (CSV)")
    add_pack_indexes(parser)
    parser.add_argument("--evaluation", required=True, help="how to score: JSON of definitions.Evaluation")
    parser.add_argument("--published", action="store_true", help="compare with the published scores")
    parser.add_argument("--note", default="", help="words shown in the title, such as 'miniature'")
    parser.add_argument("--output-stem", type=Path, required=True, help="path of the outputs without suffix")
    add_record(parser)
    parser.set_defaults(run=_claims)


def _claims(args: argparse.Namespace) -> None:
    from valence_gap.claims.check import check_claims
    from valence_gap.claims.labelled_test_sets import EvidenceFiles
    from valence_gap.definitions.claims import Claims
    from valence_gap.definitions.evaluation import Evaluation
    from valence_gap.definitions.figures import keyed_files, runs_of
    from valence_gap.definitions.values import from_json

    files = EvidenceFiles(
        predictions=runs_of(args.predictions, "--predictions", parts=3),
        labels=dict(keyed_files(args.labels, "--labels")),
        utterances=dict(keyed_files(args.utterances, "--utterances")),
        training_logs=runs_of(args.training_logs, "--training-logs", parts=2),
        separation=args.separation,
        pack_indexes=dict(keyed_files(args.packed, "--packed")),
    )
    print(
        check_claims(
            args.claims,
            from_json(Claims, args.roles),
            files,
            args.output_stem,
            evaluation=from_json(Evaluation, args.evaluation),
            published=args.published,
            note=args.note,
            record=args.record,
        )
    )
