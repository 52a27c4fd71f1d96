"""The one exception that a user is meant to see."""

from collections.abc import Iterable, Sequence


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
        lines = [self.what, *(f"  - {offender}" for offender in self.offenders)]
        if self.remedy:
            lines.append(self.remedy)
        return "\n".join(lines)

    def __reduce__(self) -> tuple[type["UserError"], tuple[str, Sequence[str], str]]:
        # The default would rebuild it from the formatted text alone when it crosses processes.
        return type(self), (self.what, self.offenders, self.remedy)


def valid_names(names: Iterable[str]) -> str:
    """The clause that lists what would have been valid, in order."""
    return "valid: " + ", ".join(sorted(names))
