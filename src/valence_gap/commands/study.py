"""Sub-commands about the configuration itself."""

import argparse
from pathlib import Path
from typing import Any


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``schema``."""
    parser = subparsers.add_parser(
        "schema",
        help="write the JSON schema of the configuration",
        description="Write the JSON schema of the configuration, generated from the types that read it.",
    )
    parser.add_argument("--output", type=Path, required=True, help="the file to write")
    parser.set_defaults(run=_schema)


def _schema(arguments: Any) -> None:
    from valence_gap.runtime.files import write_json
    from valence_gap.study.study import schema

    write_json(arguments.output, schema())
