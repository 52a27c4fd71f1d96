"""Sub-command ``preflight``: it checks a study before it is run."""

import argparse
from pathlib import Path
from typing import Any

from valence_gap.commands.options import Command, Subparsers, given_configuration
from valence_gap.runtime.errors import UserError, valid_names


def register(subparsers: Subparsers) -> None:
    """Add ``preflight``."""
    summary = "check corpora, models, disk, memory and hours of a study before it is run"
    command = Command(subparsers, "preflight", _preflight, summary)
    given = command.parser.add_mutually_exclusive_group(required=True)
    files = "configuration files, merged in order: config.yaml, then those that are passed to snakemake"
    given.add_argument("--configfile", type=Path, nargs="+", metavar="FILE", help=files)
    given.add_argument("--configuration", metavar="JSON", help="the whole merged configuration")
    command.add("--targets", nargs="+", default=[], metavar="TARGET", help="figures, tables, claims; none: all")
    card = "GPU that the hours are estimated for (default: that of this machine, or its CPU and an A100)"
    command.add("--card", help=card)
    project = "folder of the Snakefile, if you run it in another one (default: this folder)"
    command.path("--project", project, "DIR", required=False, default=Path())
    details = "print every check, and how disk, memory and hours are estimated"
    command.add("--details", action="store_true", help=details)
    command.path("--json", "file that the findings are also written to", "FILE", required=False)


def _preflight(args: argparse.Namespace) -> None:
    """Check a study before it is run: whether its corpora are where they should be and are what the paper describes,
    whether its pre-trained models are there or pinned, what disk, memory and hours it needs. Run
    it in the folder in which Snakemake runs. It writes nothing and uses no network; audio headers are read, audio is
    not. Each line is ok, differs (it runs, but not as in the paper or on part of the data), wrong (it would stop) or
    unknown. The exit code is 2 if something is wrong.
    """
    from valence_gap.preflight.rates import TFLOPS
    from valence_gap.preflight.run import preflight

    if args.card is not None and args.card not in TFLOPS:
        raise UserError(f"--card: '{args.card}' is not known; {valid_names(TFLOPS)}")
    config = _merged(args)
    if args.targets:
        config["targets"] = args.targets
    preflight(
        config,
        card=args.card,
        json_file=args.json,
        details=args.details,
        project=args.project,
    )


def _merged(args: argparse.Namespace) -> dict[str, Any]:
    from valence_gap.preflight.run import merged

    if args.configfile:
        return merged(args.configfile)
    return given_configuration(args.configuration)
