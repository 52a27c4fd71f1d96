"""The only exception that is shown to a user."""

import errno
import re
from collections.abc import Iterable, Sequence
from concurrent.futures import BrokenExecutor

from valence_gap.runtime import gpu_memory

SHOWN = 100  # offenders that the message lists; the error itself contains all
LONGEST = 1000  # characters of one offender in the message


class UserError(Exception):
    """An error that the user can correct, shown without a traceback: what is wrong, where, and what to do.

    Args:
        what: one line that says what is wrong.
        offenders: every place that is wrong, one line each (file, row, value).
        remedy: what the user should do about it.
    """

    def __init__(self, what: str, offenders: Iterable[str] = (), remedy: str = "") -> None:
        self.what = what
        self.offenders: Sequence[str] = tuple(offenders)
        self.remedy = remedy
        super().__init__(str(self))

    def __str__(self) -> str:
        lines = [self.what, *(f"  - {_shortened(offender)}" for offender in self.offenders[:SHOWN])]
        if len(self.offenders) > SHOWN:
            lines.append(f"  and {len(self.offenders) - SHOWN:,} more")
        if self.remedy:
            lines.append(self.remedy)
        return "\n".join(printable(line, keep="\n") for line in lines)

    def __reduce__(self) -> tuple[type["UserError"], tuple[str, Sequence[str], str]]:
        # When it is passed between processes, the default would rebuild it from the formatted text only.
        return type(self), (self.what, self.offenders, self.remedy)


def user_error_from_os_error(error: Exception) -> UserError | None:
    """Convert an error of the file system or of memory to one that a user can correct; None for any other error.

    Args:
        error: an OSError; an error of a library with the system's error number in its text, as safetensors has it; an
            error that means that memory ran out; or the end of a worker process.
    """
    if gpu_memory.is_full(error):
        return UserError("the memory of the GPU ran out", [str(error), *gpu_memory.occupancy()], gpu_memory.REMEDY)
    if is_out_of_memory(error):
        what = "a worker process was killed" if isinstance(error, BrokenExecutor) else "memory ran out"
        return UserError(what, [str(error)], "Run fewer jobs at once, or give the job more memory.")
    named = re.search(r"\(os error (\d+)\)|\[errno (\d+)\]", str(error), flags=re.IGNORECASE)
    number = error.errno if isinstance(error, OSError) else None
    if number is None:
        number = int(named[1] or named[2]) if named else None
    if number in (errno.ENOSPC, errno.EDQUOT):
        return UserError(
            "the disk is full", [str(error)], "Make room, then run the same command again: finished outputs are kept."
        )
    if number == errno.EFBIG:
        return UserError("a file cannot be written", [str(error)], "Raise the limit on the size of files (ulimit -f).")
    if isinstance(error, OSError) and number is not None:
        return UserError("a file cannot be read or written", [str(error)], "Correct its path or its permissions.")
    return None


def is_out_of_memory(error: Exception) -> bool:
    """Whether memory ran out: in this process, on a GPU, or, most likely, in a worker process that was killed."""
    refused = isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    return isinstance(error, MemoryError | BrokenExecutor) or gpu_memory.is_full(error) or refused


def printable(text: str, *, keep: str = "") -> str:
    """Escape the characters that a terminal would execute or hide: a name in a corpus cannot forge a line of a log.

    Args:
        text: any text.
        keep: characters that stay as they are.
    """
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() or each in keep else each.encode("unicode_escape").decode() for each in text
    )


def _shortened(offender: str) -> str:
    return offender if len(offender) <= LONGEST else f"{offender[:LONGEST]} ... ({len(offender):,} characters)"


def first_lines(lines: Sequence[str], limit: int) -> tuple[str, ...]:
    """The first lines, and how many more there are."""
    more = len(lines) - limit
    return (*lines[:limit], *((f"... and {more:,} more",) if more > 0 else ()))


def valid_names(names: Iterable[str]) -> str:
    """Return the clause that lists the valid names, sorted."""
    return "valid: " + ", ".join(sorted(names))
