"""The ``valence-gap`` command: one sub-command per rule of the workflow, each calling one function."""

import argparse
import sys
from collections.abc import Sequence
from contextlib import nullcontext

from valence_gap import __version__
from valence_gap.commands import topics
from valence_gap.commands.examples import overview
from valence_gap.commands.options import HelpFormatter
from valence_gap.runtime.errors import UserError, user_error_from_os_error
from valence_gap.runtime.extras import missing_package
from valence_gap.runtime.gpu_memory import use_growing_segments
from valence_gap.runtime.gpus import GPU_COMMANDS, TRAINING_COMMANDS, acquire_gpu
from valence_gap.runtime.heap import keep_freed_memory
from valence_gap.runtime.paths import options_or_files
from valence_gap.runtime.systems import check_system

FURTHER_COMPUTATIONS = frozenset({"predict", "pretrain-bert", "train-recogniser"})
"""Sub-commands that run networks too, without a GPU or on one that they find themselves."""
INTERRUPTED = 130  # the exit status that a shell reports after SIGINT


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    top = argparse.ArgumentParser(
        prog="valence-gap",
        description="Steps of the reproduction of Wagner et al. (2023). Snakemake calls them; you can call them too.",
        formatter_class=HelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"valence-gap {__version__}")
    subparsers = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    top.epilog = overview(topics.register(subparsers))
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one sub-command.

    Returns:
        0 on success, or what the sub-command returns; 2 after an error that the user can correct; 130 after Ctrl-C.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    parsed = parser().parse_args(options_or_files(given) if given[:1] == ["predict"] else given)
    computing = parsed.command in GPU_COMMANDS  # on the CPU if there is no GPU
    try:
        check_system()
        if computing or parsed.command in FURTHER_COMPUTATIONS:
            keep_freed_memory()
        if computing:
            use_growing_segments()
        with acquire_gpu(whole=parsed.command in TRAINING_COMMANDS) if computing else nullcontext():
            if computing:
                _settle_device()
            status: int | None = parsed.run(parsed)
    except Exception as error:
        message = error if isinstance(error, UserError) else missing_package(error) or user_error_from_os_error(error)
        if message is None:
            raise
        print(f"error: {message}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    return status or 0


def _settle_device() -> None:
    """Find out on what the command computes before its work begins, so that an unusable GPU is its first line."""
    from valence_gap.runtime import precision  # imports PyTorch, as these commands do anyway

    precision.device()


if __name__ == "__main__":
    sys.exit(main())
