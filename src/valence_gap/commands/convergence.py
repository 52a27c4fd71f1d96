"""Sub-commands ``convergence`` and ``plot-curves``."""

import argparse

from valence_gap.commands.options import BY_MODEL_AND_SEED, Command, Subparsers
from valence_gap.definitions.figures import runs_of
from valence_gap.runtime.paths import user_path


def register(subparsers: Subparsers) -> None:
    """Add the sub-commands."""
    command = Command(subparsers, "convergence", _convergence, "which models were trained long enough (stopping rule)")
    folder = "a folder results/<study>: all its trainings; or name them with --training-logs"
    command.add("run_folder", type=user_path, nargs="?", metavar="RUN", help=folder)
    command.keyed("--training-logs", BY_MODEL_AND_SEED, "dev CCC per epoch (CSV), run.json beside it")
    longer = "another folder results/<study>, in which models of the same names have twice as many epochs"
    command.path("--doubled", longer, "RUN", required=False)
    stem = "path of the outputs .csv, .md and .json without suffix; by default the page is printed"
    command.path("--output-stem", stem, required=False)
    command.path("--curves", "write loss and dev CCC of every training and epoch (CSV)", required=False)

    command = Command(subparsers, "plot-curves", _plot_curves, "draw the curves of all trainings")
    command.path("--curves", "what `convergence --curves` wrote (CSV)")
    command.add("--note", default="", help="words shown in a corner, such as 'miniature'")
    command.path("--output", "the figure (PNG)")


def _convergence(args: argparse.Namespace) -> None:
    """Apply the stopping rule to finished trainings, such as 'valence-gap convergence results/miniature': (a) the best
    dev CCC of the last quarter of the epochs is hardly above the best before, in every seed; (b) twice as many epochs
    hardly raise it, in the mean over the seeds; (c) no training stayed on its first plateau. A model NAME-doubled is
    NAME with twice as many epochs; a study trains it if its configuration says convergence: {doubled: [NAME]}.
    """
    from valence_gap.runtime.data_files import write_csv
    from valence_gap.scores.convergence import as_markdown, check_convergence, training_logs, write_report

    named = runs_of(args.training_logs, "--training-logs", parts=2)
    logs = training_logs(args.run_folder) if args.run_folder else named
    report = check_convergence(logs, training_logs(args.doubled) if args.doubled else ())
    if args.curves:
        write_csv(args.curves, report.curves)
    if args.output_stem:
        write_report(report, args.output_stem)
    print(report.summary() if args.output_stem else as_markdown(report))


def _plot_curves(args: argparse.Namespace) -> None:
    """Draw the training loss and the dev CCC of arousal, dominance and valence over the epochs: a panel for each model,
    a line for each seed and dimension.
    """
    from valence_gap.figures.training_curves import draw

    draw(args.curves, args.output, note=args.note)
