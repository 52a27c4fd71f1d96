"""Inputs that are computed once in a training and read from a file in its other epochs."""

import errno
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

import numpy as np
import torch

from valence_gap.prediction.inputs import Inputs, Lengths
from valence_gap.runtime.progress import log_line

Keep = Callable[[Inputs, int], Inputs]

BYTES_PER_VALUE = 4


@contextmanager
def keeping_in(folder: Path) -> Iterator[Keep]:
    """Yield a function that keeps inputs in a file until the end of the block.

    Its arguments are the inputs and the number of values in one of their frames; it returns :class:`KeptInputs`.

    Args:
        folder: scratch folder of one training; it is created if necessary, and removed at the end if it is empty.
    """
    try:
        with ExitStack() as files:

            def keep(inputs: Inputs, width: int) -> Inputs:
                folder.mkdir(parents=True, exist_ok=True)
                kept = KeptInputs(inputs, width, files.enter_context(tempfile.TemporaryFile(dir=folder)), folder)
                log_line(f"{len(inputs)} inputs are kept in {folder}: {kept.size / 1e9:.2f} GB, a file without a name")
                return kept

            yield keep
    finally:
        with suppress(OSError):  # it contains the state of the training, or was never created
            folder.rmdir()


class KeptInputs:
    """Inputs that are written to a file when they are computed, and read from it once all are there.

    No other process sees the file: it has no name, so the system removes it with this process, even if that is killed.
    A resumed training computes its inputs again. A row that was cut short is never read, because the file is read only
    after every row has been written and the system has confirmed that they are on the disk. The file is not mapped:
    an error of the disk would end the process without a message.

    Args:
        inputs: the inputs; each is float32 (length, width).
        width: number of values in one frame.
        file: an empty file, open for reading and writing.
        folder: where the file is, for messages.
    """

    def __init__(self, inputs: Inputs, width: int, file: IO[bytes], folder: Path) -> None:
        self.ids = inputs.ids
        self.lengths: Lengths = np.asarray(inputs.lengths, dtype=np.int64)
        self._inputs, self._width, self._file, self._folder = inputs, width, file, folder
        ends = np.cumsum(self.lengths) * width * BYTES_PER_VALUE
        self._starts = np.concatenate([[0], ends[:-1]])
        self._written = np.zeros(len(self.ids), dtype=np.bool_)
        self._complete = False
        self.size = int(ends[-1])

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, row: int) -> torch.Tensor:
        if self._complete:
            return self._read(row)
        values = self._inputs[row]
        if not self._written[row]:
            self._write(row, values)
            self._written[row] = True
            if self._written.all():
                self._confirm()
        return values

    def _read(self, row: int) -> torch.Tensor:
        values = np.empty((int(self.lengths[row]), self._width), dtype=np.float32)
        left, place = values.data.cast("B"), int(self._starts[row])
        with self._named():
            while left:
                count = os.preadv(self._file.fileno(), [left], place)
                if not count:
                    raise OSError(errno.EIO, "a file of kept inputs was cut short")
                left, place = left[count:], place + count
        return torch.from_numpy(values)

    def _write(self, row: int, values: torch.Tensor) -> None:
        expected = (int(self.lengths[row]), self._width)
        if values.dtype != torch.float32 or tuple(values.shape) != expected:
            raise ValueError(f"{self.ids[row]}: float32 {expected} expected, not {values.dtype} {tuple(values.shape)}")
        left, place = np.ascontiguousarray(values.numpy()).data.cast("B"), int(self._starts[row])
        with self._named():
            while left:
                count = os.pwrite(self._file.fileno(), left, place)
                left, place = left[count:], place + count

    def _confirm(self) -> None:
        """Read the file from now on. Only now a network file system reports that its disk was full."""
        with self._named():
            os.fsync(self._file.fileno())
        self._complete = True

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Name the folder in an error of the file system, because the file has no name."""
        try:
            yield
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self._folder)) from error
