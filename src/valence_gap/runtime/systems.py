"""The operating systems that this project runs on."""

import sys

from valence_gap.runtime.errors import UserError


def check_system() -> None:
    """Stop at the start on a system whose processes, signals and locks differ from those that jobs need.

    Raises:
        UserError: on native Windows.
    """
    if sys.platform in ("win32", "cygwin"):
        raise UserError("valence-gap runs on Linux and macOS. On Windows, install and run it in WSL 2.")
