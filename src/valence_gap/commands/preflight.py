"""Sub-command ``preflight``: it checks a study before it is run."""

import argparse
import json
from pathlib import Path
from typing import Any


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``preflight``."""
    parser = subparsers.add_parser(
        "preflight",
        help="check corpora, models, disk, memory and hours of a study before it is run",
        description=(
            "Check a study before it is run: whether its corpora are where they should be and are what the paper "
            "describes, whether its pre-trained models are there or pinned, what disk and memory it needs, and how "
            "many hours on a GPU. Run it in the folder in which Snakemake runs. It writes nothing and uses no network; "
            "audio headers are read, audio is not. Each line is ok, differs (it runs, but not as in the paper or on "
            "part of the data), wrong (it would stop) or unknown. The exit code is 2 if something is wrong."
        ),
    )
    given = parser.add_mutually_exclusive_group(required=True)
    given.add_argument(
        "--configfile",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="configuration files, merged in order: config.yaml, then those that are passed to snakemake",
    )
    given.add_argument("--configuration", metavar="JSON", help="the whole merged configuration")
    parser.add_argument("--targets", nargs="+", default=[], metavar="TARGET", help="figures, tables, claims; none: all")
    parser.add_argument("--card", default="A100", help="GPU that the hours are estimated for (default: %(default)s)")
    parser.add_argument(
        "--utilisation", type=float, default=0.35, help="share of its peak speed that is used (default: %(default)s)"
    )
    parser.add_argument(
        "--project",
        type=Path,
        default=Path(),
        metavar="DIR",
        help="folder of the Snakefile, if you run it in another one (default: this folder)",
    )
    parser.add_argument(
        "--details", action="store_true", help="for a small study too, print how disk, memory and hours are estimated"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="file that the findings are also written to")
    parser.set_defaults(run=_preflight)


def _preflight(arguments: argparse.Namespace) -> None:
    from valence_gap.preflight.costs import TFLOPS
    from valence_gap.preflight.run import preflight
    from valence_gap.runtime.errors import UserError, valid_names

    if arguments.card not in TFLOPS:
        raise UserError(f"--card: '{arguments.card}' is not known; {valid_names(TFLOPS)}")
    if not 0 < arguments.utilisation <= 1:
        raise UserError(f"--utilisation: {arguments.utilisation} is not a share of the peak (0 to 1)")
    config = _merged(arguments)
    if arguments.targets:
        config["targets"] = arguments.targets
    preflight(
        config,
        card=arguments.card,
        utilisation=arguments.utilisation,
        json_file=arguments.json,
        details=arguments.details,
        project=arguments.project,
    )


def _merged(arguments: argparse.Namespace) -> dict[str, Any]:
    from valence_gap.preflight.run import merged
    from valence_gap.runtime.errors import UserError

    if arguments.configfile:
        return merged(arguments.configfile)
    try:
        config = json.loads(arguments.configuration)
    except ValueError as error:
        raise UserError("--configuration is no JSON", [str(error)]) from None
    if not isinstance(config, dict):
        raise UserError("--configuration is no mapping", [type(config).__name__])
    return config
