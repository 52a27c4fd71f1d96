"""Reading the loss of each step: at once on a CPU, one step late on a GPU.

A loss that is read at once would stop the host until the GPU has computed the whole step. The GPU would then be idle
until the host has queued the next one.
"""

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from valence_gap.runtime.errors import UserError
from valence_gap.runtime.transfers import Fetched
from valence_gap.training.batching import Rows
from valence_gap.training.checkpoints import TrainerState
from valence_gap.training.examples import Examples


@dataclass(frozen=True)
class _Unread:
    """The loss of a step that may still be computed."""

    loss: Fetched
    rows: Rows
    epoch: int
    step: int


class LossReader:
    """Adds the losses of the steps to the journal, and refuses one that is not finite.

    Args:
        journal: progress of the training; receives the losses.
        examples: the training examples, whose ids are in the message about a loss that is not finite.
        late: read each loss when the next step is queued.

    Attributes:
        last: the last loss that was read; None before the first one.
    """

    def __init__(self, journal: TrainerState, examples: Examples, *, late: bool) -> None:
        self.last: float | None = None
        self._journal, self._examples, self._late = journal, examples, late
        self._unread: _Unread | None = None

    def add(self, loss: Tensor, rows: Rows) -> None:
        """Note the loss of the current step of the journal, which has not been counted yet; read the one that is due.

        Args:
            loss: a scalar.
            rows: the batch.

        Raises:
            UserError: the loss that is read is not finite.
        """
        due = self._unread
        self._unread = _Unread(Fetched(loss), rows, self._journal.epoch, self._journal.step + 1)
        if self._late:
            self._read(due)
        else:
            self.finish()

    def finish(self) -> None:
        """Read the loss that is left. Before it, the state of the training must not be saved.

        Raises:
            UserError: the loss is not finite.
        """
        due, self._unread = self._unread, None
        self._read(due)

    def _read(self, due: _Unread | None) -> None:
        if due is None:
            return
        self.last = due.loss.item()
        if not np.isfinite(self.last):
            raise not_finite(due.epoch, due.step, [self._examples.inputs.ids[row] for row in due.rows])
        self._journal.loss_sum += self.last * len(due.rows)


def not_finite(epoch: int, step: int, ids: list[str]) -> UserError:
    """The error of a training whose predictions are not finite.

    Args:
        epoch: the epoch, from 1.
        step: the step of the epoch, from 1.
        ids: the utterances of its batch.
    """
    return UserError(
        f"the predictions are not finite in epoch {epoch}, step {step}",
        ids,
        "Lower the learning rate, or set `precision: fp32`. If it is the first step, check these utterances.",
    )
