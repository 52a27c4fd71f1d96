"""Sub-commands about the configuration itself."""

import argparse

from valence_gap.commands.options import Command, Subparsers
from valence_gap.runtime.files import write_json


def register(subparsers: Subparsers) -> None:
    """Add ``schema``."""
    command = Command(subparsers, "schema", _schema, "write the JSON schema of the configuration")
    command.path("--output", "the file to write")


def _schema(args: argparse.Namespace) -> None:
    """Write the JSON schema of the configuration, generated from the types that read it."""
    from valence_gap.study.study import schema

    write_json(args.output, schema())
