"""Paths as users give them, and names of files as they are shown."""

import os
from collections.abc import Sequence
from pathlib import Path


def user_path(text: str) -> Path:
    """Return a path given on the command line, with ``~`` expanded as a shell does: it does not in ``--output=~/x``.

    A file whose name begins with ``~`` is taken for what it is.
    """
    path = Path(text)
    if not text.startswith("~") or path.exists():
        return path
    try:
        return path.expanduser()
    except RuntimeError:  # no such user, or no home folder
        return path


def shown_name(path: Path | str) -> str:
    r"""Return the name of a file as UTF-8 text: a byte of another encoding becomes ``\xe9``."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def options_or_files(arguments: Sequence[str]) -> list[str]:
    """Return the arguments of a command, in which a file whose name looks like an option is given as ``./-name``.

    A shell gives such names for ``*.wav``. Only names with a suffix are meant: no option has one.
    """
    return [
        f"./{each}" if each.startswith("-") and Path(each).suffix and Path(each).is_file() else each
        for each in arguments
    ]
