"""The one exception that a user is meant to see."""

import errno
import re
from collections.abc import Iterable, Sequence
from concurrent.futures import BrokenExecutor

SHOWN = 100  # offenders that the message lists; the error itself holds all
LONGEST = 1000  # characters of one offender in the message


class UserError(Exception):
    """What the user can mend, told without a traceback: what is wrong, where, and what to do.

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
        # The default would rebuild it from the formatted text alone when it crosses processes.
        return type(self), (self.what, self.offenders, self.remedy)


def user_error_from_os_error(error: Exception) -> UserError | None:
    """What a user can mend where the system refuses a file or memory; None where the error is of another kind.

    Args:
        error: an OSError, or that of a library which names the system's number in its text, as safetensors does; a lack
            of memory, or the end of a worker process.
    """
    if is_out_of_memory(error):
        what = "a worker process was killed" if isinstance(error, BrokenExecutor) else "memory ran out"
        return UserError(what, [str(error)], "Let fewer jobs run at once, or give the job more memory.")
    named = re.search(r"\(os error (\d+)\)|\[errno (\d+)\]", str(error), flags=re.IGNORECASE)
    number = error.errno if isinstance(error, OSError) else None
    if number is None:
        number = int(named[1] or named[2]) if named else None
    if number in (errno.ENOSPC, errno.EDQUOT):
        return UserError("the disk is full", [str(error)], "Make room, then run the same again: what is done stays.")
    if number == errno.EFBIG:
        return UserError("a file cannot be written", [str(error)], "Raise the limit on its size (ulimit -f).")
    if isinstance(error, OSError) and number is not None:
        return UserError("a file cannot be read or written", [str(error)], "Correct its path or its permissions.")
    return None


def is_out_of_memory(error: Exception) -> bool:
    """Whether memory ran out: here, on a card, or, most likely, in a worker process that has been killed."""
    # torch's own, told by its name: importing torch would slow every command down.
    on_a_card = type(error).__name__ == "OutOfMemoryError"
    refused = isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    return isinstance(error, MemoryError | BrokenExecutor) or on_a_card or refused


def printable(text: str, *, keep: str = "") -> str:
    """The text with what a terminal would obey, hide or refuse escaped: a name from a corpus forges no line of a log.

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


def valid_names(names: Iterable[str]) -> str:
    """The clause that lists what would have been valid, in order."""
    return "valid: " + ", ".join(sorted(names))
