"""Progress of what a user waits for: a bar on a terminal, plain lines in a log, single lines through a workflow."""

import os
import sys
import time
from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")

LINE_EVERY_S = 10.0


def progress(items: Iterable[T], what: str, *, total: int | None = None, unit: str = "it") -> Iterator[T]:
    """Yield ``items`` and say on standard error how far it is, at what rate, and how long it will take.

    Args:
        items: what is worked through.
        what: the name of the work.
        total: number of items, where ``len`` cannot tell.
        unit: what one item is called.
    """
    if total is None and isinstance(items, Sized):
        total = len(items)
    if sys.stderr.isatty():
        yield from tqdm(items, desc=what, total=total, unit=unit)
        return
    yield from _lines(items, what, total, unit)


def _lines(items: Iterable[T], what: str, total: int | None, unit: str) -> Iterator[T]:
    start = last = time.monotonic()
    done = 0
    for done, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        if now - last >= LINE_EVERY_S:
            last = now
            rate = done / (now - start)
            left = f", {(total - done) / rate:.0f} s left" if total else ""
            log_line(f"{what}: {done}{f' of {total}' if total else ''} {unit}, {rate:.1f} {unit}/s{left}")
    log_line(f"{what}: {done} {unit} in {time.monotonic() - start:.1f} s")


def log_line(line: str) -> None:
    """One line to the log."""
    print(line, file=sys.stderr, flush=True)


class StatusLines:
    """Lines for who watches a workflow: on standard output, which its rules leave alone, at most one each ten seconds.

    Args:
        name: what each line begins with, since jobs run beside each other.
    """

    def __init__(self, name: str) -> None:
        self._name, self._last = name, time.monotonic()

    def show(self, line: str, *, always: bool = False) -> None:
        """One line to the terminal, unless the last one was just now; ``always``: even then."""
        now = time.monotonic()
        if not always and now - self._last < LINE_EVERY_S:
            return
        self._last = now
        try:
            print(f"{self._name}: {line}", flush=True)
        except OSError:  # that nobody reads it any more must not end the job, neither now nor when Python closes
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
