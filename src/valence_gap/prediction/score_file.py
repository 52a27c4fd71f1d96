"""The CSV file of scores: written as it goes under the name ``scores.csv.partial``, and renamed at the end."""

import sys
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

import pandas as pd

from valence_gap.runtime.errors import UserError, user_error_from_os_error
from valence_gap.runtime.progress import log_line


class ScoreFile:
    """A CSV file to which tables are appended; if an error stops the work, it keeps the rows so far.

    Args:
        output: the file; None: standard output.

    Raises:
        UserError: on entering, if the file cannot be written; on an error within the block that a user can correct: the
            error, with the name of the file of the rows so far.
    """

    def __init__(self, output: Path | None) -> None:
        self.output = output
        self.partial = None if output is None else output.with_name(f"{output.name}.partial")
        self.rows = 0
        self._stream: TextIO = sys.stdout

    def __enter__(self) -> Self:
        if self.output is None or self.partial is None:
            return self
        if self.output.is_dir():
            raise UserError("the scores cannot be written", [f"{self.output} is a folder"], "Give --output a file.")
        self.output.parent.mkdir(parents=True, exist_ok=True)
        self._stream = self.partial.open("w", encoding="utf-8", newline="")
        return self

    def add(self, table: pd.DataFrame) -> None:
        """Append a table; after this, its rows are in the file."""
        table.to_csv(self._stream, index=False, header=not self.rows, lineterminator="\n")
        self._stream.flush()
        self.rows += len(table)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.output is None or self.partial is None:
            return
        try:
            self._stream.close()
            if error is None and self.rows:
                self.partial.replace(self.output)
        except OSError as failed:
            error = error or failed
        if not self.rows:
            self.partial.unlink(missing_ok=True)
        if error is None:
            return
        kept = f"The {self.rows:,} rows so far are in {self.partial}." if self.rows else ""
        shown = user_error_from_os_error(error) if isinstance(error, Exception) else None
        shown = error if isinstance(error, UserError) else shown
        if shown is not None:
            raise UserError(shown.what, shown.offenders, f"{shown.remedy} {kept}".strip()) from error
        if kept:
            log_line(kept)
