"""Progress of long work: a bar on a terminal, plain lines in a log, and marked lines that a workflow shows its user."""

import sys
import time
from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")

LINE_EVERY_S = 10.0
NOTE = "note: "  # the mark of a line that the user of a workflow should see


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


def note(subject: str, line: str) -> None:
    """Write a line for the user to the log of a job.

    The line is marked, so that the logger plugin of the workflow shows it when the job has finished.

    Args:
        subject: what the line is about, since several jobs run at the same time.
        line: a remark or a warning.
    """
    log_line(f"{NOTE}{subject}: {line}")
