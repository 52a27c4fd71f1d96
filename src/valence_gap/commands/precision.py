"""Sub-command ``measure-precision``."""

import argparse

from valence_gap.commands.options import Command, Subparsers


def register(subparsers: Subparsers) -> None:
    """Add the sub-command."""
    command = Command(subparsers, "measure-precision", _measure, "time matrix products of this CPU in both formats")
    command.threads()
    command.path("--output", "the file to write; an existing one is kept", "FILE.json")


def _measure(args: argparse.Namespace) -> None:
    """Time matrix products of this CPU in float32 and bfloat16, and write both rates and the format that `precision:
    auto` is to mean on CPUs: bfloat16 if it is faster by a fifth or more, else float32.
    """
    from valence_gap.runtime.product_rates import rates_of

    rates = rates_of(args.output, args.threads)
    print(f"{rates.cpu}: fp32 {rates.fp32_gflops:g} GFLOP/s, bf16 {rates.bf16_gflops:g} GFLOP/s: {rates.choice}")
