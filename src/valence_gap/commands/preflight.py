"""The sub-command that checks a study before it is run."""

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
            "many hours on a GPU. Run it in the project's folder. It writes nothing and asks no network; audio headers "
            "are read, audio is not. Each line is ok, differs (it runs, but not as in the paper or not on everything), "
            "wrong (it would stop) or unknown. The exit code is 2 where something is wrong."
        ),
    )
    given = parser.add_mutually_exclusive_group(required=True)
    given.add_argument(
        "--configfile",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="configuration files, merged in order: config.yaml, then those that snakemake gets",
    )
    given.add_argument("--configuration", metavar="JSON", help="the whole configuration, merged already")
    parser.add_argument("--targets", nargs="+", default=[], metavar="TARGET", help="figures, tables, claims; all")
    parser.add_argument("--card", default="A100", help="card that the hours are reckoned for (default: %(default)s)")
    parser.add_argument(
        "--utilisation", type=float, default=0.35, help="share of its peak that is used (default: %(default)s)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the findings there too")
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
    preflight(config, card=arguments.card, utilisation=arguments.utilisation, json_file=arguments.json)


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
