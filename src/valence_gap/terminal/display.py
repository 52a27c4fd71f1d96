"""Where a run is shown: one block that is refreshed on a terminal, single lines in a pipe."""

import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from typing import TextIO

QUIET_S = 120.0  # in a pipe, a line of progress follows this time without any line


@dataclass(frozen=True)
class Status:
    """The state of a run.

    Attributes:
        stages: finished and planned jobs of each stage.
        running: title, state and seconds of each running job.
        done: share of the work that is done, 0..1.
        times: such as ``9 min so far, about 17 min left``.
        newest: the training that ended last, in one line.
    """

    stages: dict[str, tuple[int, int]]
    running: Sequence[tuple[str, str, str]]
    done: float
    times: str
    newest: str = ""

    @property
    def line(self) -> str:
        """In one line: ``34 % of the work, 9 min so far, about 17 min left; running: finetune w2v2-b seed 42``."""
        running = "; ".join(f"{title}{f' ({state})' if state else ''}" for title, state, _ in self.running[:2])
        more = f" and {len(self.running) - 2} more" if len(self.running) > 2 else ""
        return f"{self.done:.0%} of the work, {self.times}" + (f"; running: {running}{more}" if running else "")


class Display(ABC):
    """The place where a run is shown.

    Attributes:
        width: characters of a line of text; None: not limited.
    """

    width: int | None = None

    @abstractmethod
    def event(self, status: Status, text: str) -> None:
        """A stage or a training has finished."""

    @abstractmethod
    def message(self, lines: Sequence[str]) -> None:
        """Show lines that stay: an error, a note, the end of the run."""

    @abstractmethod
    def tick(self, status: Status, now: float) -> None:
        """Called about once a second while jobs run; ``now`` is a time of `time.monotonic`."""

    @abstractmethod
    def stop(self) -> None:
        """The run has ended: nothing is refreshed from now on."""


class Lines(Display):
    """Single lines on a stream that is no terminal."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._last: float | None = None
        self._written = False

    def event(self, status: Status, text: str) -> None:
        """Write a line with the progress before it."""
        self._write(f"[{status.done:4.0%}, {status.times}] {text}")

    def message(self, lines: Sequence[str]) -> None:
        """Write the lines."""
        self._write("\n".join(lines))

    def tick(self, status: Status, now: float) -> None:
        """Write a line of progress after two minutes without any line."""
        if self._written or self._last is None:
            self._last, self._written = now, False
        elif now - self._last >= QUIET_S:
            self._write(f"[{status.done:4.0%}] {status.line.partition(', ')[2]}")

    def stop(self) -> None:
        """Nothing is open."""

    def _write(self, text: str) -> None:
        self._written = True
        try:
            print(text, file=self._stream, flush=True)
        except (OSError, ValueError):  # the reader is gone; the run goes on
            self._stream = StringIO()


def display_on(stream: TextIO, *, color: bool = True) -> Display:
    """The display for a stream: a block on a terminal that can move its cursor, else lines."""
    if stream.isatty() and os.environ.get("TERM", "").lower() not in ("", "dumb", "unknown"):
        from valence_gap.terminal.block import Block  # imported here, since every job loads this module

        return Block(stream, color=color)
    return Lines(stream)
