"""Sub-commands ``claims`` and ``compare-verdicts``."""

import argparse

from valence_gap.commands.options import BY_CORPUS, BY_MODEL_AND_SEED, BY_RUN, Command, Subparsers, numbers_by_corpus
from valence_gap.definitions.claims import Claims
from valence_gap.definitions.evaluation import Evaluation
from valence_gap.definitions.figures import keyed_files, runs_of
from valence_gap.definitions.values import from_json
from valence_gap.runtime.paths import user_path


def register(subparsers: Subparsers) -> None:
    """Add the sub-commands."""
    command = Command(subparsers, "claims", _claims, "check the paper's answers against scores")
    command.path("--claims", "the statements (YAML)")
    roles = "models and corpora of each role: JSON of the study's section claims"
    command.add("--roles", required=True, help=roles)
    command.keyed("--predictions", BY_RUN, "predictions (Parquet)", nargs="*")
    command.keyed("--labels", BY_CORPUS, "labels (Parquet)", nargs="*")
    command.keyed("--utterances", BY_CORPUS, "utterances (Parquet)", nargs="*")
    command.keyed("--training-logs", BY_MODEL_AND_SEED, "dev CCC per epoch (CSV)", nargs="*")
    command.add("--kinds", default="{}", help="kind of each model, for the variance between seeds: JSON, name to kind")
    command.path("--convergence", "which models fail the stopping rule (JSON)", required=False)
    command.path("--separation", "separation of embeddings: table of measure-separation (CSV)", required=False)
    command.pack_indexes()
    command.augmented_utterances()
    command.add("--evaluation", required=True, help="how to score: JSON of definitions.Evaluation")
    command.add("--published", action="store_true", help="compare with the published scores")
    command.add("--note", default="", help="words shown in the title, such as 'miniature'")
    command.path("--output-stem", "path of the outputs without suffix")
    command.record()

    summary = "verdicts of several finished runs side by side"
    command = Command(subparsers, "compare-verdicts", _compare_verdicts, summary)
    command.add("runs", type=user_path, nargs="+", metavar="RUN", help="a folder results/<study>, or a claims.json")
    command.path("--output", "write the table as Markdown (.md) or CSV (.csv)", required=False)


def _claims(args: argparse.Namespace) -> None:
    """Judge each statement of a claims file: it is supported, contradicted or inconclusive, by intervals that hold
    the error of the test set and of the training seeds. Writes CSV, Markdown and JSON.
    """
    from valence_gap.claims.check import check_claims
    from valence_gap.claims.labelled_test_sets import EvidenceFiles

    files = EvidenceFiles(
        predictions=runs_of(args.predictions, "--predictions", parts=3),
        labels=dict(keyed_files(args.labels, "--labels")),
        utterances=dict(keyed_files(args.utterances, "--utterances")),
        training_logs=runs_of(args.training_logs, "--training-logs", parts=2),
        separation=args.separation,
        convergence=args.convergence,
        pack_indexes=dict(keyed_files(args.packed, "--packed")),
        augmented_utterances=numbers_by_corpus(args.augmented_utterances, "--augmented-utterances"),
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
            kinds=from_json(dict[str, str], args.kinds),
            record=args.record,
        )
    )


def _compare_verdicts(args: argparse.Namespace) -> int:
    """Compare the verdicts of runs that differ in training seeds, machine, number format or corpus seed, such as
    'valence-gap compare-verdicts results/miniature ../other/results/miniature --output verdicts.md': for each claim the
    verdict and estimate of every run, in how many it is conclusive, and whether it is reversed (supported by one run,
    contradicted by another). Exit status 1 where a claim is reversed, 0 where none is, 2 where the runs cannot be
    compared.
    """
    from valence_gap.claims.across_runs import as_markdown, compare_verdicts, write_comparison

    comparison = compare_verdicts(args.runs)
    if args.output:
        write_comparison(comparison, args.output)
    print("\n".join(comparison.summary()) if args.output else as_markdown(comparison))
    return 1 if comparison.reversed_claims else 0
