"""Progress of long work: a bar on a terminal, plain lines in a log, status lines in the output of a workflow."""

import os
import sys
import time
from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")

LINE_EVERY_S = 10.0


def progress(items: Iterable[T], what: str, *, total: int | None = None, unit: str = "it") -> Iterator[T]:
    """Yield ``items`` and report on standard error how many are done, the rate, and the remaining time.

    Args:
        items: the items to process.
        what: the name of the work.
        total: number of items, where ``len`` does not give it.
        unit: the name of one item.
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
    """Write one line to the log."""
    print(line, file=sys.stderr, flush=True)


class StatusLines:
    """Lines for a user who watches a workflow.

    They are printed on standard output, which the rules do not redirect, at most one every ten seconds.

    Args:
        name: the start of each line, since several jobs run at the same time.
    """

    def __init__(self, name: str) -> None:
        self._name, self._last = name, time.monotonic()

    def show(self, line: str, *, always: bool = False) -> None:
        """Print one line, unless the last one was less than ten seconds ago; ``always``: print it in any case."""
        now = time.monotonic()
        if not always and now - self._last < LINE_EVERY_S:
            return
        self._last = now
        try:
            print(f"{self._name}: {line}", flush=True)
        except OSError:  # the reader is gone; this must not end the job, neither here nor when Python exits
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
